/**
 * Whether somebody seems to have passed a message on. A mailing list or a forwarder that changes a message breaks its signatures and sends from
 * an address of its own, so DMARC fails without any forgery (RFC 7960 §3.2). None of these signs is proof: anybody can make them.
 */
import { type DomainName, isWithin, parseDomainName } from '../../../dns/name.ts'
import { fieldValue, headerFields } from '../../model/headers.ts'
import type { Authentication, Detour } from './message-facts.ts'

/** @param header of the message as received; @param trustedSealers domains that the operator named
 *  @param known those among `domains` to which the mailbox has written */
export function detourOf(
  { results, chain }: Authentication,
  { header, trustedSealers, known }: { header: Buffer; trustedSealers: readonly DomainName[]; known: boolean },
): Detour | null {
  const authentic = authenticDomains(results)
  if (chain !== null && chain.first.dmarc === 'pass' && chain.first.author === results.dmarc.domain) {
    const trusted = chain.sealers.every((sealer) => trustedSealers.some((one) => isWithin(sealer as DomainName, one)))
    return { kind: trusted ? 'trusted' : 'sealed', by: chain.sealers.join(', ') }
  }
  const list = listDomain(header)
  if (list !== null && authentic.some((domain) => isWithin(list, domain) || isWithin(domain, list))) return { kind: 'list', by: list }
  return known ? { kind: 'correspondent', by: authentic.join(', ') } : null
}

/** The domains that are proved to have had a part in a message, other than its author's. */
export function authenticDomains({ spf, dkim, dmarc }: Authentication['results']): DomainName[] {
  const domains = [
    ...(spf.result === 'pass' ? [spf.domain] : []),
    ...dkim.flatMap(({ result, domain }) => (result === 'pass' ? [domain] : [])),
  ]
  return [...new Set(domains)].filter((domain): domain is DomainName => domain !== null && domain !== '' && domain !== dmarc.domain)
}

/** RFC 2919 §2: `List-Id: Our friends <friends.example.org>`. */
function listDomain(header: Buffer): DomainName | null {
  const field = headerFields(header).find(({ name, raw }) => name === 'list-id' && raw.length <= maxFieldBytes)
  if (field === undefined) return null
  const value = fieldValue(field)
  const open = value.lastIndexOf('<')
  const close = value.indexOf('>', open)
  return open < 0 || close < 0 ? null : parseDomainName(value.slice(open + 1, close))
}

const maxFieldBytes = 2_048
