/**
 * What the DNS, proved by DNSSEC, says about the keys of a mail host (RFC 7672). Asks a resolver whose AD bit is believed: whether that is so was
 * decided before. "It cannot be proved" and "there is none" are never confused: the first is what an attacker can bring about, so it means to
 * try again later (§2.1.1).
 */
import { isIPv6 } from 'node:net'
import { type DomainName, parseDomainName } from '../../../dns/name.ts'
import type { Records, Resolver, Timed } from '../../../dns/resolver.ts'
import type { DaneRecord } from '../transport.ts'

/** `none`: nobody promises anything; `hostProved`: that the host takes the domain's mail is. `unusable`: the host has TLS, and no key to compare.
 *  `strings`: the records as zone files write them. */
export type DaneFinding =
  | { kind: 'none'; hostProved: boolean }
  | { kind: 'unusable'; strings: readonly string[] }
  | { kind: 'usable'; names: readonly string[]; records: readonly DaneRecord[]; strings: readonly string[] }
  | { kind: 'failed'; reason: string }

/** One mail host as the route has it; `address` is where it is reached. */
export type DaneQuestion = { domain: DomainName; host: DomainName; address: string; port: number }

const mostRecords = 32
const mostAliases = 8

export async function findDane(resolver: Resolver, { domain, host, address, port }: DaneQuestion): Promise<DaneFinding> {
  const mx = await resolver.timed(domain, 'MX')
  if (mx.answer.kind === 'failed') return failed(mx.answer.reason)
  // §2.2.1: without it anybody may have named another host.
  if (!mx.authenticated) return { kind: 'none', hostProved: false }
  if (!isHostOf(mx, domain, host)) return failed('the MX records have changed')
  const at = await resolver.timed(host, isIPv6(address) ? 'AAAA' : 'A')
  if (at.answer.kind === 'failed') return failed(at.answer.reason)
  // §2.2.2: some name servers of unsigned zones fail when they are asked for TLSA, so they are not.
  if (!at.authenticated) return { kind: 'none', hostProved: true }
  const canonical = await canonicalName(resolver, host)
  if (canonical === null) return failed('the host’s name cannot be looked up')
  for (const base of new Set([canonical, host])) {
    const tlsa = await resolver.timed(`_${port}._tcp.${base}`, 'TLSA')
    if (tlsa.answer.kind === 'failed') return failed(tlsa.answer.reason)
    if (tlsa.answer.kind === 'found' && tlsa.authenticated) return judged(tlsa.answer.value, [...new Set([base, host, domain])])
  }
  return { kind: 'none', hostProved: true }
}

const failed = (reason: string): DaneFinding => ({ kind: 'failed', reason })

const isHostOf = ({ answer }: Timed<'MX'>, domain: DomainName, host: DomainName): boolean =>
  answer.kind === 'found' ? answer.value.some(({ exchange }) => parseDomainName(exchange) === host) : host === domain

/** Where the aliases of a host lead, as far as they are proved (§2.2.2); null when nobody could say. */
async function canonicalName(resolver: Resolver, host: DomainName): Promise<DomainName | null> {
  let name = host
  for (let left = mostAliases; left > 0; left--) {
    const alias = await resolver.timed(name, 'CNAME')
    if (alias.answer.kind === 'failed') return null
    const next = alias.answer.kind === 'found' ? parseDomainName(alias.answer.value[0] ?? '') : null
    if (next === null) return name
    if (!alias.authenticated) return host
    name = next
  }
  return null
}

function judged(found: readonly Records['TLSA'][], names: readonly string[]): DaneFinding {
  const some = found.slice(0, mostRecords)
  const strings = some.map((record) => `${record.usage} ${record.selector} ${record.matchingType} ${record.data}`)
  const records = some.flatMap((record) => usable(record) ?? [])
  return records.length === 0 ? { kind: 'unusable', strings } : { kind: 'usable', names, records, strings }
}

const digestLength: Readonly<Record<number, number>> = { 1: 32, 2: 64 }

/** PKIX usages mean nothing to mail hosts, which have no authorities in common (RFC 7672 §3.1.3). Null when we cannot use it. */
function usable({ usage, selector, matchingType: matching, data }: Records['TLSA']): DaneRecord | null {
  if ((usage !== 2 && usage !== 3) || (selector !== 0 && selector !== 1)) return null
  if (matching !== 0 && matching !== 1 && matching !== 2) return null
  const octets = Buffer.from(data, 'hex')
  const fits = matching === 0 ? octets.length > 0 : octets.length === digestLength[matching]
  return fits ? { usage, selector, matching, data: octets } : null
}
