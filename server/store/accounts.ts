import type { Kysely, Transaction } from 'kysely'
import type { AccountId } from '../model/ids.ts'
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
