/** What mailboxes handed in lately, by the digest of what it says. Times: epoch ms. */
import { type Kysely, type Transaction, sql } from 'kysely'
import type { EmailStatus } from '../model/email.ts'
import type { EmailId, MailboxId } from '../model/ids.ts'
import type { Database } from './schema.ts'

export type Submission = { mailboxId: MailboxId; digest: string; emailId: EmailId; at: number }

/** Takes down that it was handed in, unless an email said the same after `since` and has none of the statuses of what was taken back. One
 *  statement: of two at once the second waits and finds the first. @param unless null: whatever there was before
 *  @returns the email that said the same; null when this is noted now */
export async function noteSubmission(
  tx: Transaction<Database>,
  { mailboxId, digest, emailId, at }: Submission,
  unless: { since: number; takenBack: readonly EmailStatus[] } | null,
): Promise<EmailId | null> {
  const noted = await tx
    .insertInto('recent_submissions')
    .values({ mailbox_id: mailboxId, content_digest: digest, email_id: emailId, at })
    .onConflict((on) => {
      const update = on.columns(['mailbox_id', 'content_digest']).doUpdateSet({ email_id: emailId, at })
      if (unless === null) return update
      const gone = tx
        .selectFrom('emails')
        .select('id')
        .where('status', 'in', [...unless.takenBack])
        .where('id', '=', sql.ref<EmailId>('recent_submissions.email_id'))
      return update.where((row) => row.or([row('recent_submissions.at', '<=', unless.since), row.exists(gone)]))
    })
    .returning('email_id')
    .execute()
  if (noted.length > 0) return null
  const first = await tx
    .selectFrom('recent_submissions')
    .select('email_id')
    .where('mailbox_id', '=', mailboxId)
    .where('content_digest', '=', digest)
    .executeTakeFirst()
  return first?.email_id ?? null
}

export const forgetSubmission = async (tx: Transaction<Database>, { mailboxId, digest }: Submission): Promise<void> => {
  await tx.deleteFrom('recent_submissions').where('mailbox_id', '=', mailboxId).where('content_digest', '=', digest).execute()
}

export const sweepSubmissions = async (db: Kysely<Database>, before: number): Promise<void> => {
  await db.deleteFrom('recent_submissions').where('at', '<=', before).execute()
}
