/** Time as an argument (epoch ms). Tests hand in a virtual clock and reach day five in no time. */
export type Clock = {
  now(): number
  /** Does `work` once, at or soon after `time`; at once (but never within this call) when that has passed. Whoever sets the clock back meanwhile makes nobody
   *  wait for longer than was left when this was asked: then it is done before `time`, so work that must not be early looks at the clock again. */
  at(time: number, work: () => void): Alarm
}
export type Alarm = { cancel(): void }

// A timer counts monotonic time while `at` names wall time, and setTimeout holds 31 bits at most: so long waits
// are taken in pieces, and a host clock that is set forward is noticed within a minute.
const longestNapMs = 60_000
// The two clocks round in different ways; that alone makes nothing early.
const roundingMs = 10

/** The host's clock. The one place of the product that reads it. */
export const systemClock: Clock = {
  now: () => Date.now(),
  at(time, work) {
    let timer: NodeJS.Timeout
    // By a clock that nobody sets: what looks for an emergency stop twice a second does so after the host's clock was set back by hours, too.
    const latest = performance.now() + (time - Date.now()) + roundingMs
    const nap = (): void => {
      const left = Math.min(time - Date.now(), latest - performance.now())
      const isTime = (): boolean => Date.now() >= time || performance.now() >= latest
      timer = setTimeout(() => (isTime() ? work() : nap()), Math.min(Math.max(left, 0), longestNapMs))
    }
    nap()
    return { cancel: () => clearTimeout(timer) }
  },
}
