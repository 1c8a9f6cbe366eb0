/** What other mail systems tell about mail that left here. Everything in it was written by a stranger and proves nothing by itself. */
import type { EmailId, MailboxId } from './ids.ts'

export const dsnActions = ['failed', 'delayed', 'delivered', 'relayed', 'expanded'] as const
export type DsnAction = (typeof dsnActions)[number]

/** One recipient of a delivery status notification (RFC 3464 §2.3). */
export type DsnRecipient = {
  /** in the compared form, when it is an address */
  finalRecipient: string | null
  originalRecipient: string | null
  action: DsnAction
  /** RFC 3463, such as 5.1.1 */
  status: string | null
  /** printable, at most 1000 characters */
  diagnosticCode: string | null
  remoteMta: string | null
}

/** A delivery status notification (RFC 3464), or one of the older forms of a bounce. */
export type DeliveryReport = {
  reportingMta: string | null
  originalEnvelopeId: string | null
  /** of the message it is about, with angle brackets, when it carries that message or its header */
  originalMessageId: string | null
  /** at least one */
  recipients: readonly DsnRecipient[]
}

/** A feedback report (ARF, RFC 5965): somebody complained about a message. */
export type Complaint = {
  /** such as abuse, fraud, not-spam */
  feedbackType: string
  originalMessageId: string | null
  originalRecipients: readonly string[]
  /** of the message complained about, when the report says so */
  sourceIp: string | null
  reportedDomains: readonly string[]
}

/** The message that brought a report, as it was filed. `verified`: its author was proved to be of `fromDomain`. `isShown`: the agent may read it. */
export type Bringer = {
  emailId: EmailId
  mailboxId: MailboxId
  fromDomain: string | null
  verified: boolean
  isShown: boolean
  /** the email whose return path it came to; null when it came to a mailbox */
  about: EmailId | null
  /** epoch ms */
  receivedAt: number
}
