import { type Kysely, sql } from 'kysely'
import type { DeliveryId, EmailId } from '../model/ids.ts'
import type { Database, Row } from './schema.ts'

/** The entries that tell how a mail was let go and what became of it. As in the condition of the index `log_entries_of_mail`, word for word: SQLite
 *  takes a partial index for no other. */
const told = sql<boolean>`action in ('email.submitted', 'email.scheduled', 'email.rescheduled', 'email.held', 'email.approved', 'email.released', 'delivery.delivered', 'delivery.bounced', 'delivery.expired', 'delivery.refused', 'delivery.cancelled')`

/** An agent may move a scheduled mail as often as it likes. */
const mostOfMail = 100

export type MailEntry = Row<'log_entries'>

export const mailEntries = (db: Kysely<Database>, email: EmailId, deliveries: readonly DeliveryId[]) =>
  db
    .selectFrom('log_entries')
    .selectAll()
    .where('resource_id', 'in', [email, ...deliveries])
    .where(told)
    .orderBy('seq', 'desc')
    .limit(mostOfMail + deliveries.length)

/** In their order; of very many those at the end, where it is let go. */
export const entriesOfMail = async (db: Kysely<Database>, email: EmailId, deliveries: readonly DeliveryId[]): Promise<MailEntry[]> =>
  (await mailEntries(db, email, deliveries).execute()).toReversed()

/** By its id. */
export const findEntry = (db: Kysely<Database>, id: string): Promise<MailEntry | undefined> =>
  db
    .selectFrom('log_entries')
    .selectAll()
    .where('id', '=', id as MailEntry['id'])
    .executeTakeFirst()
