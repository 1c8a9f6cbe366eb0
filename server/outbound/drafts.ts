/** Drafts: written down in their thread, not composed, and going nowhere by themselves. */
import type { KeyActor } from '../model/actor.ts'
import { type Result, fail, ok } from '../model/result.ts'
import { agentVerdict } from '../oversight/gate.ts'
import { attachmentsOf } from '../store/attachments.ts'
import { emailEntry } from '../store/email-record.ts'
import type { EmailRow } from '../store/emails.ts'
import { appendLog } from '../store/log.ts'
import { mailboxById } from '../store/mailboxes.ts'
import type { Row } from '../store/schema.ts'
import type { AttachmentInput, Content } from './content.ts'
import { whyReadOnly } from './control/pause.ts'
import { namedIn } from './copies.ts'
import { fileNew, namesIn, stageAttachments, submitted } from './hand-in.ts'
import { type Proposal, draftRow } from './proposal.ts'
import type { SubmissionDeps, SubmitCode, Submitted } from './submission.ts'

export async function saveDraft(deps: SubmissionDeps, actor: KeyActor, proposal: Proposal): Promise<Result<Submitted, SubmitCode>> {
  const blobs = await stageAttachments(deps, proposal)
  return deps.store.transaction(async (tx): Promise<Result<Submitted, SubmitCode>> => {
    const now = deps.clock.now()
    const mailbox = await mailboxById(tx, proposal.mailbox.id)
    if (mailbox === undefined || mailbox.is_active !== 1) return fail('MAILBOX_NOT_FOUND')
    const verdict = agentVerdict(mailbox.oversight_mode, 'draft')
    if (verdict.outcome === 'refuse') return fail(verdict.code, await whyReadOnly(tx, mailbox, verdict.rule))
    for (const blob of blobs) await deps.store.blobs.put(tx, blob, now)
    const email = draftRow(proposal, actor, now)
    await fileNew(tx, proposal, email, now)
    const metadata = { mailbox_id: email.mailbox_id, thread_id: email.thread_id }
    const details = namesIn(proposal.content)
    await appendLog(tx, { ...emailEntry(email, actor, now), action: 'email.drafted', appearsIn: email.mailbox_id, metadata, details })
    return ok(submitted(email, false))
  })
}

/** Attachments with their contents. Throws when the store has lost one. */
export async function filesOf({ store }: Pick<SubmissionDeps, 'store'>, rows: readonly Row<'attachments'>[]): Promise<AttachmentInput[]> {
  const files: AttachmentInput[] = []
  for (const row of rows) {
    const content = await store.blobs.read(store.db, row.blob_hash)
    if (content === null) throw new Error(`attachment ${row.id} has lost its content`)
    files.push({ name: row.name, contentType: row.content_type, content })
  }
  return files
}

/** A draft as the proposal it would be when it is sent. Throws when the store has lost an attachment. */
export async function proposalOf(
  { store }: SubmissionDeps,
  draft: EmailRow,
  mailbox: Row<'mailboxes'>,
  idempotencyKey: string | null,
): Promise<Proposal> {
  const attachments = await filesOf({ store }, await attachmentsOf(store.db, [draft.id]))
  const content: Content = {
    ...namedIn(draft),
    subject: draft.subject,
    markdown: draft.markdown,
    attachments,
  }
  return {
    id: draft.id,
    mailbox,
    thread: { id: draft.thread_id, isNew: false },
    content,
    inReplyTo: draft.in_reply_to,
    references: JSON.parse(draft.references_json) as string[],
    idempotencyKey,
  }
}
