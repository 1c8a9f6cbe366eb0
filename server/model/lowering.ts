/** What makes a mailbox lose autonomy by itself (docs/ladder.md). */
import type { World } from './world.ts'

/** complaint: somebody called its mail spam. bounces: it writes to many addresses that do not exist. injection: what it sends has marks of an email with
 *  orders for a program. */
export const loweringCauses = ['complaint', 'bounces', 'injection'] as const
export type LoweringCause = (typeof loweringCauses)[number]

/** What lowers a mailbox for which nothing was chosen. In the test world nothing does: a test that lets somebody complain goes on as it began. */
export const usualCauses = (world: World): readonly LoweringCause[] => (world === 'live' ? loweringCauses : [])
