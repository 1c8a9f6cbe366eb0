/**
 * The life of DKIM keys: made early, used once the DNS shows them, then retired with their secret half destroyed, then gone.
 *
 * Promises: no key signs that others cannot look up; no domain is left without a key that signs; each step is on the record; and of several
 * nodes that come to it at the same time, one takes it.
 */
import type { DomainName } from '../../dns/name.ts'
import { checkRecords } from '../../dns/check.ts'
import { type WantedRecord, dkimRecord } from '../../dns/records.ts'
import type { Resolver } from '../../dns/resolver.ts'
import type { SystemActor } from '../model/actor.ts'
import { type Result, fail, ok } from '../model/result.ts'
import type { Clock } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import type { Store, Tx } from '../store/db.ts'
import { type DkimKeyRow, changeDkimKeys, dkimKeysOf, insertDkimKey } from '../store/dkim-keys.ts'
import { domainByName, hostedDomains, lockDomain } from '../store/domains.ts'
import { type LogAction, appendLogs } from '../store/log.ts'
import type { Row } from '../store/schema.ts'
import { makeDkimKeys, publicKeyOf } from './dkim-keys.ts'
import { type LifePolicy, type Plan, planFor } from './dkim-life.ts'

export type RotationDeps = {
  store: Store
  resolver: Resolver
  clock: Clock
  log: Log
  /** `algorithms`: those that sign; of others the record is not waited for */
  policy: LifePolicy & { algorithms: readonly DkimKeyRow['algorithm'][] }
  /** a test hands in keys made before */
  makeDkim?: typeof makeDkimKeys
  actor?: SystemActor
}

/** `waitingFor`: the records that have to be seen before the new keys are used; [] when they are in use. */
export type Rotated = { selectors: string[]; waitingFor: WantedRecord[] }

export type Rotation = {
  /** One look at every domain: does what is due. What goes wrong with one domain is logged and does not keep the others. */
  review(): Promise<void>
  /** New keys for this domain as soon as the DNS shows them: makes them unless there is a pair that waits. */
  rotate(domain: string): Promise<Result<Rotated, 'NO_DOMAIN'>>
}

type Domain = Row<'domains'>

export function createRotation(deps: RotationDeps): Rotation {
  return {
    async review() {
      for (const domain of await hostedDomains(deps.store.db)) {
        await reviewDomain(deps, domain).catch((error: unknown) =>
          deps.log.error({ domain: domain.name, err: error }, 'dkim.review-failed'),
        )
      }
    },
    async rotate(name) {
      const domain = await domainByName(deps.store.db, name)
      if (domain === undefined) return fail('NO_DOMAIN')
      const now = deps.clock.now()
      await makeNext(deps, domain, (keys) => (keys.some(({ state }) => state === 'next') ? null : { useFrom: now }))
      await deps.store.transaction(async (tx) => {
        const waiting = (await lockedKeys(tx, domain)).filter(({ state, use_from }) => state === 'next' && use_from > now)
        await changeDkimKeys(tx, idsOf(waiting), { use_from: now })
      })
      const { due } = await planOf(deps, domain)
      return ok({ selectors: due.map(({ selector }) => selector), waitingFor: await takeOver(deps, domain, due) })
    },
  }
}

async function reviewDomain(deps: RotationDeps, domain: Domain): Promise<void> {
  const plan = await planOf(deps, domain)
  if (plan.make !== null) await makeNext(deps, domain, (keys) => planFor(keys, deps.policy, deps.clock.now()).make)
  if (plan.due.length > 0) await takeOver(deps, domain, plan.due)
  if (plan.bury.length > 0) await bury(deps, domain)
}

const planOf = async ({ store, policy, clock }: RotationDeps, domain: Domain): Promise<Plan> =>
  planFor(await dkimKeysOf(store.db, domain.id), policy, clock.now())

/** @param wanted asked again inside the transaction: another node may have been first */
async function makeNext(deps: RotationDeps, domain: Domain, wanted: (keys: readonly DkimKeyRow[]) => Plan['make']): Promise<void> {
  const before = await dkimKeysOf(deps.store.db, domain.id)
  if (wanted(before) === null) return
  const now = deps.clock.now()
  const taken = before.map(({ selector }) => selector)
  // Before the transaction: making an RSA key takes a moment, and the store has one writer.
  const fresh = await (deps.makeDkim ?? makeDkimKeys)(now, taken)
  const made = await deps.store.transaction(async (tx) => {
    const make = wanted(await lockedKeys(tx, domain))
    if (make === null) return null
    const keys = fresh.map((forDomain) => ({ ...forDomain(domain.id), state: 'next' as const, use_from: make.useFrom }))
    for (const key of keys) await insertDkimKey(tx, key)
    await record(tx, deps, domain, [['dkim.next_made', keys]])
    return { selectors: keys.map(({ selector }) => selector), useFrom: new Date(make.useFrom).toISOString() }
  })
  // A warning, because somebody has to do something: `multimail dns` prints the records.
  if (made !== null) deps.log.warn({ domain: domain.name, ...made }, 'dkim.publish-next')
}

/** The pair takes over when the DNS shows it. Nobody can have asked for a selector before it signed, so what we see now, nobody has cached as missing.
 *  @returns what is still to be published */
async function takeOver(deps: RotationDeps, domain: Domain, due: readonly DkimKeyRow[]): Promise<WantedRecord[]> {
  const missing = await unpublished(deps, domain, due)
  const selectors = due.map(({ selector }) => selector)
  if (missing.length > 0) {
    deps.log.warn({ domain: domain.name, selectors, missing: missing.map(({ name }) => name) }, 'dkim.waiting-for-dns')
    return missing
  }
  const took = await deps.store.transaction(async (tx) => {
    const keys = await lockedKeys(tx, domain)
    const { due: next, retire } = planFor(keys, deps.policy, deps.clock.now())
    if (next.length === 0 || next.some(({ selector }) => !selectors.includes(selector))) return false
    await enter(tx, deps, retire, 'retired')
    await enter(tx, deps, next, 'active')
    await record(tx, deps, domain, [
      ['dkim.activated', next],
      ['dkim.retired', retire],
    ])
    return true
  })
  if (took) deps.log.info({ domain: domain.name, selectors }, 'dkim.activated')
  return []
}

async function unpublished({ resolver, policy }: RotationDeps, domain: Domain, keys: readonly DkimKeyRow[]): Promise<WantedRecord[]> {
  const records = keys
    .filter(({ algorithm }) => policy.algorithms.includes(algorithm))
    .map((key) => dkimRecord(domain.name as DomainName, publicKeyOf(key)))
  return (await checkRecords(resolver, records)).filter(({ state }) => state !== 'ok').map((finding) => finding.record)
}

async function bury(deps: RotationDeps, domain: Domain): Promise<void> {
  const gone = await deps.store.transaction(async (tx) => {
    const { bury: keys } = planFor(await lockedKeys(tx, domain), deps.policy, deps.clock.now())
    await enter(tx, deps, keys, 'gone')
    await record(tx, deps, domain, [['dkim.gone', keys]])
    return keys.map(({ selector }) => selector)
  })
  if (gone.length > 0) deps.log.info({ domain: domain.name, selectors: gone }, 'dkim.record-removable')
}

/** Whoever changes the keys of a domain waits for each other. */
async function lockedKeys(tx: Tx, domain: Domain): Promise<DkimKeyRow[]> {
  await lockDomain(tx, domain.name)
  return dkimKeysOf(tx, domain.id)
}

/** What does not sign any more cannot: a secret that is not there is not stolen from a backup. */
const enter = (tx: Tx, { clock }: RotationDeps, keys: readonly DkimKeyRow[], state: 'active' | 'retired' | 'gone'): Promise<void> =>
  changeDkimKeys(tx, idsOf(keys), { state, state_since: clock.now(), ...(state !== 'active' && { private_key: '' }) })

const idsOf = (keys: readonly DkimKeyRow[]) => keys.map(({ id }) => id)

const periodicWork: SystemActor = { kind: 'system', part: 'outbound' }

type Step = [action: Extract<LogAction, `dkim.${string}`>, keys: readonly { selector: string }[]]

const record = (tx: Tx, { clock, actor = periodicWork }: RotationDeps, domain: Domain, steps: readonly Step[]): Promise<void> =>
  appendLogs(
    tx,
    steps
      .filter(([, keys]) => keys.length > 0)
      .map(([action, keys]) => ({
        at: clock.now(),
        actor,
        tenancy: { accountId: domain.account_id, world: 'live' },
        action,
        resourceType: 'domain',
        resourceId: domain.id,
        metadata: { dkim_selectors: keys.map(({ selector }) => selector) },
        details: { name: domain.name },
      })),
  )
