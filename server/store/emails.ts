import { type Kysely, type SelectQueryBuilder, type Transaction, sql } from 'kysely'
import { isPostgres } from './engine.ts'
import type { Direction, EmailStatus, HeaderAddress } from '../model/email.ts'
import { type Address, addressKey } from '../model/address.ts'
import type { Envelope } from '../model/envelope.ts'
import type { Finding } from '../model/finding.ts'
import { type EmailId, type KeyId, type MailboxId, type ThreadId, firstIdAt } from '../model/ids.ts'
import { type Happening, type Moved, moves } from '../model/life.ts'
import type { Reason } from '../model/reason.ts'
import type { SenderIdentity } from '../model/sender-identity.ts'
import type { AuthenticationResults } from '../model/verdict.ts'
import type { Tenancy } from '../model/world.ts'
import { insertPrepared, prepare, prepareChange, prepareShapes } from './prepared.ts'
import type { Database, NewRow, Row } from './schema.ts'

export type EmailRow = Row<'emails'>

/** The columns for what happens to an email later on, as they are when it is made. */
export const untouched = {
  approved_at: null,
  approved_by: null,
  undo_until: null,
  rejection_reason: null,
  rejection_code: null,
  redo_asked: 0,
  ended_by: null,
  replaces_id: null,
  replaced_by_id: null,
  delivered_at: null,
  bounced_at: null,
  bounce_type: null,
  read_at: null,
  user_label: null,
  send_at: null,
  due_at: null,
  gate_timing: null,
  priority: 1,
  give_up_after_ms: null,
  copies_json: null,
  footer: null,
  oversight_said: null,
  drafter_id: null,
  taint_json: null,
  findings_json: null,
} as const satisfies Partial<EmailRow>

/** The columns that only an arriving message fills. */
export const notArrived = {
  authentication_json: null,
  sender_identity_json: null,
  spam_score: null,
  spam_verdict: null,
  reasons_json: '[]',
  hidden_text: null,
  hidden_characters: null,
  automatic: null,
  require_tls: 0,
} as const satisfies Partial<EmailRow>

export const insertEmail = (tx: Transaction<Database>, row: NewRow<'emails'>): Promise<void> => insertPrepared(tx, 'emails', row)

/** The email, if this tenancy has it; an id of somebody else's does not exist (design promise 9). */
export const findEmail = async (db: Kysely<Database>, { accountId, world }: Tenancy, id: EmailId): Promise<EmailRow | undefined> =>
  (await found(db, { accountId, world, id }))[0]

const found = prepare((db, { accountId, world, id }: Tenancy & { id: EmailId }) =>
  ownEmails(db, { accountId, world }).selectAll().where('id', '=', id),
)

/** For the appliance's own work (delivery, expiry), which acts for no caller. */
export const emailById = async (db: Kysely<Database>, id: EmailId): Promise<EmailRow | undefined> => (await byId(db, { id }))[0]

const byId = prepare((db, { id }: { id: EmailId }) => db.selectFrom('emails').selectAll().where('id', '=', id))

/** The same, locked until the transaction ends. SQLite has one writer anyway. */
export const lockEmail = async (tx: Transaction<Database>, id: EmailId): Promise<EmailRow | undefined> => (await locked(tx, { id }))[0]

const locked = prepare((db, { id }: { id: EmailId }) => {
  const email = db.selectFrom('emails').selectAll().where('id', '=', id)
  return isPostgres(db) ? email.forUpdate() : email
})

/** As it stands, and as it stays until the transaction ends: whoever else wants to change it waits. SQLite has one writer anyway. */
export const emailToChange = (tx: Transaction<Database>, id: EmailId): Promise<EmailRow | undefined> => {
  const query = tx.selectFrom('emails').selectAll().where('id', '=', id)
  return (isPostgres(tx) ? query.forNoKeyUpdate() : query).executeTakeFirst()
}

/** What waits for its time in one mailbox. */
export const scheduledOf = (db: Kysely<Database>, mailboxId: MailboxId, limit: number): Promise<EmailRow[]> =>
  db
    .selectFrom('emails')
    .selectAll()
    .where('status', '=', 'scheduled')
    .where('mailbox_id', '=', mailboxId)
    .orderBy('due_at')
    .limit(limit)
    .execute()

/** What is to be looked at by `now` (epoch ms), the longest due first; what is in a mailbox that is closed is not due. */
export const dueScheduled = (db: Kysely<Database>, now: number, limit: number): Promise<Pick<EmailRow, 'id' | 'mailbox_id'>[]> =>
  db
    .selectFrom('emails')
    .select(['id', 'mailbox_id'])
    .where('status', '=', 'scheduled')
    .where('due_at', '<=', now)
    // Asked of each that is due: as a list of mailboxes SQLite would read all the mail that is in them.
    .where((email) =>
      email.exists(
        email.selectFrom('mailboxes').select('mailboxes.id').whereRef('mailboxes.id', '=', 'emails.mailbox_id').where('is_active', '=', 1),
      ),
    )
    .orderBy('due_at')
    .orderBy('id')
    .limit(limit)
    .execute()

/** Approved emails that wait so that the approval can be taken back, the first to leave first. @param now epoch ms */
export const undoableEmails = (db: Kysely<Database>, { accountId, world }: Tenancy, now: number, limit: number): Promise<EmailRow[]> =>
  db
    .selectFrom('emails')
    .selectAll()
    .where('account_id', '=', accountId)
    .where('world', '=', world)
    .where('undo_until', '>', now)
    .where('undo_until', 'is not', null)
    .where('status', '=', 'scheduled')
    .orderBy('undo_until')
    .limit(limit)
    .execute()

/** Looks at it again at `until` (epoch ms) only. */
export const putOffScheduled = async (db: Kysely<Database>, id: EmailId, until: number): Promise<void> => {
  await db.updateTable('emails').set({ due_at: until }).where('id', '=', id).where('status', '=', 'scheduled').execute()
}

/** When the next email after `after` is to be looked at (epoch ms); null when none is. */
export async function nextScheduled(db: Kysely<Database>, after: number): Promise<number | null> {
  const next = await db
    .selectFrom('emails')
    .select('due_at')
    .where('status', '=', 'scheduled')
    .where('due_at', '>', after)
    .orderBy('due_at')
    .limit(1)
    .executeTakeFirst()
  return next?.due_at ?? null
}

/** Who wrote or got, not by Bcc, the last `limit` emails of a thread that were let in or have left, in the compared form; null when there is none.
 *  @param before only those that are older than this one */
export async function participantsOf(
  db: Kysely<Database>,
  threadId: ThreadId,
  limit: number,
  before?: EmailId,
): Promise<Set<string> | null> {
  let query = db
    .selectFrom('emails')
    .select(['from_address', 'to_json', 'cc_json'])
    .where('thread_id', '=', threadId)
    .where('status', 'in', ['unread', 'read', 'sent'])
  if (before !== undefined) query = query.where('id', '<', before)
  const rows = await query.orderBy('id', 'desc').limit(limit).execute()
  if (rows.length === 0) return null
  const named = rows.flatMap(({ to_json, cc_json }) => [
    ...(JSON.parse(to_json) as HeaderAddress[]),
    ...(JSON.parse(cc_json) as HeaderAddress[]),
  ])
  return new Set([...rows.map(({ from_address }) => from_address), ...named.map(({ address }) => address)].map(addressKey))
}

/** What a mailbox handed in after `since` (epoch ms), newest first. @param page.before an exclusive id */
export const handedIn = (
  db: Kysely<Database>,
  mailboxId: MailboxId,
  { since, before, limit }: { since: number; before: EmailId | null; limit: number },
): Promise<EmailRow[]> => {
  const query = db
    .selectFrom('emails')
    .selectAll()
    .where('mailbox_id', '=', mailboxId)
    // Spelt out, so that the index of these rows alone is found.
    .where('direction', '=', sql.lit('outbound'))
    .where('id', '>', firstIdAt('email', since))
    .where('content_hash', 'is not', null)
  return (before === null ? query : query.where('id', '<', before)).orderBy('id', 'desc').limit(limit).execute()
}

/** The keys that wrote it: that which handed it in, and that which drafted it. */
export const writingKeys = ({ composer_id, drafter_id }: Pick<EmailRow, 'composer_id' | 'drafter_id'>): KeyId[] =>
  [composer_id, drafter_id].flatMap((key) => key ?? [])

/** What the outgoing checks found in it. What they have not looked at is a finding. */
export const findingsOf = ({ findings_json }: Pick<EmailRow, 'findings_json'>): Finding[] =>
  findings_json === null ? [notLookedAt] : (JSON.parse(findings_json) as Finding[])
const notLookedAt: Finding = { kind: 'not_looked_at', where: 'the whole email: it is older than the checks', excerpt: null }

/** In no particular order. The caller has checked that they are the tenant's. */
export const emailsByIds = (db: Kysely<Database>, ids: readonly EmailId[]): Promise<EmailRow[]> =>
  ids.length === 0
    ? Promise.resolve([])
    : db
        .selectFrom('emails')
        .selectAll()
        .where('id', 'in', [...ids])
        .execute()

/** The envelope a row stands for; a draft has no forward-paths yet. Throws when the column does not hold what we wrote. */
export const envelopeOf = (row: Pick<EmailRow, 'reverse_path' | 'forward_paths_json'>): Envelope => ({
  reversePath: row.reverse_path === '' ? null : (row.reverse_path as Address),
  forwardPaths: JSON.parse(row.forward_paths_json) as Address[],
})

/** Emails to leave out: of this direction, with one of these statuses. */
export type Except = { direction: Direction; statuses: readonly EmailStatus[] }

/** The newest emails of a conversation, oldest first. */
export async function emailsOfThread(
  db: Kysely<Database>,
  tenancy: Tenancy,
  threadId: ThreadId,
  filter: { except: Except; limit: number },
): Promise<EmailRow[]> {
  const { accountId, world } = tenancy
  return (await newestOfThread(db, { tenancy: { accountId, world }, threadId, ...filter })).toReversed()
}

/** By the thread, whose tenancy is that of its emails: by the tenancy SQLite would read all that the tenant has. */
const inOwnThread = (db: Kysely<Database>, { accountId, world }: Tenancy, id: ThreadId) => {
  const thread = db.selectFrom('threads').select('id').where('id', '=', id).where('account_id', '=', accountId).where('world', '=', world)
  return db.selectFrom('emails').where('thread_id', 'in', thread)
}

type OfThread = { tenancy: Tenancy; threadId: ThreadId; except: Except }

const newestOfThread = prepareShapes((db, { tenancy, threadId, except, limit }: OfThread & { limit: number }) =>
  without(inOwnThread(db, tenancy, threadId), except)
    .selectAll()
    .orderBy('id', 'desc')
    .limit(limit),
)

/** An email as far as it says who takes part in a conversation. */
export type Participation = Pick<EmailRow, 'direction' | 'from_address' | 'from_name' | 'to_json' | 'cc_json'>

/** The newest emails of a conversation that somebody let in or sent: who writes spam, or was turned away, takes no part in it. */
export const participationIn = (db: Kysely<Database>, threadId: ThreadId, limit: number): Promise<Participation[]> =>
  db
    .selectFrom('emails')
    .select(['direction', 'from_address', 'from_name', 'to_json', 'cc_json'])
    .where('thread_id', '=', threadId)
    .where('status', 'in', ['unread', 'read', 'sent'])
    .orderBy('id', 'desc')
    .limit(limit)
    .execute()

/** How many a conversation has in all. */
export async function countOfThread(db: Kysely<Database>, tenancy: Tenancy, threadId: ThreadId, except: Except): Promise<number> {
  const { accountId, world } = tenancy
  return Number((await counted(db, { tenancy: { accountId, world }, threadId, except }))[0]?.count)
}

const counted = prepareShapes((db, { tenancy, threadId, except }: OfThread) =>
  without(inOwnThread(db, tenancy, threadId), except).select((row) => row.fn.countAll().as('count')),
)

/** What threading needs to know of an email. */
export type Ancestor = Pick<EmailRow, 'id' | 'thread_id' | 'message_id' | 'subject'>

// Somebody may send a thousand letters with a Message-ID they have seen. The first that had it is the one people answer.
const mostAncestors = 200

/** Emails of one mailbox that carry one of these Message-IDs, oldest first: how a reply finds its thread. */
export const emailsByMessageId = (db: Kysely<Database>, mailboxId: MailboxId, ids: readonly string[]): Promise<Ancestor[]> =>
  ids.length === 0
    ? Promise.resolve([])
    : db
        .selectFrom('emails')
        .select(['id', 'thread_id', 'message_id', 'subject'])
        .where('mailbox_id', '=', mailboxId)
        .where('message_id', 'in', [...ids])
        .orderBy('id')
        .limit(mostAncestors)
        .execute()

/** An email that these mailboxes sent. */
export async function sentById(db: Kysely<Database>, mailboxIds: readonly MailboxId[], id: EmailId): Promise<EmailRow | undefined> {
  const email = await emailById(db, id)
  return email?.direction === 'outbound' && email.status === 'sent' && mailboxIds.includes(email.mailbox_id) ? email : undefined
}

/** An email that these mailboxes sent with this Message-ID: at most one, as we make them. */
export const sentByMessageId = (db: Kysely<Database>, mailboxIds: readonly MailboxId[], messageId: string): Promise<EmailRow | undefined> =>
  mailboxIds.length === 0
    ? Promise.resolve(undefined)
    : db
        .selectFrom('emails')
        .selectAll()
        .where('mailbox_id', 'in', [...mailboxIds])
        .where('message_id', '=', messageId)
        .where('direction', '=', 'outbound')
        .where('status', '=', 'sent')
        .executeTakeFirst()

/** True when this mailbox has sent an email with this Message-ID. */
export const hasSent = async (db: Kysely<Database>, mailboxId: MailboxId, messageId: string): Promise<boolean> =>
  (await db
    .selectFrom('emails')
    .select('id')
    .where('mailbox_id', '=', mailboxId)
    .where('message_id', '=', messageId)
    .where('direction', '=', 'outbound')
    .limit(1)
    .executeTakeFirst()) !== undefined

/** Whose turn it was, and when. */
export type Turn = Pick<EmailRow, 'direction' | 'status' | 'received_at'>

/** The newest emails of a conversation, newest first. */
export const newestTurns = (db: Kysely<Database>, threadId: ThreadId, limit: number): Promise<Turn[]> =>
  db
    .selectFrom('emails')
    .select(['direction', 'status', 'received_at'])
    .where('thread_id', '=', threadId)
    .orderBy('id', 'desc')
    .limit(limit)
    .execute()

export const findByIdempotencyKey = (db: Kysely<Database>, mailboxId: MailboxId, key: string): Promise<EmailRow | undefined> =>
  db.selectFrom('emails').selectAll().where('mailbox_id', '=', mailboxId).where('idempotency_key', '=', key).executeTakeFirst()

/** All but its status, which only `moveEmail` writes. */
export type EmailChange = Partial<Omit<NewRow<'emails'>, 'id' | 'account_id' | 'world' | 'status'>> & { updated_at: number }

/** Writes what `step` (model/life.ts) said, and `change`, while the email has a status from which that may happen. @returns false when it had another:
 *  somebody was faster. */
export async function moveEmail(
  tx: Transaction<Database>,
  id: EmailId,
  { by, life: { status } }: Moved,
  change: EmailChange,
): Promise<boolean> {
  if (status === null) throw new Error(`email ${id} cannot become nothing`)
  const columns = ['status', ...Object.keys(change)] as (keyof typeof change | 'status')[]
  const key = `${columns.join()} ${by}`
  const known = changes.get(key) ?? changing(columns, by)
  changes.set(key, known)
  return (await known(tx, { ...change, status, changed: id })).length > 0
}

/** Notes something of an email, whatever its status. */
export function noteOfEmail(tx: Transaction<Database>, id: EmailId, change: EmailChange): Promise<void> {
  const columns = Object.keys(change) as (keyof typeof change)[]
  const known = notes.get(columns.join()) ?? noting(columns)
  notes.set(columns.join(), known)
  return known(tx, { ...change, changed: id })
}

const notes = new Map<string, ReturnType<typeof noting>>()

const noting = (columns: readonly (keyof EmailChange)[]) =>
  prepareChange((db, value: EmailChange & { changed: EmailId }) =>
    db
      .updateTable('emails')
      .set(Object.fromEntries(columns.map((name) => [name, value[name]])))
      .where('id', '=', value.changed),
  )

/** By columns and what happens: the program has a few dozen. */
const changes = new Map<string, ReturnType<typeof changing>>()

const changing = (columns: readonly (keyof EmailChange | 'status')[], what: Happening) =>
  prepare((db, value: EmailChange & { status: EmailStatus; changed: EmailId }) =>
    db
      .updateTable('emails')
      .set(Object.fromEntries(columns.map((name) => [name, value[name]])))
      .where('id', '=', value.changed)
      .where(
        'status',
        'in',
        moves[what].from.filter((status) => status !== null),
      )
      .returning('id'),
  )

const ownEmails = (db: Kysely<Database>, tenancy: Tenancy) =>
  db.selectFrom('emails').where('account_id', '=', tenancy.accountId).where('world', '=', tenancy.world)

const without = <O>(
  query: SelectQueryBuilder<Database, 'emails', O>,
  { direction, statuses }: Except,
): SelectQueryBuilder<Database, 'emails', O> =>
  statuses.length === 0 ? query : query.where((row) => row.or([row('direction', '!=', direction), row('status', 'not in', [...statuses])]))

/** What a `to_json`, `cc_json`, `bcc_json` or `reply_to_json` column holds. */
export const headerAddresses = (json: string): HeaderAddress[] => JSON.parse(json) as HeaderAddress[]
/** Whom the mailbox of an email added, as its operator set it up. */
export const copiesIn = ({ copies_json }: Pick<EmailRow, 'copies_json'>): { cc: Address[]; bcc: Address[] } =>
  copies_json === null ? { cc: [], bcc: [] } : (JSON.parse(copies_json) as { cc: Address[]; bcc: Address[] })
/** Where the words of an outgoing email come from, as the room that looked wrote it down; null: nobody looked. */
export const taintIn = ({ taint_json }: Pick<EmailRow, 'taint_json'>): unknown => (taint_json === null ? null : JSON.parse(taint_json))
/** What an email's `flags_json` holds. */
export const emailFlags = (email: EmailRow): string[] => JSON.parse(email.flags_json) as string[]
/** Why an arrived email was judged as it was. */
export const verdictReasons = (email: Pick<EmailRow, 'reasons_json'>): Reason[] => JSON.parse(email.reasons_json) as Reason[]
/** What its X-MultiMail-Identity came to; null when it has none. */
export const senderIdentityOf = (email: Pick<EmailRow, 'sender_identity_json'>): SenderIdentity | null =>
  email.sender_identity_json === null ? null : (JSON.parse(email.sender_identity_json) as SenderIdentity)
/** What authentication said; null for outbound mail. */
export const authenticationOf = (email: Pick<EmailRow, 'authentication_json'>): AuthenticationResults | null =>
  email.authentication_json === null ? null : (JSON.parse(email.authentication_json) as AuthenticationResults)
