/**
 * Asks the DNS, and says exactly what kind of answer came back.
 *
 * Promise: "there is none" and "we could not find out" are never confused. A server failure or a time-out is `failed`, which
 * callers treat as temporary; only an authoritative answer is `no-data` (the name exists without such records) or `no-domain`.
 * Every look-up ends within a fixed time. There is no cache yet: the resolver of the host keeps one.
 */
import { Resolver as NodeResolver } from 'node:dns/promises'
import { isIPv4, isIPv6 } from 'node:net'

/** `exchange` without a trailing dot; '' is the root, as in a null MX (RFC 7505 §3). */
export type MxRecord = { priority: number; exchange: string }
/** What one record of each type looks like, as in node:dns. A TXT record is its character-strings, to be joined (RFC 1035 §3.3.14). */
export type Records = { A: string; AAAA: string; MX: MxRecord; TXT: string[]; PTR: string; CNAME: string }
export type RrType = keyof Records

/** `found` has at least one record. `failed` is temporary; its reason is an error code of node:dns such as ESERVFAIL or ETIMEOUT. */
export type DnsAnswer<T> = { kind: 'found'; value: T } | { kind: 'no-data' } | { kind: 'no-domain' } | { kind: 'failed'; reason: string }

/** Names may end in a dot. Nothing here throws or rejects. */
export type Resolver = {
  mx(name: string): Promise<DnsAnswer<MxRecord[]>>
  a(name: string): Promise<DnsAnswer<string[]>>
  aaaa(name: string): Promise<DnsAnswer<string[]>>
  txt(name: string): Promise<DnsAnswer<string[][]>>
  /** Takes an IP address. */
  ptr(ip: string): Promise<DnsAnswer<string[]>>
  raw<T extends RrType>(name: string, rrtype: T): Promise<DnsAnswer<Records[T][]>>
}

/** The part of the platform's clock that is needed here. */
type Timer = { now(): number; at(time: number, work: () => void): { cancel(): void } }

const defaultTimeoutMs = 5_000
const tries = 2
// Whatever the number of servers and aliases, no caller waits longer than this for one answer.
const deadlineMs = 15_000

/** @param options.servers IP addresses, each with an optional port (`192.0.2.53`, `[2001:db8::53]:5353`); null is the system's own.
 *  @param options.timeoutMs for one try at one server */
export function createResolver(options: { servers?: readonly string[] | null; timeoutMs?: number; clock: Timer }): Resolver {
  const timeout = options.timeoutMs ?? defaultTimeoutMs
  const node = new NodeResolver({ timeout, tries, maxTimeout: timeout })
  if (options.servers) node.setServers(options.servers)
  return fromLookup(async (name, rrtype) => {
    const late = deadline(options.clock, deadlineMs)
    try {
      return await Promise.race([askNode(node, name, rrtype), late.passed])
    } finally {
      late.cancel()
    }
  })
}

type Lookup = <T extends RrType>(name: string, rrtype: T) => Promise<DnsAnswer<Records[T][]>>

function fromLookup(lookup: Lookup): Resolver {
  const raw: Lookup = (name, rrtype) => {
    const plain = plainName(name)
    return isPossibleName(plain) ? lookup(plain, rrtype) : Promise.resolve({ kind: 'no-domain' })
  }
  return {
    mx: (name) => raw(name, 'MX'),
    a: (name) => raw(name, 'A'),
    aaaa: (name) => raw(name, 'AAAA'),
    txt: (name) => raw(name, 'TXT'),
    ptr: (ip) => raw(reverseName(ip) ?? '', 'PTR'),
    raw,
  }
}

const ask: { [T in RrType]: (node: NodeResolver, name: string) => Promise<Records[T][]> } = {
  A: (node, name) => node.resolve4(name),
  AAAA: (node, name) => node.resolve6(name),
  MX: (node, name) => node.resolveMx(name),
  TXT: (node, name) => node.resolveTxt(name),
  PTR: (node, name) => node.resolvePtr(name),
  CNAME: (node, name) => node.resolveCname(name),
}

async function askNode<T extends RrType>(node: NodeResolver, name: string, rrtype: T): Promise<DnsAnswer<Records[T][]>> {
  try {
    return answerOf(await ask[rrtype](node, name))
  } catch (error) {
    return answerOfError(error)
  }
}

const answerOf = <R>(records: R[]): DnsAnswer<R[]> => (records.length === 0 ? { kind: 'no-data' } : { kind: 'found', value: records })

/** EBADNAME and EINVAL: a name that cannot be asked for does not exist. All other codes say that we do not know. */
export function answerOfError(error: unknown): DnsAnswer<never> {
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'EUNKNOWN'
  if (code === 'ENODATA') return { kind: 'no-data' }
  if (code === 'ENOTFOUND' || code === 'EBADNAME' || code === 'EINVAL') return { kind: 'no-domain' }
  return { kind: 'failed', reason: code }
}

function deadline(clock: Timer, ms: number): { passed: Promise<DnsAnswer<never>>; cancel(): void } {
  const { promise, resolve } = Promise.withResolvers<DnsAnswer<never>>()
  const timer = clock.at(clock.now() + ms, () => resolve({ kind: 'failed', reason: 'ETIMEOUT' }))
  return { passed: promise, cancel: () => timer.cancel() }
}

/** The records of one name. `SERVFAIL` makes every question about it fail; `TIMEOUT` likewise. TXT records may be given joined. */
export type ZoneRecords = {
  A?: readonly string[]
  AAAA?: readonly string[]
  MX?: readonly MxRecord[]
  TXT?: readonly (string | readonly string[])[]
  PTR?: readonly string[]
  CNAME?: string
  SERVFAIL?: true
  TIMEOUT?: true
}
/** By name; a PTR record may stand under its IP address. */
export type Zone = { [name: string]: ZoneRecords }

const maxAliases = 8

/** A resolver that knows these names and asks nobody. The zone is read at each question, so it may be changed meanwhile. */
export function createZoneResolver(zone: Zone): Resolver {
  return fromLookup(async (name, rrtype) => fromZone(zone, name, rrtype, maxAliases))
}

function fromZone<T extends RrType>(zone: Zone, name: string, rrtype: T, aliasesLeft: number): DnsAnswer<Records[T][]> {
  const here = findInZone(zone, name)
  // A name with names below it exists, although it has no records (RFC 8020 §2).
  if (here === undefined) return hasNamesBelow(zone, name) ? { kind: 'no-data' } : { kind: 'no-domain' }
  if (here.SERVFAIL) return { kind: 'failed', reason: 'ESERVFAIL' }
  if (here.TIMEOUT) return { kind: 'failed', reason: 'ETIMEOUT' }
  if (here.CNAME === undefined || rrtype === 'CNAME') return answerOf(pick[rrtype](here))
  if (aliasesLeft === 0) return { kind: 'failed', reason: 'ESERVFAIL' }
  return fromZone(zone, plainName(here.CNAME), rrtype, aliasesLeft - 1)
}

// Copies, because callers sort what they get.
const pick: { [T in RrType]: (records: ZoneRecords) => Records[T][] } = {
  A: ({ A = [] }) => [...A],
  AAAA: ({ AAAA = [] }) => [...AAAA],
  MX: ({ MX = [] }) => MX.map(({ priority, exchange }) => ({ priority, exchange: exchange.replace(/\.$/, '') })),
  TXT: ({ TXT = [] }) => TXT.map((record) => (typeof record === 'string' ? [record] : [...record])),
  PTR: ({ PTR = [] }) => [...PTR],
  CNAME: ({ CNAME }) => (CNAME === undefined ? [] : [CNAME]),
}

const zoneKey = (name: string): string => reverseName(name) ?? plainName(name)

const findInZone = (zone: Zone, name: string): ZoneRecords | undefined => Object.entries(zone).find(([key]) => zoneKey(key) === name)?.[1]

const hasNamesBelow = (zone: Zone, name: string): boolean => Object.keys(zone).some((key) => zoneKey(key).endsWith(`.${name}`))

const plainName = (name: string): string => name.replace(/\.$/, '').toLowerCase()

/** RFC 1035 §2.3.4: labels of 1 to 63 octets, 253 in all as text. Says nothing about which characters a host name may have. */
const isPossibleName = (name: string): boolean =>
  name.length <= 253 && name.split('.').every((label) => label.length > 0 && Buffer.byteLength(label) <= 63)

/** `1.2.0.192.in-addr.arpa` (RFC 1035 §3.5), or the nibbles of an IPv6 address below ip6.arpa (RFC 3596 §2.5). Null when `ip` is no address. */
export function reverseName(ip: string): string | null {
  if (isIPv4(ip)) return `${ip.split('.').toReversed().join('.')}.in-addr.arpa`
  if (!isIPv6(ip)) return null
  return `${ipv6Nibbles(ip).split('').toReversed().join('.')}.ip6.arpa`
}

/** The 32 hexadecimal digits of an IPv6 address. */
function ipv6Nibbles(ip: string): string {
  // The WHATWG URL parser writes every form (zone id apart) as colon-separated groups, the longest run of zeros as `::`.
  const text = new URL(`http://[${ip.replace(/%.*$/, '')}]/`).hostname.slice(1, -1)
  const [head = '', tail] = text.split('::')
  const groups = (part: string): string[] => (part === '' ? [] : part.split(':').map((group) => group.padStart(4, '0')))
  const left = groups(head)
  const right = tail === undefined ? [] : groups(tail)
  return [...left, ...Array<string>(8 - left.length - right.length).fill('0000'), ...right].join('')
}

const rrTypes: ReadonlySet<string> = new Set(Object.keys(ask))
const isRrType = (text: string): text is RrType => rrTypes.has(text)

/** The resolver as mailauth wants one: shapes of `dns.promises.resolve`, and its error codes. */
export const forMailauth =
  (resolver: Resolver) =>
  async (domain: string, rrtype: string): Promise<Records[RrType][]> => {
    const type = rrtype.toUpperCase()
    if (!isRrType(type)) throw dnsError('ENOTIMP', domain, rrtype)
    if (!isPossibleName(plainName(domain))) throw dnsError('EBADNAME', domain, rrtype)
    const answer = await resolver.raw(domain, type)
    if (answer.kind === 'found') return answer.value
    throw dnsError(errorCode(answer), domain, rrtype)
  }

const errorCode = (answer: Exclude<DnsAnswer<never>, { kind: 'found' }>): string =>
  ({ 'no-data': 'ENODATA', 'no-domain': 'ENOTFOUND', failed: answer.kind === 'failed' ? answer.reason : 'ESERVFAIL' })[answer.kind]

const dnsError = (code: string, hostname: string, rrtype: string): Error =>
  Object.assign(new Error(`query${rrtype} ${code} ${hostname}`), { code, hostname, syscall: `query${rrtype}` })
