/** When a failure keeps further mail from an address, and for how long. Pure. The classes and their rules are in classify-meanings.ts. */
import type { BounceClass, Suppression } from '../classify-meanings.ts'

const day = 24 * 60 * 60_000

/** Which earlier failures count for a rule (ms back from now); null where the first one decides. */
export const memoryMs: Record<Suppression, number | null> = {
  never: null,
  'at-once': null,
  'second-in-30-days': 30 * day,
  // Each of the three has been tried for days; what is older than this says nothing of today.
  'third-over-7-days': 30 * day,
}

/** @param failedAt when the address failed in this way within `memoryMs`, this failure included, oldest first (epoch ms) */
export function isEnough(rule: Suppression, failedAt: readonly number[]): boolean {
  if (rule === 'never') return false
  if (rule === 'at-once') return true
  if (rule === 'second-in-30-days') return failedAt.length >= 2
  return failedAt.length >= 3 && (failedAt.at(-1) ?? 0) - (failedAt[0] ?? 0) >= 7 * day
}

/** What may be mended by itself is tried again after this time; anything else stays until a person takes it off. */
const lastsMs: Partial<Record<BounceClass, number>> = {
  // A domain that has lapsed, or was set up wrongly, may be back.
  domain: 7 * day,
  'mailbox-full': 30 * day,
}

/** Epoch ms; null: never. */
export function expiryOf(bounceClass: BounceClass, now: number): number | null {
  const lasts = lastsMs[bounceClass]
  return lasts === undefined ? null : now + lasts
}
