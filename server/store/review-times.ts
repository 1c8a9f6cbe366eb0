/** When people first saw what they decide on, and how long it took them, in accounts whose operator wants to know. Times: epoch ms. */
import { type Kysely, type Transaction, sql } from 'kysely'
import { isPostgres } from './engine.ts'
import type { PersonActor } from '../model/actor.ts'
import { hasCome } from '../model/has-come.ts'
import type { EmailId, MailboxId, PersonId } from '../model/ids.ts'
import type { Tenancy } from '../model/world.ts'
import type { Database, Row } from './schema.ts'

/** That somebody was shown these; the first time counts. One statement, which does nothing where nobody wants to know. @param ids few */
export async function noteOpenings(db: Kysely<Database>, person: PersonActor, ids: readonly EmailId[], now: number): Promise<void> {
  if (ids.length === 0) return
  const shown = ids.map((id) => sql`select ${id} as email_id`)
  await sql`insert into review_openings (account_id, world, person_id, email_id, opened_at)
    select timed_reviews.account_id, timed_reviews.world, ${person.personId}, shown.email_id, ${sql.lit(now)}
    from timed_reviews cross join (${sql.join(shown, sql` union all `)}) as shown
    where timed_reviews.account_id = ${person.accountId} and timed_reviews.world = ${person.world}${isPostgres(db) ? sql` for share of timed_reviews` : sql``}
    on conflict do nothing`.execute(db)
}

export type DecidedByPerson = {
  person: PersonActor
  mailboxId: MailboxId
  emailId: EmailId
  action: 'approve' | 'reject'
  isCanary: boolean
  now: number
}

/**
 * That they decided, in the transaction of the decision. Several cards stand on one page, and a person reads one at a time: so it took them as long as since it was first
 * shown to them, or since they last decided on another, whichever is later.
 * @returns how long (ms); null: it was never shown to them, or while the clock was ahead, or nobody wants to know
 */
export async function noteReviewTime(tx: Transaction<Database>, decided: DecidedByPerson): Promise<number | null> {
  const { person, mailboxId, emailId, action, isCanary, now } = decided
  if (!(await staysTimed(tx, person))) return null
  const opening = await tx
    .deleteFrom('review_openings')
    .where('email_id', '=', emailId)
    .where('person_id', '=', person.personId)
    .returning('opened_at')
    .executeTakeFirst()
  const last = await tx
    .selectFrom('review_times')
    .select('decided_at')
    .where('person_id', '=', person.personId)
    .where('decided_at', '<=', now)
    .orderBy('decided_at', 'desc')
    .limit(1)
    .executeTakeFirst()
  const isKnown = opening !== undefined && hasCome(now)(opening.opened_at)
  const time_ms = isKnown ? now - Math.max(opening.opened_at, last?.decided_at ?? 0) : null
  const tenant = { account_id: person.accountId, world: person.world, person_id: person.personId, email_id: emailId }
  await tx
    .insertInto('review_times')
    .values({ ...tenant, mailbox_id: mailboxId, action, is_canary: isCanary ? 1 : 0, time_ms, decided_at: now })
    .onConflict((conflict) => conflict.doNothing())
    .execute()
  return time_ms
}

export type ReviewTime = Pick<Row<'review_times'>, 'person_id' | 'action' | 'is_canary' | 'time_ms' | 'decided_at'>

/** The newest since then, newest first; so many at most. */
export const reviewTimesSince = (
  db: Kysely<Database>,
  { accountId, world }: Tenancy,
  since: number,
  limit: number,
): Promise<ReviewTime[]> =>
  db
    .selectFrom('review_times')
    .select(['person_id', 'action', 'is_canary', 'time_ms', 'decided_at'])
    .where('account_id', '=', accountId)
    .where('world', '=', world)
    .where('decided_at', '>=', since)
    .orderBy('decided_at', 'desc')
    .limit(limit)
    .execute()

/** Of those of them who are still there. */
export async function namesOfPeople(db: Kysely<Database>, ids: readonly PersonId[]): Promise<Map<PersonId, string>> {
  if (ids.length === 0) return new Map()
  const rows = await db
    .selectFrom('people')
    .select(['id', 'name'])
    .where('id', 'in', [...ids])
    .where('removed_at', 'is', null)
    .execute()
  return new Map(rows.map(({ id, name }) => [id, name]))
}

const timed = (db: Kysely<Database>, { accountId, world }: Tenancy) =>
  db.selectFrom('timed_reviews').select('since').where('account_id', '=', accountId).where('world', '=', world)

export const areReviewsTimed = async (db: Kysely<Database>, tenancy: Tenancy): Promise<boolean> =>
  (await timed(db, tenancy).executeTakeFirst()) !== undefined

/** Whoever switches it off waits until this transaction ends, and erases what it notes with the rest. SQLite has one writer anyway. */
const staysTimed = async (tx: Transaction<Database>, tenancy: Tenancy): Promise<boolean> => {
  const query = timed(tx, tenancy)
  return (await (isPostgres(tx) ? query.forShare() : query).executeTakeFirst()) !== undefined
}

/** From now on, or no more; what was known goes with that. @returns false when it was so already */
export async function setTimedReviews(
  tx: Transaction<Database>,
  { accountId, world }: Tenancy,
  on: boolean,
  now: number,
): Promise<boolean> {
  const tenant = { account_id: accountId, world }
  if (on) {
    const made = await tx
      .insertInto('timed_reviews')
      .values({ ...tenant, since: now })
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirst()
    return (made.numInsertedOrUpdatedRows ?? 0n) > 0n
  }
  const gone = await tx.deleteFrom('timed_reviews').where('account_id', '=', accountId).where('world', '=', world).executeTakeFirst()
  if (gone.numDeletedRows === 0n) return false
  for (const table of ['review_openings', 'review_times'] as const)
    await tx.deleteFrom(table).where('account_id', '=', accountId).where('world', '=', world).execute()
  return true
}

/** Forgets what is older. */
export async function forgetReviewTimes(db: Kysely<Database>, before: { opened: number; decided: number }): Promise<void> {
  await db.deleteFrom('review_openings').where('opened_at', '<', before.opened).execute()
  await db.deleteFrom('review_times').where('decided_at', '<', before.decided).execute()
}
