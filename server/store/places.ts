/**
 * The order in which emails came into sight: what lists follow, and what "newer than" means.
 *
 * A place is the number of the log entry that goes with it. The log hands its numbers out under a lock that ends with the commit, so whoever
 * has seen a place has seen all smaller ones, on PostgreSQL too, where transactions commit in another order than they begin.
 */
import type { Kysely, Transaction } from 'kysely'
import type { EmailId, MailboxId } from '../model/ids.ts'
import type { Tenancy } from '../model/world.ts'
import { prepareChange } from './prepared.ts'
import type { Database, NewRow } from './schema.ts'

/** Gives an email this place, new or instead of its earlier one. Called by the log alone, which has the number. */
export const givePlace = (tx: Transaction<Database>, row: NewPlace): Promise<void> => give(tx, row)

type NewPlace = Omit<NewRow<'email_places'>, 'status'>

const give = prepareChange((db, row: NewPlace) =>
  db
    .insertInto('email_places')
    .values({
      email_id: row.email_id,
      account_id: row.account_id,
      world: row.world,
      mailbox_id: row.mailbox_id,
      place: row.place,
      visible_at: row.visible_at,
      status: db.selectFrom('emails').select('status').where('id', '=', row.email_id),
    })
    .onConflict((earlier) =>
      earlier.column('email_id').doUpdateSet((row) => ({ place: row.ref('excluded.place'), visible_at: row.ref('excluded.visible_at') })),
    ),
)

/** Where an email of this tenancy stands; null when it has none with this id. */
export async function placeOf(db: Kysely<Database>, tenancy: Tenancy, id: EmailId): Promise<number | null> {
  const row = await db
    .selectFrom('email_places')
    .select('place')
    .where('email_id', '=', id)
    .where('account_id', '=', tenancy.accountId)
    .where('world', '=', tenancy.world)
    .executeTakeFirst()
  return row?.place ?? null
}

/** Which email of this mailbox came into sight last; null when none has. */
export async function lastPlaced(db: Kysely<Database>, mailboxId: MailboxId): Promise<{ id: EmailId; place: number } | null> {
  const row = await db
    .selectFrom('email_places')
    .select(['email_id', 'place'])
    .where('mailbox_id', '=', mailboxId)
    .orderBy('place', 'desc')
    .limit(1)
    .executeTakeFirst()
  return row === undefined ? null : { id: row.email_id, place: row.place }
}
