/** Whether a time (epoch ms) is not after `now`. What was written down while the clock was ahead keeps nobody waiting until that time comes: limits on how often
 *  a person is asked, told or mailed go by what has come. (docs/clock.md) */
export const hasCome =
  (now: number) =>
  (at: number): boolean =>
    at <= now
