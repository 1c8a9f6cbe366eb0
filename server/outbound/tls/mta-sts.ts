/**
 * The policy that holds for a domain now (RFC 8461). A policy that was fetched holds until its time is over, whatever the DNS or the policy host
 * say meanwhile, short of another policy: whoever can keep us from asking must not be able to make us forget (§10.2).
 */
import type { DomainName } from '../../../dns/name.ts'
import type { Log } from '../../platform/log.ts'
import type { Store } from '../../store/db.ts'
import { type KnownPolicy, keepStsPolicy, stsPolicyOf } from '../../store/sts-policies.ts'
import type { HttpsDeps } from './https.ts'
import { type StsTrouble, fetchStsPolicy } from './mta-sts-fetch.ts'
import { stsIdIn } from './mta-sts-policy.ts'

/** `policy` null: none, or one that says that there is none any more. `trouble`: one was announced, and could not be had just now. */
export type FoundPolicy = { policy: KnownPolicy | null; trouble: StsTrouble | null }

export type StsPolicies = { find(domain: DomainName): Promise<FoundPolicy> }

type StsDeps = HttpsDeps & { store: Store; log: Log }

const refreshAfterMs = 24 * 60 * 60_000
// §3.3 suggests five minutes at least; every message to the domain would wait for the host again.
const restAfterTroubleMs = 60 * 60_000
const mostTroubles = 10_000

export function createStsPolicies(deps: StsDeps): StsPolicies {
  const { store, clock, log, resolver } = deps
  const underWay = new Map<DomainName, Promise<FoundPolicy>>()
  const troubles = new Map<DomainName, { id: string; trouble: StsTrouble; until: number }>()

  const find = async (domain: DomainName): Promise<FoundPolicy> => {
    const known = await stsPolicyOf(store.db, domain)
    const valid = known !== undefined && clock.now() < known.expiresAt ? known : null
    const texts = await resolver.txt(`_mta-sts.${domain}`)
    const id = texts.kind === 'found' ? stsIdIn(texts.value) : null
    // That there is no record is no reason to forget the policy (§3.1).
    if (id === null) return inForce(valid, null)
    if (valid !== null && valid.policyId === id && clock.now() < valid.fetchedAt + refreshAfterMs) return inForce(valid, null)
    return await refreshed(domain, id, valid)
  }

  async function refreshed(domain: DomainName, id: string, valid: KnownPolicy | null): Promise<FoundPolicy> {
    const earlier = troubles.get(domain)
    if (earlier !== undefined && earlier.id === id && clock.now() < earlier.until) return inForce(valid, earlier.trouble)
    const fetched = await fetchStsPolicy(deps, domain)
    troubles.delete(domain)
    const now = clock.now()
    if (!fetched.ok) {
      log.info({ domain, reason: fetched.code, detail: fetched.detail }, 'mta-sts.not-fetched')
      if (troubles.size >= mostTroubles) troubles.delete(troubles.keys().next().value ?? domain)
      troubles.set(domain, { id, trouble: fetched.code, until: now + restAfterTroubleMs })
      return inForce(valid, fetched.code)
    }
    const { mode, mx, maxAgeMs } = fetched.value
    const policy: KnownPolicy = { domain, policyId: id, mode, mx, fetchedAt: now, expiresAt: now + maxAgeMs }
    await keepStsPolicy(store.db, policy)
    log.info({ domain, mode }, 'mta-sts.fetched')
    return inForce(policy, null)
  }

  return {
    // A message to many of one domain asks once.
    find(domain) {
      const same = underWay.get(domain)
      if (same !== undefined) return same
      const asking = find(domain).finally(() => underWay.delete(domain))
      underWay.set(domain, asking)
      return asking
    },
  }
}

const inForce = (policy: KnownPolicy | null, trouble: StsTrouble | null): FoundPolicy => ({
  policy: policy?.mode === 'none' ? null : policy,
  trouble,
})
