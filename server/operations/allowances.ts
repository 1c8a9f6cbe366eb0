/** Allowing one recipient for a time, and taking that back. */
import { z } from 'zod'
import type { Address } from '../model/address.ts'
import { type AllowanceId, isId } from '../model/ids.ts'
import type { AllowanceInput } from '../oversight/allowance.ts'
import { type AllowanceRow, allowancesOf } from '../store/allowances.ts'
import type { Tx } from '../store/db.ts'
import { mailboxOf } from './access.ts'
import { unwrap, OperationError } from './errors.ts'
import { AddressText, EmailRef, Instant, MailboxRef } from './input.ts'
import { knownId } from './oversight.ts'
import { type Viewing, operation } from './procedure.ts'
import { ApprovalCode, orPending, twoStep } from './two-step.ts'
import { isoTime } from './views.ts'

const mostShown = 200

const shape = {
  id: z.string(),
  mailbox_id: z.string(),
  address: z.string(),
  allowed_by: z.string().describe('The person, or the key, that said so'),
  allowed_at: z.string().describe('ISO 8601, UTC'),
  until: z.string().describe('ISO 8601, UTC'),
}
export const Allowance = z.strictObject(shape)

export const allowanceView = (row: AllowanceRow): z.infer<typeof Allowance> => ({
  id: row.id,
  mailbox_id: row.mailbox_id,
  address: row.address,
  allowed_by: row.allowed_by,
  allowed_at: isoTime(row.allowed_at),
  until: isoTime(row.expires_at),
})

/** Of one mailbox, what ends next first. @param now epoch ms */
export const allowancesIn = async (tx: Tx, mailbox: AllowanceRow['mailbox_id'], now: number): Promise<z.infer<typeof Allowance>[]> =>
  (await allowancesOf(tx, mailbox, now, mostShown)).map(allowanceView)

export const AllowInput = z.strictObject({
  email_id: EmailRef.describe('An email of the mailbox that waits, or that was approved, and goes to the recipient'),
  recipient: AddressText.describe('One of its recipients'),
  until: Instant.describe('Until when, within 90 days; ISO 8601'),
})

export const allow_recipient = operation({
  scope: 'oversight',
  title: 'Allow a recipient for a time',
  description:
    'For reviewers. Lets the mailbox of an email write to one of its recipients without asking, until a time within 90 days: in a gated_send or gated_new mailbox, as if the address were on its allow-list. The operator has to agree: the first answer is "pending_approval"; ' +
    'make exactly the same call with the approval_code that they got by mail. list_allowlist shows it, end_allowance takes it back.',
  readOnly: false,
  destructive: false,
  idempotent: true,
  twoStep: true,
  examples: [{ input: { email_id: '{pending_id}', recipient: 'ann@remote.test', until: '2026-04-01T00:00:00Z' } }],
  rest: ['POST /allow_recipient', 'POST /v1/oversight/allowances'],
})
  .input(AllowInput.extend({ approval_code: ApprovalCode }))
  .output(orPending('allowed', shape))
  .mutation(async ({ ctx, input }) => {
    const { actor, rooms } = ctx
    const asked = askedOf(input)
    const { mailbox, address, until } = unwrap(await rooms.allowances.check(actor, asked))
    const parameters = { mailbox_id: mailbox.id, from: mailbox.address, to: address, until: isoTime(until), email_id: asked.email }
    return twoStep(ctx, { action: 'allow_recipient', parameters, approvalCode: input.approval_code }, async (tx) => ({
      status: 'allowed' as const,
      ...allowanceView(unwrap(await rooms.allowances.allowIn(tx, actor, asked))),
    }))
  })

export const askedOf = ({ email_id, recipient, until }: { email_id: string; recipient: Address; until: number }): AllowanceInput => ({
  email: knownId(email_id),
  recipient,
  until,
})

export const EndAllowanceInput = z.strictObject({
  mailbox_id: MailboxRef,
  allowance_id: z.string().min(1).max(64).describe('From list_allowlist'),
})

export const end_allowance = operation({
  scope: 'oversight',
  orScope: 'admin',
  title: 'Take back what was allowed for a time',
  description:
    'Ends what allow_recipient allowed, at once and without a code: from then on an email to that recipient waits for a person again.',
  readOnly: false,
  destructive: true,
  idempotent: false,
  examples: [{ input: { mailbox_id: '{mailbox_id}', allowance_id: '{allowance_id}' } }],
  rest: ['POST /end_allowance', 'DELETE /v1/mailboxes/{mailbox_id}/allowances/{allowance_id}'],
})
  .input(EndAllowanceInput)
  .output(z.strictObject({ status: z.literal('ended'), ...shape }))
  .mutation(({ ctx, input }) => ended(ctx, input))

export async function ended({ rooms, actor }: Viewing, { mailbox_id, allowance_id }: z.output<typeof EndAllowanceInput>) {
  const mailbox = await mailboxOf(rooms.store.db, actor, mailbox_id)
  const row = unwrap(await rooms.allowances.end(actor, mailbox, allowanceOf(allowance_id)))
  return { status: 'ended' as const, ...allowanceView(row) }
}

function allowanceOf(text: string): AllowanceId {
  if (isId('allowance', text)) return text
  throw new OperationError('ALLOWANCE_NOT_FOUND')
}
