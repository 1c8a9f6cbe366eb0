import { z } from 'zod'
import { type EmailStatus, emailStatuses } from '../model/email.ts'
import type { Submitted } from '../outbound/submission.ts'
import { isoOrNull } from './views.ts'

/** What an agent hears of what it handed in. */
export const Submission = z.strictObject({
  id: z.string(),
  thread_id: z.string(),
  mailbox_id: z.string(),
  status: z
    .enum(emailStatuses)
    .describe('pending_send_approval: a person decides. scheduled: it waits for send_at. sent: released, and queued for delivery.'),
  send_at: z.string().nullable().describe('When it is to be sent; null: at once'),
  content_hash: z.string().nullable().describe('Names exactly this message to exactly these recipients; null for a draft'),
  idempotent: z.boolean().describe('True when an earlier call had done this already and nothing was done now'),
  rule: z.string().nullable().describe('Why it was let go, or waits for a person; null when nobody was asked now'),
  message: z.string(),
})

export const submissionView = (submitted: Submitted): z.infer<typeof Submission> => ({
  id: submitted.id,
  thread_id: submitted.threadId,
  mailbox_id: submitted.mailboxId,
  status: submitted.status,
  send_at: isoOrNull(submitted.sendAt),
  content_hash: submitted.contentHash,
  idempotent: submitted.replayed,
  rule: submitted.rule,
  message: submitted.replayed ? 'An earlier call did this already; nothing was done again.' : (nextStep[submitted.status] ?? ''),
})

const nextStep: Partial<Record<EmailStatus, string>> = {
  draft: 'Saved in the thread; it goes nowhere by itself. send_email with draft_id submits it as it stands.',
  pending_send_approval:
    'It waits until a person approves it. Do not send it again; wait_for_decision with this id answers when they decide, and read_email shows what they decided.',
  scheduled:
    'It waits for its time and is then sent, or held for a person to approve. Do not send it again; edit_scheduled_email changes it, cancel_message withdraws it.',
  sent: 'It is released and being delivered. Do not send it again; read_email with this id shows each recipient’s outcome.',
  cancelled: 'It is withdrawn and will not be sent.',
}
