import type { Tx } from '../../server/store/db.ts'
import { emailEntry } from '../../server/store/email-record.ts'
import type { EmailRow } from '../../server/store/emails.ts'
import { appendLog } from '../../server/store/log.ts'

/** Puts a made email where the real ways put theirs: at the top of the lists, with an entry on the log. */
export const appear = (tx: Tx, email: EmailRow): Promise<void> =>
  appendLog(tx, {
    ...emailEntry(email, { kind: 'system', part: 'inbound' }, email.created_at),
    action: 'email.received',
    appearsIn: email.mailbox_id,
    metadata: { status: email.status, raw_size: email.raw_size },
  })
