/**
 * How many requests a key, and all keys of an account together, may make in a minute; its test keys are counted apart, so that no test run takes
 * the live mail's turn. Counted in whole minutes, in the memory of this process: nothing is written for a call that only asks, and of several nodes
 * each counts for itself.
 */
import type { KeyActor } from '../model/actor.ts'
import type { Clock } from '../platform/clock.ts'

/** Requests a minute; null: as many as they like. */
export type Rates = { key: number | null; account: number | null }
export const noRates: Rates = { key: null, account: null }

/** What is left for a caller by one of the policies. */
export type Allowance = { policy: keyof Rates; limit: number; remaining: number; resetSeconds: number }

export type RequestRates = {
  /** Counts `calls` when there is room for them. @returns what is left, the scarcest first; none: nothing is counted */
  take(actor: KeyActor, calls: number): { isAllowed: boolean; allowances: readonly Allowance[] }
}

const windowMs = 60_000
export const windowSeconds = windowMs / 1000

export function createRequestRates(clock: Clock, rates: Rates): RequestRates {
  let window = -1
  const counts = { key: new Map<string, number>(), account: new Map<string, number>() }
  return {
    take(actor, calls) {
      const now = clock.now()
      const current = Math.floor(now / windowMs)
      if (current !== window) {
        window = current
        counts.key.clear()
        counts.account.clear()
      }
      const resetSeconds = Math.max(1, Math.ceil(((current + 1) * windowMs - now) / 1000))
      const callers = { key: actor.keyId, account: `${actor.accountId} ${actor.world}` }
      const used = (['key', 'account'] as const).flatMap((policy) => {
        const limit = rates[policy]
        return limit === null ? [] : [{ policy, limit, count: counts[policy].get(callers[policy]) ?? 0 }]
      })
      const isAllowed = used.every(({ limit, count }) => count + calls <= limit)
      if (isAllowed) for (const { policy, count } of used) counts[policy].set(callers[policy], count + calls)
      const left = (limit: number, count: number): number => Math.max(0, limit - count - (isAllowed ? calls : 0))
      const allowances = used.map(({ policy, limit, count }) => ({ policy, limit, remaining: left(limit, count), resetSeconds }))
      return { isAllowed, allowances: allowances.toSorted((one, other) => one.remaining - other.remaining) }
    },
  }
}

/** The two fields of draft-ietf-httpapi-ratelimit-headers-10 §3 and §4 (structured fields, RFC 9651), and the three of its drafts up to 07, which most
 *  clients read: those tell of the scarcest. */
export function rateFields(allowances: readonly Allowance[]): Record<string, string> {
  const [scarcest] = allowances
  if (scarcest === undefined) return {}
  return {
    'ratelimit-policy': allowances.map(({ policy, limit }) => `"${policy}";q=${limit};w=${windowSeconds}`).join(', '),
    ratelimit: allowances.map(({ policy, remaining, resetSeconds }) => `"${policy}";r=${remaining};t=${resetSeconds}`).join(', '),
    'ratelimit-limit': String(scarcest.limit),
    'ratelimit-remaining': String(scarcest.remaining),
    'ratelimit-reset': String(scarcest.resetSeconds),
  }
}

/** The scarcest, in the form of an answer's body. */
export const rateFacts = ([scarcest]: readonly Allowance[]) =>
  scarcest && { limit: scarcest.limit, remaining: scarcest.remaining, reset_seconds: scarcest.resetSeconds }
