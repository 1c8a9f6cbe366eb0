/** What follows from one attempt to bring an event to a webhook. Pure. */

export type WebhookPolicy = {
  /** the waits between attempts; one more attempt than there are waits */
  waitsMs: readonly number[]
  /** what answers nothing well for so long is disabled */
  disableAfterMs: number
}

/** `status` null: there was no answer. `retryAfter`: the header's words, '' without. */
export type Answer = { status: number | null; retryAfter: string }

/** `ended`: no further attempt. Times: epoch ms. */
export type Next =
  | { kind: 'delivered' }
  | { kind: 'retry'; at: number }
  | { kind: 'ended' }
  | { kind: 'disable'; reason: 'gone' | 'failing' }

const longestAskedMs = 60 * 60_000
/** A wait is longer by up to this part of it, so that those who failed together do not come back together. */
const jitter = 0.2

/** @param facts `attempts`: this one counted; `failingSince`: null when the one before went well; `random` in [0, 1) */
export function afterAttempt(
  { status, retryAfter }: Answer,
  facts: { attempts: number; failingSince: number | null; now: number; random: number },
  policy: WebhookPolicy,
): Next {
  const { attempts, failingSince, now, random } = facts
  if (status !== null && status >= 200 && status < 300) return { kind: 'delivered' }
  // RFC 9110 §15.5.11; in Standard Webhooks the way to say that no more is wanted.
  if (status === 410) return { kind: 'disable', reason: 'gone' }
  if (failingSince !== null && now - failingSince >= policy.disableAfterMs) return { kind: 'disable', reason: 'failing' }
  const wait = policy.waitsMs[attempts - 1]
  if (wait === undefined) return { kind: 'ended' }
  const asked = status === 429 || status === 503 ? Math.min(secondsIn(retryAfter) * 1000, longestAskedMs) : 0
  return { kind: 'retry', at: now + Math.round(Math.max(wait, asked) * (1 + jitter * random)) }
}

/** RFC 9110 §10.2.3; a date is passed over, the usual wait does as well. */
const secondsIn = (text: string): number => (/^\d{1,9}$/.test(text) ? Number(text) : 0)
