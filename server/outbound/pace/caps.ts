/**
 * How much one mailbox may send: a runaway agent is stopped by the hundredth message, not by the complaints about the ten thousandth.
 *
 * What is counted is what an agent hands in, once for each recipient, in the transaction of the submission. A draft is counted when it is
 * submitted. What is held was counted when it was handed in, and its approval is a person's: it costs nothing more and is never refused here. What was
 * turned down or withdrawn stays counted: it took a reviewer's time.
 */
import type { CapKind, Counted } from '../../store/send-caps.ts'

const minute = 60_000
const hour = 60 * minute
const day = 24 * hour

/** Messages (one for each recipient) in an hour and in a day, and people in a day who were not written to before. null: no cap. */
export type Caps = Readonly<Record<CapKind, number | null>>

export const noCaps: Caps = { hour: null, day: null, new: null }

/** Times are counted in windows of this length, so a cap may hold for up to this much longer than it says. */
export const windowMs = 5 * minute
export const windowOf = (now: number): number => now - (now % windowMs)

export const spanMs: Readonly<Record<CapKind, number>> = { hour, day, new: day }

/** The first window that still counts. @param now epoch ms */
export const countedFrom = (kind: CapKind, now: number): number => windowOf(now - spanMs[kind])

/** What would be too much: `used` of `most` are spent, and there is room for what was asked at `at` (epoch ms). */
export type Excess = { kind: CapKind; most: number; used: number; at: number }

/** @param asked what is to be added, in the cap's own unit; 0 is always allowed
 *  @param counted what is spent, the oldest first */
export function excess(kind: CapKind, most: number | null, asked: number, counted: readonly Counted[], now: number): Excess | null {
  if (most === null || asked === 0) return null
  const inSpan = counted.filter(({ start }) => start >= countedFrom(kind, now))
  const used = inSpan.reduce((sum, { count }) => sum + count, 0)
  return used + asked <= most ? null : { kind, most, used, at: roomAt(kind, used + asked - most, inSpan, now) }
}

/** When `over` of what is counted has left the span. What is more than the cap alone never fits; then: when all of it has left. */
function roomAt(kind: CapKind, over: number, counted: readonly Counted[], now: number): number {
  let left = over
  for (const { start, count } of counted) {
    left -= count
    if (left <= 0) return start + windowMs + spanMs[kind]
  }
  return now + spanMs[kind]
}

const words: Readonly<Record<CapKind, (most: number) => string>> = {
  hour: (most) => `send at most ${most} messages in an hour, one for each recipient`,
  day: (most) => `send at most ${most} messages in a day, one for each recipient`,
  new: (most) => `write to at most ${most} people in a day to whom it has not written before`,
}

/** For the agent. Clients of the public contract tell a rate from a monthly allowance by the word "quota" (§1.3), so it is not in here. */
export const excessWords = ({ kind, most, used }: Excess): string => `This mailbox may ${words[kind](most)}; ${used} are used`
