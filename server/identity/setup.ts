import { type DomainName, parseDomainName } from '../../dns/name.ts'
import type { DkimPublicKey } from '../../dns/records.ts'
import type { Scope, SystemActor } from '../model/actor.ts'
import { type Address, addressKey, parseAddress } from '../model/address.ts'
import { defaultMode } from '../model/email.ts'
import { type AccountId, type DomainId, type MailboxId, newId } from '../model/ids.ts'
import { type Result, fail, ok } from '../model/result.ts'
import { type World, worlds } from '../model/world.ts'
import type { Clock } from '../platform/clock.ts'
import { accountMeant, findAccount, insertAccount, isMeant } from '../store/accounts.ts'
import { aliasAt } from '../store/aliases.ts'
import type { Store, Tx } from '../store/db.ts'
import { dkimKeysOf, insertDkimKey } from '../store/dkim-keys.ts'
import { changeDomain, insertDomain, isDomainFree, lockDomain, takeOverDomain } from '../store/domains.ts'
import { insertKey, listKeys } from '../store/keys.ts'
import { type NewLogEntry, appendLog } from '../store/log.ts'
import { findMailbox, mailboxAt } from '../store/mailboxes.ts'
import type { Row } from '../store/schema.ts'
import { isSlugTaken } from '../store/signups.ts'
import { type FreshDkimKey, makeDkimKeys, publicKeysOf } from './dkim-keys.ts'
import { type IssuedKey, draftKey } from './keys.ts'
import { makeMailbox } from './mailboxes.ts'

/** What an operator asks for. `mailbox` is the local part; `accountName` (or the id of an account) left out joins the oldest account
 *  that was made on the host, or makes one named after the domain. */
export type SetupRequest = {
  domain: string
  mailbox: string
  accountName?: string
  /** a mailbox of the same address in the test world, and an admin key for it */
  withTestKey?: boolean
  /** issue keys although there are some already */
  newKeys?: boolean
}

/** What there is now. `created` names what this run made; a key is null when this run issued none. */
export type Setup = {
  account: { id: AccountId; name: string }
  domain: { id: DomainId; name: DomainName }
  dkim: readonly DkimPublicKey[]
  mailbox: { id: MailboxId; address: string }
  testMailbox: { id: MailboxId; address: string } | null
  created: readonly Part[]
  keys: { agent: IssuedKey | null; reviewer: IssuedKey | null; test: IssuedKey | null }
}
type Part = 'account' | 'domain' | 'mailbox' | 'test mailbox'

export type SetupProblem = 'BAD_DOMAIN' | 'BAD_MAILBOX' | 'DOMAIN_TAKEN' | 'ADDRESS_TAKEN' | 'ACCOUNT_TAKEN'

/** `makeDkim` only where time matters more than secrecy: a test hands in keys made before. */
export type SetupDeps = { store: Store; clock: Clock; makeDkim?: typeof makeDkimKeys }

const host: SystemActor = { kind: 'system', part: 'host' }

/** Makes what is missing of an account, a domain with its DKIM keys, a mailbox (`gated_send`), an agent key (read, send; this mailbox) and a
 *  reviewer key (read, oversight), in one transaction. Asking again makes nothing twice. DOMAIN_TAKEN: another account has the domain.
 *  ADDRESS_TAKEN: the address is an alias, or of a mailbox that was deleted. ACCOUNT_TAKEN: somebody signed up for an account of this name. */
export async function setUp(deps: SetupDeps, request: SetupRequest): Promise<Result<Setup, SetupProblem>> {
  const domain = parseDomainName(request.domain)
  if (domain === null) return fail('BAD_DOMAIN', 'Write a domain such as example.com.')
  const address = parseAddress(`${request.mailbox}@${domain}`)
  if (address === null) return fail('BAD_MAILBOX', 'Write what stands before the @ only, such as agent.')
  const now = deps.clock.now()
  // Before the transaction: making an RSA key takes a moment, and the store has one writer.
  const dkim = (await isDomainFree(deps.store.db, domain)) ? await (deps.makeDkim ?? makeDkimKeys)(now) : []
  return deps.store.transaction(async (tx) => {
    const work: Work = { tx, now, entries: [], created: [] }
    const setup = await everything(work, request, domain, address, dkim)
    for (const entry of work.entries) await appendLog(tx, entry)
    return setup
  })
}

/** One run: `entries` wait for the end of the transaction, because appending locks the log. */
type Work = { tx: Tx; now: number; entries: NewLogEntry[]; created: Part[] }

async function everything(
  work: Work,
  request: SetupRequest,
  name: DomainName,
  address: Address,
  dkim: readonly FreshDkimKey[],
): Promise<Result<Setup, SetupProblem>> {
  const known = await lockDomain(work.tx, name)
  const owner = known && (await findAccount(work.tx, known.account_id))
  const { accountName } = request
  const account = owner?.deleted_at === null ? owner : await ensureAccount(work, accountName, name)
  if (account === null)
    return fail(
      'ACCOUNT_TAKEN',
      `Somebody signed up for an account named ${accountName ?? name}. Write another name with --account, or its id.`,
    )
  if (!isMeant(account, accountName, slugNamed(accountName))) return fail('DOMAIN_TAKEN', `Another account already has the domain ${name}.`)
  const taken = await whyTaken(work.tx, addressKey(address), account.id)
  if (taken !== null) return fail('ADDRESS_TAKEN', taken)
  const domain =
    known !== undefined && owner === account ? known : await makeDomain(work, { accountId: account.id, name, dkim, before: known })
  // What is set up on the host is the operator's word.
  if (domain.is_pending === 1) await changeDomain(work.tx, domain.id, { is_pending: 0 })
  const mailbox = await ensureMailbox(work, domain, 'live', address)
  const testMailbox = request.withTestKey ? await ensureMailbox(work, domain, 'test', address) : undefined
  return ok({
    account: { id: account.id, name: account.name },
    domain: { id: domain.id, name },
    dkim: publicKeysOf(await dkimKeysOf(work.tx, domain.id)),
    mailbox,
    testMailbox: testMailbox ?? null,
    created: work.created,
    keys: await ensureKeys(work, request, account.id, mailbox.id),
  })
}

/** Null: somebody who signed up has the slug. */
async function ensureAccount(work: Work, name: string | undefined, domain: DomainName): Promise<Row<'accounts'> | null> {
  const existing = await accountMeant(work.tx, name, slugNamed(name))
  if (existing !== undefined) return existing
  const chosen = name ?? domain
  if (await isSlugTaken(work.tx, slugOf(chosen))) return null
  const account: Row<'accounts'> = {
    id: newId('account', work.now),
    name: chosen,
    slug: slugOf(chosen),
    physical_address: null,
    oversight_email: null,
    signed_up_at: null,
    exported_at: null,
    test_exported_at: null,
    deleted_at: null,
    removed_at: null,
    created_at: work.now,
  }
  await insertAccount(work.tx, account)
  made(work, 'account', account.id, 'live', {
    action: 'account.created',
    resourceType: 'account',
    resourceId: account.id,
    details: { name: chosen },
  })
  return account
}

/** Letters, digits and hyphens. Two names that differ in nothing else are one account. */
const slugOf = (name: string): string =>
  name
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, '-')
    .replace(/^-|-$/g, '')
    .slice(0, 60) || 'account'

const slugNamed = (name: string | undefined): string | undefined => (name === undefined ? undefined : slugOf(name))

type NewDomain = {
  accountId: AccountId
  name: DomainName
  dkim: readonly FreshDkimKey[]
  /** as an account left it that was deleted */ before: Row<'domains'> | undefined
}

async function makeDomain(work: Work, { accountId, name, dkim, before }: NewDomain): Promise<Row<'domains'>> {
  const taken = before && (await takeOverDomain(work.tx, before, { account_id: accountId, is_pending: 0, created_at: work.now }))
  const domain: Row<'domains'> = taken ?? {
    id: newId('domain', work.now),
    account_id: accountId,
    name,
    catch_all_mailbox_id: null,
    is_pending: 0,
    verified_at: null,
    findings_json: null,
    created_at: work.now,
  }
  const keys = dkim.map((forDomain) => forDomain(domain.id))
  if (taken === undefined) await insertDomain(work.tx, domain)
  for (const key of keys) await insertDkimKey(work.tx, key)
  const metadata = { dkim_selectors: keys.map(({ selector }) => selector) }
  made(work, 'domain', accountId, 'live', {
    action: 'domain.created',
    resourceType: 'domain',
    resourceId: domain.id,
    metadata,
    details: { name },
  })
  return domain
}

/** Null when a mailbox may have, or has, this address. */
async function whyTaken(tx: Tx, address: string, accountId: AccountId): Promise<string | null> {
  if ((await aliasAt(tx, address)) !== undefined) return `${address} is an alias of another mailbox. Remove the alias first.`
  for (const world of worlds) {
    const there = await mailboxAt(tx, world, address)
    if (there !== undefined && there.account_id !== accountId) return `${address} is a mailbox of another account.`
    if (typeof there?.deleted_at === 'number')
      return `The mailbox ${address} was deleted. \`multimail mailboxes resume ${address}\` brings it back.`
  }
  return null
}

async function ensureMailbox(work: Work, domain: Row<'domains'>, world: World, address: Address): Promise<Setup['mailbox']> {
  const key = addressKey(address)
  const existing = await findMailbox(work.tx, { accountId: domain.account_id, world }, key)
  if (existing !== undefined) return { id: existing.id, address: key }
  const draft = { domain, world, address: key, displayName: null, mode: defaultMode }
  const { row, entry } = await makeMailbox(work.tx, draft, { actor: host, now: work.now })
  work.created.push(world === 'live' ? 'mailbox' : 'test mailbox')
  work.entries.push(entry)
  return { id: row.id, address: key }
}

function made(work: Work, part: Part, accountId: AccountId, world: World, entry: Omit<NewLogEntry, 'at' | 'actor' | 'tenancy'>): void {
  work.created.push(part)
  work.entries.push({ ...entry, at: work.now, actor: host, tenancy: { accountId, world } })
}

/** Keys for what is new, or for all when asked: nobody gets a second set by running the command again. */
async function ensureKeys(work: Work, request: SetupRequest, accountId: AccountId, mailboxId: MailboxId): Promise<Setup['keys']> {
  const live = { accountId, world: 'live' } as const
  const again = request.newKeys === true
  const reviewed = (await listKeys(work.tx, live)).some((key) => key.revoked_at === null && key.scopes_json.includes('"oversight"'))
  const issue = async (tenancy: { accountId: AccountId; world: World }, name: string, scopes: readonly Scope[], bound?: MailboxId) => {
    const drafted = draftKey({ tenancy, name, scopes, ...(bound === undefined ? {} : { mailboxIds: [bound] }) }, work.now)
    if (!drafted.ok) throw new Error(drafted.detail)
    await insertKey(work.tx, drafted.value.row)
    work.entries.push(drafted.value.logEntry)
    return { key: drafted.value.key, id: drafted.value.row.id }
  }
  return {
    agent: again || work.created.includes('mailbox') ? await issue(live, 'agent', ['read', 'send'], mailboxId) : null,
    reviewer: again || !reviewed ? await issue(live, 'reviewer', ['read', 'oversight']) : null,
    test:
      request.withTestKey && (again || work.created.includes('test mailbox'))
        ? await issue({ accountId, world: 'test' }, 'test', ['admin'])
        : null,
  }
}
