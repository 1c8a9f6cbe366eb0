/** The life of a mailbox: made, suspended for a time, deleted, brought back. Each change is on the record. */
import type { Actor, SystemActor } from '../model/actor.ts'
import { type Address, addressKey, domainOf, localPartOf, parseAddress } from '../model/address.ts'
import { type OversightMode, defaultMode, isHigher } from '../model/email.ts'
import { type AccountId, type MailboxId, newId } from '../model/ids.ts'
import { type Result, fail, ok } from '../model/result.ts'
import type { Tenancy, World } from '../model/world.ts'
import type { Clock } from '../platform/clock.ts'
import { findAccount } from '../store/accounts.ts'
import { aliasAt } from '../store/aliases.ts'
import type { Db, Store, Tx } from '../store/db.ts'
import { domainsOf, lockDomain } from '../store/domains.ts'
import { type LogAction, type NewLogEntry, appendLogs } from '../store/log.ts'
import { asMade, type MailboxState, countMailboxes, insertMailbox, mailboxAt, setMailboxState, stateOf } from '../store/mailboxes.ts'
import type { Row } from '../store/schema.ts'
import { type SettingsChange, refuses, settle } from './mailbox-settings.ts'

type Mailbox = Row<'mailboxes'>

/** suspend: mail for it is asked to come again, its agent cannot send. delete: gone from every list, and its address is refused; its mail stays
 *  on the record for reviewers and the operator, and what waited ends. resume: takes either back. */
export type MailboxChange = 'suspend' | 'resume' | 'delete'

export type MailboxProblem = 'MAILBOX_NOT_FOUND' | 'MAILBOX_DELETED' | 'ADDRESS_TAKEN'

/** `changed` false: it was so already. */
export type ChangedMailbox = { address: string; state: MailboxState; changed: boolean }

/** Ends some of what waits in a mailbox; `whole`: nothing does any more. `entries` go on the record at the end of the transaction. */
type EndMail = (tx: Tx, mailbox: MailboxId, by: { actor: Actor; now: number }) => Promise<{ entries: NewLogEntry[]; whole: boolean }>

/** Takes away what tells of a mailbox over HTTPS. @returns what goes on the record at the end of the transaction */
type EndWebhooks = (tx: Tx, mailbox: MailboxId, by: { actor: Actor; now: number }) => Promise<NewLogEntry[]>

export type LifeDeps = { store: Store; clock: Clock; endMail: EndMail; endWebhooks: EndWebhooks }

const steps: Record<MailboxChange, { state: MailboxState; action: LogAction }> = {
  suspend: { state: 'suspended', action: 'mailbox.suspended' },
  resume: { state: 'active', action: 'mailbox.resumed' },
  delete: { state: 'deleted', action: 'mailbox.deleted' },
}
const host: SystemActor = { kind: 'system', part: 'host' }

/** MAILBOX_DELETED: what is deleted cannot be suspended. ADDRESS_TAKEN: what was deleted cannot come back, its address is an alias now.
 *  @param text the address, as people write it */
export function changeMailbox(
  deps: LifeDeps,
  change: MailboxChange,
  text: string,
  world: World,
  actor: Actor = host,
): Promise<Result<ChangedMailbox, MailboxProblem>> {
  const address = parseAddress(text)
  return address === null ? Promise.resolve(notFound(text)) : step(deps, change, address, { world, actor })
}

/** One transaction, unless so much waits in a mailbox that is to be deleted that it is ended bit by bit; until the last of them it is suspended. */
async function step(
  deps: LifeDeps,
  change: MailboxChange,
  address: Address,
  by: { world: World; actor: Actor },
): Promise<Result<ChangedMailbox, MailboxProblem>> {
  for (;;) {
    const done = await deps.store.transaction((tx) => stepIn(tx, deps, change, address, by))
    if (done !== 'more') return done
  }
}

async function stepIn(
  tx: Tx,
  { clock, endMail, endWebhooks }: LifeDeps,
  change: MailboxChange,
  wanted: Address,
  { world, actor }: { world: World; actor: Actor },
): Promise<Result<ChangedMailbox, MailboxProblem> | 'more'> {
  await lockDomain(tx, domainOf(wanted))
  const mailbox = await mailboxAt(tx, world, addressKey(wanted))
  // With its account it went for good, although its address may be kept.
  if (mailbox === undefined || (await isAccountDeleted(tx, mailbox.account_id))) return notFound(wanted)
  const [from, { state, action }, now, { address }] = [stateOf(mailbox), steps[change], clock.now(), mailbox]
  if (from === state) return ok({ address, state, changed: false })
  if (from === 'deleted' && change === 'suspend') return fail('MAILBOX_DELETED', `${address} is deleted.`)
  if (from === 'deleted' && world === 'live' && (await aliasAt(tx, address)) !== undefined)
    return fail('ADDRESS_TAKEN', `${address} is an alias of another mailbox now. Remove that alias first.`)
  // First, so that whoever files something in it just now has done so, and nobody begins to.
  await setMailboxState(tx, mailbox.id, state, now)
  const ended = change === 'delete' ? await endMail(tx, mailbox.id, { actor, now }) : { entries: [], whole: true }
  if (!ended.whole) {
    await setMailboxState(tx, mailbox.id, 'suspended', now)
    await appendLogs(tx, ended.entries)
    return 'more'
  }
  const untold = change === 'delete' ? await endWebhooks(tx, mailbox.id, { actor, now }) : []
  const tenancy = { accountId: mailbox.account_id, world }
  const about = { at: now, actor, tenancy, resourceType: 'mailbox', resourceId: mailbox.id }
  await appendLogs(tx, [...ended.entries, ...untold, { ...about, action, metadata: { from } }])
  return ok({ address, state, changed: true })
}

const isAccountDeleted = async (tx: Tx, id: AccountId): Promise<boolean> => (await findAccount(tx, id))?.deleted_at !== null

const notFound = (text: string) => fail('MAILBOX_NOT_FOUND', `There is no mailbox ${JSON.stringify(text)}.`)

/** `address`: what stands before the @, when the account has one domain, or the whole. `mode`: taken when it leaves an agent no more than a new mailbox does. */
export type NewMailbox = { address: string; displayName: string | null; mode?: OversightMode | undefined }
export type CreateCode = 'BAD_MAILBOX_ADDRESS' | 'ADDRESS_IN_USE' | 'ADDRESS_RESERVED' | 'MAILBOX_LIMIT'

/** RFC 5321 and RFC 2142 give some names to whoever runs a domain; and with mail to the others a certificate for it can be had (CA/Browser Forum,
 *  Baseline Requirements 3.2.2.4.4). */
export const reserved: ReadonlySet<string> = new Set([
  'postmaster',
  'abuse',
  'mailer-daemon',
  'hostmaster',
  'webmaster',
  'admin',
  'administrator',
])

/** The rooms of callers: whoever calls has checked that the key may. */
export type Mailboxes = {
  /** What would keep it from being made, asked before a person is. @returns the address in the compared form, and the mode it would have */
  check(tx: Tx, tenancy: Tenancy, request: NewMailbox): Promise<Result<{ address: string; mode: OversightMode }, CreateCode>>
  /** @returns `entries` go on the record at the end of the transaction */
  create(tx: Tx, actor: Actor & Tenancy, request: NewMailbox): Promise<Result<{ mailbox: Mailbox; entries: NewLogEntry[] }, CreateCode>>
  refuses: typeof refuses
  /** @returns the mailbox as it is now; `entries` go on the record at the end of the transaction */
  settle(tx: Tx, mailbox: Mailbox, change: SettingsChange, actor: Actor): ReturnType<typeof settle>
  remove(actor: Actor & Tenancy, mailbox: Mailbox): Promise<Result<ChangedMailbox, MailboxProblem>>
}

/** @param deps.most mailboxes of one account in one world; null: any number */
export const createMailboxes = (deps: LifeDeps & { most: number | null }): Mailboxes => ({
  async check(tx, tenancy, request) {
    const place = await placeFor(tx, tenancy, request.address, deps.most)
    return place.ok ? ok({ address: place.value.address, mode: modeOf(request) }) : place
  },
  async create(tx, actor, request) {
    const place = await placeFor(tx, actor, request.address, deps.most)
    if (!place.ok) return place
    const draft = { ...place.value, world: actor.world, displayName: request.displayName, mode: modeOf(request) }
    const { row, entry } = await makeMailbox(tx, draft, { actor, now: deps.clock.now() })
    return ok({ mailbox: row, entries: [entry] })
  },
  refuses,
  settle: (tx, mailbox, change, actor) => settle(tx, mailbox, change, { actor, now: deps.clock.now() }),
  remove: (actor, { address, world }) => changeMailbox(deps, 'delete', address, world, actor),
})

/** Never more than a new mailbox has (contract §14 A11). */
const modeOf = ({ mode = defaultMode }: NewMailbox): OversightMode => (isHigher(mode, defaultMode) ? defaultMode : mode)

/** A domain of the account, locked, and an address of it that nobody has or had. */
async function placeFor(
  tx: Tx,
  tenancy: Tenancy,
  text: string,
  most: number | null,
): Promise<Result<{ domain: Row<'domains'>; address: string }, CreateCode>> {
  const names = (await domainsOf(tx, tenancy.accountId)).filter(({ is_pending }) => is_pending === 0).map(({ name }) => name)
  const parsed = readAddress(text, names)
  if (!parsed.ok) return parsed
  const domain = await lockDomain(tx, domainOf(parsed.value))
  if (domain === undefined || domain.account_id !== tenancy.accountId || domain.is_pending === 1)
    return fail('BAD_MAILBOX_ADDRESS', `Its domain must be one of this account: ${names.join(', ')}.`)
  const address = addressKey(parsed.value)
  const local = localPartOf(address as Address)
  if (reserved.has(local))
    return fail('ADDRESS_RESERVED', `${local}@ belongs to whoever runs the domain; only a command on the host can make it.`)
  const taken = await whyTaken(tx, address, tenancy.world)
  if (taken !== null) return fail('ADDRESS_IN_USE', taken)
  if (most !== null && (await countMailboxes(tx, tenancy)) >= most)
    return fail('MAILBOX_LIMIT', `This account may have ${most}, and has them.`)
  return ok({ domain, address })
}

/** Letters, digits and what is usual between them: an address that every form on the web takes, and that leads to nobody else here (no `+detail`). */
const plainLocalPart = /^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$/i

function readAddress(text: string, domains: readonly string[]): Result<Address, 'BAD_MAILBOX_ADDRESS'> {
  const [only, ...others] = domains
  const isWhole = text.includes('@')
  if (only === undefined) return fail('BAD_MAILBOX_ADDRESS', 'This account has no domain yet.')
  if (!isWhole && others.length > 0)
    return fail('BAD_MAILBOX_ADDRESS', `This account has several domains; write the whole address, at one of ${domains.join(', ')}.`)
  const address = parseAddress(isWhole ? text : `${text}@${only}`)
  if (address === null || !plainLocalPart.test(localPartOf(address)))
    return fail('BAD_MAILBOX_ADDRESS', 'Before the @ may stand letters, digits, dots, hyphens and underscores, at most 64.')
  return ok(address)
}

/** Why nobody can have this address for a new mailbox; null when it is free. Addresses are never used again: what was written to the one who had it
 *  must not reach another. @param address the compared form */
export async function whyTaken(tx: Db, address: string, world: World): Promise<string | null> {
  if ((await aliasAt(tx, address)) !== undefined) return `${address} is an alias of another mailbox.`
  const there = await mailboxAt(tx, world, address)
  if (there === undefined) return null
  return stateOf(there) === 'deleted'
    ? `${address} was deleted, and no address is given out twice.`
    : `There is a mailbox ${address} already.`
}

/** @property address the compared form */
export type MailboxDraft = {
  domain: Pick<Row<'domains'>, 'id' | 'account_id'>
  world: World
  address: string
  displayName: string | null
  mode: OversightMode
}

/** Writes the row. @returns with it, what goes on the record at the end of the transaction */
export async function makeMailbox(
  tx: Tx,
  { domain, world, address, displayName, mode }: MailboxDraft,
  { actor, now }: { actor: Actor; now: number },
): Promise<{ row: Mailbox; entry: NewLogEntry }> {
  const row: Mailbox = {
    id: newId('mailbox', now),
    account_id: domain.account_id,
    world,
    domain_id: domain.id,
    address,
    display_name: displayName,
    oversight_mode: mode,
    ...asMade,
    created_at: now,
  }
  await insertMailbox(tx, row)
  return {
    row,
    entry: {
      at: now,
      actor,
      tenancy: { accountId: domain.account_id, world },
      action: 'mailbox.created',
      resourceType: 'mailbox',
      resourceId: row.id,
      metadata: { oversight_mode: mode },
      details: { address },
    },
  }
}
