import { z } from 'zod'
import { oversightModes } from '../model/email.ts'
import { enforcementTiers } from '../model/standing.ts'
import { mailboxOf } from './access.ts'
import { OperationError } from './errors.ts'
import { MailboxRef } from './input.ts'
import { operation } from './procedure.ts'

const longestReason = 500

export const lift_enforcement = operation({
  // Not for admin keys, which may send: who misbehaved does not pardon itself.
  scope: 'oversight',
  title: 'Let a mailbox send again',
  description:
    'Ends what too many bounces or complaints led to for a mailbox (enforcement_tier and sending_disabled of list_mailboxes). What was counted before counts no more. ' +
    'Its agent goes on asking before it sends: only the operator raises its oversight mode again. The reason is put on the record.',
  readOnly: false,
  destructive: false,
  idempotent: true,
  examples: [{ input: { mailbox_id: '{mailbox_id}', reason: 'The list of recipients is cleaned.' } }],
  rest: ['POST /lift_enforcement', 'POST /v1/mailboxes/{mailbox_id}/lift-enforcement'],
})
  .input(
    z.strictObject({
      mailbox_id: MailboxRef,
      reason: z.string().trim().min(1).max(longestReason).describe('Why, for the log: what was done about the bounces or complaints'),
    }),
  )
  .output(
    z.strictObject({
      status: z.enum(['lifted', 'unchanged']),
      mailbox_id: z.string(),
      previous_tier: z.enum(enforcementTiers).nullable().describe('null: it stood well'),
      oversight_mode: z.enum(oversightModes),
    }),
  )
  .mutation(async ({ ctx, input }) => {
    const { store, standings } = ctx.rooms
    const { id } = await mailboxOf(store.db, ctx.actor, input.mailbox_id)
    const done = await standings.lift(ctx.actor, id, input.reason)
    if (done === undefined) throw new OperationError('MAILBOX_NOT_FOUND')
    const status = done.lifted === null ? ('unchanged' as const) : ('lifted' as const)
    return { status, mailbox_id: id, previous_tier: done.lifted, oversight_mode: done.mode }
  })
