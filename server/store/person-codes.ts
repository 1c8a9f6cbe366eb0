import type { Kysely, Transaction } from 'kysely'
import type { PersonCodeId, PersonId } from '../model/ids.ts'
import type { Database, NewRow, Row } from './schema.ts'

export type PersonCodeRow = Row<'person_codes'>

export const insertPersonCode = async (tx: Transaction<Database>, row: NewRow<'person_codes'>): Promise<void> => {
  await tx.insertInto('person_codes').values(row).execute()
}

/** The code that is awaited by whoever has this ticket; its time may be over. */
export const codeByTicket = (db: Kysely<Database>, ticketHash: string): Promise<PersonCodeRow | undefined> =>
  db.selectFrom('person_codes').selectAll().where('ticket_hash', '=', ticketHash).where('ended_at', 'is', null).executeTakeFirst()

/** When codes were mailed to somebody since (epoch ms), oldest first. */
export const codesMailedSince = async (db: Kysely<Database>, personId: PersonId, since: number): Promise<number[]> => {
  const rows = await db
    .selectFrom('person_codes')
    .select('created_at')
    .where('person_id', '=', personId)
    .where('created_at', '>', since)
    .where('kind', '=', 'mail')
    .orderBy('created_at')
    .execute()
  return rows.map(({ created_at }) => created_at)
}

type Change = Partial<Pick<PersonCodeRow, 'tries' | 'ended_at'>>

/** @returns false when it has ended meanwhile */
export async function changePersonCode(tx: Transaction<Database>, id: PersonCodeId, change: Change): Promise<boolean> {
  const result = await tx.updateTable('person_codes').set(change).where('id', '=', id).where('ended_at', 'is', null).executeTakeFirst()
  return result.numUpdatedRows > 0n
}

export const endCodesOf = async (tx: Transaction<Database>, personId: PersonId, now: number): Promise<void> => {
  await tx.updateTable('person_codes').set({ ended_at: now }).where('person_id', '=', personId).where('ended_at', 'is', null).execute()
}

/** Forgets this person's that were made before this time (epoch ms). */
export const removeCodesBefore = async (tx: Transaction<Database>, personId: PersonId, before: number): Promise<void> => {
  await tx.deleteFrom('person_codes').where('person_id', '=', personId).where('created_at', '<', before).execute()
}
