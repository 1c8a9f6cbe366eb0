/** All rows of one tenant, a page at a time, so that a whole account can be handed out without being in memory. */
import { type Kysely, sql } from 'kysely'
import type { EmailId } from '../model/ids.ts'
import type { Tenancy } from '../model/world.ts'
import { type LogRecord, listLogFrom } from './log.ts'
import type { Database, Row } from './schema.ts'

type Table = 'mailboxes' | 'api_keys' | 'webhooks' | 'allowlist_entries' | 'contacts' | 'suppressions'

/** In the order of their ids, those behind `after`. */
export const rowsAfter = async <T extends Table>(
  db: Kysely<Database>,
  table: T,
  { accountId, world }: Tenancy,
  after: string,
  limit: number,
): Promise<Row<T>[]> => {
  // Which table it is does not matter to the statement, only to the types.
  const all = db.selectFrom(table as 'contacts').selectAll()
  const own = all
    .where('account_id', '=', accountId)
    .where('world', '=', world)
    .where('id', '>', after as Row<'contacts'>['id'])
  return (await own.orderBy('id').limit(limit).execute()) as unknown as Row<T>[]
}

/** An email with what reading it takes: octets of its texts, and of its message. */
export type Weighed = { id: EmailId; place: number; text: number; raw: number }

/** In the order in which they came into sight, those behind the place `after`. One that comes into sight again meanwhile is there again. */
export async function emailsAfter(db: Kysely<Database>, { accountId, world }: Tenancy, after: number, limit: number): Promise<Weighed[]> {
  const rows = await db
    .selectFrom('email_places as placed')
    .innerJoin('emails', 'emails.id', 'placed.email_id')
    .select(['emails.id', 'placed.place', 'emails.raw_size as raw'])
    .select(sql<number>`length(emails.markdown) + length(emails.extracted)`.as('text'))
    .where('placed.account_id', '=', accountId)
    .where('placed.world', '=', world)
    .where('placed.place', '>', after)
    .orderBy('placed.place')
    .limit(limit)
    .execute()
  return rows
}

/** Entries of the log up to `until`. */
export const entriesAfter = (
  db: Kysely<Database>,
  tenancy: Tenancy,
  { after, until, limit }: { after: number; until: number; limit: number },
): Promise<LogRecord[]> => listLogFrom(db, tenancy, { after, until, limit })

/** The last entry of the log, whoever it is of. */
export async function lastEntry(db: Kysely<Database>): Promise<number> {
  const head = await db.selectFrom('log_head').select('next_seq').where('id', '=', 1).executeTakeFirstOrThrow()
  return head.next_seq - 1
}
