import dns from 'node:dns'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Zone, createResolver, createZoneResolver, forMailauth, reverseName } from '../../dns/resolver.ts'
import { systemClock } from '../../server/platform/clock.ts'
import { type DnsServer, startDnsServer } from '../support/dns-server.ts'
import { createVirtualClock } from '../support/virtual-clock.ts'

describe('the resolver over the network', () => {
  const world: Zone = {
    'silent.test': { TIMEOUT: true },
    'empty.test': { TXT: ['no address'] },
    'host.test': { A: ['192.0.2.1'], TTL: 300 },
    'mail.test': {
      MX: [
        { priority: 2, exchange: 'b.test' },
        { priority: 1, exchange: 'a.test' },
      ],
      TLSA: [{ usage: 3, selector: 1, matchingType: 1, data: '00ff' }],
      SECURE: true,
    },
  }
  let server: DnsServer
  beforeAll(async () => {
    server = await startDnsServer(world)
  })
  afterAll(() => server.stop())
  const resolverAt = (now = 0) => createResolver({ servers: [server.address], clock: createVirtualClock(now) })

  it('says that it failed when nobody answers at its server', async () => {
    // Port 9 of loopback (discard) has no DNS server.
    const resolver = createResolver({ servers: ['127.0.0.1:9'], timeoutMs: 50, clock: createVirtualClock(0) })
    expect(await resolver.mx('example.test')).toEqual({ kind: 'failed', reason: 'ECONNREFUSED' })
  })

  it('asks nobody about a name that cannot exist', async () => {
    const before = server.asked.length
    const resolver = resolverAt()
    for (const name of ['', '.', 'a..test', `${'a'.repeat(64)}.test`, `${'a.'.repeat(130)}test`, 'a\n.test', 'bücher.test', 'a\0.test'])
      expect(await resolver.txt(name)).toEqual({ kind: 'no-domain' })
    expect(server.asked.slice(before)).toEqual([])
  })

  it('ends a look-up within fifteen seconds although the server never answers', async () => {
    const clock = createVirtualClock(0)
    const answer = createResolver({ servers: [server.address, server.address, server.address, server.address], clock }).mx('silent.test')
    await clock.advance(15_000)
    expect(await answer).toEqual({ kind: 'failed', reason: 'ETIMEOUT' })
  })

  it('calls an answer without records no data', async () => {
    expect(await resolverAt().a('empty.test')).toEqual({ kind: 'no-data' })
  })

  it('asks the servers of the system when it is told none', async () => {
    const before = dns.getServers()
    dns.setServers([server.address])
    try {
      expect(await createResolver({ clock: systemClock }).a('host.test')).toEqual({ kind: 'found', value: ['192.0.2.1'] })
    } finally {
      dns.setServers(before)
    }
  })

  it.each(['dns.example.com', '192.0.2.256', '127.0.0.1:', '[127.0.0.1', ''])('does not take %j for a server', (text) => {
    expect(() => createResolver({ servers: [text], clock: systemClock })).toThrow('not the address of a DNS server')
  })

  it('says until when an answer holds, and whether it is proven', async () => {
    const resolver = resolverAt(1_000_000)
    expect(await resolver.timed('Host.test.', 'A')).toEqual({
      answer: { kind: 'found', value: ['192.0.2.1'] },
      validUntil: 1_300_000,
      authenticated: false,
    })
    expect(await resolver.timed('mail.test', 'TLSA')).toMatchObject({
      answer: { kind: 'found', value: [{ usage: 3, selector: 1, matchingType: 1, data: '00ff' }] },
      authenticated: true,
    })
    expect(await resolver.timed('a..test', 'A')).toEqual({ answer: { kind: 'no-domain' }, validUntil: 0, authenticated: false })
  })

  it('asks once, whatever the case of the name and its final dot, and counts', async () => {
    const before = server.asked.length
    const resolver = resolverAt()
    for (const name of ['host.test', 'HOST.test', 'host.test.']) expect(await resolver.a(name)).toMatchObject({ kind: 'found' })
    expect(server.asked.length - before).toBe(1)
    expect(resolver.counts()).toMatchObject({ hits: 2, misses: 1, entries: 1 })
  })

  it('gives each caller an answer of its own', async () => {
    const resolver = resolverAt()
    for (const answer of [await resolver.mx('mail.test'), await resolver.mx('mail.test')]) {
      if (answer.kind !== 'found') expect.fail(answer.kind)
      expect(answer.value.map(({ exchange }) => exchange)).toEqual(['b.test', 'a.test'])
      answer.value.reverse()
      for (const record of answer.value) record.exchange = 'changed'
    }
  })
})

const zone: Zone = {
  'Example.test.': { MX: [{ priority: 10, exchange: 'mx.example.test.' }], TXT: ['one', ['two', 'parts']] },
  'alias.test': { CNAME: 'example.test' },
  'a.loop.test': { CNAME: 'b.loop.test' },
  'b.loop.test': { CNAME: 'a.loop.test' },
  'deep.empty.test': { A: ['192.0.2.1'] },
  '192.0.2.1': { PTR: ['host.example.test'] },
  '2001:db8::1': { PTR: ['six.example.test'] },
  'broken.test': { SERVFAIL: true },
  'slow.test': { TIMEOUT: true },
}

describe('the resolver over a zone', () => {
  const resolver = createZoneResolver(zone)

  it('finds names whatever their case and final dot', async () => {
    expect(await resolver.mx('EXAMPLE.test.')).toEqual({ kind: 'found', value: [{ priority: 10, exchange: 'mx.example.test' }] })
    expect(await resolver.txt('example.test')).toEqual({ kind: 'found', value: [['one'], ['two', 'parts']] })
  })

  it('follows aliases, and ends where they run in a circle', async () => {
    expect(await resolver.mx('alias.test')).toMatchObject({ kind: 'found' })
    expect(await resolver.raw('alias.test', 'CNAME')).toEqual({ kind: 'found', value: ['example.test'] })
    expect(await resolver.a('a.loop.test')).toEqual({ kind: 'failed', reason: 'ESERVFAIL' })
  })

  it('tells a name without such records from a name that does not exist', async () => {
    expect(await resolver.a('example.test')).toEqual({ kind: 'no-data' })
    expect(await resolver.a('empty.test')).toEqual({ kind: 'no-data' })
    expect(await resolver.a('other.test')).toEqual({ kind: 'no-domain' })
  })

  it('fails where the zone says so', async () => {
    expect(await resolver.a('broken.test')).toEqual({ kind: 'failed', reason: 'ESERVFAIL' })
    expect(await resolver.a('slow.test')).toEqual({ kind: 'failed', reason: 'ETIMEOUT' })
  })

  it('names addresses', async () => {
    expect(await resolver.ptr('192.0.2.1')).toEqual({ kind: 'found', value: ['host.example.test'] })
    expect(await resolver.ptr('2001:0db8:0::0001')).toEqual({ kind: 'found', value: ['six.example.test'] })
    expect(await resolver.ptr('not an address')).toEqual({ kind: 'no-domain' })
  })

  it('sees what is added to the zone later', async () => {
    const growing: Zone = {}
    const later = createZoneResolver(growing)
    expect(await later.a('new.test')).toEqual({ kind: 'no-domain' })
    growing['new.test'] = { A: ['192.0.2.9'] }
    expect(await later.a('new.test')).toEqual({ kind: 'found', value: ['192.0.2.9'] })
  })
})

describe('reverse names', () => {
  it.each([
    ['192.0.2.1', '1.2.0.192.in-addr.arpa'],
    ['2001:db8::567:89ab', 'b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa'],
    ['::', `${'0.'.repeat(32)}ip6.arpa`],
    ['::ffff:192.0.2.1', '1.0.2.0.0.0.0.c.f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa'],
    ['fe80::1%eth0', '1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.e.f.ip6.arpa'],
    ['192.0.2', null],
    ['[::1]', null],
    ['', null],
  ])('%s is %s', (ip, name) => {
    expect(reverseName(ip)).toBe(name)
  })
})

describe('the resolver as mailauth wants it', () => {
  const ask = forMailauth(createZoneResolver(zone))

  it('gives the shapes of node:dns', async () => {
    expect(await ask('example.test', 'MX')).toEqual([{ priority: 10, exchange: 'mx.example.test' }])
    expect(await ask('example.test', 'txt')).toEqual([['one'], ['two', 'parts']])
    expect(await ask('1.2.0.192.in-addr.arpa', 'PTR')).toEqual(['host.example.test'])
  })

  it.each([
    ['example.test', 'A', 'ENODATA'],
    ['other.test', 'TXT', 'ENOTFOUND'],
    ['broken.test', 'TXT', 'ESERVFAIL'],
    ['slow.test', 'TXT', 'ETIMEOUT'],
    [`${'a'.repeat(64)}.test`, 'A', 'EBADNAME'],
    ['example.test', 'TLSA', 'ENOTIMP'],
  ])('rejects %s %s with %s', async (name, rrtype, code) => {
    await expect(ask(name, rrtype)).rejects.toMatchObject({ code })
  })

  it('hands out copies, because mailauth sorts what it gets', async () => {
    const order: Zone = {
      'x.test': {
        MX: [
          { priority: 2, exchange: 'b.test' },
          { priority: 1, exchange: 'a.test' },
        ],
      },
    }
    const first = await forMailauth(createZoneResolver(order))('x.test', 'MX')
    first.reverse()
    expect(order['x.test']?.MX?.[0]?.exchange).toBe('b.test')
  })
})
