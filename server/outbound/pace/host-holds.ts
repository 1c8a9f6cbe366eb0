/** Hosts that could not be reached a moment ago, on this node. Bounded: beyond `most` the one that was held first is tried again. */
import type { Target } from '../transport.ts'

const most = 10_000

export function createHostHolds() {
  const until = new Map<string, number>()
  const nameOf = ({ address, port }: Target): string => `${address} ${port}`
  return {
    hold(target: Target, time: number): void {
      const name = nameOf(target)
      until.delete(name)
      until.set(name, time)
      const [first] = until.keys()
      if (until.size > most && first !== undefined) until.delete(first)
    },
    free: (target: Target): void => void until.delete(nameOf(target)),
    /** The time (epoch ms) until which it is left alone; null: it may be tried. */
    heldUntil(target: Target, now: number): number | null {
      const time = until.get(nameOf(target)) ?? 0
      return time > now ? time : null
    },
  }
}
