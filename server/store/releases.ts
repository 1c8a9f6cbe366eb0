import type { Kysely, Transaction } from 'kysely'
import type { ReleaseId } from '../model/ids.ts'
import type { Database, NewRow, Row } from './schema.ts'

export type ReleaseRow = Row<'releases'>

/** Called by oversight/release.ts alone: what it writes may leave. */
export const insertRelease = async (tx: Transaction<Database>, row: NewRow<'releases'>): Promise<void> => {
  await tx.insertInto('releases').values(row).execute()
}

export const releaseById = (db: Kysely<Database>, id: ReleaseId): Promise<ReleaseRow | undefined> =>
  db.selectFrom('releases').selectAll().where('id', '=', id).executeTakeFirst()
