/** Time as an argument (epoch ms). Tests hand in a virtual clock and reach day five in no time. */
export type Clock = {
  now(): number
  /** Does `work` once, at or soon after `time`; at once (but never within this call) when that has passed. */
  at(time: number, work: () => void): Alarm
}
export type Alarm = { cancel(): void }

// A timer counts monotonic time while `at` names wall time, and setTimeout holds 31 bits at most: so long waits
// are taken in pieces, and a host clock that is set forward is noticed within a minute.
const longestNapMs = 60_000

/** The host's clock. The one place of the product that reads it. */
export const systemClock: Clock = {
  now: () => Date.now(),
  at(time, work) {
    let timer: NodeJS.Timeout
    const nap = (): void => {
      const left = time - Date.now()
      timer = setTimeout(() => (Date.now() >= time ? work() : nap()), Math.min(Math.max(left, 0), longestNapMs))
    }
    nap()
    return { cancel: () => clearTimeout(timer) }
  },
}
