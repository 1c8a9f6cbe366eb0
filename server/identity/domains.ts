/**
 * Domains that a key adds to its account, and the proof that they are its own.
 *
 * Promises: until the DNS shows the DKIM keys that were made for it, which only who runs the domain can bring about, no mailbox can be made at a domain
 * and nothing here takes it for ours; a domain has one account; and no address of it is given out twice, because it stays as long as one was.
 */
import { checkRecords } from '../../dns/check.ts'
import { type DomainName, parseDomainName } from '../../dns/name.ts'
import { type Purpose, type WantedRecord, recordsToPublish } from '../../dns/records.ts'
import type { Resolver } from '../../dns/resolver.ts'
import type { Actor, KeyActor, SystemActor } from '../model/actor.ts'
import { type DomainId, newId } from '../model/ids.ts'
import { type Result, fail, ok } from '../model/result.ts'
import type { Tenancy } from '../model/world.ts'
import type { Clock } from '../platform/clock.ts'
import { lockAccount } from '../store/accounts.ts'
import type { Db, Store, Tx } from '../store/db.ts'
import { deleteDkimKeysOf, dkimKeysOf, insertDkimKey } from '../store/dkim-keys.ts'
import {
  changeDomain,
  deleteDomain,
  domainOfAccount,
  domainsOf,
  hasMailboxes,
  insertDomainOnce,
  isDomainUsed,
  lockDomain,
  takeOverDomain,
} from '../store/domains.ts'
import { type LogAction, type NewLogEntry, appendLogs } from '../store/log.ts'
import type { Row } from '../store/schema.ts'
import { makeDkimKeys, publicKeysOf } from './dkim-keys.ts'

type Domain = Row<'domains'>

/** What was seen in the DNS at the last look. */
export type DomainFinding = Pick<WantedRecord, 'purpose' | 'type' | 'name'> & { state: 'ok' | 'warning' | 'wrong' | 'missing' | 'unknown' }

export type DomainCode =
  | 'BAD_DOMAIN'
  | 'DOMAIN_NOT_FREE'
  | 'DOMAIN_NOT_FOUND'
  | 'DOMAIN_IN_USE'
  | 'TOO_MANY_DOMAINS'
  | 'NO_DNS_HERE'
  | 'KEY_NOT_ACCEPTED'

export type Domains = {
  /** What is to be published for it in its own zone. */
  records(db: Db, domain: Domain): Promise<WantedRecord[]>
  /** It waits to be verified. DOMAIN_NOT_FREE: somebody has it, or a mailbox there, whoever that is. */
  add(actor: KeyActor, text: string): Promise<Result<Domain, DomainCode>>
  /** Looks the records up. A domain that was proved once stays so: an answer that is missing for an hour takes no mail away. */
  verify(actor: KeyActor, id: DomainId): Promise<Result<Domain, DomainCode>>
  /** DOMAIN_IN_USE: it has or had mailboxes, or has aliases. */
  remove(actor: KeyActor, id: DomainId): Promise<Result<DomainId, DomainCode>>
}

/** `hostname` null: in local mode, where no DNS is asked. `makeDkim` only for tests, which hand in keys made before. */
export type DomainsDeps = {
  store: Store
  clock: Clock
  resolver: Resolver
  hostname: DomainName | null
  makeDkim?: typeof makeDkimKeys
}

const most = 100
/** The others are of the server, and of whoever runs it. */
const ofTheDomain: ReadonlySet<Purpose> = new Set(['mx', 'spf', 'dkim', 'dmarc'])

export function createDomains({ store, clock, resolver, hostname, makeDkim = makeDkimKeys }: DomainsDeps): Domains {
  const records = async (db: Db, domain: Domain): Promise<WantedRecord[]> => {
    if (hostname === null) return []
    const dkim = publicKeysOf(await dkimKeysOf(db, domain.id))
    const wanted = recordsToPublish({ domain: domain.name as DomainName, hostname, addresses: [], dkim, reportsTo: null })
    return wanted.filter(({ purpose }) => ofTheDomain.has(purpose))
  }
  return {
    records,

    async add(actor, text) {
      if (hostname === null) return fail('NO_DNS_HERE')
      const name = parseDomainName(text)
      if (name === null || !name.includes('.')) return fail('BAD_DOMAIN')
      const now = clock.now()
      // Before the transaction: making an RSA key takes a moment, and the store has one writer.
      const dkim = await makeDkim(now)
      return store.transaction(async (tx) => {
        // Deleted since the call began.
        if ((await lockAccount(tx, actor.accountId))?.deleted_at !== null) return fail('KEY_NOT_ACCEPTED')
        if ((await domainsOf(tx, actor.accountId)).length >= most) return fail('TOO_MANY_DOMAINS')
        const before = await lockDomain(tx, name)
        // Of an account that was deleted, but people who signed up are still there: only whoever runs the server hands that on.
        if (before !== undefined && (await hasMailboxes(tx, before.id))) return fail('DOMAIN_NOT_FREE')
        const taken = before && (await takeOverDomain(tx, before, { account_id: actor.accountId, is_pending: 1, created_at: now }))
        const domain: Domain = taken ?? {
          id: newId('domain', now),
          account_id: actor.accountId,
          name,
          catch_all_mailbox_id: null,
          is_pending: 1,
          verified_at: null,
          findings_json: null,
          created_at: now,
        }
        if (taken === undefined && !(await insertDomainOnce(tx, domain))) return fail('DOMAIN_NOT_FREE')
        const keys = dkim.map((forDomain) => forDomain(domain.id))
        for (const key of keys) await insertDkimKey(tx, key)
        const metadata = { dkim_selectors: keys.map(({ selector }) => selector) }
        await appendLogs(tx, [{ ...entry(actor, domain, 'domain.added', now, actor), metadata, details: { name } }])
        return ok(domain)
      })
    },

    async verify(actor, id) {
      if (hostname === null) return fail('NO_DNS_HERE')
      const seen = await domainOfAccount(store.db, actor.accountId, id)
      if (seen === undefined) return fail('DOMAIN_NOT_FOUND')
      const signing = (await dkimKeysOf(store.db, id))
        .filter(({ state }) => state === 'active')
        .map(({ selector }) => `${selector}._domainkey.`)
      const wanted = (await records(store.db, seen)).filter(
        ({ purpose, name }) => purpose !== 'dkim' || signing.some((selector) => name.startsWith(selector)),
      )
      const findings = (await checkRecords(resolver, wanted)).map(({ record: { purpose, type, name }, state }) => ({
        purpose,
        type,
        name,
        state,
      }))
      return store.transaction(async (tx) => {
        const domain = await lockedDomain(tx, actor, seen)
        if (domain === undefined) return fail('DOMAIN_NOT_FOUND')
        const now = clock.now()
        const isProved = verifiedParts(findings).dkim
        const changed = {
          findings_json: JSON.stringify(findings),
          is_pending: isProved ? 0 : domain.is_pending,
          verified_at: isProved ? (domain.verified_at ?? now) : domain.verified_at,
        }
        await changeDomain(tx, domain.id, changed)
        const metadata = { ...verifiedParts(findings), is_pending: changed.is_pending === 1 }
        await appendLogs(tx, [{ ...entry(actor, domain, 'domain.checked', now, actor), metadata }])
        return ok({ ...domain, ...changed })
      })
    },

    remove: (actor, id) =>
      store.transaction(async (tx) => {
        const seen = await domainOfAccount(tx, actor.accountId, id)
        const domain = seen && (await lockedDomain(tx, actor, seen))
        if (domain === undefined) return fail('DOMAIN_NOT_FOUND')
        if (await isDomainUsed(tx, domain.id)) return fail('DOMAIN_IN_USE')
        await forget(tx, actor, domain, actor, clock.now())
        return ok(domain.id)
      }),
  }
}

/** On the host: takes away what was added and never proved, whoever did. DOMAIN_NOT_FOUND: there is no such thing. DOMAIN_IN_USE: mailboxes of an account
 *  that was deleted hang on it. */
export async function releaseClaim(
  { store, clock }: Pick<DomainsDeps, 'store' | 'clock'>,
  text: string,
): Promise<Result<Domain, 'DOMAIN_NOT_FOUND' | 'DOMAIN_IN_USE'>> {
  const name = parseDomainName(text)
  if (name === null) return fail('DOMAIN_NOT_FOUND')
  return store.transaction(async (tx) => {
    const domain = await lockDomain(tx, name)
    if (domain?.is_pending !== 1) return fail('DOMAIN_NOT_FOUND')
    if (await isDomainUsed(tx, domain.id)) return fail('DOMAIN_IN_USE', `It was claimed by ${domain.account_id}.`)
    const host: SystemActor = { kind: 'system', part: 'host' }
    const tenancy = { accountId: domain.account_id, world: 'live' } as const
    await forget(tx, host, domain, tenancy, clock.now())
    return ok(domain)
  })
}

/** Ends with an entry of the log. */
async function forget(tx: Tx, actor: Actor, domain: Domain, tenancy: Tenancy, now: number): Promise<void> {
  await deleteDkimKeysOf(tx, domain.id)
  await deleteDomain(tx, domain.id)
  await appendLogs(tx, [{ ...entry(actor, domain, 'domain.deleted', now, tenancy), details: { name: domain.name } }])
}

async function lockedDomain(tx: Tx, { accountId }: KeyActor, { id, name }: Domain): Promise<Domain | undefined> {
  const domain = await lockDomain(tx, name)
  return domain?.id === id && domain.account_id === accountId ? domain : undefined
}

/** Which parts were as they should be. A part without a record was not. */
export function verifiedParts(findings: readonly DomainFinding[]): { dkim: boolean; spf: boolean; mx: boolean; dmarc: boolean } {
  const isOk = (purpose: Purpose): boolean => {
    const own = findings.filter((finding) => finding.purpose === purpose)
    return own.length > 0 && own.every(({ state }) => state === 'ok')
  }
  return { dkim: isOk('dkim'), spf: isOk('spf'), mx: isOk('mx'), dmarc: isOk('dmarc') }
}

const entry = (actor: Actor, { id }: Domain, action: LogAction, at: number, tenancy: Tenancy): NewLogEntry => ({
  at,
  actor,
  tenancy,
  action,
  resourceType: 'domain',
  resourceId: id,
})
