/** How far each finding lowers a mailbox. Pure. */
import type { OversightMode } from '../../model/email.ts'
import type { LoweringCause } from '../../model/lowering.ts'

/** A mode that is missing stays: from gated_send on down a person decides on each email anyway. */
const AFTER: Record<LoweringCause, Partial<Record<OversightMode, OversightMode>>> = {
  // One person was bothered: one step, and the next one is the next step.
  complaint: { autonomous: 'monitored', monitored: 'gated_new', gated_new: 'gated_send' },
  // It writes to addresses that nobody has written to before: those are what a person looks at in gated_new, and monitored would change nothing.
  bounces: { autonomous: 'gated_new', monitored: 'gated_new', gated_new: 'gated_send' },
  // It may be doing what a stranger told it, so each further email is looked at, but to those who are listed (outbound/answered-orders.ts has the ones that are looked at all the same).
  injection: { autonomous: 'gated_send', monitored: 'gated_send', gated_new: 'gated_send' },
}

/** @param causes those that lower this mailbox. @returns null: it stays as it is */
export const modeAfter = (mode: OversightMode, cause: LoweringCause, causes: readonly LoweringCause[]): OversightMode | null =>
  causes.includes(cause) ? (AFTER[cause][mode] ?? null) : null
