import { type Kysely, type Transaction } from 'kysely'
import { isPostgres } from './engine.ts'
import type { PersonId, PersonSessionId } from '../model/ids.ts'
import type { Database, NewRow, Row } from './schema.ts'

export type PersonSessionRow = Row<'person_sessions'>

export const insertPersonSession = async (tx: Transaction<Database>, row: NewRow<'person_sessions'>): Promise<void> => {
  await tx.insertInto('person_sessions').values(row).execute()
}

/** Whatever session has this token; ended and expired ones too: the caller judges. @param tokenHash lower-case hex SHA-256 */
export const personSessionByToken = (db: Kysely<Database>, tokenHash: string): Promise<PersonSessionRow | undefined> =>
  db.selectFrom('person_sessions').selectAll().where('token_hash', '=', tokenHash).executeTakeFirst()

/** As it is now, and nobody ends it before this transaction is through. */
export const holdPersonSession = (tx: Transaction<Database>, id: PersonSessionId): Promise<PersonSessionRow | undefined> => {
  const session = tx.selectFrom('person_sessions').selectAll().where('id', '=', id)
  return (isPostgres(tx) ? session.forShare() : session).executeTakeFirst()
}

/** Nobody does anything with a session of theirs, as `holdPersonSession` has it, before this transaction is through. */
export async function lockSessionsOf(tx: Transaction<Database>, personId: PersonId): Promise<void> {
  const sessions = tx
    .selectFrom('person_sessions')
    .select('id')
    .where('person_id', '=', personId)
    .where('ended_at', 'is', null)
    .orderBy('id')
  if (isPostgres(tx)) await sessions.forUpdate().execute()
}

/** Remembers that it was used. @param now epoch ms */
export const touchPersonSession = async (db: Kysely<Database>, id: PersonSessionId, now: number): Promise<void> => {
  await db.updateTable('person_sessions').set({ seen_at: now }).where('id', '=', id).execute()
}

/** Ends one of this person's sessions, or all. @returns those that had not ended, whose time may have been over */
export function endSessionsOf(
  tx: Transaction<Database>,
  personId: PersonId,
  now: number,
  id?: PersonSessionId,
): Promise<PersonSessionRow[]> {
  const sessions = tx.updateTable('person_sessions').set({ ended_at: now }).where('person_id', '=', personId).where('ended_at', 'is', null)
  return (id === undefined ? sessions : sessions.where('id', '=', id)).returningAll().execute()
}

/** Forgets this person's that began before this time (epoch ms). */
export const removePersonSessionsBefore = async (tx: Transaction<Database>, personId: PersonId, before: number): Promise<void> => {
  await tx.deleteFrom('person_sessions').where('person_id', '=', personId).where('created_at', '<', before).execute()
}
