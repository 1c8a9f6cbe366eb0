import type { Kysely, Transaction } from 'kysely'
import type { ThreadId } from '../model/ids.ts'
import type { Tenancy } from '../model/world.ts'
import type { Database, NewRow, Row } from './schema.ts'

export const insertThread = async (tx: Transaction<Database>, row: NewRow<'threads'>): Promise<void> => {
  await tx.insertInto('threads').values(row).execute()
}

/** Moves the thread up: something happened in it. @param now epoch ms */
export const touchThread = async (tx: Transaction<Database>, id: ThreadId, now: number): Promise<void> => {
  await tx.updateTable('threads').set({ last_activity_at: now }).where('id', '=', id).execute()
}

export const findThread = (db: Kysely<Database>, tenancy: Tenancy, id: ThreadId): Promise<Row<'threads'> | undefined> =>
  db
    .selectFrom('threads')
    .selectAll()
    .where('account_id', '=', tenancy.accountId)
    .where('world', '=', tenancy.world)
    .where('id', '=', id)
    .executeTakeFirst()
