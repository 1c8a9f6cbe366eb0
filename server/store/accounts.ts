import { type Kysely, PostgresAdapter, type Transaction } from 'kysely'
import type { AccountId } from '../model/ids.ts'
import type { Tenancy } from '../model/world.ts'
import { prepare } from './prepared.ts'
import type { Database, NewRow, Row } from './schema.ts'

export const insertAccount = async (tx: Transaction<Database>, row: NewRow<'accounts'>): Promise<void> => {
  await tx.insertInto('accounts').values(row).execute()
}

export const findAccount = async (db: Kysely<Database>, id: AccountId): Promise<Row<'accounts'> | undefined> => (await byId(db, { id }))[0]

const byId = prepare((db, { id }: { id: AccountId }) => db.selectFrom('accounts').selectAll().where('id', '=', id))

/** Oldest first. */
export const listAccounts = (db: Kysely<Database>): Promise<Row<'accounts'>[]> =>
  db.selectFrom('accounts').selectAll().orderBy('id').execute()

/** Makes whoever asks for, or does, what the operator has to agree to wait for each other. (On SQLite one transaction writes at a time anyway.) */
export const lockAccount = (tx: Transaction<Database>, id: AccountId): Promise<Row<'accounts'> | undefined> => {
  const account = tx.selectFrom('accounts').selectAll().where('id', '=', id)
  return (tx.getExecutor().adapter instanceof PostgresAdapter ? account.forNoKeyUpdate() : account).executeTakeFirst()
}

/** @param address null: the operator is asked nowhere */
export const setOversightEmail = async (tx: Transaction<Database>, id: AccountId, address: string | null): Promise<void> => {
  await tx.updateTable('accounts').set({ oversight_email: address }).where('id', '=', id).execute()
}

export const changeAccount = async (
  tx: Transaction<Database>,
  id: AccountId,
  change: Pick<Row<'accounts'>, 'name' | 'physical_address'>,
): Promise<void> => {
  await tx.updateTable('accounts').set(change).where('id', '=', id).execute()
}

const dayMs = 24 * 60 * 60_000

/** Messages, one for each recipient, that were delivered or bounced on these days (epoch ms, both included). */
export async function sentBetween(db: Kysely<Database>, { accountId, world }: Tenancy, from: number, to: number): Promise<number> {
  const { sent } = await db
    .selectFrom('mailbox_days')
    .innerJoin('mailboxes', 'mailboxes.id', 'mailbox_days.mailbox_id')
    .select((row) => row.fn.sum(row('mailbox_days.delivered', '+', row.ref('mailbox_days.bounced'))).as('sent'))
    .where('mailboxes.account_id', '=', accountId)
    .where('mailboxes.world', '=', world)
    .where('mailbox_days.day', '>=', Math.floor(from / dayMs))
    .where('mailbox_days.day', '<=', Math.floor(to / dayMs))
    .executeTakeFirstOrThrow()
  return Number(sent ?? 0)
}

/** Of all messages of the tenant, from the index `emails_sizes` alone. */
export async function storedBytes(db: Kysely<Database>, { accountId, world }: Tenancy): Promise<number> {
  const own = db.selectFrom('emails').where('account_id', '=', accountId).where('world', '=', world)
  return Number((await own.select((row) => row.fn.sum('raw_size').as('bytes')).executeTakeFirstOrThrow()).bytes ?? 0)
}
