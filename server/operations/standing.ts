import { z } from 'zod'
import { oversightModes } from '../model/email.ts'
import { enforcementTiers } from '../model/standing.ts'
import { liftStanding } from '../outbound/standing/lift.ts'
import { appendLogs } from '../store/log.ts'
import { mailboxOf } from './access.ts'
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
  .mutation(({ ctx, input }) =>
    ctx.rooms.store.transaction(async (tx) => {
      const mailbox = await mailboxOf(tx, ctx.actor, input.mailbox_id)
      const by = { actor: ctx.actor, reason: input.reason, autonomy: null, now: ctx.rooms.clock.now() }
      const { lifted, mode, entries } = await liftStanding(tx, mailbox, by)
      await appendLogs(tx, entries)
      return {
        status: lifted === null ? ('unchanged' as const) : ('lifted' as const),
        mailbox_id: mailbox.id,
        previous_tier: lifted,
        oversight_mode: mode,
      }
    }),
  )
