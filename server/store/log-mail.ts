import { type Kysely, sql } from 'kysely'
import type { DeliveryId, EmailId } from '../model/ids.ts'
import { deliveryOutcomes, historyActions, reviewersAction } from '../model/receipt.ts'
import type { LogAction } from './log.ts'
import type { Database, Row } from './schema.ts'

const told = [...historyActions, ...(Object.keys(deliveryOutcomes) as (keyof typeof deliveryOutcomes)[])] satisfies readonly LogAction[]
/** As in the condition of the index `log_entries_of_mail`, word for word: SQLite takes a partial index for no other. */
const isTold = sql<boolean>`${sql.raw(`action in (${told.map((action) => `'${action}'`).join(', ')})`)}`

/** An agent may move a scheduled mail as often as it likes. */
const mostOfMail = 100
/** Reviewers may look as often as they like. */
const mostReviews = 20

export type MailEntry = Row<'log_entries'>

/** How a mail was let go and what became of it. */
export const mailEntries = (db: Kysely<Database>, email: EmailId, deliveries: readonly DeliveryId[]) =>
  db
    .selectFrom('log_entries')
    .selectAll()
    .where('resource_id', 'in', [email, ...deliveries])
    .where(isTold)
    .where('action', '<>', reviewersAction)
    .orderBy('seq', 'desc')
    .limit(mostOfMail + deliveries.length)

const entriesBefore = (db: Kysely<Database>, email: EmailId, action: LogAction, before: number) =>
  db
    .selectFrom('log_entries')
    .selectAll()
    .where('resource_id', '=', email)
    .where(isTold)
    .where('action', '=', action)
    .where('seq', '<', before)
    .orderBy('seq', 'desc')

/** Who looked at it before it was let go. @param before an exclusive seq */
export const reviewEntries = (db: Kysely<Database>, email: EmailId, before: number) =>
  entriesBefore(db, email, reviewersAction, before).limit(mostReviews)
const approvalEntry = (db: Kysely<Database>, email: EmailId, before: number) => entriesBefore(db, email, 'email.approved', before).limit(1)

/** In their order; of very many those at the end, where it is let go. */
export async function entriesOfMail(
  db: Kysely<Database>,
  email: EmailId,
  { deliveries, reviews }: { deliveries: readonly DeliveryId[]; reviews: boolean },
): Promise<MailEntry[]> {
  const rows = await mailEntries(db, email, deliveries).execute()
  const released = rows.find(({ action }) => action === 'email.released')
  if (released === undefined) return rows.toReversed()
  const looks = reviews ? await reviewEntries(db, email, released.seq).execute() : []
  // What was moved very often since it was approved has its approval further back.
  const approval = rows.some(({ action }) => action === 'email.approved') ? [] : await approvalEntry(db, email, released.seq).execute()
  return [...rows, ...looks, ...approval].toSorted((one, other) => one.seq - other.seq)
}

/** By its id. */
export const findEntry = (db: Kysely<Database>, id: string): Promise<MailEntry | undefined> =>
  db
    .selectFrom('log_entries')
    .selectAll()
    .where('id', '=', id as MailEntry['id'])
    .executeTakeFirst()
