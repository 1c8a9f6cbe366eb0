import type { Kysely } from 'kysely'
import type { Store } from './db.ts'
import type { Database, Row } from './schema.ts'

type Db = Kysely<Database>
export type CheckpointRow = Row<'log_checkpoints'>

/** @returns the one of this size that is there now: another node may have been faster */
export async function insertCheckpoint(store: Store, row: Omit<CheckpointRow, 'mailed_at'>): Promise<CheckpointRow> {
  await store.db
    .insertInto('log_checkpoints')
    .values(row)
    .onConflict((conflict) => conflict.doNothing())
    .execute()
  return store.db.selectFrom('log_checkpoints').selectAll().where('size', '=', row.size).executeTakeFirstOrThrow()
}

export const newestCheckpoint = (db: Db): Promise<CheckpointRow | undefined> =>
  db.selectFrom('log_checkpoints').selectAll().orderBy('size', 'desc').limit(1).executeTakeFirst()

export const checkpointOf = (db: Db, size: number): Promise<CheckpointRow | undefined> =>
  db.selectFrom('log_checkpoints').selectAll().where('size', '=', size).executeTakeFirst()

/** Those behind `after` entries and not behind `until`, in their order. */
export const checkpointsBetween = (db: Db, after: number, until: number): Promise<CheckpointRow[]> =>
  db.selectFrom('log_checkpoints').selectAll().where('size', '>', after).where('size', '<=', until).orderBy('size').execute()

/** When the operator was sent one last, up to now (epoch ms); null: never. */
export async function lastMailedAt(db: Db, now: number): Promise<number | null> {
  const newest = db.selectFrom('log_checkpoints').select('mailed_at').where('mailed_at', '<=', now)
  return (await newest.orderBy('mailed_at', 'desc').limit(1).executeTakeFirst())?.mailed_at ?? null
}

export const setMailedAt = async (db: Db, size: number, now: number): Promise<void> => {
  await db.updateTable('log_checkpoints').set({ mailed_at: now }).where('size', '=', size).execute()
}

/** The end of the log, and what the chain was behind its first `size` entries; undefined: that entry is not there. */
export async function logEnds(db: Db, size: number): Promise<{ entries: number; chain: string; chainThere: string | undefined }> {
  const row = await db
    .selectFrom('log_head')
    .select((head) => [
      'next_seq',
      'chain_hash',
      head.selectFrom('log_entries').select('log_entries.chain_hash').where('seq', '=', size).as('there'),
    ])
    .where('id', '=', 1)
    .executeTakeFirst()
  return { entries: (row?.next_seq ?? 1) - 1, chain: row?.chain_hash ?? '', chainThere: row?.there ?? undefined }
}
