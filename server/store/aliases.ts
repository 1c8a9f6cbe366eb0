import type { Kysely, Transaction } from 'kysely'
import type { AccountId, MailboxId } from '../model/ids.ts'
import type { Database, NewRow, Row } from './schema.ts'

export const insertAlias = async (tx: Transaction<Database>, row: NewRow<'aliases'>): Promise<void> => {
  await tx.insertInto('aliases').values(row).execute()
}

/** @param addressKey the compared form */
export const aliasAt = (db: Kysely<Database>, addressKey: string): Promise<Row<'aliases'> | undefined> =>
  db.selectFrom('aliases').selectAll().where('address', '=', addressKey).executeTakeFirst()

/** The further addresses of a mailbox, in the compared form. */
export const aliasesOf = async (db: Kysely<Database>, mailboxId: MailboxId): Promise<string[]> =>
  (await db.selectFrom('aliases').select('address').where('mailbox_id', '=', mailboxId).orderBy('address').execute()).map(
    ({ address }) => address,
  )

/** @returns what was deleted; undefined when there was none. @param addressKey the compared form */
export const deleteAlias = (tx: Transaction<Database>, addressKey: string): Promise<Row<'aliases'> | undefined> =>
  tx.deleteFrom('aliases').where('address', '=', addressKey).returningAll().executeTakeFirst()

/** An alias with the mailbox behind it. */
export type ListedAlias = { address: string; accountId: AccountId; mailbox: string }

/** Every alias of the appliance, by address. */
export const listAliases = (db: Kysely<Database>): Promise<ListedAlias[]> =>
  db
    .selectFrom('aliases')
    .innerJoin('mailboxes', 'mailboxes.id', 'aliases.mailbox_id')
    .select(['aliases.address', 'aliases.account_id as accountId', 'mailboxes.address as mailbox'])
    .orderBy('aliases.address')
    .execute()
