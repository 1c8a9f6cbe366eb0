import type { Clock } from '../../server/platform/clock.ts'

export type VirtualClock = Clock & {
  /** Moves time on, doing what falls due on the way in order of time; between two works, promises that are ready run on. */
  advance(ms: number): Promise<void>
  /** Somebody sets the clock forward, or back (`ms` below 0). No time passes, so what waits for a time that is farther away now waits as long as before. */
  setBy(ms: number): Promise<void>
}

/** `latest`: when it is done whatever the clock says by then, in the time that has passed. */
type Waiting = { time: number; latest: number; order: number; work: () => void }

/** Like the host's, it does at once (but never within the call) what is asked for a time that has passed: code that looked at the clock before a test
 *  moved it, and asks to be woken after, is not left asleep. @param start epoch ms */
export function createVirtualClock(start: number): VirtualClock {
  let now = start
  let passed = 0
  let order = 0
  const waiting = new Set<Waiting>()
  const left = ({ time, latest }: Waiting): number => Math.min(time - now, latest - passed)
  const nextWithin = (ms: number): Waiting | undefined =>
    [...waiting].filter((one) => left(one) <= ms).toSorted((a, b) => left(a) - left(b) || a.order - b.order)[0]
  const pass = (ms: number): void => {
    now += ms
    passed += ms
  }
  const move = async (ms: number): Promise<void> => {
    const end = passed + ms
    await settled()
    for (let due = nextWithin(end - passed); due !== undefined; due = nextWithin(end - passed)) {
      waiting.delete(due)
      pass(Math.max(0, left(due)))
      due.work()
      await settled()
    }
    pass(end - passed)
    await settled()
  }
  return {
    now: () => now,
    at(time, work) {
      const one = { time, latest: passed + (time - now), order: order++, work }
      waiting.add(one)
      // What has passed already needs nobody to move the clock.
      if (time <= now) setImmediate(() => waiting.delete(one) && work())
      return { cancel: () => void waiting.delete(one) }
    },
    advance: move,
    async setBy(ms) {
      now += ms
      await move(0)
    },
  }
}

const settled = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))
