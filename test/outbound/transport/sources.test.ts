import { describe, expect, it } from 'vitest'
import { createSmtpTransport } from '../../../server/outbound/transport/smtp.ts'
import { type Source, canReach, sourceFor } from '../../../server/outbound/transport/sources.ts'
import { connect } from 'node:net'
import { silentLog } from '../../../server/platform/log.ts'
import { address } from '../../support/offices.ts'
import { createRemoteMx } from '../../support/remote-mx.ts'
import { createVirtualClock } from '../../support/virtual-clock.ts'

const sources: Source[] = [
  ...['192.0.2.1', '192.0.2.2', '192.0.2.3'].map((each) => ({ address: each, name: null })),
  ...['2001:db8::1', '2001:db8::2'].map((each) => ({ address: each, name: `mx${each.at(-1)}.ours.test` })),
]
const at = (target: string) => ({ host: 'mx.remote.test', address: target, port: 25 })
const domains = Array.from({ length: 200 }, (_, n) => `ours${n}.test`)
const chosen = (from: readonly Source[], domain: string, target = '198.51.100.1') =>
  sourceFor(from, address(`ann@${domain}`), at(target))?.address

describe('the address mail comes from', () => {
  it('is of the target’s family', () => {
    expect(chosen(sources, 'ours.test', '198.51.100.1')).toMatch(/^192\.0\.2\./)
    expect(chosen(sources, 'ours.test', '2001:db8:1::1')).toMatch(/^2001:/)
  })
  it('is always the same for a domain, and all are used', () => {
    const used = domains.map((domain) => chosen(sources, domain))
    expect(new Set(used)).toEqual(new Set(['192.0.2.1', '192.0.2.2', '192.0.2.3']))
    expect(domains.map((domain) => chosen(sources.toReversed(), domain))).toEqual(used)
  })
  it('stays when another address goes', () => {
    const fewer = sources.filter((source) => source.address !== '192.0.2.2')
    const stayed = domains.filter((domain) => chosen(sources, domain) !== '192.0.2.2')
    expect(stayed.map((domain) => chosen(fewer, domain))).toEqual(stayed.map((domain) => chosen(sources, domain)))
  })
  it('is whichever the system takes when none is listed, and towards this machine', () => {
    expect(chosen([], 'ours.test')).toBeUndefined()
    expect(chosen(sources, 'ours.test', '127.0.0.1')).toBeUndefined()
    expect(chosen(sources, 'ours.test', '::1')).toBeUndefined()
  })
  it('limits which targets can be reached', () => {
    const four = sources.slice(0, 3)
    expect([canReach(four, '2001:db8::9'), canReach(four, '198.51.100.1'), canReach(four, '::1'), canReach([], '2001:db8::9')]).toEqual([
      false,
      true,
      true,
      true,
    ])
  })
})

it('is dialled from, and has its own name in EHLO', async () => {
  const remote = await createRemoteMx()
  const dialled: unknown[] = []
  const transport = createSmtpTransport({
    hostname: 'mx.ours.test',
    clock: createVirtualClock(0),
    sources: [{ address: '127.0.0.9', name: 'nine.ours.test' }],
    dial: (target, from) => {
      dialled.push([target.address, from])
      return connect({ host: '127.0.0.1', port: remote.port, ...(from !== undefined && { localAddress: from }) })
    },
  })
  const dispatch = {
    reversePath: address('ann@ours.test'),
    forwardPath: address('bo@remote.test'),
    message: Buffer.from('Hi: you\r\n\r\n'),
  }
  await transport({ target: { ...at('198.51.100.1') }, dispatch, signal: new AbortController().signal, log: silentLog })
  expect(dialled).toEqual([['198.51.100.1', '127.0.0.9']])
  expect(await remote.received()).toMatchObject([{ helo: 'nine.ours.test', from: '127.0.0.9' }])
})

describe('a target that is not public', () => {
  it.each(['127.0.0.1', '10.0.0.1', '169.254.169.254', '::1', 'fd00::1', '::ffff:127.0.0.1', 'localhost', 'mx.remote.test'])(
    '%s is not dialled, whoever let it pass',
    async (target) => {
      const transport = createSmtpTransport({
        hostname: 'mx.ours.test',
        clock: createVirtualClock(0),
        dial: () => expect.fail('was dialled'),
      })
      const dispatch = { reversePath: null, forwardPath: address('bo@remote.test'), message: Buffer.from('Hi: you\r\n\r\n') }
      const end = await transport({ target: at(target), dispatch, signal: new AbortController().signal, log: silentLog })
      expect([end.stage, end.reply.code, end.reply.status]).toEqual(['connect', 550, '5.4.4'])
    },
  )
})
