/** What TLS has to be with one mail host, out of what the DNS, the domain's policy and the message say. Pure. */
import type { DomainName } from '../../../dns/name.ts'
import type { KnownPolicy } from '../../store/sts-policies.ts'
import { type Ending, type TlsRequirement, opportunistic, ourEnding } from '../transport.ts'
import type { DaneFinding } from './dane.ts'
import { namesHost } from './mta-sts-policy.ts'

/** `dane`: with `hostProved`, also where DANE is not looked at because the resolver proves nothing. */
export type HostFacts = { host: DomainName; dane: DaneFinding; policy: KnownPolicy | null; requireTls: boolean }

/** `refuse`: nothing is sent to this host. `forGood`: it will not become one to which this may be sent. */
export type Ruling =
  | { kind: 'allow'; requirement: TlsRequirement }
  | { kind: 'refuse'; why: 'dnssec' | 'mta-sts' | 'requiretls'; forGood: boolean; detail: string }

/** DANE goes before MTA-STS (RFC 8461 §2), except where its records are of no use: then both hold. */
export function rule({ host, dane, policy, requireTls }: HostFacts): Ruling {
  if (dane.kind === 'failed') return { kind: 'refuse', why: 'dnssec', forGood: false, detail: dane.reason }
  if (dane.kind === 'usable') return allow({ kind: 'dane', names: dane.names, records: dane.records })
  const named = policy !== null && namesHost(policy, host)
  if (policy?.mode === 'enforce' && !named) return { kind: 'refuse', why: 'mta-sts', forGood: false, detail: host }
  if (requireTls) {
    // RFC 8689 §4.2.1: it has to be proved that this host takes the domain's mail.
    const proved = named || (dane.kind === 'none' ? dane.hostProved : true)
    return proved
      ? allow({ kind: 'verified', because: 'requiretls', names: [host] })
      : { kind: 'refuse', why: 'requiretls', forGood: true, detail: host }
  }
  if (policy?.mode === 'enforce') return allow({ kind: 'verified', because: 'mta-sts', names: [host] })
  return allow(dane.kind === 'unusable' ? { kind: 'encrypted', because: 'dane' } : opportunistic)
}

const allow = (requirement: TlsRequirement): Ruling => ({ kind: 'allow', requirement })

/** @param hopeless no host of the domain can become one to which this may be sent */
export function endingOf(ruling: Extract<Ruling, { kind: 'refuse' }>, hopeless: boolean): Ending {
  if (ruling.why === 'dnssec') return ourEnding('tls', 451, '4.7.5', `The DNS cannot prove which keys the host has (${ruling.detail})`)
  if (ruling.why === 'mta-sts') return ourEnding('tls', 451, '4.7.5', 'The domain’s policy does not name this host (MTA-STS)')
  return hopeless
    ? ourEnding(
        'tls',
        550,
        '5.7.30',
        'The message must be protected on its way (REQUIRETLS), and no host of the domain is proved to be one',
      )
    : ourEnding(
        'tls',
        451,
        '4.7.30',
        'The message must be protected on its way (REQUIRETLS), and it is not proved that this is a host of the domain',
      )
}
