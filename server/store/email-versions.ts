import type { Kysely, Transaction } from 'kysely'
import type { EmailId } from '../model/ids.ts'
import type { Database, NewRow, Row } from './schema.ts'

export type EmailVersionRow = Row<'email_versions'>

export const insertVersion = async (tx: Transaction<Database>, row: NewRow<'email_versions'>): Promise<void> => {
  await tx.insertInto('email_versions').values(row).execute()
}

/** What an email said before each change of a reviewer's, the first first: that is its agent's. A bounded number. */
export const versionsOf = (db: Kysely<Database>, emailId: EmailId): Promise<EmailVersionRow[]> =>
  db.selectFrom('email_versions').selectAll().where('email_id', '=', emailId).orderBy('number').execute()

/** What its agent handed in; undefined: that is what it still says. */
export const firstVersionOf = (db: Kysely<Database>, emailId: EmailId): Promise<EmailVersionRow | undefined> =>
  db.selectFrom('email_versions').selectAll().where('email_id', '=', emailId).where('number', '=', 1).executeTakeFirst()

export const countVersions = async (db: Kysely<Database>, emailId: EmailId): Promise<number> =>
  Number(
    (
      await db
        .selectFrom('email_versions')
        .select((row) => row.fn.countAll().as('count'))
        .where('email_id', '=', emailId)
        .executeTakeFirstOrThrow()
    ).count,
  )
