import { describe, expect, it } from 'vitest'
import { type Blocklist, askBlocklists } from '../../dns/dnsbl.ts'
import type { DomainName } from '../../dns/name.ts'
import { type Zone, createZoneResolver } from '../../dns/resolver.ts'
import { createVirtualClock } from '../support/virtual-clock.ts'

const list = (zone: string, points: number | null = null): Blocklist => ({ zone: zone as DomainName, points })
const bl = list('bl.test', 3)
const ask = (zone: Zone, ip: string, lists: readonly Blocklist[] = [bl]) =>
  askBlocklists(createZoneResolver(zone), createVirtualClock(0), lists, ip)

const listed = (codes: string[]) => ({ kind: 'listed', listing: { zone: 'bl.test', points: 3, codes } })

describe('a block list', () => {
  it.each<[string, Zone, string, object]>([
    // RFC 5782 §2.1
    ['lists an IPv4 address', { '99.2.0.192.bl.test': { A: ['127.0.0.2'] } }, '192.0.2.99', listed(['127.0.0.2'])],
    [
      'lists it for several reasons',
      { '99.2.0.192.bl.test': { A: ['127.0.0.2', '127.0.0.10'] } },
      '192.0.2.99',
      listed(['127.0.0.2', '127.0.0.10']),
    ],
    ['lists it inside an IPv6 one', { '99.2.0.192.bl.test': { A: ['127.0.0.2'] } }, '::ffff:192.0.2.99', listed(['127.0.0.2'])],
    // §2.4
    [
      'lists an IPv6 address',
      { 'b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2.bl.test': { A: ['127.0.0.2'] } },
      '2001:db8:1:2:3:4:567:89ab',
      listed(['127.0.0.2']),
    ],
    ['does not list what it does not know', { 'bl.test': {} }, '192.0.2.99', { kind: 'not-listed' }],
    ['does not list what it has another address for', { '99.2.0.192.bl.test': { A: ['192.0.2.7'] } }, '192.0.2.99', { kind: 'not-listed' }],
    ['has reasons only in 127.0.0.0/8', { '99.2.0.192.bl.test': { A: ['192.0.2.7', '127.0.0.4'] } }, '192.0.2.99', listed(['127.0.0.4'])],
    [
      'may refuse us',
      { '99.2.0.192.bl.test': { A: ['127.255.255.254'] } },
      '192.0.2.99',
      { kind: 'unusable', zone: 'bl.test', reason: 'refuses-us' },
    ],
    [
      'may list everybody',
      { '99.2.0.192.bl.test': { A: ['127.0.0.2'] }, '1.0.0.127.bl.test': { A: ['127.0.0.2'] } },
      '192.0.2.99',
      { kind: 'unusable', zone: 'bl.test', reason: 'lists-everything' },
    ],
    ['may not answer', { '99.2.0.192.bl.test': { SERVFAIL: true } }, '192.0.2.99', { kind: 'unknown', zone: 'bl.test' }],
  ])('%s', async (_what, zone, ip, expected) => {
    expect(await ask(zone, ip)).toEqual([expected])
  })

  it('has at most ten reasons', async () => {
    const codes = Array.from({ length: 50 }, (_, i) => `127.0.1.${i}`)
    expect(await ask({ '99.2.0.192.bl.test': { A: codes } }, '192.0.2.99')).toEqual([listed(codes.slice(0, 10))])
  })

  it('is not asked about what is no address', async () => {
    expect(await ask({}, 'mail.test')).toEqual([])
  })
})

describe('several block lists', () => {
  it('are asked all, and each answers for itself, within ten seconds', async () => {
    const zone: Zone = { '99.2.0.192.a.test': { A: ['127.0.0.2'] }, '99.2.0.192.c.test': { A: ['127.0.0.3'] } }
    const real = createZoneResolver(zone)
    const resolver: typeof real = { ...real, a: (name) => (name.endsWith('.silent.test') ? new Promise<never>(() => {}) : real.a(name)) }
    const clock = createVirtualClock(0)
    const answers = askBlocklists(
      resolver,
      clock,
      ['a.test', 'silent.test', 'c.test', 'd.test'].map((zone) => list(zone)),
      '192.0.2.99',
    )
    await clock.advance(10_000)
    expect(await answers).toEqual([
      { kind: 'listed', listing: { zone: 'a.test', points: null, codes: ['127.0.0.2'] } },
      { kind: 'unknown', zone: 'silent.test' },
      { kind: 'listed', listing: { zone: 'c.test', points: null, codes: ['127.0.0.3'] } },
      { kind: 'not-listed' },
    ])
  })
})
