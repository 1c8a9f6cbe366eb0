/** How often one address may look something up that needs no key. */
import ipaddr from 'ipaddr.js'
import type { Clock } from '../platform/clock.ts'

const hour = 60 * 60_000
const mostPerHour = 10
/** A proxy in front, with everybody behind it. */
const mostFromInside = 1_000
const mostAddresses = 10_000

/** `take`: false when it was too often; how many ms until it may again follows from `nextAt`. `giveBack`: what was taken does not count. */
export type Lookups = { take(ip: string): boolean; giveBack(ip: string): void; nextAt(): number }

/** @param most of one address within an hour */
export function createLookups(clock: Clock, most = mostPerHour): Lookups {
  let window = 0
  let counts = new Map<string, number>()
  return {
    take(ip) {
      const now = Math.floor(clock.now() / hour)
      if (now !== window) {
        window = now
        counts = new Map()
      }
      const from = networkOf(ip)
      const count = counts.get(from.name) ?? 0
      // Once there are too many, who is new waits: what is kept stays small.
      if (count >= (from.isInside ? Math.max(mostFromInside, most) : most) || (count === 0 && counts.size >= mostAddresses)) return false
      counts.set(from.name, count + 1)
      return true
    },
    giveBack(ip) {
      const { name } = networkOf(ip)
      const count = counts.get(name) ?? 0
      if (count > 1) counts.set(name, count - 1)
      else counts.delete(name)
    },
    nextAt: () => (Math.floor(clock.now() / hour) + 1) * hour,
  }
}

/** An address of IPv4; of IPv6 the /64, which is one household, and the /48 around it, which is one site. */
export function networkOf(ip: string): { name: string; site?: string; isInside: boolean } {
  if (!ipaddr.isValid(ip)) return { name: 'unknown', isInside: false }
  const address = ipaddr.process(ip)
  const isInside = address.range() !== 'unicast'
  if (address.kind() === 'ipv4') return { name: address.toString(), isInside }
  const { parts } = address as ipaddr.IPv6
  return { name: parts.slice(0, 4).join(':'), site: parts.slice(0, 3).join(':'), isInside }
}
