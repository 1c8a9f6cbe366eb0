/** When there is too much of everything, and what holds then. Pure. */
import type { Resource, SessionLimits } from './conduct.ts'
import { type Tolerance, calmTolerance, strainedTolerance } from './manners.ts'

/** How much is in use, from 0 to 1. */
export type Load = Readonly<Record<'connections' | Resource, number>>
export type Mode = 'calm' | 'overload'

/** `leave` is well below `enter`, so that the two do not alternate. */
const thresholds: Readonly<Record<keyof Load, { enter: number; leave: number }>> = {
  connections: { enter: 0.8, leave: 0.6 },
  memory: { enter: 0.8, leave: 0.5 },
  work: { enter: 0.8, leave: 0.5 },
}
const kinds = Object.keys(thresholds) as (keyof Load)[]

/** Whoever connects meanwhile should meet one mode, not two. */
const leastOverloadMs = 10_000

/** `since`: when it began, epoch ms. */
export type Phase = { mode: Mode; since: number }
export const calmPhase: Phase = { mode: 'calm', since: 0 }

/** One kind is enough to be overloaded; all must be well again for it to be over, and not before its time. @param now epoch ms */
export function nextPhase(before: Phase, load: Load, now: number): Phase {
  const limit = before.mode === 'calm' ? 'enter' : 'leave'
  const mode: Mode = kinds.some((kind) => load[kind] > thresholds[kind][limit]) ? 'overload' : 'calm'
  const isTooEarly = before.mode === 'overload' && now >= before.since && now - before.since < leastOverloadMs
  return mode === before.mode || isTooEarly ? before : { mode, since: now }
}

export type Regime = { limits: SessionLimits; greetWaitMs: number; tolerance: Tolerance }

/** Idle: RFC 5321 §4.5.3.2.7 asks for five minutes; Postfix takes ten seconds under stress, and its least rate for a message is 500 bytes a
 *  second. A session that goes on for half an hour may as well begin anew. */
export const regimes: Readonly<Record<Mode, Regime>> = {
  calm: {
    limits: { idleMs: 300_000, sessionMs: 1_800_000, minBytesPerSecond: 500 },
    greetWaitMs: 100,
    tolerance: calmTolerance,
  },
  overload: {
    limits: { idleMs: 10_000, sessionMs: 600_000, minBytesPerSecond: 500 },
    greetWaitMs: 2_000,
    tolerance: strainedTolerance,
  },
}
