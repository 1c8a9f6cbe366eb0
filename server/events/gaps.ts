/**
 * How far a reader of the outbox has come. Pure.
 *
 * On PostgreSQL two transactions may commit in another order than they took their numbers, so a number that is missing below the highest one seen
 * may still come: it is looked for until no transaction can be that old. What was undone leaves a number that never comes.
 */
export type Progress = { high: number; /** number → when it was first missed (epoch ms) */ missing: Map<number, number> }

/** Statements end after 15 s, and so does a transaction that does nothing (store/postgres.ts). */
const longestTransactionMs = 60_000
/** More at once is no gap between transactions but a table that was filled by hand. */
const mostMissing = 2_000
/** A place longer than this would be no text to send about; beyond it the client gets some events twice. */
const mostNamed = 20

export const progressFrom = (high: number, seen: readonly number[], now: number): Progress => {
  const missing = new Map<number, number>()
  const known = new Set(seen)
  for (let seq = Math.min(high, ...seen); seq < high; seq++) if (!known.has(seq)) missing.set(seq, now)
  return { high, missing }
}

/** Notes that this event was read. */
export function advance(progress: Progress, seq: number, now: number): void {
  progress.missing.delete(seq)
  if (seq <= progress.high) return
  for (let missed = Math.max(progress.high + 1, seq - mostMissing); missed < seq; missed++) progress.missing.set(missed, now)
  progress.high = seq
}

export function forgetOld(progress: Progress, now: number): void {
  for (const [seq, since] of progress.missing)
    if (now - since >= longestTransactionMs || progress.missing.size > mostMissing) progress.missing.delete(seq)
}

/** A place in the stream: all up to `high` but what was missing then. */
export type Position = { high: number; missing: readonly number[] }

export const positionOf = ({ high, missing }: { high: number; missing: Iterable<number> }): Position => {
  const below = [...missing].filter((seq) => seq < high).toSorted((one, other) => one - other)
  const [lowest = 1] = below
  return below.length <= mostNamed ? { high, missing: below } : { high: lowest - 1, missing: [] }
}

/** As clients keep it: `1042`, or `1042-1039.1040` with what was missing. */
export const positionText = ({ high, missing }: Position): string => (missing.length === 0 ? `${high}` : `${high}-${missing.join('.')}`)

export function readPosition(text: string): Position | null {
  const [, high, missing] = /^(\d{1,15})(?:-(\d{1,15}(?:\.\d{1,15}){0,19}))?$/.exec(text) ?? []
  if (high === undefined) return null
  return { high: Number(high), missing: missing === undefined ? [] : missing.split('.').map(Number) }
}
