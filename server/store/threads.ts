import type { Kysely, Transaction } from 'kysely'
import type { ThreadId } from '../model/ids.ts'
import type { Tenancy } from '../model/world.ts'
import { insertPrepared, prepare } from './prepared.ts'
import type { Database, NewRow, Row } from './schema.ts'

export const insertThread = (tx: Transaction<Database>, row: NewRow<'threads'>): Promise<void> => insertPrepared(tx, 'threads', row)

/** Moves the thread up: something happened in it. @param now epoch ms @returns false when there is no such thread any more */
export const touchThread = async (tx: Transaction<Database>, id: ThreadId, now: number): Promise<boolean> =>
  (await touch(tx, { id, now })).length > 0

const touch = prepare((db, { id, now }: { id: ThreadId; now: number }) =>
  db.updateTable('threads').set({ last_activity_at: now }).where('id', '=', id).returning('id'),
)

/** What a thread is called follows its first email, as long as that is its only one. */
export const renameThread = async (tx: Transaction<Database>, id: ThreadId, subject: string): Promise<void> => {
  await tx
    .updateTable('threads')
    .set({ subject })
    .where('id', '=', id)
    .where((any) => any(any.selectFrom('emails').select(any.fn.countAll().as('count')).where('thread_id', '=', id), '=', 1))
    .execute()
}

export const findThread = async (db: Kysely<Database>, { accountId, world }: Tenancy, id: ThreadId): Promise<Row<'threads'> | undefined> =>
  (await found(db, { accountId, world, id }))[0]

const found = prepare((db, { accountId, world, id }: Tenancy & { id: ThreadId }) =>
  db.selectFrom('threads').selectAll().where('account_id', '=', accountId).where('world', '=', world).where('id', '=', id),
)
