import type { Kysely, Transaction } from 'kysely'
import type { EmailId } from '../model/ids.ts'
import { insertPrepared, prepareShapes } from './prepared.ts'
import type { Database, NewRow, Row } from './schema.ts'

export const insertAttachments = async (tx: Transaction<Database>, rows: readonly NewRow<'attachments'>[]): Promise<void> => {
  for (const row of rows) await insertPrepared(tx, 'attachments', row)
}

/** The attachments of these emails, each in the order of its message. The caller has checked that the emails are the tenant's. */
export const attachmentsOf = (db: Kysely<Database>, emailIds: readonly EmailId[]): Promise<Row<'attachments'>[]> =>
  emailIds.length === 0 ? Promise.resolve([]) : attached(db, { emailIds })

const attached = prepareShapes((db, { emailIds }: { emailIds: readonly EmailId[] }) =>
  db
    .selectFrom('attachments')
    .selectAll()
    .where('email_id', 'in', [...emailIds])
    .orderBy('email_id')
    .orderBy('position'),
)
