import type { Clock } from '../../server/platform/clock.ts'

export type VirtualClock = Clock & {
  /** Moves time on, doing what falls due on the way in order of time; between two works, promises that are ready run on. */
  advance(ms: number): Promise<void>
}

type Waiting = { time: number; order: number; work: () => void }

/** Like the host's, it does at once (but never within the call) what is asked for a time that has passed: code that looked at the clock before a test
 *  moved it, and asks to be woken after, is not left asleep. @param start epoch ms */
export function createVirtualClock(start: number): VirtualClock {
  let now = start
  let order = 0
  const waiting = new Set<Waiting>()
  const nextUntil = (end: number): Waiting | undefined =>
    [...waiting].filter((one) => one.time <= end).toSorted((a, b) => a.time - b.time || a.order - b.order)[0]
  return {
    now: () => now,
    at(time, work) {
      const one = { time, order: order++, work }
      waiting.add(one)
      // What has passed already needs nobody to move the clock.
      if (time <= now) setImmediate(() => waiting.delete(one) && work())
      return { cancel: () => void waiting.delete(one) }
    },
    async advance(ms) {
      const end = now + ms
      await settled()
      for (let due = nextUntil(end); due !== undefined; due = nextUntil(end)) {
        waiting.delete(due)
        now = Math.max(now, due.time)
        due.work()
        await settled()
      }
      now = end
      await settled()
    },
  }
}

const settled = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))
