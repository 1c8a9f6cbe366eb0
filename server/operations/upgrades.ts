import { z } from 'zod'
import { oversightModes } from '../model/email.ts'
import { mailboxOf } from './access.ts'
import { OperationError, unwrap } from './errors.ts'
import { MailboxRef } from './input.ts'
import { type Call, operation } from './procedure.ts'
import { isoTime } from './views.ts'

const longestCode = 16
const TargetMode = z.enum(oversightModes).describe('More autonomy than the mailbox has now')
const Code = z.string().min(1).max(longestCode).describe('As the operator handed it over; dashes and capitals do not matter')

const requested = {
  mailbox_id: z.string(),
  from_mode: z.enum(oversightModes),
  to_mode: z.enum(oversightModes),
  target_mode: z.enum(oversightModes).exactOptional(),
  created_at: z.string().exactOptional(),
  expires_at: z.string().exactOptional().describe('Until when the code works; ISO 8601, UTC'),
  message: z.string().describe('What to do next'),
  sandbox_code: z.string().exactOptional().describe('Of a test key: the code itself, since nothing is mailed'),
  oversight_mode: z.enum(oversightModes).exactOptional(),
}
const Requested = z.strictObject({ status: z.literal('upgrade_requested'), ...requested })
const Applied = z.strictObject({ status: z.literal('upgraded'), ...requested })

async function request({ actor, rooms }: Call, named: string, target: z.infer<typeof TargetMode>): Promise<z.infer<typeof Requested>> {
  const mailbox = await mailboxOf(rooms.store.db, actor, named)
  const { upgrade, sandboxCode } = unwrap(await rooms.upgrades.request(actor, mailbox, target))
  return {
    status: 'upgrade_requested' as const,
    mailbox_id: mailbox.id,
    from_mode: upgrade.from_mode,
    to_mode: upgrade.to_mode,
    target_mode: upgrade.to_mode,
    created_at: isoTime(upgrade.created_at),
    expires_at: isoTime(upgrade.expires_at),
    message:
      sandboxCode === null
        ? 'A code was mailed to the operator. Ask them for it and call apply_upgrade with it; without it nothing changes.'
        : 'With a live key the operator would get a code by mail now; here, call apply_upgrade with the sandbox_code.',
    ...(sandboxCode !== null && { sandbox_code: sandboxCode }),
  }
}

async function apply({ actor, rooms }: Call, named: string, code: string): Promise<z.infer<typeof Applied>> {
  const mailbox = await mailboxOf(rooms.store.db, actor, named)
  const { from, to } = unwrap(await rooms.upgrades.apply(actor, mailbox, code))
  const message = `The mailbox is ${to} now.`
  return { status: 'upgraded' as const, mailbox_id: mailbox.id, oversight_mode: to, from_mode: from, to_mode: to, message }
}

export const request_upgrade = operation({
  scope: 'send',
  title: 'Ask for more autonomy',
  description:
    'Asks that a mailbox needs less oversight. The operator gets a one-time code by mail and decides whether to hand it over; call apply_upgrade with it. ' +
    'Nothing changes before, and only a person can grant it.',
  readOnly: false,
  destructive: false,
  idempotent: false,
  examples: [{ input: { mailbox_id: '{mailbox_id}', target_mode: 'monitored' } }],
  rest: ['POST /request_upgrade', 'POST /v1/mailboxes/{mailbox_id}/request-upgrade'],
})
  .input(z.strictObject({ mailbox_id: MailboxRef, target_mode: TargetMode }))
  .output(Requested)
  .mutation(({ ctx, input }) => request(ctx, input.mailbox_id, input.target_mode))

export const apply_upgrade = operation({
  scope: 'send',
  title: 'Apply an upgrade code',
  description: 'Raises the oversight mode of a mailbox by the code that the operator handed over after request_upgrade.',
  readOnly: false,
  destructive: false,
  idempotent: false,
  examples: [{ input: { mailbox_id: '{mailbox_id}', code: '{upgrade_code}' } }],
  rest: ['POST /apply_upgrade', 'POST /v1/mailboxes/{mailbox_id}/upgrade'],
})
  .input(z.strictObject({ mailbox_id: MailboxRef, code: Code }))
  .output(Applied)
  .mutation(({ ctx, input }) => apply(ctx, input.mailbox_id, input.code))

export const manage_upgrade = operation({
  scope: 'send',
  title: 'Ask for more autonomy, or apply the code for it',
  description: 'request: as request_upgrade, with target_mode. apply: as apply_upgrade, with the code that the operator handed over.',
  readOnly: false,
  destructive: false,
  idempotent: false,
  examples: [{ input: { mailbox_id: '{mailbox_id}', action: 'apply', code: '{upgrade_code}' } }],
  rest: ['POST /manage_upgrade', 'POST /v1/mailboxes/{mailbox_id}/manage-upgrade'],
})
  .input(
    z.strictObject({
      mailbox_id: MailboxRef,
      action: z.enum(['request', 'apply']),
      target_mode: TargetMode.exactOptional(),
      code: Code.exactOptional(),
    }),
  )
  .output(z.strictObject({ status: z.enum(['upgrade_requested', 'upgraded']), ...requested }))
  .mutation(({ ctx, input: { mailbox_id, action, target_mode, code } }): Promise<z.infer<typeof Requested> | z.infer<typeof Applied>> => {
    if (action === 'request') {
      if (target_mode === undefined || code !== undefined) throw new OperationError('BAD_INPUT', 'request takes a target_mode, and no code')
      return request(ctx, mailbox_id, target_mode)
    }
    if (code === undefined || target_mode !== undefined) throw new OperationError('BAD_INPUT', 'apply takes a code, and no target_mode')
    return apply(ctx, mailbox_id, code)
  })
