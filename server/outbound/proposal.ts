/** An email that an agent proposes, as rows: the same for a draft and for what is submitted. */
import type { KeyActor } from '../model/actor.ts'
import type { Address } from '../model/address.ts'
import { sha256 } from '../model/canonical.ts'
import type { HeaderAddress, OversightSaid } from '../model/email.ts'
import type { ContentHash } from '../model/envelope.ts'
import type { Finding } from '../model/finding.ts'
import { type EmailId, type KeyId, type ThreadId, newId } from '../model/ids.ts'
import type { OutgoingMail } from '../oversight/taint/taint.ts'
import { type EmailRow, notArrived, untouched } from '../store/emails.ts'
import type { NewRow, Row } from '../store/schema.ts'
import { type Timing, atOnce, timingColumns } from './timing.ts'
import { type Content, forwardPaths } from './content.ts'
import { type Copies, copiesJson, namedIn, withCopies } from './copies.ts'

export type Proposal = {
  id: EmailId
  mailbox: Row<'mailboxes'>
  thread: { id: ThreadId; isNew: boolean }
  content: Content
  inReplyTo: string | null
  references: readonly string[]
  idempotencyKey: string | null
  /** the email it passes on */
  forwards?: EmailId
  /** the email of which it is another version */
  replaces?: EmailId
  /** left out: at once */
  timing?: Timing
}

/** What composing adds. */
export type Composed = {
  reversePath: Address
  messageId: string
  rawHash: string
  rawSize: number
  contentHash: ContentHash
  openToken?: string | null
  copies: Copies
  footer: string
  said: OversightSaid
  findings: readonly Finding[]
}

type Writer = Pick<KeyActor, 'accountId' | 'world' | 'keyId'>

/** @param now epoch ms */
export const draftRow = (proposal: Proposal, actor: Writer, now: number): EmailRow => {
  const { id, mailbox, thread, content } = proposal
  return {
    id,
    account_id: actor.accountId,
    world: actor.world,
    mailbox_id: mailbox.id,
    thread_id: thread.id,
    direction: 'outbound',
    status: 'draft',
    message_id: null,
    in_reply_to: proposal.inReplyTo,
    references_json: JSON.stringify(proposal.references),
    from_address: mailbox.address,
    from_name: mailbox.display_name,
    reply_to_json: '[]',
    ...contentColumns(content),
    reverse_path: mailbox.address,
    forward_paths_json: '[]',
    sent_at: null,
    received_at: now,
    raw_hash: null,
    raw_size: 0,
    content_hash: null,
    ...notArrived,
    flags_json: '[]',
    composer_id: actor.keyId,
    idempotency_key: proposal.idempotencyKey,
    ...untouched,
    ...timingColumns(proposal.timing ?? atOnce),
    created_at: now,
    updated_at: now,
  }
}

/** What it says, and to whom. */
export const contentColumns = (content: Content) => ({
  subject: content.subject,
  ...recipientColumns(content),
  markdown: content.markdown,
  extracted: content.markdown,
  has_attachments: content.attachments.length > 0 ? 1 : 0,
})

const recipientColumns = ({ to, cc, bcc }: Pick<Content, 'to' | 'cc' | 'bcc'>) => ({
  to_json: headerAddresses(to),
  cc_json: headerAddresses(cc),
  bcc_json: headerAddresses(bcc),
})

/** What changes in the row when it is composed. @param now epoch ms */
export const composedColumns = (proposal: Proposal, composed: Composed, actor: { keyId: KeyId | null }, now: number) => ({
  message_id: composed.messageId,
  raw_hash: composed.rawHash,
  raw_size: composed.rawSize,
  content_hash: composed.contentHash,
  from_address: proposal.mailbox.address,
  from_name: proposal.mailbox.display_name,
  reverse_path: composed.reversePath,
  ...recipientColumns(withCopies(proposal.content, composed.copies)),
  forward_paths_json: JSON.stringify(forwardPaths(withCopies(proposal.content, composed.copies))),
  copies_json: copiesJson(composed.copies),
  footer: composed.footer,
  oversight_said: composed.said,
  findings_json: JSON.stringify(composed.findings),
  ...(proposal.replaces !== undefined && { replaces_id: proposal.replaces }),
  // Whoever hands it in answers for it, and may not approve it; a draft may be another key's.
  composer_id: actor.keyId,
  idempotency_key: proposal.idempotencyKey,
  received_at: now,
  updated_at: now,
})

/** What of it is compared with what the agent was shown. */
export const outgoingMail = ({ thread, content }: Proposal): OutgoingMail => ({
  threadId: thread.id,
  subject: content.subject,
  text: content.markdown,
  recipients: forwardPaths(content),
  files: content.attachments.map(({ name, content: bytes }) => ({ name, hash: sha256(bytes) })),
})

/** @param now epoch ms */
export const attachmentRows = ({ id, content }: Proposal, now: number): NewRow<'attachments'>[] =>
  content.attachments.map((it, position) => ({
    id: newId('attachment', now),
    email_id: id,
    position,
    name: it.name,
    content_type: it.contentType,
    size: it.content.length,
    blob_hash: sha256(it.content),
    content_id: null,
    is_inline: 0,
  }))

/** True when an email that exists says what this proposal says: the test for an idempotency key that comes again. */
export const saysTheSame = (
  row: EmailRow,
  attachments: readonly Row<'attachments'>[],
  { content, inReplyTo, timing, replaces }: Proposal,
): boolean =>
  row.replaces_id === (replaces ?? null) &&
  row.send_at === (timing?.sendAt ?? null) &&
  isToTheSame(namedIn(row), content) &&
  row.subject === content.subject &&
  row.markdown === content.markdown &&
  row.in_reply_to === inReplyTo &&
  attachments.length === content.attachments.length &&
  content.attachments.every((it, position) => {
    const other = attachments[position]
    return other?.name === it.name && other.content_type === it.contentType && other.blob_hash === sha256(it.content)
  })

const isToTheSame = (one: Pick<Content, 'to' | 'cc' | 'bcc'>, { to, cc, bcc }: Content): boolean =>
  JSON.stringify([one.to, one.cc, one.bcc]) === JSON.stringify([to, cc, bcc])

const headerAddresses = (addresses: readonly Address[]): string => JSON.stringify(addresses.map((address): HeaderAddress => ({ address })))
