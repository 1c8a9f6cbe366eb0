/** Whether mail was opened, as far as an image can tell. Times: epoch ms. */
import type { Kysely, Transaction } from 'kysely'
import { sha256 } from '../model/canonical.ts'
import type { EmailId, MailboxId } from '../model/ids.ts'
import { prepare } from './prepared.ts'
import type { Database, Row } from './schema.ts'

export const noticesOpens = async (db: Kysely<Database>, mailboxId: MailboxId): Promise<boolean> =>
  (await noticing(db, { mailboxId })).length > 0

const noticing = prepare((db, { mailboxId }: { mailboxId: MailboxId }) =>
  db.selectFrom('noticing_mailboxes').select('since').where('mailbox_id', '=', mailboxId),
)

/** @returns false when it was so already */
export async function setNoticing(tx: Transaction<Database>, mailboxId: MailboxId, on: boolean, now: number): Promise<boolean> {
  const rows = on
    ? await tx
        .insertInto('noticing_mailboxes')
        .values({ mailbox_id: mailboxId, since: now })
        .onConflict((conflict) => conflict.doNothing())
        .returning('mailbox_id')
        .execute()
    : await tx.deleteFrom('noticing_mailboxes').where('mailbox_id', '=', mailboxId).returning('mailbox_id').execute()
  return rows.length > 0
}

export const insertOpenToken = async (tx: Transaction<Database>, token: string, emailId: EmailId): Promise<void> => {
  await tx
    .insertInto('opens')
    .values({ token_hash: sha256(token), email_id: emailId, first_at: null, last_at: null })
    .execute()
}

/** Counts an open, unless one was counted within `atMostEveryMs` or the token is none. @returns the row as it is then, when it counted */
export function countOpen(tx: Transaction<Database>, token: string, now: number, atMostEveryMs: number): Promise<Row<'opens'> | undefined> {
  return tx
    .updateTable('opens')
    .set((set) => ({ count: set('count', '+', 1), first_at: set.fn.coalesce('first_at', set.val(now)), last_at: now }))
    .where('token_hash', '=', sha256(token))
    .where((row) => row.or([row('last_at', 'is', null), row('last_at', '<=', now - atMostEveryMs)]))
    .returningAll()
    .executeTakeFirst()
}
