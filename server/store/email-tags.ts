/** What callers wrote on emails: keys and values of their own. Times: epoch ms. */
import type { Kysely, Transaction } from 'kysely'
import type { EmailId } from '../model/ids.ts'
import type { Tenancy } from '../model/world.ts'
import type { Database } from './schema.ts'

export type Tag = { key: string; value: string }

/** By key. */
export const tagsOf = (db: Kysely<Database>, emailId: EmailId): Promise<Tag[]> =>
  db.selectFrom('email_tags').select(['key', 'value']).where('email_id', '=', emailId).orderBy('key').execute()

/** Adds tags; one with the same key has the new value. */
export async function putTags(
  tx: Transaction<Database>,
  { accountId, world }: Tenancy,
  emailId: EmailId,
  tags: readonly Tag[],
  now: number,
): Promise<void> {
  if (tags.length === 0) return
  await tx
    .insertInto('email_tags')
    .values(tags.map(({ key, value }) => ({ email_id: emailId, key, value, account_id: accountId, world, set_at: now })))
    .onConflict((conflict) =>
      conflict.columns(['email_id', 'key']).doUpdateSet((row) => ({ value: row.ref('excluded.value'), set_at: now })),
    )
    .execute()
}

/** @returns whether there was one */
export const deleteTag = async (tx: Transaction<Database>, emailId: EmailId, key: string): Promise<boolean> =>
  (await tx.deleteFrom('email_tags').where('email_id', '=', emailId).where('key', '=', key).returning('key').execute()).length > 0

export const deleteTags = async (tx: Transaction<Database>, emailId: EmailId): Promise<void> => {
  await tx.deleteFrom('email_tags').where('email_id', '=', emailId).execute()
}
