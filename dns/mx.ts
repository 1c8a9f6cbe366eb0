import { type DomainName, parseDomainName } from './name.ts'
import type { DnsAnswer, MxRecord, Resolver } from './answer.ts'

/** One host that takes mail for a domain. `implicit` when the domain has no MX record and is its own host (RFC 5321 §5.1). */
export type MailHost = { name: DomainName; priority: number; implicit: boolean; addresses: readonly string[] }

/** `no-address`: nothing to connect to, and the DNS is sure of it. `failed`: the DNS could not say; try again later. */
export type MailHosts =
  | { kind: 'found'; hosts: readonly MailHost[] }
  | { kind: 'null-mx' }
  | { kind: 'no-domain' }
  | { kind: 'no-address' }
  | { kind: 'failed'; reason: string }

// A zone may list hundreds of hosts to make a sender ask and dial without end (design promise 10).
const maxHosts = 10
const maxAddressesPerHost = 8

/** Where to deliver mail for `domain`, most preferred first, equals in random order (RFC 5321 §5.1); null MX (RFC 7505).
 *  Once there is an MX record, the domain's own address is not used, even when no host of its records has one.
 *  @param random a number in [0, 1), as Math.random gives */
export async function findMailHosts(resolver: Resolver, domain: DomainName, random: () => number = Math.random): Promise<MailHosts> {
  const answer = await resolver.mx(domain)
  if (answer.kind === 'no-domain' || answer.kind === 'failed') return answer
  if (answer.kind === 'no-data') return withAddresses(resolver, [{ name: domain, priority: 0, implicit: true }])
  if (answer.value.every(isNullMx)) return { kind: 'null-mx' }
  return withAddresses(resolver, inOrder(answer.value, random).slice(0, maxHosts))
}

const isNullMx = (record: MxRecord): boolean => record.exchange === '' || record.exchange === '.'

type Candidate = Omit<MailHost, 'addresses'>

/** A record that names no host (an address, the root beside others) is passed over; of a repeated host the most preferred record counts. */
function inOrder(records: readonly MxRecord[], random: () => number): Candidate[] {
  const ranked = records
    .map((record) => ({ record, tie: random() }))
    .toSorted((one, other) => one.record.priority - other.record.priority || one.tie - other.tie)
  const byName = new Map<DomainName, Candidate>()
  for (const { record } of ranked) {
    const name = parseDomainName(record.exchange)
    if (name !== null && !byName.has(name)) byName.set(name, { name, priority: record.priority, implicit: false })
  }
  return [...byName.values()]
}

async function withAddresses(resolver: Resolver, candidates: readonly Candidate[]): Promise<MailHosts> {
  const looked = await Promise.all(candidates.map(async (host) => ({ host, found: await addressesOf(resolver, host.name) })))
  const hosts = looked.flatMap(({ host, found }) => (found.addresses.length > 0 ? [{ ...host, addresses: found.addresses }] : []))
  if (hosts.length > 0) return { kind: 'found', hosts }
  const reason = looked.map(({ found }) => found.failure).find((failure) => failure !== null)
  return reason === undefined ? { kind: 'no-address' } : { kind: 'failed', reason }
}

/** IPv6 first, as RFC 6724 §2.1 prefers it; `failure` when at least one of the two questions got no answer. */
async function addressesOf(resolver: Resolver, name: DomainName): Promise<{ addresses: string[]; failure: string | null }> {
  const answers: DnsAnswer<string[]>[] = await Promise.all([resolver.aaaa(name), resolver.a(name)])
  const lists = answers.map((answer) => (answer.kind === 'found' ? answer.value.slice(0, maxAddressesPerHost / 2) : []))
  const failed = answers.find((answer) => answer.kind === 'failed')
  return { addresses: lists.flat(), failure: failed?.reason ?? null }
}
