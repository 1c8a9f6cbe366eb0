/** Test emails among those that wait for a decision (docs/ladder.md). They have no row in `emails`, and so no release can name one. Times: epoch ms. */
import type { Kysely, Transaction } from 'kysely'
import type { EmailId, MailboxId } from '../model/ids.ts'
import type { Tenancy } from '../model/world.ts'
import type { Database, Row } from './schema.ts'

export type CanaryRow = Row<'canaries'>
export type CanaryEnd = Exclude<CanaryRow['state'], 'open'>

/** Throws a unique violation when the mailbox has one that is open. */
export const insertCanary = async (tx: Transaction<Database>, row: CanaryRow): Promise<void> => {
  await tx.insertInto('canaries').values(row).execute()
}

/** Somebody else's does not exist (design promise 9). */
export const findCanary = (db: Kysely<Database>, { accountId, world }: Tenancy, id: EmailId): Promise<CanaryRow | undefined> =>
  db
    .selectFrom('canaries')
    .selectAll()
    .where('id', '=', id)
    .where('account_id', '=', accountId)
    .where('world', '=', world)
    .executeTakeFirst()

export type OpenCanaries = { mailboxIds: readonly MailboxId[] | null; before?: EmailId | undefined; limit: number; now: number }

/** Those that can still be decided on, newest first. A mailbox that is gone has none. */
export function openCanaries(db: Kysely<Database>, { accountId, world }: Tenancy, filter: OpenCanaries): Promise<CanaryRow[]> {
  if (filter.mailboxIds?.length === 0) return Promise.resolve([])
  let query = db
    .selectFrom('canaries')
    .innerJoin('mailboxes', 'mailboxes.id', 'canaries.mailbox_id')
    .selectAll('canaries')
    .where('canaries.account_id', '=', accountId)
    .where('canaries.world', '=', world)
    .where('canaries.state', '=', 'open')
    .where('canaries.expires_at', '>', filter.now)
    .where('mailboxes.deleted_at', 'is', null)
  if (filter.mailboxIds !== null) query = query.where('canaries.mailbox_id', 'in', [...filter.mailboxIds])
  if (filter.before !== undefined) query = query.where('canaries.id', '<', filter.before)
  return query.orderBy('canaries.id', 'desc').limit(filter.limit).execute()
}

/** What it said goes with its end: it may name people. */
const emptied = { email_json: '', raw: Buffer.alloc(0) }

/** Ends one that is open: of several at once exactly one gets true. What has run out can only expire. */
export async function endCanary(
  tx: Transaction<Database>,
  id: EmailId,
  { state, by, now }: { state: CanaryEnd; by: string; now: number },
): Promise<boolean> {
  let change = tx
    .updateTable('canaries')
    .set({ state, decided_by: by, ended_at: now, ...emptied })
    .where('id', '=', id)
    .where('state', '=', 'open')
  if (state === 'rejected' || state === 'missed') change = change.where('expires_at', '>', now)
  return (await change.executeTakeFirst()).numUpdatedRows > 0n
}

/** Open ones whose time is up, the longest due first. */
export const dueCanaries = (db: Kysely<Database>, now: number, limit: number): Promise<CanaryRow[]> =>
  db
    .selectFrom('canaries')
    .selectAll()
    .where('state', '=', 'open')
    .where('expires_at', '<=', now)
    .orderBy('expires_at')
    .limit(limit)
    .execute()

/** When those were put down that a mailbox had since then, newest first; so many at most. */
export async function canariesSince(db: Kysely<Database>, mailboxId: MailboxId, since: number, limit: number): Promise<number[]> {
  const rows = await db
    .selectFrom('canaries')
    .select('created_at')
    .where('mailbox_id', '=', mailboxId)
    .where('created_at', '>', since)
    .orderBy('created_at', 'desc')
    .limit(limit)
    .execute()
  return rows.map(({ created_at }) => created_at)
}

export const hasOpenCanary = async (db: Kysely<Database>, mailboxId: MailboxId): Promise<boolean> =>
  (await db.selectFrom('canaries').select('id').where('mailbox_id', '=', mailboxId).where('state', '=', 'open').executeTakeFirst()) !==
  undefined

/** Mailboxes that want test emails, behind this id. */
export const mailboxesWithCanaries = (db: Kysely<Database>, after: string, limit: number): Promise<Row<'mailboxes'>[]> =>
  db
    .selectFrom('mailboxes')
    .selectAll()
    .where('canaries_per_week', '>', 0)
    .where('id', '>', after as MailboxId)
    .orderBy('id')
    .limit(limit)
    .execute()

export const setCanariesPerWeek = async (tx: Transaction<Database>, id: MailboxId, perWeek: number): Promise<void> => {
  await tx.updateTable('mailboxes').set({ canaries_per_week: perWeek }).where('id', '=', id).execute()
}

/** Takes back the one that is open in a mailbox; undefined when there is none. */
export async function withdrawCanary(
  tx: Transaction<Database>,
  mailboxId: MailboxId,
  { by, now }: { by: string; now: number },
): Promise<CanaryRow | undefined> {
  const open = await tx
    .selectFrom('canaries')
    .selectAll()
    .where('mailbox_id', '=', mailboxId)
    .where('state', '=', 'open')
    .executeTakeFirst()
  if (open === undefined || !(await endCanary(tx, open.id, { state: 'withdrawn', by, now }))) return undefined
  return open
}
