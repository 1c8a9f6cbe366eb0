import { describe, expect, it } from 'vitest'
import { findMailHosts } from '../../dns/mx.ts'
import type { DomainName } from '../../dns/name.ts'
import { type Zone, createZoneResolver } from '../../dns/resolver.ts'
import { type RouteConfig, findRoute } from '../../server/outbound/route.ts'
import { isPublicAddress } from '../../server/platform/public-address.ts'
import { classify } from '../../server/outbound/classify.ts'

const config: RouteConfig = {
  hostname: 'mx.ours.test',
  port: 25,
  smarthost: null,
  allowPrivateTargets: false,
  ownListener: { host: '127.0.0.1', port: 2525 },
}
const mx = (...hosts: [number, string][]) => ({ MX: hosts.map(([priority, exchange]) => ({ priority, exchange })) })

const route = (zone: Zone, domain = 'remote.test', change: Partial<RouteConfig> = {}, random = () => 0) =>
  findRoute({
    resolver: createZoneResolver(zone),
    config: { ...config, ...change },
    domain: domain as DomainName,
    isOurs: domain === 'ours.test',
    random,
  })
const addresses = async (...args: Parameters<typeof route>) => {
  const found = await route(...args)
  return found.kind === 'targets' ? found.targets.map((target) => `${target.address}:${target.port}`) : found.ending.reply
}
const judged = async (...args: Parameters<typeof route>) => {
  const found = await route(...args)
  if (found.kind === 'targets') throw new Error('a way was found')
  const { class: name, outcome } = classify(found.ending)
  return [found.ending.stage, found.ending.reply.code, found.ending.reply.status, name, outcome]
}

describe('the hosts for a domain', () => {
  it('are tried by preference, least number first', async () => {
    const zone = {
      'remote.test': mx([20, 'b.test'], [10, 'a.test'], [30, 'c.test']),
      'a.test': { A: ['192.0.2.1'] },
      'b.test': { A: ['192.0.2.2'] },
      'c.test': { A: ['192.0.2.3'] },
    }
    expect(await addresses(zone)).toEqual(['192.0.2.1:25', '192.0.2.2:25', '192.0.2.3:25'])
  })

  it('of the same preference are tried in an order of chance', async () => {
    const zone = { 'remote.test': mx([10, 'a.test'], [10, 'b.test']), 'a.test': { A: ['192.0.2.1'] }, 'b.test': { A: ['192.0.2.2'] } }
    const chances = [0.9, 0.1]
    expect(await addresses(zone, 'remote.test', {}, () => chances.shift() ?? 0)).toEqual(['192.0.2.2:25', '192.0.2.1:25'])
  })

  it('are the domain itself when it has no MX record', async () => {
    expect(await addresses({ 'remote.test': { A: ['192.0.2.9'] } })).toEqual(['192.0.2.9:25'])
  })

  it('are never the domain itself when it has one, whatever that leads to', async () => {
    expect(await judged({ 'remote.test': { A: ['192.0.2.9'], ...mx([10, 'gone.test']) } })).toEqual([
      'route',
      550,
      '5.4.4',
      'domain',
      'fail',
    ])
  })

  it('are five addresses at most, of both families in turn', async () => {
    const zone = {
      'remote.test': mx([10, 'a.test'], [20, 'b.test']),
      'a.test': { A: ['192.0.2.1', '192.0.2.2'], AAAA: ['2001:db8::1', '2001:db8::2', '2001:db8::3'] },
      'b.test': { A: ['192.0.2.3'] },
    }
    expect(await addresses(zone)).toEqual(['2001:db8::1:25', '192.0.2.1:25', '2001:db8::2:25', '192.0.2.2:25', '2001:db8::3:25'])
  })
})

describe('a domain without a way', () => {
  it.each<[string, Zone, unknown[]]>([
    ['has a null MX', { 'remote.test': mx([0, '.']) }, ['route', 556, '5.1.10', 'recipient', 'fail']],
    ['does not exist', {}, ['route', 550, '5.1.2', 'domain', 'fail']],
    ['has no record to go by', { 'remote.test': { TXT: ['x'] } }, ['route', 550, '5.4.4', 'domain', 'fail']],
    ['has a DNS that fails', { 'remote.test': { SERVFAIL: true } }, ['route', 451, '4.4.3', 'network', 'retry']],
    ['has a DNS that does not answer', { 'remote.test': { TIMEOUT: true } }, ['route', 451, '4.4.3', 'network', 'retry']],
    [
      'has hosts whose addresses are not to be had now',
      { 'remote.test': mx([10, 'a.test']), 'a.test': { SERVFAIL: true } },
      ['route', 451, '4.4.3', 'network', 'retry'],
    ],
    [
      'has only private hosts',
      { 'remote.test': mx([10, 'a.test']), 'a.test': { A: ['10.0.0.1'], AAAA: ['::1', 'fd00::1'] } },
      ['route', 550, '5.4.4', 'domain', 'fail'],
    ],
  ])('%s', async (_what, zone, expected) => {
    expect(await judged(zone)).toEqual(expected)
  })

  it('is asked for twice before it is given up', async () => {
    let asked = 0
    const zone: Zone = { 'remote.test': mx([10, 'a.test']), 'a.test': { A: ['192.0.2.1'] } }
    const real = createZoneResolver(zone)
    const resolver: typeof real = { ...real, mx: async (name) => (asked++ === 0 ? { kind: 'no-domain' } : await real.mx(name)) }
    expect((await findRoute({ resolver, config, domain: 'remote.test' as DomainName, isOurs: false })).kind).toBe('targets')
  })
})

describe('addresses of our own network', () => {
  const notPublic =
    '127.0.0.1 10.1.2.3 172.16.0.1 172.31.255.255 192.168.1.1 169.254.169.254 100.64.0.1 0.0.0.0 224.0.0.1 255.255.255.255 localhost ' +
    '::1 :: ::ffff:10.0.0.1 ::ffff:8.8.8.8 fe80::1 fc00::1 fd12::1 ff02::1 64:ff9b::a00:1 64:ff9b:1::1 2002:a00:1::1 2001::1 2001:1::1 fd00:ec2::254 fec0::1 100.100.100.200 168.63.129.16 ' +
    '192.0.0.192 192.88.99.1 198.18.0.1 240.0.0.1 239.1.1.1 ::7f00:1 ::ffff:0:7f00:1'
  it.each(notPublic.split(' '))('%s is not public', (address) => {
    expect(isPublicAddress(address)).toBe(false)
  })
  it.each(['8.8.8.8', '172.32.0.1', '100.128.0.1', '2606:4700::1', '2a00:1450::1', '2001:4860::1'])('%s is public', (address) => {
    expect(isPublicAddress(address)).toBe(true)
  })

  it('are passed over among public ones', async () => {
    const zone = { 'remote.test': mx([10, 'a.test']), 'a.test': { A: ['127.0.0.1', '192.0.2.1', '10.0.0.1'] } }
    expect(await addresses(zone)).toEqual(['192.0.2.1:25'])
    expect(await addresses(zone, 'remote.test', { allowPrivateTargets: true, port: 2525 })).toEqual([
      '127.0.0.1:2525',
      '192.0.2.1:2525',
      '10.0.0.1:2525',
    ])
  })
})

describe('ourselves', () => {
  const zone = { 'ours.test': mx([10, 'mx.ours.test']), 'mx.ours.test': { A: ['198.51.100.1'] } }

  it('deliver to our own listener like any host', async () => {
    expect(await addresses(zone, 'ours.test')).toEqual(['127.0.0.1:2525'])
  })

  it('are no host for somebody else’s domain: that would go round in circles', async () => {
    expect(await judged({ ...zone, 'remote.test': mx([10, 'mx.ours.test']) })).toEqual(['route', 550, '5.4.6', 'loop', 'fail'])
  })

  it('as a backup host deliver to better hosts only', async () => {
    const backup = {
      ...zone,
      'remote.test': mx([10, 'a.test'], [20, 'mx.ours.test'], [30, 'b.test']),
      'a.test': { A: ['192.0.2.1'] },
      'b.test': { A: ['192.0.2.2'] },
    }
    expect(await addresses(backup)).toEqual(['192.0.2.1:25'])
  })
})

it('a smarthost takes all mail, and no DNS is asked', async () => {
  const failing: Zone = { 'remote.test': { SERVFAIL: true } }
  expect(await addresses(failing, 'remote.test', { smarthost: { host: '10.0.0.5', port: 587 } })).toEqual(['10.0.0.5:587'])
})

it('single domains may have smarthosts of their own, or none', async () => {
  const zone = { 'sub.partner.test': mx([10, 'a.test']), 'a.test': { A: ['192.0.2.1'] } }
  const routes = [
    { domain: 'remote.test', to: { host: 'relay.test', port: 465, tls: 'implicit' as const } },
    { domain: 'partner.test', to: 'mx' as const },
  ]
  const change = { smarthost: { host: '10.0.0.5', port: 587 }, routes }
  expect(await addresses({}, 'remote.test', change)).toEqual(['relay.test:465'])
  expect(await addresses(zone, 'sub.partner.test', change)).toEqual(['192.0.2.1:25'])
  expect(await addresses({}, 'elsewhere.test', change)).toEqual(['10.0.0.5:587'])
})

it('what cannot be reached from the addresses to send from is passed over', async () => {
  const zone = { 'remote.test': mx([10, 'a.test']), 'a.test': { A: ['192.0.2.1'], AAAA: ['2001:db8::1'] } }
  expect(await addresses(zone, 'remote.test', { sources: [{ address: '198.51.100.7', name: null }] })).toEqual(['192.0.2.1:25'])
})

it('only what the operator chose may be an address of our own network when it is dialled', async () => {
  const zone = { 'remote.test': mx([10, 'a.test']), 'a.test': { A: ['192.0.2.1'] }, 'ours.test': mx([10, 'mx.ours.test']) }
  const trusted = async (...args: Parameters<typeof route>) => {
    const found = await route(...args)
    return found.kind === 'targets' && found.targets.map((target) => target.trusted === true)
  }
  expect(await trusted(zone)).toEqual([false])
  expect(await trusted(zone, 'remote.test', { allowPrivateTargets: true })).toEqual([true])
  expect(await trusted(zone, 'remote.test', { smarthost: { host: '10.0.0.5', port: 587 } })).toEqual([true])
  expect(await trusted({ ...zone, 'mx.ours.test': { A: ['198.51.100.1'] } }, 'ours.test')).toEqual([true])
})

it('a domain that lists hosts without end has ten asked for, and eight addresses of each taken', async () => {
  let asked = 0
  const many = Array.from({ length: 300 }, (_, n): [number, string] => [n, `h${n}.test`])
  const hosts = Object.fromEntries(many.map(([, name]) => [name, { A: Array.from({ length: 50 }, (_, n) => `10.0.0.${n}`) }]))
  const real = createZoneResolver({ 'remote.test': mx(...many), ...hosts })
  const resolver: typeof real = { ...real, a: async (name) => (asked++, await real.a(name)) }
  const found = await findMailHosts(resolver, 'remote.test' as DomainName)
  expect([asked, found.kind === 'found' && found.hosts.map((host) => host.addresses.length)]).toEqual([10, Array(10).fill(4)])
})

it.each([
  ['an address', mx([10, '192.0.2.9'], [20, 'a.test'])],
  ['the root beside others', mx([0, '.'], [20, 'a.test'])],
  ['a host twice', mx([10, 'a.test'], [20, 'a.test'])],
])('an MX record that names %s is passed over', async (_what, records) => {
  expect(await addresses({ 'remote.test': records, 'a.test': { A: ['192.0.2.1'] } })).toEqual(['192.0.2.1:25'])
})
