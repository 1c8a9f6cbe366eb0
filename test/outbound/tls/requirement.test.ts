import { describe, expect, it } from 'vitest'
import type { DomainName } from '../../../dns/name.ts'
import type { DaneFinding } from '../../../server/outbound/tls/dane.ts'
import { endingOf, rule } from '../../../server/outbound/tls/requirement.ts'
import type { KnownPolicy } from '../../../server/store/sts-policies.ts'

const host = 'mx.remote.test' as DomainName
const policy = (mode: 'enforce' | 'testing', mx = host): KnownPolicy => ({
  domain: 'remote.test' as DomainName,
  policyId: '1',
  mode,
  mx: [mx],
  fetchedAt: 0,
  expiresAt: 1,
  usedAt: 0,
})
const records = [{ usage: 3, selector: 1, matching: 1, data: new Uint8Array(32) }] as const
const dane = {
  nothing: { kind: 'none', hostProved: false },
  proved: { kind: 'none', hostProved: true },
  usable: { kind: 'usable', names: [host], records, strings: [] },
  unusable: { kind: 'unusable', strings: [] },
  failed: { kind: 'failed', reason: 'ESERVFAIL' },
} as const satisfies Record<string, DaneFinding>
const policies = {
  none: null,
  enforce: policy('enforce'),
  testing: policy('testing'),
  'enforce, another host': policy('enforce', 'other.test' as DomainName),
  'testing, another host': policy('testing', 'other.test' as DomainName),
} as const

describe('what TLS has to be with a host', () => {
  it.each<[keyof typeof dane, keyof typeof policies, boolean, string]>([
    ['nothing', 'none', false, 'opportunistic'],
    ['proved', 'none', false, 'opportunistic'],
    ['unusable', 'none', false, 'encrypted'],
    ['usable', 'none', false, 'dane'],
    ['failed', 'none', false, 'refuse dnssec'],

    ['nothing', 'testing', false, 'opportunistic'],
    ['nothing', 'testing, another host', false, 'opportunistic'],
    ['nothing', 'enforce', false, 'verified mta-sts'],
    ['nothing', 'enforce, another host', false, 'refuse mta-sts'],
    ['unusable', 'enforce', false, 'verified mta-sts'],
    ['unusable', 'enforce, another host', false, 'refuse mta-sts'],
    // DANE goes first, also where the policy would have refused or allowed (RFC 8461 §2).
    ['usable', 'enforce', false, 'dane'],
    ['usable', 'enforce, another host', false, 'dane'],
    ['failed', 'enforce', false, 'refuse dnssec'],
    ['failed', 'testing', false, 'refuse dnssec'],

    ['nothing', 'none', true, 'refuse requiretls for good'],
    ['nothing', 'testing, another host', true, 'refuse requiretls for good'],
    ['nothing', 'enforce, another host', true, 'refuse mta-sts'],
    ['nothing', 'testing', true, 'verified requiretls'],
    ['nothing', 'enforce', true, 'verified requiretls'],
    ['proved', 'none', true, 'verified requiretls'],
    ['unusable', 'none', true, 'verified requiretls'],
    ['usable', 'none', true, 'dane'],
    ['failed', 'none', true, 'refuse dnssec'],
  ])('%s by DANE, %s by policy, REQUIRETLS %s: %s', (found, policyName, requireTls, said) => {
    const ruling = rule({ host, dane: dane[found], policy: policies[policyName], requireTls })
    const because = ruling.kind === 'allow' && ruling.requirement.kind === 'verified' ? ` ${ruling.requirement.because}` : ''
    const words =
      ruling.kind === 'allow' ? `${ruling.requirement.kind}${because}` : `refuse ${ruling.why}${ruling.forGood ? ' for good' : ''}`
    expect(words).toBe(said)
  })

  it('names the host whose certificate it has to be', () => {
    const ruling = rule({ host, dane: dane.nothing, policy: policies.enforce, requireTls: false })
    expect(ruling).toEqual({ kind: 'allow', requirement: { kind: 'verified', because: 'mta-sts', names: [host] } })
  })

  it('is never a reason to give up for good while another host may do', () => {
    const refusal = { kind: 'refuse', why: 'requiretls', forGood: true, detail: host } as const
    expect(endingOf(refusal, true).reply).toMatchObject({ code: 550, status: '5.7.30' })
    expect(endingOf(refusal, false).reply).toMatchObject({ code: 451, status: '4.7.30' })
    for (const why of ['dnssec', 'mta-sts'] as const)
      expect(endingOf({ ...refusal, why, forGood: false }, true)).toMatchObject({
        stage: 'tls',
        by: 'us',
        reply: { code: 451, status: '4.7.5' },
      })
  })
})
