import { z } from 'zod'
import { type GateTiming, gateTimings, priorities } from '../model/email.ts'
import type { Timing } from '../outbound/timing.ts'
import { emailOf, mailboxOrOnly, readableEmail } from './access.ts'
import { OperationError, unwrap } from './errors.ts'
import { Attachments, EmailRef, IdempotencyKey, MailboxRef, Markdown, Recipients, SendAt, Subject, refuseTooFar } from './input.ts'
import { type Call, operation } from './procedure.ts'
import { Submission, submissionView } from './submitted.ts'
import { seesAll } from './visibility.ts'

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
  examples: [{ input: { email_id: '{email_id}', markdown: 'It leaves tomorrow.' } }],
  rest: ['POST /draft_reply', 'POST /v1/mailboxes/{mailbox_id}/draft/{email_id}'],
})
  .input(z.strictObject({ email_id: EmailRef, mailbox_id: MailboxRef.exactOptional(), ...writing }))
  .output(Submission)
  .mutation(async ({ ctx, input }) => {
    const { email_id, mailbox_id, ...text } = input
    const email = await emailOf(ctx.rooms.store.db, ctx.actor, email_id, mailbox_id)
    return submissionView(unwrap(await ctx.rooms.submissions.draftReply(ctx.actor, { email: email.id, ...text })))
  })

const Replaces = EmailRef.exactOptional().describe(
  'Of which email of this mailbox it is another version: one that was rejected or expired, or that still waits for approval and is withdrawn by this',
)

const Answer = z.strictObject({
  email_id: EmailRef,
  mailbox_id: MailboxRef.exactOptional(),
  ...writing,
  replaces: Replaces,
  idempotency_key: IdempotencyKey.exactOptional(),
})

async function answer(
  { actor, rooms }: Call,
  input: z.output<typeof Answer>,
  { toAll }: { toAll: boolean },
): Promise<z.infer<typeof Submission>> {
  const { email_id, mailbox_id, idempotency_key: idempotencyKey, replaces: before, ...text } = input
  const email = await emailOf(rooms.store.db, actor, email_id, mailbox_id)
  const replaces = before === undefined ? undefined : (await emailOf(rooms.store.db, actor, before, mailbox_id)).id
  return submissionView(unwrap(await rooms.submissions.reply(actor, { email: email.id, ...text, replaces, idempotencyKey, toAll })))
}

export const reply_email = operation({
  scope: 'send',
  title: 'Reply to an email',
  description:
    'Replies to an email in its thread. Recipient, subject and thread follow from the email. In a gated mailbox it waits for a person to approve it ' +
    '(status pending_send_approval), otherwise it is sent at once. Read get_thread first, so that nobody is answered twice. Give an idempotency_key if you may have to repeat the call.',
  readOnly: false,
  destructive: false,
  idempotent: false,
  findsItself: true,
  examples: [{ input: { email_id: '{email_id}', markdown: 'It leaves tomorrow.', idempotency_key: 'order-17-reply' } }],
  rest: ['POST /reply_email', 'POST /v1/mailboxes/{mailbox_id}/reply/{email_id}'],
})
  .input(Answer)
  .output(Submission)
  .mutation(({ ctx, input }) => answer(ctx, input, { toAll: false }))

export const reply_all = operation({
  scope: 'send',
  title: 'Reply to everybody',
  description:
    'Like reply_email, and also to everybody else who got the email: its sender is written to, its other recipients get a copy. Your own addresses are left out, and so is everybody who got it by Bcc. ' +
    'Use it only when all of them should read the answer.',
  readOnly: false,
  destructive: false,
  idempotent: false,
  findsItself: true,
  examples: [{ input: { email_id: '{email_id}', markdown: 'Thank you both, we ship **today**.' } }],
  rest: ['POST /reply_all', 'POST /v1/mailboxes/{mailbox_id}/reply-all/{email_id}'],
})
  .input(Answer)
  .output(Submission)
  .mutation(({ ctx, input }) => answer(ctx, input, { toAll: true }))

export const forward_email = operation({
  scope: 'send',
  title: 'Forward an email',
  description:
    'Passes an email on to others, in a new conversation: your note, then its sender, date, subject and recipients and its text, quoted, and its attachments. With as_attachment the whole message goes along as a file instead. ' +
    'The key has to hold read as well. In a gated mailbox it waits for a person to approve it (status pending_send_approval), otherwise it is sent at once.',
  readOnly: false,
  destructive: false,
  idempotent: false,
  findsItself: true,
  examples: [{ input: { email_id: '{email_id}', to: ['bo@example.org'], markdown: 'For you to answer.' } }],
  rest: ['POST /forward_email', 'POST /v1/mailboxes/{mailbox_id}/forward/{email_id}'],
})
  .input(
    z.strictObject({
      email_id: EmailRef,
      mailbox_id: MailboxRef.exactOptional(),
      to: Recipients.describe('Addresses'),
      cc: writing.cc,
      bcc: writing.bcc,
      markdown: Markdown.default('').describe('A note that stands above it'),
      as_attachment: z.boolean().default(false).describe('The message as it was received, with its header, in a file'),
      idempotency_key: IdempotencyKey.exactOptional(),
    }),
  )
  .output(Submission)
  .mutation(async ({ ctx, input }) => {
    const { email_id, mailbox_id, as_attachment: asAttachment, idempotency_key: idempotencyKey, ...text } = input
    // Who may not read an email could send it to where it can be read.
    if (!ctx.actor.scopes.includes('read') && !seesAll(ctx.actor)) throw new OperationError('SCOPE_MISSING', 'Requires read scope')
    const email = await readableEmail(ctx.rooms.store.db, ctx.actor, email_id, mailbox_id)
    return submissionView(
      unwrap(await ctx.rooms.submissions.forward(ctx.actor, { email: email.id, ...text, asAttachment, idempotencyKey })),
    )
  })

const shortestTrySeconds = 60
const longestTrySeconds = 7 * 86_400

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
  replaces: Replaces,
  draft_id: EmailRef.exactOptional().describe(
    'Submits this draft as it stands, and then only mailbox_id, replaces and idempotency_key may be given with it',
  ),
  send_at: SendAt.exactOptional(),
  gate_timing: z
    .enum(gateTimings)
    .exactOptional()
    .describe(
      'With send_at, in a gated mailbox: gate_first asks a person at once, schedule_first at that time; left out: as the mailbox has it',
    ),
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
  findsItself: true,
  examples: [{ input: { mailbox_id: '{mailbox_id}', to: ['bo@example.org'], subject: 'Your order', markdown: 'It **leaves** tomorrow.' } }],
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
    const replaces = input.replaces === undefined ? undefined : (await emailOf(store.db, ctx.actor, input.replaces, mailbox_id)).id
    const more = { ...(cc && { cc }), ...(bcc && { bcc }), ...(attachments && { attachments }) }
    if (draft_id !== undefined) {
      const draft = await emailOf(store.db, ctx.actor, draft_id, mailbox_id)
      return submissionView(unwrap(await submissions.sendDraft(ctx.actor, { draft: draft.id, idempotencyKey, replaces })))
    }
    // `complaints` has seen to these.
    if (to === undefined || subject === undefined || markdown === undefined) throw new OperationError('BAD_INPUT')
    const mailbox = await mailboxOrOnly(store.db, ctx.actor, mailbox_id)
    return submissionView(
      unwrap(
        await submissions.send(ctx.actor, {
          mailbox: mailbox.id,
          to,
          subject,
          markdown,
          ...more,
          replaces,
          idempotencyKey,
          timing: timingOf(input, mailbox.default_gate_timing, ctx.rooms.clock.now()),
        }),
      ),
    )
  })

function timingOf(
  { send_at, gate_timing, priority, give_up_after }: z.output<typeof SendEmail>,
  usualGateTiming: GateTiming,
  now: number,
): Timing {
  if (send_at !== undefined) refuseTooFar(send_at, now)
  return {
    sendAt: send_at === undefined || send_at <= now ? null : send_at,
    gateTiming: send_at === undefined ? null : (gate_timing ?? usualGateTiming),
    priority: priorities[priority ?? 'normal'],
    giveUpAfterMs: give_up_after === undefined ? null : give_up_after * 1000,
  }
}

const ofTiming = ['send_at', 'gate_timing', 'priority', 'give_up_after'] as const
const ofLetter = ['to', 'subject', 'markdown', 'cc', 'bcc', 'attachments', ...ofTiming] as const
const needed = ['to', 'subject', 'markdown'] as const
function complaints(input: z.output<typeof SendEmail>): (readonly [string, string])[] {
  if (input.draft_id === undefined) return needed.filter((name) => input[name] === undefined).map((name) => [name, 'is required'])
  return ofLetter
    .filter((name) => input[name] !== undefined)
    .map((name) => [name, 'cannot be given with draft_id: a draft is submitted as it stands'])
}

export const cancel_message = operation({
  scope: 'send',
  title: 'Withdraw an email',
  description:
    'Withdraws a draft, or an email that still waits for approval or for its time. What has been released cannot be taken back. Asking again is harmless.',
  readOnly: false,
  destructive: true,
  idempotent: true,
  examples: [{ input: { email_id: '{pending_id}' } }],
  rest: ['POST /cancel_message', 'POST /v1/mailboxes/{mailbox_id}/emails/{email_id}/cancel'],
})
  .input(z.strictObject({ email_id: EmailRef, mailbox_id: MailboxRef.exactOptional() }))
  .output(Submission.omit({ content_hash: true }))
  .mutation(async ({ ctx, input }) => {
    const email = await emailOf(ctx.rooms.store.db, ctx.actor, input.email_id, input.mailbox_id)
    const { content_hash: _, ...view } = submissionView(unwrap(await ctx.rooms.submissions.cancel(ctx.actor, { email: email.id })))
    return view
  })
