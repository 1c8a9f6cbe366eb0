/**
 * The policy that holds for a domain now (RFC 8461). A policy that was fetched holds until its time is over, whatever the DNS or the policy host
 * say meanwhile, short of another policy: whoever can keep us from asking must not be able to make us forget (§10.2).
 */
import type { DomainName } from '../../../dns/name.ts'
import type { Resolver } from '../../../dns/resolver.ts'
import type { Log } from '../../platform/log.ts'
import type { Job } from '../../platform/periodic.ts'
import type { Store } from '../../store/db.ts'
import {
  type KnownPolicy,
  keepStsPolicy,
  oldStsPolicies,
  removeExpiredStsPolicies,
  stsPolicyOf,
  touchStsPolicy,
} from '../../store/sts-policies.ts'
import type { HttpsDeps } from '../../platform/https.ts'
import { type StsTrouble, fetchStsPolicy } from './mta-sts-fetch.ts'
import { stsIdIn } from './mta-sts-policy.ts'

/** `policy` null: none, or one that says that there is none any more. `trouble`: one was announced, and could not be had just now. */
export type FoundPolicy = { policy: KnownPolicy | null; trouble: StsTrouble | null }

export type StsPolicies = {
  /** for mail that wants to go there */
  find(domain: DomainName): Promise<FoundPolicy>
  /** Fetches those anew that are in use, before mail has to wait for that and before they can run out (§3.3), and forgets those that did. */
  refreshing: Job
  /** Ends what `refreshing` does. */
  stop(): void
}

type StsDeps = HttpsDeps & { store: Store; log: Log; resolver: Resolver }

const hour = 60 * 60_000
const day = 24 * hour
const refreshAfterMs = day
// Sooner than mail would, by some of its rounds.
const refreshAheadMs = 20 * hour
/** A domain to which nothing was sent for so long is not asked any more. */
const inUseMs = 180 * day
const refreshedAtOnce = 400
const atOnce = 4
// §3.3 suggests five minutes at least; every message to the domain would wait for the host again.
const restAfterTroubleMs = 60 * 60_000
const mostTroubles = 10_000

export function createStsPolicies(deps: StsDeps): StsPolicies {
  const { store, clock, log, resolver } = deps
  const underWay = new Map<DomainName, Promise<FoundPolicy>>()
  const troubles = new Map<DomainName, { id: string; trouble: StsTrouble; until: number }>()

  const ending = new AbortController()

  /** @param asks `mail`, or nobody yet: the policy is only kept fresh */
  const look = async (domain: DomainName, asks: 'mail' | 'nobody'): Promise<FoundPolicy> => {
    const known = await stsPolicyOf(store.db, domain)
    const valid = known !== undefined && clock.now() < known.expiresAt ? known : null
    if (asks === 'mail' && valid !== null && clock.now() >= valid.usedAt + day) await touchStsPolicy(store.db, domain, clock.now())
    const texts = await resolver.txt(`_mta-sts.${domain}`)
    const id = texts.kind === 'found' ? stsIdIn(texts.value) : null
    // That there is no record is no reason to forget the policy (§3.1).
    if (id === null) return inForce(valid, null)
    const freshMs = asks === 'mail' ? refreshAfterMs : refreshAheadMs
    if (valid !== null && valid.policyId === id && clock.now() < valid.fetchedAt + freshMs) return inForce(valid, null)
    const usedAt = asks === 'mail' ? clock.now() : (valid?.usedAt ?? 0)
    return await refreshed(domain, id, { valid, usedAt, ...(asks === 'nobody' && { signal: ending.signal }) })
  }

  type Before = { valid: KnownPolicy | null; usedAt: number; signal?: AbortSignal }

  async function refreshed(domain: DomainName, id: string, { valid, usedAt, signal }: Before): Promise<FoundPolicy> {
    const earlier = troubles.get(domain)
    if (earlier !== undefined && earlier.id === id && clock.now() < earlier.until) return inForce(valid, earlier.trouble)
    const fetched = await fetchStsPolicy(deps, domain, signal)
    troubles.delete(domain)
    const now = clock.now()
    if (!fetched.ok) {
      log.info({ domain, reason: fetched.code, detail: fetched.detail }, 'mta-sts.not-fetched')
      if (troubles.size >= mostTroubles) troubles.delete(troubles.keys().next().value ?? domain)
      troubles.set(domain, { id, trouble: fetched.code, until: now + restAfterTroubleMs })
      return inForce(valid, fetched.code)
    }
    const { mode, mx, maxAgeMs } = fetched.value
    const policy: KnownPolicy = { domain, policyId: id, mode, mx, fetchedAt: now, expiresAt: now + maxAgeMs, usedAt }
    await keepStsPolicy(store.db, policy)
    log.info({ domain, mode }, 'mta-sts.fetched')
    return inForce(policy, null)
  }

  async function refresh(now: number): Promise<void> {
    await removeExpiredStsPolicies(store.db, now)
    const old = await oldStsPolicies(store.db, { fetchedBefore: now - refreshAheadMs, usedSince: now - inUseMs, limit: refreshedAtOnce })
    const work = async (): Promise<void> => {
      for (let one = old.shift(); one !== undefined && !ending.signal.aborted; one = old.shift()) await look(one, 'nobody')
    }
    await Promise.all(Array.from({ length: atOnce }, work))
  }

  return {
    // A message to many of one domain asks once.
    find(domain) {
      const same = underWay.get(domain)
      if (same !== undefined) return same
      const asking = look(domain, 'mail').finally(() => underWay.delete(domain))
      underWay.set(domain, asking)
      return asking
    },
    refreshing: { name: 'mta-sts', schedule: '37 * * * *', work: refresh },
    stop: () => ending.abort(),
  }
}

const inForce = (policy: KnownPolicy | null, trouble: StsTrouble | null): FoundPolicy => ({
  policy: policy?.mode === 'none' ? null : policy,
  trouble,
})
