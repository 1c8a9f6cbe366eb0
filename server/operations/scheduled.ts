import { z } from 'zod'
import { emailOf } from './access.ts'
import { unwrap } from './errors.ts'
import { EmailRef, MailboxRef, Markdown, Recipients, SendAt, Subject, refuseTooFar } from './input.ts'
import { operation } from './procedure.ts'
import { Submission, submissionView } from './submitted.ts'

const changes = {
  send_at: SendAt.exactOptional(),
  to: Recipients.exactOptional(),
  cc: Recipients.exactOptional(),
  bcc: Recipients.exactOptional(),
  subject: Subject.exactOptional(),
  markdown: Markdown.exactOptional(),
}

export const edit_scheduled_email = operation({
  scope: 'send',
  title: 'Edit a scheduled email',
  description:
    'Changes an email that waits for its send_at: when it leaves, or its recipients, subject or text. What you leave out stays as it is; attachments stay. ' +
    'What a person has approved can only be moved to another time. cancel_message withdraws it instead.',
  readOnly: false,
  destructive: false,
  idempotent: true,
  examples: [{ input: { email_id: '{scheduled_id}', subject: 'Your order, corrected' } }],
  rest: ['POST /edit_scheduled_email', 'PATCH /v1/mailboxes/{mailbox_id}/emails/{email_id}/schedule'],
})
  .input(
    z
      .strictObject({ email_id: EmailRef, mailbox_id: MailboxRef.exactOptional(), ...changes })
      .refine((input) => Object.keys(changes).some((name) => Object.hasOwn(input, name)), `give one of ${Object.keys(changes).join(', ')}`),
  )
  .output(Submission)
  .mutation(async ({ ctx, input }) => {
    const { email_id, mailbox_id, send_at: sendAt, ...letter } = input
    if (sendAt !== undefined) refuseTooFar(sendAt, ctx.rooms.clock.now())
    const email = await emailOf(ctx.rooms.store.db, ctx.actor, email_id, mailbox_id)
    return submissionView(unwrap(await ctx.rooms.submissions.edit(ctx.actor, { email: email.id, sendAt, ...letter })))
  })
