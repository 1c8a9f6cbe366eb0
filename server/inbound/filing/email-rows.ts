/** An arrived message as rows of the store. Pure. */
import { displaySubject } from '../../mailbox/subject.ts'
import type { Address } from '../../model/address.ts'
import type { Automatic } from '../../model/automatic.ts'
import type { EmailStatus } from '../../model/email.ts'
import { type EmailId, type MailboxId, type ThreadId, newId } from '../../model/ids.ts'
import type { SenderIdentity } from '../../model/sender-identity.ts'
import type { AuthenticationResults } from '../../model/verdict.ts'
import type { Tenancy } from '../../model/world.ts'
import type { StagedBlob } from '../../store/blobs.ts'
import { type EmailRow, untouched } from '../../store/emails.ts'
import type { NewRow } from '../../store/schema.ts'
import type { ContentFindings } from '../content/findings.ts'
import type { MessageFlag, ParsedMessage } from '../message/parsed-message.ts'
import type { ArrivedReport } from '../reports/arrived-report.ts'
import type { MailboxVerdict } from '../verdict.ts'

/** What all mailboxes that get this message share. Times: epoch ms. */
export type Letter = {
  parsed: ParsedMessage
  flags: readonly MessageFlag[]
  results: AuthenticationResults
  /** null: it has no X-MultiMail-Identity */
  senderIdentity: SenderIdentity | null
  content: ContentFindings
  report: ArrivedReport | null
  /** as far as its header says */
  automatic: Automatic | null
  /** its author is who the message says */
  proven: boolean
  /** its sender asked for TLS on every hop (RFC 8689) */
  requireTls: boolean
  reversePath: Address | null
  raw: StagedBlob
  /** in the order of `parsed.attachments` */
  attachmentBlobs: readonly StagedBlob[]
  receivedAt: number
  holdExpiryMs: number
}

/** One mailbox that gets it. */
export type Filing = {
  emailId: EmailId
  mailboxId: MailboxId
  forwardPaths: readonly Address[]
  verdict: MailboxVerdict
  /** the email of the mailbox to whose return path it was sent; null for what was sent to the mailbox itself */
  bounceOf: EmailId | null
  /** the emails of the mailbox whose recipients want no more: it was sent to their unsubscribe addresses */
  unsubscribes: readonly EmailId[]
  /** it was sent to signed addresses only, so it is no letter */
  toNobody: boolean
}

/** Where it goes, and as what. */
export type Place = { tenancy: Tenancy; threadId: ThreadId; status: EmailStatus; automatic: Automatic | null }

export function emailRow(letter: Letter, filing: Filing, { tenancy, threadId, status, automatic }: Place): EmailRow {
  const { parsed } = letter
  return {
    id: filing.emailId,
    account_id: tenancy.accountId,
    world: tenancy.world,
    mailbox_id: filing.mailboxId,
    thread_id: threadId,
    direction: 'inbound',
    status,
    message_id: parsed.messageId,
    in_reply_to: parsed.inReplyTo.at(-1) ?? null,
    references_json: JSON.stringify(parsed.references),
    subject: displaySubject(parsed.subject),
    from_address: parsed.from?.address ?? '',
    from_name: parsed.from?.name ?? null,
    reply_to_json: JSON.stringify(parsed.replyTo),
    to_json: JSON.stringify(parsed.to),
    cc_json: JSON.stringify(parsed.cc),
    bcc_json: '[]',
    reverse_path: letter.reversePath ?? '',
    forward_paths_json: JSON.stringify(filing.forwardPaths),
    sent_at: parsed.sentAt,
    received_at: letter.receivedAt,
    markdown: parsed.markdown,
    extracted: parsed.extracted,
    has_attachments: parsed.attachments.some(({ isInline }) => !isInline) ? 1 : 0,
    raw_hash: letter.raw.hash,
    raw_size: letter.raw.size,
    content_hash: null,
    authentication_json: JSON.stringify(letter.results),
    sender_identity_json: letter.senderIdentity === null ? null : JSON.stringify(letter.senderIdentity),
    spam_score: filing.verdict.score,
    reasons_json: JSON.stringify(filing.verdict.reasons),
    hidden_text: letter.content.hidden?.text ?? null,
    hidden_characters: letter.content.hidden?.characters ?? null,
    automatic,
    require_tls: letter.requireTls ? 1 : 0,
    spam_verdict: filing.verdict.spam,
    flags_json: JSON.stringify(letter.flags),
    composer_id: null,
    idempotency_key: null,
    ...untouched,
    created_at: letter.receivedAt,
    updated_at: letter.receivedAt,
  }
}

export const attachmentRows = (letter: Letter, emailId: EmailId): NewRow<'attachments'>[] =>
  letter.parsed.attachments.flatMap((attachment, position) => {
    const blob = letter.attachmentBlobs[position]
    if (blob === undefined) return []
    return {
      id: newId('attachment', letter.receivedAt),
      email_id: emailId,
      position,
      name: attachment.name,
      content_type: attachment.contentType,
      size: blob.size,
      blob_hash: blob.hash,
      content_id: attachment.contentId,
      is_inline: attachment.isInline ? 1 : 0,
    }
  })
