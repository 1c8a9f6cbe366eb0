/** The bands that a reputation is told in. Pure. */

export const rateBands = ['unknown', 'low', 'medium', 'high'] as const
/** `unknown`: of so few messages no rate says anything. */
export type RateBand = (typeof rateBands)[number]

/** From which share on a rate is medium, and from which on high: where enforcement warns and where it suspends (standing/tiers.ts). */
type Limits = { medium: number; high: number }

export const bounceBands: Limits = { medium: 0.02, high: 0.05 }
export const complaintBands: Limits = { medium: 0.001, high: 0.003 }
export const rejectionBands: Limits = { medium: 0.05, high: 0.2 }

const leastMessages = 10

export function rateBand({ medium, high }: Limits, part: number, all: number): RateBand {
  if (all < leastMessages) return 'unknown'
  const rate = part / all
  return rate > high ? 'high' : rate > medium ? 'medium' : 'low'
}

const day = 24 * 60 * 60_000

/** @param ms since it was made */
export function ageBand(ms: number): string {
  const days = ms / day
  if (days < 30) return 'under-30-days'
  if (days < 180) return '1-to-6-months'
  return days < 365 ? '6-to-12-months' : 'over-1-year'
}
