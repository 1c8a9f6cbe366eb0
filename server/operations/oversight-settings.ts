/** How a mailbox and its reviewers are watched. */
import { z } from 'zod'
import { actorId } from '../model/actor.ts'
import { mostCanariesPerWeek } from '../model/canary.ts'
import { type LoweringCause, loweringCauses, usualCauses } from '../model/lowering.ts'
import { setCanariesPerWeek, withdrawCanary } from '../store/canaries.ts'
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
  canaries_per_week: z
    .int()
    .describe(
      'Test emails that are put among those that wait, in a week at most; a reviewer has to reject them, and none can leave. 0: none',
    ),
}

const view = (mailbox: Row<'mailboxes'>) => ({
  mailbox_id: mailbox.id,
  lowers_on: [...causesIn(mailbox)],
  canaries_per_week: mailbox.canaries_per_week,
})

export const get_oversight_settings = operation({
  scope: 'admin',
  title: 'Show how a mailbox is watched',
  description:
    'Shows what makes one mailbox lose autonomy by itself, and whether its reviewers get test emails. Only a person raises its mode again (request_upgrade).',
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
    'Changes what makes one mailbox lose autonomy by itself, and how many test emails its reviewers get. What is left out stays. More that lowers it holds at once. For anything else the operator has to agree: the first answer is ' +
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
      canaries_per_week: z
        .int()
        .min(0)
        .max(mostCanariesPerWeek)
        .exactOptional()
        .describe('0: none. Tell your reviewers that there are such'),
      approval_code: ApprovalCode,
    }),
  )
  .output(orPending('set', shape))
  .mutation(async ({ ctx, input: { mailbox_id, approval_code: approvalCode, ...wanted } }) => {
    const { actor, rooms } = ctx
    const named = await mailboxOf(rooms.store.db, actor, mailbox_id)
    const done = (mailbox: Row<'mailboxes'>) => ({ status: 'set' as const, ...view(mailbox) })
    const set = await rooms.store.transaction((tx) => change(tx, ctx, named, wanted, { isAgreed: false }))
    if (set !== null) return done(set)
    const parameters = { mailbox_id: named.id, address: named.address, ...wanted }
    return twoStep(ctx, { action: 'loosen_oversight', parameters, approvalCode }, async (tx) => {
      const agreed = await change(tx, ctx, named, wanted, { isAgreed: true })
      if (agreed === null) throw new Error('the operator agreed')
      return done(agreed)
    })
  })

type Wanted = { lowers_on?: LoweringCause[]; canaries_per_week?: number }

/** @returns the mailbox as it is now; null: the operator has to agree first */
async function change(
  tx: Tx,
  { actor, rooms }: Call,
  { id }: Row<'mailboxes'>,
  wanted: Wanted,
  { isAgreed }: { isAgreed: boolean },
): Promise<Row<'mailboxes'> | null> {
  const mailbox = await mailboxToChange(tx, id)
  if (mailbox === undefined || mailbox.deleted_at !== null) throw new OperationError('MAILBOX_NOT_FOUND')
  const before = { lowers_on: [...causesIn(mailbox)], canaries_per_week: mailbox.canaries_per_week }
  const after = { ...before, ...wanted }
  const isLess = before.lowers_on.some((cause) => !after.lowers_on.includes(cause))
  // Test emails are about people: whether there are any is for the operator to say, either way.
  if (!isAgreed && (isLess || after.canaries_per_week !== before.canaries_per_week)) return null
  if (Object.keys(wanted).length === 0) return mailbox
  const now = rooms.clock.now()
  if (wanted.lowers_on !== undefined) await setCauses(tx, id, after.lowers_on)
  await setCanariesPerWeek(tx, id, after.canaries_per_week)
  const tenancy = { accountId: mailbox.account_id, world: mailbox.world }
  const about = { at: now, actor, tenancy } as const
  const gone = after.canaries_per_week === 0 ? await withdrawCanary(tx, id, { by: actorId(actor), now }) : undefined
  if (gone !== undefined) {
    const { fault, hold_id } = gone
    const what = { resourceType: 'canary', resourceId: gone.id, metadata: { mailbox_id: id, hold_id, fault } }
    await appendLog(tx, { ...about, action: 'canary.withdrawn', ...what })
  }
  const entry = { ...about, action: 'mailbox.oversight_set', resourceType: 'mailbox', resourceId: id } as const
  await appendLog(tx, { ...entry, metadata: { mailbox_id: id, ...after, previous: before } })
  return {
    ...mailbox,
    ...(wanted.lowers_on !== undefined && { lowers_on_json: JSON.stringify(wanted.lowers_on) }),
    canaries_per_week: after.canaries_per_week,
  }
}
