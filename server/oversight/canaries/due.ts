/** Whether a mailbox gets a test email now. Pure. */
const hour = 60 * 60_000
const week = 7 * 24 * hour

/** Of one mailbox: `perWeek` it wants at most, `placed` when it had some within a week (epoch ms). */
export type Situation = { perWeek: number; placed: readonly number[]; now: number }

/** Between two at least: half of what an even spread would be. */
const shortestGap = (perWeek: number): number => week / perWeek / 2

/** Asked once an hour. By itself it would be no test: it is put among others, at a moment that nobody can foresee, so often on average that a week has as many as were
 *  wanted, and never more. @param chance from 0 to below 1 */
export function isDue({ perWeek, placed, now }: Situation, chance: number): boolean {
  if (perWeek <= 0) return false
  const lately = placed.filter((at) => at > now - week)
  if (lately.length >= perWeek) return false
  if (lately.some((at) => now - at < shortestGap(perWeek))) return false
  // After the gap the other half is left to chance.
  return chance < hour / shortestGap(perWeek)
}
