/** Which mailboxes are told by mail what became of what they sent. */
import type { Kysely, Transaction } from 'kysely'
import type { MailboxId } from '../model/ids.ts'
import type { Database } from './schema.ts'

export async function wantsNotices(db: Kysely<Database>, mailboxId: MailboxId): Promise<boolean> {
  const row = await db.selectFrom('notified_mailboxes').select('since').where('mailbox_id', '=', mailboxId).executeTakeFirst()
  return row !== undefined
}

/** @returns false when it was so already */
export async function setNotices(tx: Transaction<Database>, mailboxId: MailboxId, on: boolean, now: number): Promise<boolean> {
  const rows = on
    ? await tx
        .insertInto('notified_mailboxes')
        .values({ mailbox_id: mailboxId, since: now })
        .onConflict((conflict) => conflict.doNothing())
        .returning('mailbox_id')
        .execute()
    : await tx.deleteFrom('notified_mailboxes').where('mailbox_id', '=', mailboxId).returning('mailbox_id').execute()
  return rows.length > 0
}
