import { type ExpressionBuilder, type Kysely, type Transaction, sql } from 'kysely'
import { type HoldId, type KeyId, type PersonId, firstIdAt } from '../model/ids.ts'
import type { HoldRow } from './holds.ts'
import type { Database, Row } from './schema.ts'

export type ApprovalLinkRow = Row<'approval_links'>

/** `lastCallAt`: by then everybody is told (epoch ms). `writers`: the keys that wrote the email. */
type Noted = { hold: HoldRow; lastCallAt: number; writers: readonly KeyId[] }

/** Notes who of the account is to be told of a hold, and when: in the turns that were set for its mailbox, or else for the account, those who have none behind
 *  all others; everybody at once where there are none. Those who own a key that wrote it have no turn. At once is 0, whatever the clock
 *  says when they are told. One statement, which does nothing when there is nobody. */
export const noteHold = async (tx: Transaction<Database>, { hold, lastCallAt, writers }: Noted): Promise<void> => {
  const [now, last] = [sql.lit(hold.created_at), sql.lit(lastCallAt)]
  const isOwn =
    writers.length === 0
      ? sql`1 = 0`
      : sql`people.id in (select owner_id from api_keys where id in (${sql.join(writers)}) and owner_id is not null)`
  await sql`insert into approval_links (hold_id, person_id, account_id, email_id, content_hash, created_at, expires_at, due_at)
    with turns as (
      select person_id, turn, after_ms from reviewer_turns as t where account_id = ${hold.account_id} and (mailbox_id = ${hold.mailbox_id}
        or (mailbox_id is null and not exists (select 1 from reviewer_turns where account_id = ${hold.account_id} and mailbox_id = ${hold.mailbox_id})))
    ), told as (
      select people.id, rank() over (order by coalesce(turns.turn, 1000000)) - 1 as ahead
      from people left join turns on turns.person_id = people.id
      where people.account_id = ${hold.account_id} and people.removed_at is null and not (${isOwn})
    )
    select ${hold.id}, id, ${hold.account_id}, ${hold.email_id}, ${hold.content_hash}, ${now}, ${sql.lit(hold.expires_at)},
      case when ahead = 0 then 0 when ahead * step < ${last} - ${now} then ${now} + ahead * step else ${last} end
    from told cross join (select coalesce(max(after_ms), 0) as step from turns) as steps`.execute(tx)
}

/** Its links are good for as long as it waits. @param expiresAt epoch ms */
export const setLinksExpiry = async (tx: Transaction<Database>, holdId: HoldId, expiresAt: number): Promise<void> => {
  await tx.updateTable('approval_links').set({ expires_at: expiresAt }).where('hold_id', '=', holdId).execute()
}

/** Whether somebody is to be told by `now` (epoch ms). A turn that was counted by a clock which was ahead is not waited for. */
const isDue = (now: number) => (row: ExpressionBuilder<Database, 'approval_links'>) =>
  row.or([row('approval_links.due_at', '<=', now), row('approval_links.created_at', '>', now)])

/** Who has to be told of something at `now` (epoch ms), in the order of their ids, behind `after`. */
export const peopleToTell = async (
  db: Kysely<Database>,
  { now, after, limit }: { now: number; after: PersonId | null; limit: number },
): Promise<PersonId[]> => {
  const untoldLinks = db.selectFrom('approval_links').select('person_id').where('told_at', 'is', null)
  const some = after === null ? untoldLinks : untoldLinks.where('person_id', '>', after)
  // Ids have their time in them, so what was made while the clock was ahead is at the end of the index.
  const ahead = some.where('hold_id', '>=', firstIdAt('hold', now + 1)).where('created_at', '>', now)
  const rows = await some.where('due_at', '<=', now).union(ahead).orderBy('person_id').limit(limit).execute()
  return rows.map(({ person_id }) => person_id)
}

/** What still waits, and one person is to be told of by now. */
const waitingFor = (db: Kysely<Database>, personId: PersonId, now: number) =>
  db
    .selectFrom('approval_links')
    .innerJoin('holds', 'holds.id', 'approval_links.hold_id')
    .where('approval_links.person_id', '=', personId)
    .where('approval_links.told_at', 'is', null)
    .where(isDue(now))
    .where('holds.state', '=', 'open')
    .where('holds.expires_at', '>', now)

/** What one person was not told of yet and is to be told of at `now` (epoch ms), oldest first. */
export const untold = (db: Kysely<Database>, personId: PersonId, now: number, limit: number): Promise<ApprovalLinkRow[]> =>
  waitingFor(db, personId, now).selectAll('approval_links').orderBy('approval_links.hold_id').limit(limit).execute()

/** Whether some of it is for somebody whose turn came because others did not decide, or expires before this time (epoch ms). */
export const hasUrgent = async (db: Kysely<Database>, personId: PersonId, now: number, before: number): Promise<boolean> => {
  const urgent = waitingFor(db, personId, now).where((row) =>
    row.or([row('approval_links.due_at', '>', row.ref('approval_links.created_at')), row('holds.expires_at', '<=', before)]),
  )
  return (await urgent.select('approval_links.hold_id').limit(1).executeTakeFirst()) !== undefined
}

type Name = Pick<ApprovalLinkRow, 'hold_id' | 'person_id'>
/** @param change.token_hash null: they were told of it without a link, or not at all */
export const markTold = async (
  tx: Transaction<Database>,
  { hold_id, person_id }: Name,
  change: { told_at: number; token_hash: string | null },
): Promise<void> => {
  await tx.updateTable('approval_links').set(change).where('hold_id', '=', hold_id).where('person_id', '=', person_id).execute()
}

/** That is all they are told of for now: what still waits besides, and what is over by now. @returns how many still wait */
export async function markRestTold(tx: Transaction<Database>, personId: PersonId, now: number): Promise<number> {
  const { count } = await waitingFor(tx, personId, now)
    .select((row) => row.fn.countAll().as('count'))
    .executeTakeFirstOrThrow()
  const rest = tx.updateTable('approval_links').set({ told_at: now }).where('person_id', '=', personId).where('told_at', 'is', null)
  await rest.where(isDue(now)).execute()
  return Number(count)
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
