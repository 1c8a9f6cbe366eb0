import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type OpenSmtpdTls, startOpenSmtpd } from '../support/opensmtpd.ts'
import { cannotHaveOwnMachine } from '../support/own-machine.ts'
import { missingUnpackedPeer } from '../support/peers.ts'
import { type ReceivingEnd, asWritten, awkwardLetter, openReceivingEnd, ourReceived } from '../support/receiving-end.ts'

describe.skipIf(missingUnpackedPeer('smtpd') || cannotHaveOwnMachine())('an OpenSMTPD that sends to us', () => {
  let ours: ReceivingEnd
  beforeAll(async () => {
    ours = await openReceivingEnd()
  })
  afterAll(() => ours.remove())

  it.each<[OpenSmtpdTls, protocol: string]>([
    ['offered', 'ESMTPS'],
    ['required', 'ESMTPS'],
    ['never', 'ESMTP'],
  ])('brings a letter octet for octet to the recipients we have, with TLS %s', async (tls, protocol) => {
    const smtpd = await startOpenSmtpd({ hostname: 'mx.remote.test', port: ours.port, tls })
    const outcome = (address: string): Promise<string> => smtpd.logged(new RegExp(`to=<${address}>.* result=.*`))
    const letter = awkwardLetter(`<smtpd-${tls}@remote.test>`)
    try {
      const forwardPaths = ['support@ours.test', 'nobody@ours.test', 'ann@elsewhere.test']
      await smtpd.submit({ reversePath: 'bo@remote.test', forwardPaths, raw: letter })
      expect(await outcome('support@ours.test')).toMatch(/result="Ok" stat="250 2\.0\.0 .*em_/)
      expect(await outcome('nobody@ours.test')).toMatch(/result="PermFail" stat="550 5\.1\.1 /)
      expect(await outcome('ann@elsewhere.test')).toMatch(/result="PermFail" stat="550 5\.7\.1 /)
    } finally {
      await smtpd.stop()
    }
    const stored = await ours.stored(`<smtpd-${tls}@remote.test>`)
    expect(stored).toMatchObject({ reversePath: 'bo@remote.test', forwardPaths: ['support@ours.test'] })
    expect(asWritten(stored?.raw ?? Buffer.alloc(0))).toBe(letter)
    expect(ourReceived(stored?.raw ?? Buffer.alloc(0))).toContain(` with ${protocol} `)
  })
})
