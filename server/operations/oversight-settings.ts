/** How a mailbox is watched. */
import { z } from 'zod'
import { type LoweringCause, loweringCauses, usualCauses } from '../model/lowering.ts'
import type { Tx } from '../store/db.ts'
import { appendLog } from '../store/log.ts'
import { causesIn, mailboxToChange, setCauses } from '../store/mailboxes.ts'
import type { Row } from '../store/schema.ts'
import { mailboxOf } from './access.ts'
import { OperationError } from './errors.ts'
import { MailboxRef } from './input.ts'
import { type Call, operation } from './procedure.ts'
import { recordRead } from './record.ts'
import { ApprovalCode, orPending, twoStep } from './two-step.ts'

const Causes = z
  .array(z.enum(loweringCauses))
  .max(loweringCauses.length)
  .transform((causes): LoweringCause[] => loweringCauses.filter((cause) => causes.includes(cause)))

const shape = {
  mailbox_id: z.string(),
  lowers_on: z
    .array(z.enum(loweringCauses))
    .describe(
      'What lowers its oversight mode by itself. complaint: somebody called its mail spam. bounces: many addresses that do not exist within two days. injection: its agent writes what stands elsewhere after an email with orders for a program',
    ),
}

const view = (mailbox: Row<'mailboxes'>) => ({ mailbox_id: mailbox.id, lowers_on: [...causesIn(mailbox)] })

export const get_oversight_settings = operation({
  scope: 'admin',
  title: 'Show how a mailbox is watched',
  description: 'Shows what makes one mailbox lose autonomy by itself. Only a person raises it again (request_upgrade).',
  readOnly: true,
  destructive: false,
  idempotent: true,
  examples: [{ input: { mailbox_id: '{mailbox_id}' } }],
  rest: ['GET /get_oversight_settings', 'GET /v1/mailboxes/{mailbox_id}/oversight'],
})
  .input(z.strictObject({ mailbox_id: MailboxRef }))
  .output(z.strictObject(shape))
  .query(({ ctx, input }) =>
    ctx.rooms.store.transaction(async (tx) => {
      const shown = view(await mailboxOf(tx, ctx.actor, input.mailbox_id))
      await recordRead(tx, ctx, { action: 'mailbox.settings_read', resourceType: 'mailbox', resourceId: shown.mailbox_id, view: shown })
      return shown
    }),
  )

export const set_oversight_settings = operation({
  scope: 'admin',
  title: 'Choose how a mailbox is watched',
  description:
    'Changes what makes one mailbox lose autonomy by itself. What is left out stays. More watching holds at once. For less the operator has to agree: the first answer is ' +
    '"pending_approval"; make exactly the same call with the approval_code that they got by mail.',
  readOnly: false,
  destructive: false,
  idempotent: true,
  twoStep: true,
  examples: [{ input: { mailbox_id: '{mailbox_id}', lowers_on: [...usualCauses('live')] } }],
  rest: ['POST /set_oversight_settings', 'POST /v1/mailboxes/{mailbox_id}/oversight'],
})
  .input(
    z.strictObject({
      mailbox_id: MailboxRef,
      lowers_on: Causes.exactOptional().describe('All that is to lower it; an empty list: nothing does'),
      approval_code: ApprovalCode,
    }),
  )
  .output(orPending('set', shape))
  .mutation(async ({ ctx, input: { mailbox_id, lowers_on: causes, approval_code: approvalCode } }) => {
    const { actor, rooms } = ctx
    const named = await mailboxOf(rooms.store.db, actor, mailbox_id)
    const done = (mailbox: Row<'mailboxes'>) => ({ status: 'set' as const, ...view(mailbox) })
    if (causes === undefined) return done(named)
    const set = await rooms.store.transaction((tx) => change(tx, ctx, named, causes, { isAgreed: false }))
    if (set !== null) return done(set)
    const parameters = { mailbox_id: named.id, address: named.address, lowers_on: causes }
    return twoStep(ctx, { action: 'loosen_oversight', parameters, approvalCode }, async (tx) => {
      const agreed = await change(tx, ctx, named, causes, { isAgreed: true })
      if (agreed === null) throw new Error('the operator agreed')
      return done(agreed)
    })
  })

/** @returns the mailbox as it is now; null: the operator has to agree first */
async function change(
  tx: Tx,
  { actor, rooms }: Call,
  { id }: Row<'mailboxes'>,
  causes: readonly LoweringCause[],
  { isAgreed }: { isAgreed: boolean },
): Promise<Row<'mailboxes'> | null> {
  const mailbox = await mailboxToChange(tx, id)
  if (mailbox === undefined || mailbox.deleted_at !== null) throw new OperationError('MAILBOX_NOT_FOUND')
  const before = causesIn(mailbox)
  if (!isAgreed && before.some((cause) => !causes.includes(cause))) return null
  await setCauses(tx, id, causes)
  const tenancy = { accountId: mailbox.account_id, world: mailbox.world }
  const about = { at: rooms.clock.now(), actor, tenancy, action: 'mailbox.oversight_set', resourceType: 'mailbox', resourceId: id } as const
  await appendLog(tx, { ...about, metadata: { mailbox_id: id, lowers_on: [...causes], previous: [...before] } })
  return { ...mailbox, lowers_on_json: JSON.stringify(causes) }
}
