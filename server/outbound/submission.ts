/** The words of a submission: what agents hand in, what they get back, and what may go wrong. */
import type { DomainName } from '../../dns/name.ts'
import type { Address } from '../model/address.ts'
import type { EmailStatus } from '../model/email.ts'
import type { ContentHash } from '../model/envelope.ts'
import type { EmailId, MailboxId, ThreadId } from '../model/ids.ts'
import type { ReadText } from '../mailbox/attachment-text/reader.ts'
import type { Clock } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import type { Store } from '../store/db.ts'
import type { Timing } from './timing.ts'
import type { AttachmentInput, ContentCode, ContentInput } from './content.ts'
import type { Caps } from './pace/caps.ts'
import type { UnsubscribeUris } from './unsubscribe/unsubscribe.ts'

/** `idempotencyKey`: the same key in the same mailbox gives the first email again, at any later time. */
export type SendInput = ContentInput & Replacing & { mailbox: MailboxId; idempotencyKey?: string | undefined; timing?: Timing | undefined }

/** `replaces`: the email of which it is another version; it is filed in the same conversation, and takes its place. */
export type Replacing = { replaces?: EmailId | undefined }

/** `mailbox`, when given, must be the one the email is in. Recipient, subject and thread follow from the email. */
export type ReplyInput = Replacing & {
  email: EmailId
  mailbox?: MailboxId | undefined
  markdown: string
  cc?: readonly Address[] | undefined
  bcc?: readonly Address[] | undefined
  attachments?: readonly AttachmentInput[] | undefined
  idempotencyKey?: string | undefined
  /** also who else got the email */
  toAll?: boolean
}

/** `markdown`: a note above what is passed on; `asAttachment`: the whole message as a file, instead of its text and its files. */
export type ForwardInput = {
  email: EmailId
  to: readonly Address[]
  cc?: readonly Address[] | undefined
  bcc?: readonly Address[] | undefined
  markdown: string
  asAttachment: boolean
  idempotencyKey?: string | undefined
}

/** What is left out stays as it is. `sendAt`: epoch ms; a time that is past means at once. */
export type EditInput = { email: EmailId; sendAt?: number | undefined } & {
  [Field in 'to' | 'cc' | 'bcc' | 'subject' | 'markdown']?: ContentInput[Field] | undefined
}

export type Submitted = {
  id: EmailId
  threadId: ThreadId
  mailboxId: MailboxId
  status: EmailStatus
  /** null for a draft, which is not composed yet */
  contentHash: ContentHash | null
  /** epoch ms; null: not to be sent later */
  sendAt: number | null
  /** what the gate said to it, in plain words; null: it was not asked now */
  rule: string | null
  /** nothing was done: this is what an earlier call did */
  replayed: boolean
}

export type SubmitCode =
  | ContentCode
  | 'MAILBOX_NOT_FOUND'
  | 'EMAIL_NOT_FOUND'
  | 'READ_ONLY_MAILBOX'
  | 'CONTENT_BLOCKED'
  | 'BLOCKED_BY_POLICY'
  | 'NOT_REPLIABLE'
  | 'AUTOMATIC_MESSAGE'
  | 'INVALID_RECIPIENT'
  | 'RECIPIENT_SUPPRESSED'
  | 'SENDING_DISABLED'
  | 'SCHEDULING_DISABLED'
  | 'IMITATES_FOOTER'
  | 'IDEMPOTENCY_CONFLICT'
  | 'NOT_A_DRAFT'
  | 'NOT_CANCELLABLE'
  | 'NOT_SCHEDULED'
  | 'NOT_REPLACEABLE'
  | 'ALREADY_APPROVED'
  | 'UNAVAILABLE'
  | 'RATE_LIMITED'
  | 'QUOTA_EXCEEDED'
  | 'DUPLICATE_EMAIL'

export type SubmissionDeps = {
  store: Store
  /** how long a hold stays open */
  holdExpiryMs: number
  /** who have to approve what a policy holds for two people; left out: two */
  people?: number
  /** how long each delivery is tried, from the release on */
  giveUpAfterMs: number
  /** of a mailbox that has none of its own; left out: none */
  caps?: Caps
  /** messages that one account may hand in within a month; null or left out: as many as it likes */
  monthly?: number | null
  /** where bounces of an email go; left out: to its mailbox */
  returnPath?: ((email: EmailId, domain: DomainName) => Address) | undefined
  /** where a recipient unsubscribes; left out: mail carries no link */
  unsubscribeLink?: ((email: EmailId) => UnsubscribeUris) | undefined
  /** as clients reach the server, for the image of a mailbox that notices opens; left out: no image */
  publicUrl?: string | undefined
  clock: Clock
  log: Log
  /** for the outgoing checks; left out: no attachment can be looked into, so each is held */
  readText?: ReadText
  /** To and Cc of one email that may see each other's addresses; left out: any number */
  mostSeen?: number
  /** called after each commit that put something into the queue */
  onReleased: () => void
  /** as in oversight/decision.ts; left out: no */
  allowTestSelfApproval?: boolean
}
