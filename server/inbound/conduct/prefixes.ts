import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'

/** How much of an address is looked at: the host (IPv4) or the line of one customer (IPv6), a small provider's net, a large one's. */
export type Breadth = 0 | 1 | 2
export const breadths: readonly Breadth[] = [0, 1, 2]

export type Family = 'ipv4' | 'ipv6'

/** An IPv6 customer gets a /64 at least and often a /48, so one address of it means nothing. */
export const lengths: Readonly<Record<Family, readonly [number, number, number]>> = { ipv4: [32, 26, 21], ipv6: [64, 48, 32] }

/** Where an address is. `ip`: in its plain form. `prefixes`: from narrow to wide, as text with the length (`192.0.2.64/26`). */
export type Network = { ip: string; family: Family; isPrivate: boolean; prefixes: readonly [string, string, string] }

/** RFC 1918, RFC 4193, shared (RFC 6598), loopback and link-local: no stranger on the internet has one of these. */
const privateRanges: readonly string[] = ['private', 'uniqueLocal', 'carrierGradeNat', 'loopback', 'linkLocal']

/** Each connection and each message asks for its address several times. */
const mostKept = 1_000
const kept = new Map<string, Network | null>()

/** @returns null for what is no IP address */
export function networkOf(ip: string): Network | null {
  const known = kept.get(ip)
  if (known !== undefined) return known
  const network = read(ip)
  if (kept.size >= mostKept) kept.clear()
  kept.set(ip, network)
  return network
}

function read(ip: string): Network | null {
  // A zone behind an IPv6 address may be written in ways that only one of the two takes.
  if (isIP(ip) === 0 || !ipaddr.isValid(ip)) return null
  const address = ipaddr.parse(ip)
  const range = address.range()
  if (!('parts' in address)) return ofIpv4(address, range)
  // A socket that listens on :: puts an IPv4 address into IPv6 clothes (RFC 4291 §2.5.5.2).
  if (range !== 'ipv4Mapped') return ofIpv6(address, range)
  const plain = address.toIPv4Address()
  return ofIpv4(plain, plain.range())
}

function ofIpv4({ octets: [a = 0, b = 0, c = 0, d = 0] }: ipaddr.IPv4, range: string): Network {
  return {
    ip: `${a}.${b}.${c}.${d}`,
    family: 'ipv4',
    isPrivate: privateRanges.includes(range),
    prefixes: [`${a}.${b}.${c}.${d}/32`, `${a}.${b}.${c}.${d & 0xc0}/26`, `${a}.${b}.${c & 0xf8}.0/21`],
  }
}

function ofIpv6({ parts }: ipaddr.IPv6, range: string): Network {
  const groups = parts.map((part) => part.toString(16))
  const first = (count: number): string => groups.slice(0, count).join(':')
  return {
    ip: groups.join(':'),
    family: 'ipv6',
    isPrivate: privateRanges.includes(range),
    prefixes: [`${first(4)}::/64`, `${first(3)}::/48`, `${first(2)}::/32`],
  }
}
