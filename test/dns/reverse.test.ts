import { describe, expect, it } from 'vitest'
import { type Zone, createZoneResolver } from '../../dns/resolver.ts'
import { findReverse } from '../../dns/reverse.ts'
import { createVirtualClock } from '../support/virtual-clock.ts'

const find = (zone: Zone, ip: string) => findReverse(createZoneResolver(zone), createVirtualClock(0), ip)
const six = '2001:db8::25'

describe('the reverse name of an address', () => {
  it.each<[string, Zone, string, object]>([
    [
      'is confirmed by its own address',
      { '192.0.2.1': { PTR: ['Mail.test.'] }, 'mail.test': { A: ['192.0.2.9', '192.0.2.1'] } },
      '192.0.2.1',
      { kind: 'confirmed', names: ['mail.test'] },
    ],
    [
      'is each one that confirms',
      { '192.0.2.1': { PTR: ['a.test', 'b.test', 'c.test'] }, 'b.test': { A: ['192.0.2.1'] }, 'c.test': { A: ['192.0.2.1'] } },
      '192.0.2.1',
      { kind: 'confirmed', names: ['b.test', 'c.test'] },
    ],
    [
      'is confirmed although another name fails',
      { '192.0.2.1': { PTR: ['a.test', 'b.test'] }, 'a.test': { SERVFAIL: true }, 'b.test': { A: ['192.0.2.1'] } },
      '192.0.2.1',
      { kind: 'confirmed', names: ['b.test'] },
    ],
    [
      'is confirmed for IPv6, however that is written',
      { [six]: { PTR: ['mail.test'] }, 'mail.test': { AAAA: ['2001:0DB8:0:0::0025'] } },
      six,
      { kind: 'confirmed', names: ['mail.test'] },
    ],
    [
      'is that of the IPv4 address inside an IPv6 one',
      { '192.0.2.1': { PTR: ['mail.test'] }, 'mail.test': { A: ['192.0.2.1'] } },
      '::ffff:192.0.2.1',
      { kind: 'confirmed', names: ['mail.test'] },
    ],
    [
      'is not confirmed by an address of the other family',
      { '192.0.2.1': { PTR: ['mail.test'] }, 'mail.test': { AAAA: [six] } },
      '192.0.2.1',
      { kind: 'mismatch' },
    ],
    [
      'is not confirmed by another address',
      { '192.0.2.1': { PTR: ['mail.test'] }, 'mail.test': { A: ['192.0.2.2'] } },
      '192.0.2.1',
      { kind: 'mismatch' },
    ],
    ['is not confirmed by a name that does not exist', { '192.0.2.1': { PTR: ['mail.test'] } }, '192.0.2.1', { kind: 'mismatch' }],
    ['is not confirmed when it is no name', { '192.0.2.1': { PTR: ['192.0.2.1', 'a b', ''] } }, '192.0.2.1', { kind: 'mismatch' }],
    ['is none without a PTR record', { '192.0.2.2': { PTR: ['mail.test'] } }, '192.0.2.1', { kind: 'none' }],
    ['is none for what is no address', {}, 'mail.test', { kind: 'none' }],
    ['is unknown when the DNS does not say it', { '192.0.2.1': { SERVFAIL: true } }, '192.0.2.1', { kind: 'unknown' }],
    [
      'is unknown when the DNS does not say whose it is',
      { '192.0.2.1': { PTR: ['mail.test', 'b.test'] }, 'mail.test': { TIMEOUT: true } },
      '192.0.2.1',
      { kind: 'unknown' },
    ],
  ])('%s', async (_what, zone, ip, expected) => {
    expect(await find(zone, ip)).toEqual(expected)
  })

  it('is looked for under five names at most', async () => {
    const names = Array.from({ length: 300 }, (_, i) => `n${i}.test`)
    const asked: string[] = []
    const real = createZoneResolver({ '192.0.2.1': { PTR: names }, 'n5.test': { A: ['192.0.2.1'] } })
    const resolver: typeof real = { ...real, a: (name) => (asked.push(name), real.a(name)) }
    expect(await findReverse(resolver, createVirtualClock(0), '192.0.2.1')).toEqual({ kind: 'mismatch' })
    expect(asked).toEqual(names.slice(0, 5))
  })

  it('is unknown after ten seconds', async () => {
    const resolver = { ...createZoneResolver({}), ptr: () => new Promise<never>(() => {}) }
    const clock = createVirtualClock(0)
    const answer = findReverse(resolver, clock, '192.0.2.1')
    await clock.advance(10_000)
    expect(await answer).toEqual({ kind: 'unknown' })
  })
})
