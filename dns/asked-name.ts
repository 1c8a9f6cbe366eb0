import { isIPv4, isIPv6 } from 'node:net'
import ipaddr from 'ipaddr.js'

/** Names in the form in which they are asked for and compared: small letters, no final dot (RFC 4343). */
export const plainName = (name: string): string => name.replace(/\.$/, '').toLowerCase()

// Also keeps what no name on the wire is made of away from whoever writes it there: line ends, octets above 127.
const askable = /^[!-~]+$/

/** RFC 1035 §2.3.4: labels of 1 to 63 octets, 253 in all as text. Says little about which characters a host name may have. */
export const isPossibleName = (name: string): boolean =>
  name.length <= 253 && askable.test(name) && name.split('.').every((label) => label.length > 0 && label.length <= 63)

/** `1.2.0.192.in-addr.arpa` (RFC 1035 §3.5), or the nibbles of an IPv6 address below ip6.arpa (RFC 3596 §2.5). Null when `ip` is no address. */
export function reverseName(ip: string): string | null {
  const labels = reverseLabels(ip)
  return labels === null ? null : `${labels}.${isIPv4(ip) ? 'in-addr' : 'ip6'}.arpa`
}

/** The part of a reverse name that is the address: its octets or nibbles, the last one first. Block lists use it below names of their own. */
export function reverseLabels(ip: string): string | null {
  if (isIPv4(ip)) return ip.split('.').toReversed().join('.')
  return isIPv6(ip) ? ipv6Nibbles(ip).split('').toReversed().join('.') : null
}

/** An IPv4 address that came in IPv6 clothes (`::ffff:192.0.2.1`, RFC 4291 §2.5.5.2) without them; anything else as it is. */
export const plainAddress = (ip: string): string => (isIPv6(ip) && ipaddr.isValid(ip) ? ipaddr.process(ip).toString() : ip)

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
