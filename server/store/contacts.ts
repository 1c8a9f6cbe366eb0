/** The address book of an account. Times: epoch ms. */
import { type Kysely, type Transaction, sql } from 'kysely'
import type { ContactId } from '../model/ids.ts'
import type { Tenancy } from '../model/world.ts'
import type { Database, NewRow, Row } from './schema.ts'

export type ContactRow = Row<'contacts'>

/** @param address in the compared form */
export const contactAt = (db: Kysely<Database>, { accountId, world }: Tenancy, address: string): Promise<ContactRow | undefined> =>
  db
    .selectFrom('contacts')
    .selectAll()
    .where('account_id', '=', accountId)
    .where('world', '=', world)
    .where('address', '=', address)
    .executeTakeFirst()

/** Keeps a contact; one with the same address keeps its id and the time it was made. */
export const putContact = (tx: Transaction<Database>, row: NewRow<'contacts'>): Promise<ContactRow> => {
  const { email, name, tags_json, metadata_json, search_text, updated_at } = row
  return tx
    .insertInto('contacts')
    .values(row)
    .onConflict((conflict) =>
      conflict.columns(['account_id', 'world', 'address']).doUpdateSet({ email, name, tags_json, metadata_json, search_text, updated_at }),
    )
    .returningAll()
    .executeTakeFirstOrThrow()
}

/** `text` is looked for in lower case; `before` is an exclusive id. */
export type ContactFilter = { text?: string; before?: ContactId; limit: number }

/** The tenant's, newest first. */
export function listContacts(db: Kysely<Database>, { accountId, world }: Tenancy, filter: ContactFilter): Promise<ContactRow[]> {
  let query = db.selectFrom('contacts').selectAll().where('account_id', '=', accountId).where('world', '=', world)
  if (filter.before !== undefined) query = query.where('id', '<', filter.before)
  if (filter.text !== undefined) {
    const pattern = `%${filter.text.toLowerCase().replace(/[\\%_]/g, '\\$&')}%`
    query = query.where(sql<boolean>`search_text like ${pattern} escape '\\'`)
  }
  return query.orderBy('id', 'desc').limit(filter.limit).execute()
}

export const countContacts = async (db: Kysely<Database>, { accountId, world }: Tenancy): Promise<number> => {
  const own = db.selectFrom('contacts').where('account_id', '=', accountId).where('world', '=', world)
  return Number((await own.select((row) => row.fn.countAll().as('count')).executeTakeFirstOrThrow()).count)
}

/** @returns whether the tenant had it */
export const deleteContact = async (tx: Transaction<Database>, { accountId, world }: Tenancy, id: ContactId): Promise<boolean> =>
  (
    await tx
      .deleteFrom('contacts')
      .where('account_id', '=', accountId)
      .where('world', '=', world)
      .where('id', '=', id)
      .returning('id')
      .execute()
  ).length > 0
