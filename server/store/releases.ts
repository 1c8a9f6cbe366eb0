import type { Kysely, Transaction } from 'kysely'
import type { ReleaseId } from '../model/ids.ts'
import { insertPrepared, prepare } from './prepared.ts'
import type { Database, NewRow, Row } from './schema.ts'

export type ReleaseRow = Row<'releases'>

/** Called by oversight/release.ts alone: what it writes may leave. */
export const insertRelease = (tx: Transaction<Database>, row: NewRow<'releases'>): Promise<void> => insertPrepared(tx, 'releases', row)

export const releaseById = async (db: Kysely<Database>, id: ReleaseId): Promise<ReleaseRow | undefined> => (await byId(db, { id }))[0]

const byId = prepare((db, { id }: { id: ReleaseId }) => db.selectFrom('releases').selectAll().where('id', '=', id))
