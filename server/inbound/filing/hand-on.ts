/**
 * Where reports go that are recognised here, and pleas for no more mail: another room's business, done in the transaction that files the message which brought them.
 * app.ts hands the functions in, so that inbound need not know that room.
 */
import type { Bringer, Complaint, DeliveryReport } from '../../model/feedback.ts'
import type { EmailId } from '../../model/ids.ts'
import type { Tx } from '../../store/db.ts'
import type { NewLogEntry } from '../../store/log.ts'

/** Each returns what goes on the record, for the caller to append at the end of its transaction. */
export type HandOn = {
  onDsn(tx: Tx, report: DeliveryReport, bringer: Bringer): Promise<NewLogEntry[]>
  onComplaint(tx: Tx, complaint: Complaint, bringer: Bringer): Promise<NewLogEntry[]>
  /** @param about the email whose recipient wants no more */
  onUnsubscribe(tx: Tx, about: EmailId, now: number): Promise<NewLogEntry[]>
}
