/**
 * Where mail leaves an agent's hands (docs/decisions/005-content-hash-and-release.md).
 *
 * Promises: an email is composed once, completely, when it is submitted, and named by the hash of its bytes and its envelope. In a gated mailbox
 * nothing but a hold comes of it. Where the gate lets it pass, its release and its deliveries are written in the same transaction as the email
 * itself, and as the entries of the log. Test mail takes the same way through the same gate.
 */
import { type Decider, type KeyActor, reaches } from '../model/actor.ts'
import type { Address } from '../model/address.ts'
import { type EmailId, type MailboxId, newId } from '../model/ids.ts'
import { maxMarkdownLength } from '../model/letter-limits.ts'
import { type Result, fail, ok } from '../model/result.ts'
import { aliasesOf } from '../store/aliases.ts'
import { attachmentsOf } from '../store/attachments.ts'
import { type EmailRow, findEmail } from '../store/emails.ts'
import { findMailbox } from '../store/mailboxes.ts'
import type { Row } from '../store/schema.ts'
import { cancel } from './cancel.ts'
import { type AttachmentInput, checkContent } from './content.ts'
import { filesOf, proposalOf, saveDraft } from './drafts.ts'
import { edit } from './edit.ts'
import { type EditedHeld, type HeldEdit, type HeldEditCode, editHeld } from './edit-held.ts'
import { forwardSubject, quoted } from './forward.ts'
import { handIn } from './hand-in.ts'
import type { Proposal } from './proposal.ts'
import { createRender } from './render.ts'
import { replyHead, whyNotAnswer } from './reply-head.ts'
import { atOnce } from './timing.ts'
import { mayBeReplaced } from '../oversight/supersede.ts'
import type { EditInput, ForwardInput, Replacing, ReplyInput, SendInput, SubmissionDeps, SubmitCode, Submitted } from './submission.ts'

type Outcome = Promise<Result<Submitted, SubmitCode>>

/** Whoever calls has checked that the key may send at all. What the key's tenancy and mailboxes do not reach is not found. */
export type Submissions = {
  send(actor: KeyActor, input: SendInput): Outcome
  reply(actor: KeyActor, input: ReplyInput): Outcome
  /** Passes an email on to others, in a thread of its own. */
  forward(actor: KeyActor, input: ForwardInput): Outcome
  /** Allowed wherever the agent may do more than read. Keys for idempotency are for submissions: each call makes a draft. */
  draftReply(actor: KeyActor, input: Omit<ReplyInput, 'idempotencyKey' | 'replaces'>): Outcome
  /** Submits a draft as it stands. */
  sendDraft(actor: KeyActor, input: Replacing & { draft: EmailId; idempotencyKey?: string | undefined }): Outcome
  /** An email that waits for its time. */
  edit(actor: KeyActor, input: EditInput): Outcome
  /** A reviewer changes the words of what is held. Who may is asked here. */
  editHeld(actor: Decider, input: HeldEdit): Promise<Result<EditedHeld, HeldEditCode>>
  /** A draft, or an email that waits for approval. Again is fine: `replayed`. */
  cancel(actor: KeyActor, input: { email: EmailId }): Outcome
}

export function createSubmissions(given: SubmissionDeps): Submissions {
  const deps = { ...given, render: createRender(given.clock) }
  return {
    async send(actor, input) {
      const mailbox = await usableMailbox(deps, actor, input.mailbox)
      if (mailbox === null) return fail('MAILBOX_NOT_FOUND')
      const content = checkContent(input)
      if (!content.ok) return content
      const place = await placeOf(deps, actor, mailbox, input)
      if (!place.ok) return place
      const idempotencyKey = input.idempotencyKey ?? null
      const timing = input.timing ?? atOnce
      const id = newId('email', deps.clock.now())
      return handIn(deps, actor, { id, mailbox, content: content.value, idempotencyKey, timing, ...place.value }, null)
    },

    async reply(actor, input) {
      const proposal = await proposedReply(deps, actor, input)
      return proposal.ok ? handIn(deps, actor, proposal.value, null) : proposal
    },

    async forward(actor, input) {
      const proposal = await proposedForward(deps, actor, input)
      return proposal.ok ? handIn(deps, actor, proposal.value, null) : proposal
    },

    async draftReply(actor, input) {
      const proposal = await proposedReply(deps, actor, input)
      return proposal.ok ? saveDraft(deps, actor, { ...proposal.value, idempotencyKey: null }) : proposal
    },

    async sendDraft(actor, input) {
      const draft = await usableEmail(deps, actor, input.draft)
      if (draft === null || draft.direction !== 'outbound') return fail('EMAIL_NOT_FOUND')
      const mailbox = await usableMailbox(deps, actor, draft.mailbox_id)
      if (mailbox === null) return fail('MAILBOX_NOT_FOUND')
      const place = await placeOf(deps, actor, mailbox, input)
      if (!place.ok) return place
      const { replaces } = place.value
      const proposal = await proposalOf(deps, draft, mailbox, input.idempotencyKey ?? null)
      return handIn(deps, actor, { ...proposal, ...(replaces !== undefined && { replaces }) }, draft)
    },

    async edit(actor, input) {
      const email = await usableEmail(deps, actor, input.email)
      if (email === null || email.direction !== 'outbound') return fail('EMAIL_NOT_FOUND')
      const mailbox = await usableMailbox(deps, actor, email.mailbox_id)
      return mailbox === null ? fail('MAILBOX_NOT_FOUND') : edit(deps, actor, email, mailbox, input)
    },

    editHeld: (actor, input) => editHeld(deps, actor, input),

    async cancel(actor, input) {
      const email = await usableEmail(deps, actor, input.email)
      // Mail that arrives is the reviewer's and the reader's: no agent takes it away unseen.
      return email === null || email.direction !== 'outbound' ? fail('EMAIL_NOT_FOUND') : cancel(deps, actor, email)
    },
  }
}

async function proposedReply(deps: SubmissionDeps, actor: KeyActor, input: ReplyInput): Promise<Result<Proposal, SubmitCode>> {
  const parent = await usableEmail(deps, actor, input.email)
  if (parent === null || (input.mailbox !== undefined && input.mailbox !== parent.mailbox_id)) return fail('EMAIL_NOT_FOUND')
  const mailbox = await usableMailbox(deps, actor, parent.mailbox_id)
  if (mailbox === null) return fail('MAILBOX_NOT_FOUND')
  const own = [mailbox.address, ...(await aliasesOf(deps.store.db, mailbox.id))] as Address[]
  const head = replyHead(parent, input.toAll === true ? { kind: 'all', own } : { kind: 'sender' })
  if (!head.ok) return head
  const { to, subject, inReplyTo, references } = head.value
  const { bcc, markdown, attachments } = input
  const cc = [...head.value.cc, ...(input.cc ?? [])]
  const content = checkContent({ to, cc, bcc, subject, markdown, attachments })
  if (!content.ok) return content
  const place = await placeOf(deps, actor, mailbox, input)
  if (!place.ok) return place
  const thread = { id: parent.thread_id, isNew: false }
  const idempotencyKey = input.idempotencyKey ?? null
  const id = newId('email', deps.clock.now())
  return ok({ ...place.value, id, mailbox, thread, content: content.value, inReplyTo, references, idempotencyKey })
}

type Place = Pick<Proposal, 'thread' | 'inReplyTo' | 'references' | 'replaces'>

/** Where what is no answer belongs: in a conversation of its own, or in that of the email whose place it takes. */
async function placeOf(
  deps: SubmissionDeps,
  actor: KeyActor,
  mailbox: Row<'mailboxes'>,
  { replaces, idempotencyKey }: Replacing & { idempotencyKey?: string | undefined },
): Promise<Result<Place, SubmitCode>> {
  if (replaces === undefined) return ok({ thread: { id: newId('thread', deps.clock.now()), isNew: true }, inReplyTo: null, references: [] })
  const before = await usableEmail(deps, actor, replaces)
  if (before === null || before.direction !== 'outbound' || before.mailbox_id !== mailbox.id)
    return fail('EMAIL_NOT_FOUND', 'The email that it replaces is not in this mailbox.')
  // With an idempotency key it may be this very call that replaced it.
  const may = idempotencyKey === undefined ? mayBeReplaced(before) : ok(before)
  if (!may.ok) return may
  const { thread_id, in_reply_to, references_json } = before
  return ok({
    thread: { id: thread_id, isNew: false },
    inReplyTo: in_reply_to,
    references: JSON.parse(references_json) as string[],
    replaces,
  })
}

async function proposedForward(deps: SubmissionDeps, actor: KeyActor, input: ForwardInput): Promise<Result<Proposal, SubmitCode>> {
  const original = await usableEmail(deps, actor, input.email)
  if (original === null) return fail('EMAIL_NOT_FOUND')
  const mailbox = await usableMailbox(deps, actor, original.mailbox_id)
  if (mailbox === null) return fail('MAILBOX_NOT_FOUND')
  const refusal = whyNotAnswer(original)
  if (refusal !== null) return refusal
  const { to, cc, bcc, asAttachment } = input
  const markdown = asAttachment ? input.markdown : quoted(input.markdown, original)
  if (!asAttachment && markdown.length > maxMarkdownLength)
    return fail('MESSAGE_TOO_LARGE', 'Its text is too long to be quoted: forward it with as_attachment.')
  const attachments = asAttachment ? [await wholeOf(deps, original)] : await passedOn(deps, original)
  const content = checkContent({ to, cc, bcc, subject: forwardSubject(original.subject), markdown, attachments })
  if (!content.ok) return content
  const now = deps.clock.now()
  // Who gets it has not been part of that conversation, so it begins another, and names no message of it.
  const thread = { id: newId('thread', now), isNew: true }
  const idempotencyKey = input.idempotencyKey ?? null
  const forwards = original.id
  return ok({ id: newId('email', now), mailbox, thread, content: content.value, inReplyTo: null, references: [], idempotencyKey, forwards })
}

/** Its files; pictures within its text are not shown, so they are not sent. */
const passedOn = async (deps: SubmissionDeps, { id }: EmailRow): Promise<AttachmentInput[]> =>
  filesOf(
    deps,
    (await attachmentsOf(deps.store.db, [id])).filter(({ is_inline }) => is_inline === 0),
  )

async function wholeOf({ store }: SubmissionDeps, { id, raw_hash }: EmailRow): Promise<AttachmentInput> {
  const content = raw_hash === null ? null : await store.blobs.read(store.db, raw_hash)
  if (content === null) throw new Error(`email ${id} has lost its message`)
  return { name: 'forwarded message.eml', contentType: 'message/rfc822', content }
}

async function usableMailbox({ store }: SubmissionDeps, actor: KeyActor, id: MailboxId): Promise<Row<'mailboxes'> | null> {
  const mailbox = await findMailbox(store.db, actor, id)
  return mailbox !== undefined && mailbox.is_active === 1 && reaches(actor, mailbox.id) ? mailbox : null
}

async function usableEmail({ store }: SubmissionDeps, actor: KeyActor, id: EmailId): Promise<EmailRow | null> {
  const email = await findEmail(store.db, actor, id)
  return email !== undefined && reaches(actor, email.mailbox_id) ? email : null
}
