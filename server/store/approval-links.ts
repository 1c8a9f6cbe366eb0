import { type Kysely, type Transaction, sql } from 'kysely'
import type { HoldId, PersonId } from '../model/ids.ts'
import type { HoldRow } from './holds.ts'
import type { Database, Row } from './schema.ts'

export type ApprovalLinkRow = Row<'approval_links'>

/** Notes that the people of the account are to be told of a hold. One statement, which does nothing when there are none. */
export const noteHold = async (tx: Transaction<Database>, hold: HoldRow): Promise<void> => {
  await sql`insert into approval_links (hold_id, person_id, account_id, email_id, content_hash, created_at, expires_at)
    select ${hold.id}, id, account_id, ${hold.email_id}, ${hold.content_hash}, ${sql.lit(hold.created_at)}, ${sql.lit(hold.expires_at)}
    from people where account_id = ${hold.account_id} and removed_at is null`.execute(tx)
}

/** Its links are good for as long as it waits. @param expiresAt epoch ms */
export const setLinksExpiry = async (tx: Transaction<Database>, holdId: HoldId, expiresAt: number): Promise<void> => {
  await tx.updateTable('approval_links').set({ expires_at: expiresAt }).where('hold_id', '=', holdId).execute()
}

/** Who has to be told of something. */
export const peopleToTell = async (db: Kysely<Database>, limit: number): Promise<PersonId[]> =>
  (await db.selectFrom('approval_links').select('person_id').distinct().where('told_at', 'is', null).limit(limit).execute()).map(
    ({ person_id }) => person_id,
  )

/** What one person was not told of yet, oldest first. */
export const untold = (db: Kysely<Database>, personId: PersonId, limit: number): Promise<ApprovalLinkRow[]> =>
  db
    .selectFrom('approval_links')
    .selectAll()
    .where('person_id', '=', personId)
    .where('told_at', 'is', null)
    .orderBy('hold_id')
    .limit(limit)
    .execute()

type Name = Pick<ApprovalLinkRow, 'hold_id' | 'person_id'>
/** @param change.token_hash null: they were told of it without a link, or not at all */
export const markTold = async (
  tx: Transaction<Database>,
  { hold_id, person_id }: Name,
  change: { told_at: number; token_hash: string | null },
): Promise<void> => {
  await tx.updateTable('approval_links').set(change).where('hold_id', '=', hold_id).where('person_id', '=', person_id).execute()
}

/** That is all they are told of for now. @returns how many there were besides */
export async function markRestTold(tx: Transaction<Database>, personId: PersonId, now: number): Promise<number> {
  const rest = tx.updateTable('approval_links').set({ told_at: now }).where('person_id', '=', personId).where('told_at', 'is', null)
  return Number((await rest.executeTakeFirst()).numUpdatedRows)
}

/** Whatever link has this token; ended ones and those whose time is over too: the caller judges. @param tokenHash lower-case hex SHA-256 */
export const linkByToken = (db: Kysely<Database>, tokenHash: string): Promise<ApprovalLinkRow | undefined> =>
  db.selectFrom('approval_links').selectAll().where('token_hash', '=', tokenHash).executeTakeFirst()

/** @returns false when it has ended already */
export async function endLink(tx: Transaction<Database>, { hold_id, person_id }: Name, now: number): Promise<boolean> {
  const result = await tx
    .updateTable('approval_links')
    .set({ ended_at: now })
    .where('hold_id', '=', hold_id)
    .where('person_id', '=', person_id)
    .where('ended_at', 'is', null)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** Nothing that was mailed to this person so far does anything any more. */
export const endLinksOf = async (tx: Transaction<Database>, personId: PersonId, now: number): Promise<void> => {
  await tx
    .updateTable('approval_links')
    .set({ ended_at: now, told_at: sql<number>`coalesce(told_at, ${sql.lit(now)})` })
    .where('person_id', '=', personId)
    .where('ended_at', 'is', null)
    .execute()
}

/** Forgets those whose time was over before this (epoch ms). */
export const removeLinksBefore = async (db: Kysely<Database>, before: number): Promise<void> => {
  await db.deleteFrom('approval_links').where('expires_at', '<', before).execute()
}
