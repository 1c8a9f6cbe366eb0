import type { Tx } from '../store/db.ts'
import { emailFacts, tenancyOf } from '../store/email-record.ts'
import type { EmailRow } from '../store/emails.ts'
import { appendEvent } from '../store/events.ts'

/** Tells that what waited, for a person or for its time, will not leave. @param email as it is now. @param now epoch ms */
export const announceCancelled = (tx: Tx, email: EmailRow, now: number): Promise<void> =>
  appendEvent(tx, {
    tenancy: tenancyOf(email),
    mailboxId: email.mailbox_id,
    type: 'message.cancelled',
    data: { ...emailFacts(email), cancelled_at: now },
    now,
  })
