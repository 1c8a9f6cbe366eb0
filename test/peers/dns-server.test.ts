import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createResolver, createZoneResolver, type Zone } from '../../dns/resolver.ts'
import { systemClock } from '../../server/platform/clock.ts'
import { type DnsServer, startDnsServer } from '../support/dns-server.ts'

const longText = `v=DKIM1; k=rsa; p=${'A'.repeat(392)}`
const zone: Zone = {
  'ours.test': { MX: [{ priority: 10, exchange: 'mx.ours.test' }], TXT: ['v=spf1 ip4:127.0.0.1 -all', ['two ', 'strings']] },
  'mx.ours.test': { A: ['127.0.0.1', '192.0.2.7'], AAAA: ['::1', '2001:db8::7'] },
  'null.test': { MX: [{ priority: 0, exchange: '' }] },
  'sel._domainkey.ours.test': { TXT: [longText] },
  'alias.test': { CNAME: 'mx.ours.test' },
  'broken.test': { SERVFAIL: true },
  '127.0.0.1': { PTR: ['mx.ours.test'] },
}

describe('the test name server', () => {
  let server: DnsServer
  beforeAll(async () => {
    server = await startDnsServer(zone)
  })
  afterAll(() => server.stop())

  // The two ways tests give the appliance its names must agree, or a journey proves something about the wrong world.
  it.each([
    ['ours.test', 'MX'],
    ['null.test', 'MX'],
    ['mx.ours.test', 'A'],
    ['mx.ours.test', 'AAAA'],
    ['mx.ours.test', 'MX'],
    ['alias.test', 'A'],
    ['alias.test', 'CNAME'],
    ['1.0.0.127.in-addr.arpa', 'PTR'],
    ['nowhere.test', 'A'],
    ['broken.test', 'A'],
  ] as const)('answers %s %s as the zone resolver does', async (name, type) => {
    const overTheWire = createResolver({ servers: [server.address], timeoutMs: 2_000, clock: systemClock })
    expect(await overTheWire.raw(name, type)).toMatchObject(await createZoneResolver(zone).raw(name, type))
  })

  it('serves a key that is longer than one character-string', async () => {
    const answer = await createResolver({ servers: [server.address], clock: systemClock }).txt('sel._domainkey.ours.test')
    expect(answer.kind === 'found' && answer.value.map((strings) => strings.join(''))).toEqual([longText])
  })
})
