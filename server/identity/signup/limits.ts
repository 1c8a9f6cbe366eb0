/** How often one network may do what needs no key, counted in whole hours in the memory of this process; and how often one address is written to again. */
import { sha256 } from '../../model/canonical.ts'
import type { Clock } from '../../platform/clock.ts'

const hour = 60 * 60_000
/** In an hour. */
const most = { challenge: 60, slug: 240, request: 10, resend: 10, confirm: 5, register: 5, claim: 15 } as const
export type LimitedStep = keyof typeof most
/** A proxy in front, with everybody behind it. */
const mostFromInside = 1_000
/** Of one step: whoever fills its places leaves those of the others. */
const mostPlaces = 10_000
/** A /48 of IPv6 is one site, with 65,536 networks to call from. */
const sitesShare = 4
export const resendAfterMs = 5 * 60_000
const mostAddresses = 10_000

/** An address of IPv4 or a /64 of IPv6, as a door knows it. `site`: the /48 around that; left out: there is none. */
export type Network = { name: string; site?: string; isInside: boolean }

export type Limits = {
  /** Counts it. @returns ms to wait; 0: it may */
  take(step: LimitedStep, network: Network): number
  /** The same for a letter that is asked for again, whether there is somebody at the address or not. @param email in the compared form */
  again(email: string): number
}

export function createLimits(clock: Clock): Limits {
  let window = -1
  const counts = new Map<LimitedStep, Map<string, number>>()
  /** SHA-256 of addresses, the oldest first */
  const asked = new Map<string, number>()
  return {
    take(step, { name, site, isInside }) {
      const now = clock.now()
      const current = Math.floor(now / hour)
      if (current !== window) {
        window = current
        counts.clear()
      }
      const taken = counts.get(step) ?? new Map<string, number>()
      counts.set(step, taken)
      const limit = isInside ? mostFromInside : most[step]
      const places = [{ place: name, limit }, ...(site === undefined ? [] : [{ place: `site ${site}`, limit: limit * sitesShare }])]
      const isOver = places.some(({ place, limit: ofPlace }) => (taken.get(place) ?? 0) >= ofPlace)
      const added = places.filter(({ place }) => !taken.has(place)).length
      if (isOver || (added > 0 && taken.size + added > mostPlaces)) return (current + 1) * hour - now
      for (const { place } of places) taken.set(place, (taken.get(place) ?? 0) + 1)
      return 0
    },
    again(email) {
      const now = clock.now()
      for (const [key, at] of asked) {
        if (now < at + resendAfterMs) break
        asked.delete(key)
      }
      const key = sha256(email)
      const last = asked.get(key)
      if (last !== undefined) return last + resendAfterMs - now
      if (asked.size >= mostAddresses) return resendAfterMs
      asked.set(key, now)
      return 0
    },
  }
}
