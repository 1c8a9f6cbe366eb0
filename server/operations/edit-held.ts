import { z } from 'zod'
import { isId } from '../model/ids.ts'
import type { EditedHeld } from '../outbound/edit-held.ts'
import { OperationError, unwrap } from './errors.ts'
import { EmailRef, Markdown, Subject } from './input.ts'
import { Findings } from './oversight.ts'
import { operation } from './procedure.ts'
import { isoTime } from './views.ts'

export const heldChanges = {
  content_hash: z.string().min(1).max(128).describe('From list_pending. When what waits has another one by now, nothing is changed.'),
  subject: Subject.exactOptional(),
  markdown: Markdown.exactOptional().describe('The whole text, in Markdown'),
}

const Edited = z.strictObject({
  email_id: z.string(),
  status: z.literal('pending_send_approval'),
  content_hash: z.string().describe('Of what waits now: review_email shows it, decide_email takes it'),
  previous_content_hash: z.string().describe('Of what waited before, of which no approval holds any more; get_email_raw has its bytes'),
  approvals_needed: z.int(),
  findings: Findings,
  expires_at: z.string().describe('As before'),
  message: z.string(),
})

export const edit_held_email = operation({
  scope: 'oversight',
  title: 'Change the words of a held email',
  description:
    'For reviewers. Changes the subject or the text of an email that waits for a decision; recipients and attachments stay. It is composed and checked anew, under a new content_hash, and what was approved of it before counts no more. ' +
    'Nothing is sent: look at it with review_email, which shows what differs, and decide. A key does not approve what it changed; of what takes several people, who changed it approves nothing.',
  readOnly: false,
  destructive: false,
  idempotent: false,
  examples: [{ input: { email_id: '{pending_id}', content_hash: '{pending_hash}', markdown: 'It leaves on Monday.' } }],
  rest: ['POST /edit_held_email', 'PATCH /v1/oversight/pending/{email_id}'],
})
  .input(z.strictObject({ email_id: EmailRef, ...heldChanges }))
  .output(Edited)
  .mutation(async ({ ctx, input: { email_id, content_hash: contentHash, ...changes } }) => {
    if (!isId('email', email_id)) throw new OperationError('EMAIL_NOT_FOUND')
    return editedView(unwrap(await ctx.rooms.submissions.editHeld(ctx.actor, { email: email_id, contentHash, ...changes })))
  })

export const editedView = (edited: EditedHeld): z.infer<typeof Edited> => ({
  email_id: edited.emailId,
  status: 'pending_send_approval',
  content_hash: edited.contentHash,
  previous_content_hash: edited.previousContentHash,
  approvals_needed: edited.people,
  findings: [...edited.findings],
  expires_at: isoTime(edited.expiresAt),
  message: 'It is composed anew and waits. Nothing was sent: look at it, and approve it.',
})
