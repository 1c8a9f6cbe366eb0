import { type Kysely, type Transaction, sql } from 'kysely'
import { isPostgres } from './engine.ts'
import type { DecisionId, EmailId, HoldId, MailboxId, ThreadId } from '../model/ids.ts'
import { type HoldEnd, endsWhen } from '../model/hold-life.ts'
import type { Tenancy } from '../model/world.ts'
import type { Database, NewRow, Row } from './schema.ts'

export type HoldRow = Row<'holds'>

export const insertHold = async (tx: Transaction<Database>, row: NewRow<'holds'>): Promise<void> => {
  await tx.insertInto('holds').values(row).execute()
}

/** The voters who wrote in what is held, besides its agent. */
export const editorsOf = ({ editors_json }: Pick<HoldRow, 'editors_json'>): string[] =>
  editors_json === null ? [] : (JSON.parse(editors_json) as string[])

export const insertDecision = async (tx: Transaction<Database>, row: NewRow<'decisions'>): Promise<void> => {
  await tx.insertInto('decisions').values(row).execute()
}

/** As it stands, and as it stays until the transaction ends: of several who approve it each sees who was before. SQLite has one writer anyway. */
export const holdToChange = (tx: Transaction<Database>, id: HoldId): Promise<HoldRow | undefined> => {
  const query = tx.selectFrom('holds').selectAll().where('id', '=', id)
  return (isPostgres(tx) ? query.forNoKeyUpdate() : query).executeTakeFirst()
}

/** Throws a unique violation when they have approved it already. */
export const insertHoldApproval = async (tx: Transaction<Database>, row: NewRow<'hold_approvals'>): Promise<void> => {
  await tx.insertInto('hold_approvals').values(row).execute()
}

/** Who has approved these, the first first. */
export const approvalsOf = (db: Kysely<Database>, ids: readonly HoldId[]): Promise<Row<'hold_approvals'>[]> =>
  ids.length === 0
    ? Promise.resolve([])
    : db
        .selectFrom('hold_approvals')
        .selectAll()
        .where('hold_id', 'in', [...ids])
        .orderBy('created_at')
        .orderBy('actor_id')
        .execute()

/** The email's open hold, of which there is one at most; or else the newest. The open one first: ids sort by the clock, which somebody may have set back
 *  before it was made. */
export const latestHold = (db: Kysely<Database>, emailId: EmailId): Promise<HoldRow | undefined> =>
  db
    .selectFrom('holds')
    .selectAll()
    .where('email_id', '=', emailId)
    .orderBy(sql`case when state = 'open' then 0 else 1 end`)
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst()

/** Until when an email waits (epoch ms); null: it waits for nobody. A statement only for those that do. */
export async function heldUntil(db: Kysely<Database>, { id, status }: Pick<Row<'emails'>, 'id' | 'status'>): Promise<number | null> {
  if (status !== 'pending_send_approval' && status !== 'pending_inbound_approval') return null
  return (await latestHold(db, id))?.expires_at ?? null
}

/** Of one mailbox, in both directions, oldest first. */
export const openHoldsOf = (db: Kysely<Database>, mailboxId: MailboxId, limit: number): Promise<HoldRow[]> =>
  db.selectFrom('holds').selectAll().where('mailbox_id', '=', mailboxId).where('state', '=', 'open').orderBy('id').limit(limit).execute()

/** The hold that a release's decision ended; for the deliverer, which believes no row alone. */
export const holdById = (db: Kysely<Database>, id: HoldId): Promise<HoldRow | undefined> =>
  db.selectFrom('holds').selectAll().where('id', '=', id).executeTakeFirst()

/** How many holds of a mailbox's leaving mail reviewers approved and rejected from `from` on and before `to` (epoch ms). */
export async function countEnded(
  db: Kysely<Database>,
  mailbox: Pick<Row<'mailboxes'>, 'id' | 'account_id' | 'world'>,
  { from, to }: { from: number; to: number },
): Promise<{ approved: number; rejected: number }> {
  const rows = await db
    .selectFrom('holds')
    .select((row) => ['state', row.fn.countAll().as('count')])
    .where('account_id', '=', mailbox.account_id)
    .where('world', '=', mailbox.world)
    .where('state', 'in', ['approved', 'rejected'])
    .where('mailbox_id', '=', mailbox.id)
    .where('direction', '=', 'outbound')
    .where('ended_at', '>=', from)
    .where('ended_at', '<', to)
    .groupBy('state')
    .execute()
  const of = (state: HoldEnd): number => Number(rows.find((row) => row.state === state)?.count ?? 0)
  return { approved: of('approved'), rejected: of('rejected') }
}

/** How a hold was decided. */
export const decisionOfHold = (db: Kysely<Database>, id: HoldId): Promise<Row<'decisions'> | undefined> =>
  db.selectFrom('decisions').selectAll().where('hold_id', '=', id).executeTakeFirst()

export const decisionById = (db: Kysely<Database>, id: DecisionId): Promise<Row<'decisions'> | undefined> =>
  db.selectFrom('decisions').selectAll().where('id', '=', id).executeTakeFirst()

/** Ends an open hold, once: compare and set, so that of several at once exactly one gets true. A hold whose time is up (`expires_at` ≤ `now`,
 *  epoch ms) can no longer be decided, whether or not the sweeper has been there; one whose time is not up cannot expire. */
export async function endHold(tx: Transaction<Database>, id: HoldId, state: HoldEnd, now: number): Promise<boolean> {
  let change = tx.updateTable('holds').set({ state, ended_at: now }).where('id', '=', id).where('state', '=', 'open')
  if (endsWhen[state] === 'over') change = change.where('expires_at', '<=', now)
  if (endsWhen[state] === 'left') change = change.where('expires_at', '>', now)
  return (await change.executeTakeFirst()).numUpdatedRows > 0n
}

/** Gives an open hold a later end: compare and set, so that of several at once one does, and none whose time was up (`now`, epoch ms) or which was decided. */
export async function renewHold(
  tx: Transaction<Database>,
  { id, renewals }: Pick<HoldRow, 'id' | 'renewals'>,
  { until, now }: { until: number; now: number },
): Promise<boolean> {
  const change = tx.updateTable('holds').set({ expires_at: until, renewals: renewals + 1 })
  const open = change.where('id', '=', id).where('state', '=', 'open').where('expires_at', '>', now).where('renewals', '=', renewals)
  return (await open.executeTakeFirst()).numUpdatedRows > 0n
}

/** Open holds whose time is up, the longest due first. @param now epoch ms */
export const dueHolds = (db: Kysely<Database>, now: number, limit: number): Promise<HoldRow[]> =>
  db
    .selectFrom('holds')
    .selectAll()
    .where('state', '=', 'open')
    .where('expires_at', '<=', now)
    .orderBy('expires_at')
    .orderBy('id')
    .limit(limit)
    .execute()

/** When the next open hold expires (epoch ms; may be past); null when none is open. */
export async function nextExpiry(db: Kysely<Database>): Promise<number | null> {
  const first = await db
    .selectFrom('holds')
    .select('expires_at')
    .where('state', '=', 'open')
    .orderBy('expires_at')
    .limit(1)
    .executeTakeFirst()
  return first?.expires_at ?? null
}

/** `mailboxIds` null: all of the tenancy. `before`: an exclusive email id; ids sort by time. `now`: epoch ms. */
export type PendingFilter = {
  mailboxIds: readonly MailboxId[] | null
  threadId?: ThreadId | undefined
  before?: EmailId | undefined
  limit: number
  now: number
}

/** What can still be decided, newest email first. */
export function openHolds(db: Kysely<Database>, tenancy: Tenancy, filter: PendingFilter): Promise<HoldRow[]> {
  if (filter.mailboxIds?.length === 0) return Promise.resolve([])
  let query = db
    .selectFrom('holds')
    .selectAll('holds')
    .where('holds.account_id', '=', tenancy.accountId)
    .where('holds.world', '=', tenancy.world)
    .where('holds.state', '=', 'open')
    .where('holds.expires_at', '>', filter.now)
  if (filter.mailboxIds !== null) query = query.where('holds.mailbox_id', 'in', [...filter.mailboxIds])
  if (filter.before !== undefined) query = query.where('holds.email_id', '<', filter.before)
  if (filter.threadId !== undefined) {
    query = query.where('holds.email_id', 'in', db.selectFrom('emails').select('id').where('thread_id', '=', filter.threadId))
  }
  return query.orderBy('holds.email_id', 'desc').limit(filter.limit).execute()
}

/** Whether an email that it wants to send waits for a decision. @param now epoch ms */
export async function hasOpenHold(db: Kysely<Database>, mailboxId: MailboxId, now: number): Promise<boolean> {
  const one = db
    .selectFrom('holds')
    .select('id')
    .where('mailbox_id', '=', mailboxId)
    .where('direction', '=', 'outbound')
    .where('state', '=', 'open')
    .where('expires_at', '>', now)
  return (await one.limit(1).executeTakeFirst()) !== undefined
}
