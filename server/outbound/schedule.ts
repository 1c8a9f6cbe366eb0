/** When a deferred delivery is tried again. Pure: the time and the random number are arguments. */

const second = 1_000
const minute = 60 * second
const hour = 60 * minute

export type RetryPolicy = {
  /** the wait after attempt 1, 2, …; afterwards `lastWaitMs` each time */
  waitsMs: readonly number[]
  lastWaitMs: number
  /** the part of a wait by which chance may shorten or lengthen it, so that a failed batch does not return as one */
  jitter: number
  /** after a first greylisting; no jitter, because a second too early costs a whole further wait */
  greylistWaitMs: number
  /** what "try again in …" may ask for */
  hintMs: { least: number; most: number }
}

/** RFC 5321 §4.5.4.1 wants waits of 30 min or more and 4–5 days of trying, both for the operator to tune. Ours begins shorter, since
 *  hosts that greylist or shed load forgive within minutes; how long to go on is fixed per delivery when it is queued (`give_up_at`). */
export const retryPolicy: RetryPolicy = {
  waitsMs: [5, 10, 20, 40, 80, 160].map((minutes) => minutes * minute),
  lastWaitMs: 4 * hour,
  jitter: 0.1,
  // Common greylisters pass a second attempt after 300 s.
  greylistWaitMs: 5 * minute + second,
  hintMs: { least: minute, most: 6 * hour },
}

export type Deferral = {
  /** epoch ms of the failed attempt's end */
  now: number
  /** attempts made so far, this one included */
  attempts: number
  /** epoch ms after which no more is tried */
  giveUpAt: number
  greylisted: boolean
  /** the remote's words, searched for "try again in …" */
  text: string
  /** in [0, 1) */
  random: number
}

export type Retry = { kind: 'retry'; at: number } | { kind: 'give-up' }

/** The last attempt falls on `giveUpAt` itself, so that a delivery has the whole of its time. */
export function afterDeferral(deferral: Deferral, policy: RetryPolicy = retryPolicy): Retry {
  if (deferral.now >= deferral.giveUpAt) return { kind: 'give-up' }
  return { kind: 'retry', at: Math.min(deferral.now + waitAfter(deferral, policy), deferral.giveUpAt) }
}

function waitAfter(deferral: Deferral, policy: RetryPolicy): number {
  const hint = retryHint(deferral.text, policy)
  if (hint !== null) return hint
  if (deferral.greylisted && deferral.attempts <= 1) return policy.greylistWaitMs
  const wait = policy.waitsMs[deferral.attempts - 1] ?? policy.lastWaitMs
  return Math.round(wait * (1 + policy.jitter * (2 * deferral.random - 1)))
}

const unitMs: Record<string, number> = { s: second, m: minute, h: hour }
// 450 4.2.0 Greylisted, please try again in 300 seconds · 451 4.7.1 Try again after 5 minutes · 421 retry in 2 h
const hintPattern = /\b(?:try(?: it)? again|retry)(?: later)?,? (?:in|after) (\d{1,6}) ?(s|m|h)(?:ec(?:ond)?s?|in(?:ute)?s?|ours?|rs?)?\b/i

/** The wait a reply asks for, within the policy's bounds; null when it asks for none. A stranger's text: never waited for longer. */
export function retryHint(text: string, policy: RetryPolicy = retryPolicy): number | null {
  const found = hintPattern.exec(text)
  const unit = unitMs[found?.[2]?.toLowerCase() ?? '']
  if (found?.[1] === undefined || unit === undefined) return null
  return Math.min(Math.max(Number(found[1]) * unit, policy.hintMs.least), policy.hintMs.most)
}
