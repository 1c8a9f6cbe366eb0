import { describe, expect, it } from 'vitest'
import { usualReuse } from '../../../server/outbound/transport/pool.ts'
import { createSmtpTransport } from '../../../server/outbound/transport/smtp.ts'
import type { SessionEnd } from '../../../server/outbound/transport.ts'
import { silentLog } from '../../../server/platform/log.ts'
import { address } from '../../support/offices.ts'
import { type RemoteMx, createRemoteMx } from '../../support/remote-mx.ts'
import { createVirtualClock } from '../../support/virtual-clock.ts'

function createClient() {
  const transport = createSmtpTransport({ hostname: 'mx.ours.test', clock: createVirtualClock(Date.now()), reuse: usualReuse })
  return (remote: RemoteMx, body = 'Hi\r\n'): Promise<SessionEnd> =>
    transport({
      target: { host: remote.host, address: '127.0.0.1', port: remote.port, trusted: true },
      dispatch: {
        reversePath: address('ann@ours.test'),
        forwardPath: address('bo@remote.test'),
        message: Buffer.from(`Subject: Hello\r\n\r\n${body}`),
      },
      signal: new AbortController().signal,
      log: silentLog,
    })
}
const summary = ({ stage, reply, by, mayBeAccepted }: SessionEnd) => [stage, reply.code, by, mayBeAccepted]
const accepted = ['dot', 250, 'remote', false]

describe('a host whose replies do not fit', () => {
  it.each([[['PIPELINING']], [[]]])(
    'and answers RCPT twice gets no message, for all later replies would be taken for their neighbours (%j)',
    async (extensions) => {
      const remote = await createRemoteMx({ answers: { rcpt: '250 Ok\r\n250 Ok' }, extensions })
      expect(summary(await createClient()(remote))).toEqual(['data', 451, 'us', false])
      await remote.reached('rcpt')
    },
  )

  it('and says one thing more after it accepted a message gets no other over that connection: it costs the next one an attempt', async () => {
    const remote = await createRemoteMx({ answers: { dot: ['250 Ok\r\n250 Ok', '250 Ok'] } })
    const send = createClient()
    const ends = [summary(await send(remote)), summary(await send(remote)), summary(await send(remote))]
    expect(ends).toEqual([accepted, ['data', 451, 'us', false], accepted])
    expect([remote.sessions(), (await remote.received(2)).length]).toEqual([2, 2])
  })

  it('and answers the message with a 354 may have accepted it', async () => {
    const remote = await createRemoteMx({ answers: { dot: '354 Go' } })
    expect(summary(await createClient()(remote))).toEqual(['dot', 451, 'us', true])
  })

  it('and accepts a message before it has got it has not accepted it', async () => {
    const remote = await createRemoteMx({ answers: { data: '354 Go\r\n250 Fine' } })
    const end = await createClient()(remote, 'A long line of a long message.\r\n'.repeat(250_000))
    expect(summary(end)).toEqual(['data', 451, 'us', false])
  })

  it.each([1_001, 2_000_000])('and says nothing but line ends is not listened to for long (%i, and then a greeting)', async (count) => {
    const remote = await createRemoteMx({ answers: { greeting: `${'\n'.repeat(count)}220 Here I am` } })
    expect(summary(await createClient()(remote))).toEqual(['greeting', 451, 'us', false])
  })

  it('but are only long is listened to, as long as it comes to an end', async () => {
    const remote = await createRemoteMx({ answers: { greeting: `${'220-Welcome\r\n'.repeat(900)}220 Here I am` } })
    expect(summary(await createClient()(remote))).toEqual(accepted)
  })
})
