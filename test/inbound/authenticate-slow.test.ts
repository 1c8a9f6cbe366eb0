import { expect, it } from 'vitest'
import { createZoneResolver } from '../../dns/resolver.ts'
import { createAuthenticator } from '../../server/inbound/examine/authenticate.ts'
import { createRemoteSender, letter } from '../support/remote-sender.ts'

const sender = createRemoteSender()
const authenticate = createAuthenticator({ hostname: 'mx.ours.test', resolver: createZoneResolver(sender.zone) })
const client = { ip: '127.0.0.1', helo: 'out.remote.test', protocol: 'ESMTP', cipher: null }
const judge = (message: Buffer, ip = '127.0.0.1') => authenticate(message, { ...client, ip }, null)

it('verifies ten signatures over a large body', async () => {
  const signed = await sender.sign(letter({}, 'a letter of many lines\r\n'.repeat(50_000)), { signatures: 10 })
  expect((await judge(signed)).results).toMatchObject({
    dkim: Array.from({ length: 10 }, () => ({ result: 'pass' })),
    dmarc: { result: 'pass' },
  })
})

it('does not verify a body with a line that no letter has, and judges its author without signatures', async () => {
  const longest = await sender.sign(letter({}, `${'a '.repeat(32 * 1024 - 1)}\r\n`))
  expect((await judge(longest)).results).toMatchObject({ dkim: [{ result: 'pass' }], dmarc: { result: 'pass' } })
  for (const body of ['a '.repeat(4 * 1024 * 1024), `a\r\n${' '.repeat(8 * 1024 * 1024)}\r\nb\r\n`]) {
    const message = Buffer.from(
      `DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=remote.test; s=test; h=From; bh=YQ==; b=YQ==\r\n${letter({}, body)}`,
    )
    expect((await judge(message, '192.0.2.9')).results).toMatchObject({
      dkim: [],
      dmarc: { result: 'fail', policy: 'reject', domain: 'remote.test' },
    })
  }
})

it('is not held up by a Received field made to be slow', async () => {
  const slow = Buffer.concat([Buffer.from(`Received: ${'a '.repeat(45_000)}\r\n`), await sender.sign(letter())])
  expect((await judge(slow)).results).toMatchObject({ dkim: [{ result: 'pass' }], dmarc: { result: 'pass' } })
})

it('takes a policy that no domain needs, and that takes seconds to read, for none', async () => {
  const policy = `v=spf1 ip4:127.0.0.1 ${'p= '.repeat(20_000)}-all`
  const ask = (spf: string) =>
    createAuthenticator({
      hostname: 'mx.ours.test',
      resolver: createZoneResolver({ ...sender.zone, 'out.remote.test': { TXT: [spf] } }),
    })(Buffer.from(letter()), client, null)
  expect((await ask(policy)).results.spf.result).toBe('none')
  expect((await ask('v=spf1 ip4:127.0.0.1 -all')).results.spf.result).toBe('pass')
})
