import { describe, expect, it, onTestFinished } from 'vitest'
import { createSmtpTransport } from '../../server/outbound/transport/smtp.ts'
import type { SessionEnd } from '../../server/outbound/transport.ts'
import { systemClock } from '../../server/platform/clock.ts'
import { silentLog } from '../../server/platform/log.ts'
import { startEximReceiver } from '../support/exim.ts'
import { freePort } from '../support/free-port.ts'
import { address } from '../support/offices.ts'
import { startOpenSmtpd } from '../support/opensmtpd.ts'
import { cannotHaveOwnMachine } from '../support/own-machine.ts'
import { missingPeer, missingUnpackedPeer } from '../support/peers.ts'
import { cannotRunPostfix, startPostfix } from '../support/postfix.ts'
import { asWritten, awkwardLetter } from '../support/receiving-end.ts'
import { createRemoteMx } from '../support/remote-mx.ts'

/** Two letters, the second over the connection of the first. @returns how they ended */
async function bringTwo(port: number, to: string, name: string): Promise<SessionEnd[]> {
  const transport = createSmtpTransport({
    hostname: 'mx.ours.test',
    clock: systemClock,
    reuse: { maxMessages: 10, idleMs: 5_000, maxIdle: 1 },
  })
  onTestFinished(() => transport.closeIdle())
  const bring = (id: string): Promise<SessionEnd> =>
    transport({
      target: { host: 'mx.remote.test', address: '127.0.0.1', port, trusted: true },
      dispatch: { reversePath: address('ann@ours.test'), forwardPath: address(to), message: Buffer.from(awkwardLetter(id)) },
      signal: new AbortController().signal,
      log: silentLog,
    })
  return [await bring(`<${name}-1@ours.test>`), await bring(`<${name}-2@ours.test>`)]
}

const asExpected = (tls: boolean) =>
  [false, true].map((reused) => ({
    stage: 'dot',
    reply: { code: 250 },
    by: 'remote',
    tls: tls ? expect.stringMatching(/^TLSv1\.3 /) : null,
    ...(reused && { reused }),
  }))
const sorted = (texts: string[]): string[] => texts.toSorted()
const letters = (name: string): string[] => [awkwardLetter(`<${name}-1@ours.test>`), awkwardLetter(`<${name}-2@ours.test>`)]

// Each hands on what it took, so that it can be compared with what we brought.
describe.skipIf(missingUnpackedPeer('exim4') || cannotHaveOwnMachine())('an Exim that we send to', () => {
  it.each([true, false])('takes letters octet for octet, two over one connection, with TLS: %s', async (offersTls) => {
    const end = await createRemoteMx()
    const exim = await startEximReceiver({ hostname: 'mx.remote.test', port: end.port, offersTls })
    onTestFinished(() => exim.stop())
    const name = `exim-${offersTls}`
    expect(await bringTwo(exim.port, 'bo@elsewhere.test', name)).toMatchObject(asExpected(offersTls))
    expect(sorted((await end.received(2)).map((mail) => asWritten(mail.raw)))).toEqual(letters(name))
  })
})

describe.skipIf(missingUnpackedPeer('smtpd') || cannotHaveOwnMachine())('an OpenSMTPD that we send to', () => {
  it.each([
    ['offers no TLS', false, 'starttls-not-supported'],
    ['offers TLS that breaks', true, 'validation-failure'],
  ])('and that %s takes letters octet for octet, two over one connection, in plain text', async (_what, offersTls, tlsTrouble) => {
    const end = await createRemoteMx()
    const smtpd = await startOpenSmtpd({ hostname: 'mx.remote.test', port: end.port, tls: 'offered', offersTls })
    onTestFinished(() => smtpd.stop())
    const name = `smtpd-${offersTls}`
    const ends = await bringTwo(smtpd.port, 'bo@elsewhere.test', name)
    expect(ends).toMatchObject(asExpected(false))
    expect(ends[0]?.tlsTrouble).toBe(tlsTrouble)
    expect(sorted((await end.received(2)).map((mail) => asWritten(mail.raw)))).toEqual(letters(name))
  })
})

describe.skipIf(missingPeer('postfix') || cannotRunPostfix())('a Postfix that we send to', () => {
  it('takes letters octet for octet, two over one connection, with TLS', async () => {
    const ports = { mx: await freePort(), submission: await freePort() }
    const postfix = await startPostfix({ domain: 'remote.test', users: ['bo'], ports, routes: {} })
    onTestFinished(() => postfix.stop())
    expect(await bringTwo(ports.mx, 'bo@remote.test', 'postfix')).toMatchObject(asExpected(true))
    const taken = (await postfix.received(2)).map(({ raw }) => asWritten(Buffer.from(raw)).replaceAll('\n', '\r\n'))
    expect(sorted(taken)).toEqual(letters('postfix'))
  })
})
