import { describe, expect, it } from 'vitest'
import type { DomainName } from '../../../dns/name.ts'
import { type Zone, createZoneResolver } from '../../../dns/resolver.ts'
import type { Address } from '../../../server/model/address.ts'
import { createTlsGuard } from '../../../server/outbound/tls/guard.ts'
import type { FoundPolicy } from '../../../server/outbound/tls/mta-sts.ts'
import type { Counted } from '../../../server/outbound/tls/results.ts'
import { type Session, type SessionEnd, type Target, ourEnding } from '../../../server/outbound/transport.ts'
import { silentLog } from '../../../server/platform/log.ts'

const domain = 'remote.test' as DomainName
const at = (host: string, address = '192.0.2.1'): Target => ({ host, address, port: 25 })
const data = 'ab'.repeat(32)
const tlsa = { usage: 3, selector: 1, matchingType: 1, data }

/** Two hosts, everything proved, the first with a key. */
const signed = (): Zone => ({
  'remote.test': {
    MX: [
      { priority: 10, exchange: 'mx1.remote.test' },
      { priority: 20, exchange: 'MX2.remote.test' },
    ],
    SECURE: true,
  },
  'mx1.remote.test': { A: ['192.0.2.1'], SECURE: true },
  'mx2.remote.test': { A: ['192.0.2.1'], SECURE: true },
  '_25._tcp.mx1.remote.test': { TLSA: [tlsa], SECURE: true },
})

const policyOf = (mode: 'enforce' | 'testing', ...mx: string[]): FoundPolicy => ({
  policy: { domain, policyId: '1', mode, mx, fetchedAt: 0, expiresAt: 86_400_000, usedAt: 0 },
  trouble: null,
})
const noPolicy: FoundPolicy = { policy: null, trouble: null }

const accepted = {
  stage: 'dot',
  reply: { code: 250, status: '2.0.0', text: 'Ok' },
  by: 'remote',
  mayBeAccepted: false,
  remoteAddress: '192.0.2.1',
} as const
const encrypted: SessionEnd = { ...accepted, tls: 'TLSv1.3 X', tlsTrouble: null }

type Story = {
  zone?: Zone
  found?: FoundPolicy
  validates?: boolean
  requireTls?: boolean
  targets?: Target[]
  chosen?: boolean
  end?: SessionEnd
}

/** What the transport was asked for and what came of it, target by target. */
async function told({
  zone = {},
  found = noPolicy,
  validates = true,
  requireTls = false,
  chosen = false,
  end = encrypted,
  ...more
}: Story) {
  const targets = more.targets ?? [at('mx1.remote.test'), at('mx2.remote.test')]
  const counts: Counted[] = []
  const asked: Session[] = []
  const guard = createTlsGuard({
    resolver: createZoneResolver(zone),
    policies: { find: () => Promise.resolve(found) },
    validates,
    count: (one) => counts.push(one),
  })
  const transport = await guard.guard(
    (session) => {
      asked.push(session)
      return Promise.resolve(end)
    },
    { domain, targets, chosen: () => chosen, requireTls },
    silentLog,
  )
  const dispatch = { reversePath: null, forwardPath: 'bo@remote.test' as Address, message: Buffer.alloc(0) }
  const ends = []
  for (const target of targets) ends.push(await transport({ target, dispatch, signal: new AbortController().signal, log: silentLog }))
  return {
    tls: asked.map((session) => session.tls?.kind),
    asked,
    replies: ends.map(({ reply }) => `${reply.code} ${reply.status}`),
    results: counts.map(({ host, policy, result }) => `${host} ${policy.type} ${result ?? 'success'}`),
    counts,
  }
}

describe('a way to a domain', () => {
  it('is only to the hosts that its policy names', async () => {
    const { tls, asked, replies, results } = await told({ found: policyOf('enforce', 'mx2.remote.test') })
    expect(tls).toEqual(['verified'])
    expect(asked[0]).toMatchObject({ target: { host: 'mx2.remote.test' }, tls: { because: 'mta-sts', names: ['mx2.remote.test'] } })
    expect(replies).toEqual(['451 4.7.5', '250 2.0.0'])
    expect(results).toEqual(['mx1.remote.test sts validation-failure', 'mx2.remote.test sts success'])
  })

  it('is open while its policy is being tested, and what would have happened is counted', async () => {
    const found = policyOf('testing', 'mx2.remote.test')
    expect(await told({ found })).toMatchObject({
      tls: ['opportunistic', 'opportunistic'],
      replies: ['250 2.0.0', '250 2.0.0'],
      results: ['mx1.remote.test sts validation-failure', 'mx2.remote.test sts success'],
    })
    const end: SessionEnd = { ...encrypted, tlsTrouble: 'certificate-expired' }
    expect((await told({ found, end })).results[1]).toBe('mx2.remote.test sts certificate-expired')
    expect((await told({ found, end: { ...accepted, tls: null } })).results[1]).toBe('mx2.remote.test sts starttls-not-supported')
  })

  it('without any policy wants nobody’s certificate', async () => {
    const end: SessionEnd = { ...encrypted, tlsTrouble: 'certificate-not-trusted' }
    expect(await told({ end })).toMatchObject({
      tls: ['opportunistic', 'opportunistic'],
      results: ['mx1.remote.test no-policy-found success', 'mx2.remote.test no-policy-found success'],
    })
    expect((await told({ end: { ...accepted, tls: null } })).results[0]).toBe('mx1.remote.test no-policy-found starttls-not-supported')
  })

  it('to hosts that the operator chose is as the operator chose', async () => {
    expect(await told({ chosen: true, zone: signed(), found: policyOf('enforce', 'x.test') })).toMatchObject({
      tls: ['opportunistic', 'opportunistic'],
      results: [],
    })
    expect((await told({ chosen: true, requireTls: true })).asked[0]).toMatchObject({
      tls: { kind: 'verified', because: 'requiretls' },
      dispatch: { requireTls: true },
    })
  })

  it('says nothing of TLS when it did not come that far', async () => {
    const end: SessionEnd = { ...ourEnding('connect', 451, '4.4.1', 'refused'), remoteAddress: null, tls: null }
    expect((await told({ end, found: policyOf('enforce', '*.remote.test') })).results).toEqual([])
  })

  it('tells a policy that could not be fetched', async () => {
    const { results } = await told({ found: { policy: null, trouble: 'sts-webpki-invalid' } })
    expect(results[0]).toBe('mx1.remote.test sts sts-webpki-invalid')
  })
})

describe('a way to a domain whose zone is signed', () => {
  it('asks of each host the key that it published', async () => {
    const { tls, asked, results, counts } = await told({ zone: signed() })
    expect(tls).toEqual(['dane', 'opportunistic'])
    expect(asked[0]?.tls).toEqual({
      kind: 'dane',
      names: ['mx1.remote.test', 'remote.test'],
      records: [{ usage: 3, selector: 1, matching: 1, data: Buffer.from(data, 'hex') }],
    })
    expect(results).toEqual(['mx1.remote.test tlsa success', 'mx2.remote.test no-policy-found success'])
    expect(counts[0]?.policy.strings).toEqual([`3 1 1 ${data}`])
  })

  it('means nothing when nobody proves it, or the resolver is not believed', async () => {
    for (const name of ['remote.test', 'mx1.remote.test', '_25._tcp.mx1.remote.test']) {
      const zone = signed()
      delete zone[name]?.SECURE
      expect((await told({ zone })).tls).toEqual(['opportunistic', 'opportunistic'])
    }
    expect((await told({ zone: signed(), validates: false })).tls).toEqual(['opportunistic', 'opportunistic'])
  })

  // The DNS of an attacker who strips signatures fails (RFC 4035 §5.5); that must not be taken for a zone without keys.
  it.each(['mx1.remote.test', '_25._tcp.mx1.remote.test'])('waits when %s cannot be proved, policy or not', async (name) => {
    const zone = { ...signed(), [name]: { SERVFAIL: true as const } }
    const { asked, replies, results } = await told({ zone, found: policyOf('enforce', '*.remote.test') })
    expect(asked.map(({ target }) => target.host)).toEqual(['mx2.remote.test'])
    expect(replies[0]).toBe('451 4.7.5')
    expect(results[0]).toBe('mx1.remote.test tlsa dnssec-invalid')
  })

  it('waits when the MX records cannot be proved, or have changed meanwhile', async () => {
    expect((await told({ zone: { ...signed(), 'remote.test': { TIMEOUT: true } } })).replies).toEqual(['451 4.7.5', '451 4.7.5'])
    expect((await told({ zone: signed(), targets: [at('mx3.remote.test')] })).replies).toEqual(['451 4.7.5'])
  })

  it('is not asked for keys where the addresses are not signed', async () => {
    // Such name servers exist: they fail for every type they do not know (RFC 7672 §2.2.2).
    const zone: Zone = { ...signed(), 'mx1.remote.test': { A: ['192.0.2.1'] }, '_25._tcp.mx1.remote.test': { SERVFAIL: true } }
    expect((await told({ zone })).tls).toEqual(['opportunistic', 'opportunistic'])
  })

  it('is encrypted, whoever answers, where no key is one that we can compare', async () => {
    const bad = [
      { ...tlsa, usage: 1 },
      { ...tlsa, selector: 2 },
      { ...tlsa, matchingType: 3 },
      { ...tlsa, matchingType: 2 },
      { ...tlsa, data: 'ab' },
      { ...tlsa, matchingType: 0, data: '' },
    ]
    const zone: Zone = { ...signed(), '_25._tcp.mx1.remote.test': { TLSA: bad, SECURE: true } }
    expect(await told({ zone })).toMatchObject({
      tls: ['encrypted', 'opportunistic'],
      results: ['mx1.remote.test tlsa tlsa-invalid', expect.anything()],
    })
    zone['_25._tcp.mx1.remote.test'] = { TLSA: [...bad, tlsa], SECURE: true }
    expect((await told({ zone })).asked[0]?.tls).toMatchObject({ kind: 'dane', records: [{ usage: 3 }] })
  })

  it('goes by the IPv6 address where that is where we go', async () => {
    const zone: Zone = { ...signed(), 'mx1.remote.test': { A: ['192.0.2.1'], AAAA: ['2001:db8::1'], SECURE: true } }
    expect((await told({ zone, targets: [at('mx1.remote.test', '2001:db8::1')] })).tls).toEqual(['dane'])
  })

  it('follows the other name of a host, and asks both for keys', async () => {
    const zone: Zone = {
      ...signed(),
      'mx1.remote.test': { CNAME: 'real.host.test', SECURE: true },
      'real.host.test': { A: ['192.0.2.1'], SECURE: true },
    }
    const targets = [at('mx1.remote.test')]
    expect((await told({ zone, targets })).asked[0]?.tls).toMatchObject({ kind: 'dane', names: ['mx1.remote.test', 'remote.test'] })
    zone['_25._tcp.real.host.test'] = { TLSA: [tlsa], SECURE: true }
    expect((await told({ zone, targets })).asked[0]?.tls).toMatchObject({ names: ['real.host.test', 'mx1.remote.test', 'remote.test'] })
  })

  it('may be the domain itself, when it has no MX records', async () => {
    const zone: Zone = { 'remote.test': { A: ['192.0.2.1'], SECURE: true }, '_25._tcp.remote.test': { TLSA: [tlsa], SECURE: true } }
    expect((await told({ zone, targets: [at('remote.test')] })).tls).toEqual(['dane'])
  })

  it('looks at so many keys and no more', async () => {
    const zone: Zone = { ...signed(), '_25._tcp.mx1.remote.test': { TLSA: Array.from({ length: 500 }, () => tlsa), SECURE: true } }
    const [session] = (await told({ zone })).asked
    expect(session?.tls?.kind === 'dane' && session.tls.records.length).toBe(32)
  })
})

describe('a message that must be protected on its way', () => {
  it('goes to hosts that are proved to be the domain’s, and says so', async () => {
    const { asked } = await told({ zone: signed(), requireTls: true })
    expect(asked.map(({ tls, dispatch }) => [tls?.kind, dispatch.requireTls])).toEqual([
      ['dane', true],
      ['verified', true],
    ])
    expect((await told({ found: policyOf('testing', '*.remote.test'), requireTls: true })).tls).toEqual(['verified', 'verified'])
  })

  it('goes nowhere else, and ends', async () => {
    const { asked, replies } = await told({ requireTls: true })
    expect(asked).toEqual([])
    expect(replies).toEqual(['550 5.7.30', '550 5.7.30'])
  })

  it('waits while one host of several may do', async () => {
    const { asked, replies } = await told({ requireTls: true, found: policyOf('testing', 'mx2.remote.test') })
    expect(asked.map(({ target }) => target.host)).toEqual(['mx2.remote.test'])
    expect(replies).toEqual(['451 4.7.30', '250 2.0.0'])
  })
})
