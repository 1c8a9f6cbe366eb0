/** What a session showed about TLS, in the words of RFC 8460 §4.3. Pure. */
import type { DomainName } from '../../../dns/name.ts'
import type { KnownPolicy } from '../../store/sts-policies.ts'
import { type SessionEnd, type TlsTrouble, stages } from '../transport.ts'
import type { DaneFinding } from './dane.ts'
import type { FoundPolicy } from './mta-sts.ts'
import type { StsTrouble } from './mta-sts-fetch.ts'
import { namesHost } from './mta-sts-policy.ts'
import type { Ruling } from './requirement.ts'

export type TlsResult = TlsTrouble | StsTrouble | 'tlsa-invalid' | 'dnssec-invalid'
/** The policy that was applied. `strings`: as it was published; `mx`: the hosts an MTA-STS policy names. */
export type AppliedPolicy = { type: 'tlsa' | 'sts' | 'no-policy-found'; strings: readonly string[]; mx: readonly string[] }
/** `result` null: success. */
export type Counted = { domain: DomainName; host: string; policy: AppliedPolicy; result: TlsResult | null }

type Shown = { domain: DomainName; host: string; dane: DaneFinding; found: FoundPolicy; ruling: Ruling; end: SessionEnd }

/** Null when the session says nothing about TLS, because it did not come that far. */
export function countedResult({ domain, host, dane, found, ruling, end }: Shown): Counted | null {
  const policy = policyOf(dane, found.policy)
  const told = (result: TlsResult | null): Counted => ({ domain, host, policy, result })
  if (ruling.kind === 'refuse')
    return ruling.why === 'dnssec' ? told('dnssec-invalid') : ruling.why === 'mta-sts' ? told('validation-failure') : null
  if (policy.type === 'no-policy-found' && found.trouble !== null)
    return { ...told(found.trouble), policy: { type: 'sts', strings: [], mx: [] } }
  const trouble = troubleIn(end)
  if (trouble === undefined) return null
  if (dane.kind === 'unusable') return told('tlsa-invalid')
  // Where nobody asks for a certificate, none can be wrong.
  if (policy.type === 'no-policy-found' && trouble?.startsWith('certificate-')) return told(null)
  // A testing policy does not keep us from a host that it does not name.
  return told(trouble ?? (isNamed(found.policy, policy, host) ? null : 'validation-failure'))
}

function policyOf(dane: DaneFinding, policy: KnownPolicy | null): AppliedPolicy {
  if (dane.kind === 'usable' || dane.kind === 'unusable') return { type: 'tlsa', strings: dane.strings, mx: [] }
  if (dane.kind === 'failed') return { type: 'tlsa', strings: [], mx: [] }
  return policy === null ? { type: 'no-policy-found', strings: [], mx: [] } : { type: 'sts', strings: stringsOf(policy), mx: policy.mx }
}

const stringsOf = ({ mode, mx, fetchedAt, expiresAt }: KnownPolicy): string[] => [
  'version: STSv1',
  `mode: ${mode}`,
  ...mx.map((pattern) => `mx: ${pattern}`),
  `max_age: ${Math.round((expiresAt - fetchedAt) / 1000)}`,
]

/** Undefined when nothing was seen of TLS. */
function troubleIn({ stage, tls, tlsTrouble, by }: SessionEnd): TlsTrouble | null | undefined {
  if (tlsTrouble !== undefined && tlsTrouble !== null) return tlsTrouble
  if (tls !== null) return null
  if (stages.indexOf(stage) > stages.indexOf('tls')) return 'starttls-not-supported'
  return stage === 'tls' && by === 'us' ? 'validation-failure' : undefined
}

const isNamed = (policy: KnownPolicy | null, applied: AppliedPolicy, host: string): boolean =>
  applied.type !== 'sts' || policy === null || namesHost(policy, host as DomainName)
