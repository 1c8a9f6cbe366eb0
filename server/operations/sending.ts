import { z } from 'zod'
import type { KeyActor } from '../model/actor.ts'
import { type EmailStatus, emailStatuses, gateTimings, priorities } from '../model/email.ts'
import type { MailboxId } from '../model/ids.ts'
import type { Submitted } from '../outbound/submission.ts'
import type { Timing } from '../outbound/timing.ts'
import type { Db } from '../store/db.ts'
import { emailOf, mailboxOrOnly } from './access.ts'
import { OperationError, unwrap } from './errors.ts'
import { Attachments, EmailRef, IdempotencyKey, Instant, MailboxRef, Markdown, Recipients, Subject } from './input.ts'
import { operation } from './procedure.ts'
import { isoOrNull } from './views.ts'

const Submission = z.strictObject({
  id: z.string(),
  thread_id: z.string(),
  mailbox_id: z.string(),
  status: z
    .enum(emailStatuses)
    .describe('pending_send_approval: a person decides. scheduled: it waits for send_at. sent: released, and queued for delivery.'),
  send_at: z.string().nullable().describe('When it is to be sent; null: at once'),
  content_hash: z.string().nullable().describe('Names exactly this message to exactly these recipients; null for a draft'),
  idempotent: z.boolean().describe('True when an earlier call had done this already and nothing was done now'),
  message: z.string(),
})

const submissionView = (submitted: Submitted): z.infer<typeof Submission> => ({
  id: submitted.id,
  thread_id: submitted.threadId,
  mailbox_id: submitted.mailboxId,
  status: submitted.status,
  send_at: isoOrNull(submitted.sendAt),
  content_hash: submitted.contentHash,
  idempotent: submitted.replayed,
  message: submitted.replayed ? 'An earlier call did this already; nothing was done again.' : (nextStep[submitted.status] ?? ''),
})

const nextStep: Partial<Record<EmailStatus, string>> = {
  draft: 'Saved in the thread; it goes nowhere by itself. send_email with draft_id submits it as it stands.',
  pending_send_approval: 'It waits until a person approves it. Do not send it again; read_email with this id shows what was decided.',
  scheduled: 'It waits for its time and is then sent, or held for a person to approve. Do not send it again; cancel_message withdraws it.',
  sent: 'It is released and being delivered. Do not send it again; read_email with this id shows each recipient’s outcome.',
  cancelled: 'It is withdrawn and will not be sent.',
}

const writing = {
  markdown: Markdown.describe('The text, in Markdown; recipients get it as HTML and as plain text'),
  cc: Recipients.exactOptional(),
  bcc: Recipients.exactOptional(),
  attachments: Attachments.exactOptional(),
}

export const draft_reply = operation({
  scope: 'send',
  title: 'Draft a reply',
  description:
    'Saves a reply to an email in its thread without sending or queueing it. Recipient, subject and thread follow from the email. ' +
    'send_email with the id of the draft as draft_id submits it; cancel_message throws it away.',
  readOnly: false,
  destructive: false,
  idempotent: false,
  rest: ['POST /draft_reply', 'POST /v1/mailboxes/{mailbox_id}/draft/{email_id}'],
})
  .input(z.strictObject({ email_id: EmailRef, mailbox_id: MailboxRef.exactOptional(), ...writing }))
  .output(Submission)
  .mutation(async ({ ctx, input }) => {
    const { email_id, mailbox_id, ...text } = input
    const email = await emailOf(ctx.rooms.store.db, ctx.actor, email_id, mailbox_id)
    return submissionView(unwrap(await ctx.rooms.submissions.draftReply(ctx.actor, { email: email.id, ...text })))
  })

export const reply_email = operation({
  scope: 'send',
  title: 'Reply to an email',
  description:
    'Replies to an email in its thread. Recipient, subject and thread follow from the email. In a gated mailbox it waits for a person to approve it ' +
    '(status pending_send_approval), otherwise it is sent at once. Read get_thread first, so that nobody is answered twice. Give an idempotency_key if you may have to repeat the call.',
  readOnly: false,
  destructive: false,
  idempotent: false,
  rest: ['POST /reply_email', 'POST /v1/mailboxes/{mailbox_id}/reply/{email_id}'],
})
  .input(
    z.strictObject({
      email_id: EmailRef,
      mailbox_id: MailboxRef.exactOptional(),
      ...writing,
      idempotency_key: IdempotencyKey.exactOptional(),
    }),
  )
  .output(Submission)
  .mutation(async ({ ctx, input }) => {
    const { email_id, mailbox_id, idempotency_key: idempotencyKey, ...text } = input
    const email = await emailOf(ctx.rooms.store.db, ctx.actor, email_id, mailbox_id)
    return submissionView(unwrap(await ctx.rooms.submissions.reply(ctx.actor, { email: email.id, ...text, idempotencyKey })))
  })

const shortestTrySeconds = 60
const longestTrySeconds = 7 * 86_400
const furthestMs = 366 * 86_400_000

const SendEmail = z.strictObject({
  mailbox_id: MailboxRef.exactOptional(),
  to: Recipients.exactOptional().describe('Addresses; required unless draft_id is given'),
  subject: Subject.exactOptional().describe('One line; required unless draft_id is given'),
  markdown: Markdown.exactOptional().describe(
    'The text, in Markdown; recipients get it as HTML and as plain text. Required unless draft_id is given',
  ),
  cc: writing.cc,
  bcc: writing.bcc,
  attachments: writing.attachments,
  draft_id: EmailRef.exactOptional().describe(
    'Submits this draft as it stands, and then only mailbox_id and idempotency_key may be given with it',
  ),
  send_at: Instant.exactOptional().describe(
    'Not before this time, ISO 8601 such as 2026-01-31T08:00:00Z; a time that is past means at once',
  ),
  gate_timing: z
    .enum(gateTimings)
    .exactOptional()
    .describe('With send_at, in a gated mailbox: gate_first (as usual) asks a person at once, schedule_first at that time'),
  priority: z
    .enum(Object.keys(priorities) as (keyof typeof priorities)[])
    .exactOptional()
    .describe('What goes first among the mail of this mailbox'),
  give_up_after: z
    .int()
    .min(shortestTrySeconds)
    .max(longestTrySeconds)
    .exactOptional()
    .describe('Seconds after its release from which on it is not tried any more'),
  idempotency_key: IdempotencyKey.exactOptional(),
})

export const send_email = operation({
  scope: 'send',
  title: 'Send an email',
  description:
    'Writes a new email, in a new thread, or submits a draft. In a gated mailbox it waits for a person to approve it (status pending_send_approval), otherwise it is sent at once. ' +
    'The sender is the mailbox. To answer an email use reply_email. Give an idempotency_key if you may have to repeat the call.',
  readOnly: false,
  destructive: false,
  idempotent: false,
  rest: ['POST /send_email', 'POST /v1/mailboxes/{mailbox_id}/send'],
})
  .input(
    SendEmail.superRefine((input, ctx) =>
      complaints(input).forEach(([path, message]) => ctx.addIssue({ code: 'custom', path: [path], message })),
    ),
  )
  .output(Submission)
  .mutation(async ({ ctx, input }) => {
    const { store, submissions } = ctx.rooms
    const { draft_id, mailbox_id, idempotency_key: idempotencyKey, to, subject, markdown, cc, bcc, attachments } = input
    const more = { ...(cc && { cc }), ...(bcc && { bcc }), ...(attachments && { attachments }) }
    if (draft_id !== undefined) {
      const draft = await emailOf(store.db, ctx.actor, draft_id, mailbox_id)
      return submissionView(unwrap(await submissions.sendDraft(ctx.actor, { draft: draft.id, idempotencyKey })))
    }
    // `complaints` has seen to these.
    if (to === undefined || subject === undefined || markdown === undefined) throw new OperationError('BAD_INPUT')
    const mailbox = await sender(store.db, ctx.actor, mailbox_id)
    return submissionView(
      unwrap(
        await submissions.send(ctx.actor, {
          mailbox,
          to,
          subject,
          markdown,
          ...more,
          idempotencyKey,
          timing: timingOf(input, ctx.rooms.clock.now()),
        }),
      ),
    )
  })

function timingOf({ send_at, gate_timing, priority, give_up_after }: z.output<typeof SendEmail>, now: number): Timing {
  if (send_at !== undefined && send_at > now + furthestMs) throw tooFar
  return {
    sendAt: send_at === undefined || send_at <= now ? null : send_at,
    gateTiming: send_at === undefined ? null : (gate_timing ?? 'gate_first'),
    priority: priorities[priority ?? 'normal'],
    giveUpAfterMs: give_up_after === undefined ? null : give_up_after * 1000,
  }
}

const tooFar = new OperationError('BAD_INPUT', undefined, [{ path: 'send_at', message: 'must be within a year' }])

const ofTiming = ['send_at', 'gate_timing', 'priority', 'give_up_after'] as const
const ofLetter = ['to', 'subject', 'markdown', 'cc', 'bcc', 'attachments', ...ofTiming] as const
const needed = ['to', 'subject', 'markdown'] as const
function complaints(input: z.output<typeof SendEmail>): (readonly [string, string])[] {
  if (input.draft_id === undefined) return needed.filter((name) => input[name] === undefined).map((name) => [name, 'is required'])
  return ofLetter
    .filter((name) => input[name] !== undefined)
    .map((name) => [name, 'cannot be given with draft_id: a draft is submitted as it stands'])
}

const sender = async (db: Db, actor: KeyActor, named: string | undefined): Promise<MailboxId> => (await mailboxOrOnly(db, actor, named)).id

export const cancel_message = operation({
  scope: 'send',
  title: 'Withdraw an email',
  description:
    'Withdraws a draft, or an email that still waits for approval or for its time. What has been released cannot be taken back. Asking again is harmless.',
  readOnly: false,
  destructive: true,
  idempotent: true,
  rest: ['POST /cancel_message', 'POST /v1/mailboxes/{mailbox_id}/emails/{email_id}/cancel'],
})
  .input(z.strictObject({ email_id: EmailRef, mailbox_id: MailboxRef.exactOptional() }))
  .output(Submission.omit({ content_hash: true }))
  .mutation(async ({ ctx, input }) => {
    const email = await emailOf(ctx.rooms.store.db, ctx.actor, input.email_id, input.mailbox_id)
    const { content_hash: _, ...view } = submissionView(unwrap(await ctx.rooms.submissions.cancel(ctx.actor, { email: email.id })))
    return view
  })
