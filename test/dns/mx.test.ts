import { describe, expect, it } from 'vitest'
import { findMailHosts } from '../../dns/mx.ts'
import type { DomainName } from '../../dns/name.ts'
import { type MxRecord, type Zone, createZoneResolver } from '../../dns/resolver.ts'

const domain = 'dest.test' as DomainName
const mx = (...hosts: [number, string][]): MxRecord[] => hosts.map(([priority, exchange]) => ({ priority, exchange }))
const find = async (zone: Zone, random?: () => number) => findMailHosts(createZoneResolver(zone), domain, random)
const host = (name: string, priority: number, addresses: string[], implicit = false) => ({ name, priority, addresses, implicit })

describe('where mail for a domain goes (RFC 5321 §5.1)', () => {
  it.each<[string, Zone, unknown]>([
    [
      'to its exchanges, most preferred first, IPv6 before IPv4',
      {
        'dest.test': { MX: mx([20, 'b.test'], [10, 'a.test']), A: ['192.0.2.99'] },
        'a.test': { A: ['192.0.2.1'], AAAA: ['2001:db8::1'] },
        'b.test': { A: ['192.0.2.2'] },
      },
      { kind: 'found', hosts: [host('a.test', 10, ['2001:db8::1', '192.0.2.1']), host('b.test', 20, ['192.0.2.2'])] },
    ],
    [
      'to the domain itself when it has no MX',
      { 'dest.test': { A: ['192.0.2.1'] } },
      { kind: 'found', hosts: [host('dest.test', 0, ['192.0.2.1'], true)] },
    ],
    ['nowhere when it takes no mail (RFC 7505)', { 'dest.test': { MX: mx([0, '.']), A: ['192.0.2.1'] } }, { kind: 'null-mx' }],
    ['nowhere when it does not exist', {}, { kind: 'no-domain' }],
    ['nowhere when it exists without MX and address', { 'dest.test': { TXT: ['x'] } }, { kind: 'no-address' }],
    [
      'never to its own address when an MX names a host without one',
      { 'dest.test': { MX: mx([10, 'gone.test']), A: ['192.0.2.1'] } },
      { kind: 'no-address' },
    ],
    [
      'never to an MX that is an address and no name',
      { 'dest.test': { MX: mx([10, '192.0.2.1']) }, '192.0.2.1': { A: ['192.0.2.1'] } },
      { kind: 'no-address' },
    ],
    ['later when the MX question failed', { 'dest.test': { SERVFAIL: true } }, { kind: 'failed', reason: 'ESERVFAIL' }],
    [
      'later when no host has a known address and one could not be asked for',
      { 'dest.test': { MX: mx([10, 'gone.test'], [20, 'broken.test']) }, 'broken.test': { TIMEOUT: true } },
      { kind: 'failed', reason: 'ETIMEOUT' },
    ],
    [
      'to the host that is known when another could not be asked for',
      { 'dest.test': { MX: mx([10, 'broken.test'], [20, 'b.test']) }, 'broken.test': { SERVFAIL: true }, 'b.test': { A: ['192.0.2.2'] } },
      { kind: 'found', hosts: [host('b.test', 20, ['192.0.2.2'])] },
    ],
    [
      'through an alias of the domain',
      { 'dest.test': { CNAME: 'real.test' }, 'real.test': { MX: mx([10, 'a.test']) }, 'a.test': { A: ['192.0.2.1'] } },
      { kind: 'found', hosts: [host('a.test', 10, ['192.0.2.1'])] },
    ],
    [
      'past a root that stands beside real exchanges, and to a repeated one once',
      { 'dest.test': { MX: mx([0, '.'], [20, 'A.test.'], [10, 'a.test']) }, 'a.test': { A: ['192.0.2.1'] } },
      { kind: 'found', hosts: [host('a.test', 10, ['192.0.2.1'])] },
    ],
  ])('%s', async (_, zone, expected) => {
    expect(await find(zone)).toEqual(expected)
  })

  it('to equals in random order', async () => {
    const zone: Zone = { 'dest.test': { MX: mx([10, 'a.test'], [10, 'b.test'], [5, 'c.test']) } }
    for (const name of ['a.test', 'b.test', 'c.test']) zone[name] = { A: ['192.0.2.1'] }
    const order = async (...numbers: number[]) => {
      const found = await find(zone, () => numbers.shift() ?? 0)
      return found.kind === 'found' ? found.hosts.map(({ name }) => name) : found
    }
    expect(await order(0.1, 0.9, 0.5)).toEqual(['c.test', 'a.test', 'b.test'])
    expect(await order(0.9, 0.1, 0.5)).toEqual(['c.test', 'b.test', 'a.test'])
  })

  it('to ten hosts and eight addresses of each at most, whatever a zone lists', async () => {
    const many = Array.from({ length: 200 }, (_, index) => `h${index}.test`)
    const zone: Zone = { 'dest.test': { MX: mx(...many.map((name, index): [number, string] => [index, name])) } }
    const addresses = Array.from({ length: 50 }, (_, index) => `192.0.2.${index}`)
    for (const name of many) zone[name] = { A: addresses, AAAA: addresses.map((_, index) => `2001:db8::${index + 1}`) }
    const found = await find(zone)
    expect(found).toMatchObject({ kind: 'found' })
    if (found.kind !== 'found') return
    expect(found.hosts.map(({ name }) => name)).toEqual(many.slice(0, 10))
    expect(found.hosts.map((one) => one.addresses.length)).toEqual(Array(10).fill(8))
  })
})
