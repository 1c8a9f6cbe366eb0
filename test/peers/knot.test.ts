import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type CachingResolver, createResolver } from '../../dns/resolver.ts'
import { findReverse } from '../../dns/reverse.ts'
import { systemClock } from '../../server/platform/clock.ts'
import { type Knot, startKnot } from '../support/knot.ts'
import { missingPeer } from '../support/peers.ts'
import { createVirtualClock } from '../support/virtual-clock.ts'

const long = Array.from({ length: 40 }, (_, i) => `long 300 TXT "${i} ${'x'.repeat(200)}" "second string"`)

const zone = `
@ 3600 SOA ns hostmaster\\.of.test. 1 7200 900 1209600 120
@ 3600 NS ns
ns 3600 A 192.0.2.53
mail 600 A 192.0.2.1
mail 600 AAAA 2001:db8::25
@ 300 MX 10 mail
@ 300 MX 20 Backup.Test.
null 300 MX 0 .
_25._tcp.mail 300 TLSA 3 1 1 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff
alias 60 CNAME mail
alias2 30 CNAME alias
outside 60 CNAME www.example.com.
dangling 60 CNAME nowhere
a.loop 60 CNAME b.loop
b.loop 60 CNAME a.loop
deep.empty 60 A 192.0.2.2
delegated 60 NS ns.elsewhere.example.
odd 60 TXT "caf\\233 \\"quoted\\""
${long.join('\n')}
`

describe.skipIf(missingPeer('knotd'))('a real name server', () => {
  let knot: Knot
  let resolver: CachingResolver
  beforeAll(async () => {
    knot = await startKnot(zone)
    resolver = createResolver({ servers: [knot.address], clock: createVirtualClock(0) })
  })
  afterAll(() => knot.stop())

  const found = (value: unknown[]) => ({ kind: 'found', value })

  it.each<[string, Parameters<CachingResolver['raw']>[1], object, number]>([
    ['mail.test', 'A', found(['192.0.2.1']), 600],
    ['mail.test', 'AAAA', found(['2001:db8::25']), 600],
    ['null.test', 'MX', found([{ priority: 0, exchange: '' }]), 300],
    ['odd.test', 'TXT', found([['caf\u00e9 "quoted"']]), 60],
    ['alias.test', 'CNAME', found(['mail.test']), 60],
    ['alias2.test', 'A', found(['192.0.2.1']), 30],
    ['mail.test', 'TXT', { kind: 'no-data' }, 120],
    ['empty.test', 'A', { kind: 'no-data' }, 120],
    ['alias.test', 'MX', { kind: 'no-data' }, 60],
    ['nowhere.test', 'MX', { kind: 'no-domain' }, 120],
    ['dangling.test', 'A', { kind: 'no-domain' }, 60],
    ['a.loop.test', 'A', { kind: 'failed', reason: 'ESERVFAIL' }, 5],
    // It is no recursive server: it may not say of others that they have nothing.
    ['outside.test', 'A', { kind: 'failed', reason: 'EREFUSED' }, 5],
    ['host.delegated.test', 'A', { kind: 'failed', reason: 'EBADRESP' }, 5],
    ['www.example.com', 'A', { kind: 'failed', reason: 'EREFUSED' }, 5],
  ])('says of %s %s what its zone does, and for how long', async (name, rrtype, answer, seconds) => {
    expect(await resolver.timed(name, rrtype)).toEqual({ answer, validUntil: seconds * 1000, authenticated: false })
  })

  it('has several records in any order', async () => {
    const answer = await resolver.mx('test')
    const hosts = answer.kind === 'found' ? answer.value.toSorted((one, other) => one.priority - other.priority) : []
    expect(hosts).toEqual([
      { priority: 10, exchange: 'mail.test' },
      { priority: 20, exchange: 'backup.test' },
    ])
  })

  it('has the key of a mail server', async () => {
    const data = '00112233445566778899aabbccddeeff'.repeat(2)
    expect(await resolver.raw('_25._tcp.mail.test', 'TLSA')).toEqual(found([{ usage: 3, selector: 1, matchingType: 1, data }]))
  })

  it('sends over TCP what is too long for UDP', async () => {
    const answer = await resolver.txt('long.test')
    expect(answer.kind === 'found' && answer.value.map((strings) => strings[1])).toEqual(Array.from({ length: 40 }, () => 'second string'))
  })

  it('is asked by a resolver on the host’s clock, too', async () => {
    const other = createResolver({ servers: [knot.address], clock: systemClock })
    expect(await findReverse(other, systemClock, '192.0.2.1')).toEqual({ kind: 'unknown' })
    expect(await other.a('mail.test')).toEqual(found(['192.0.2.1']))
  })
})
