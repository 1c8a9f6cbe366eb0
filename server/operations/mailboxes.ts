import { z } from 'zod'
import type { Tx } from '../store/db.ts'
import { appendLogs } from '../store/log.ts'
import { listMailboxes } from '../store/mailboxes.ts'
import type { Row } from '../store/schema.ts'
import { standingsOf } from '../store/standings.ts'
import { mailboxOf } from './access.ts'
import { OperationError, unwrap } from './errors.ts'
import { MailboxRef } from './input.ts'
import { type MailboxChange, agentSettings, changeOf, everySetting } from './mailbox-settings.ts'
import { readUrls, setUrls } from './mailbox-urls.ts'
import { Mailbox, mailboxView } from './mailbox-view.ts'
import { type Call, operation } from './procedure.ts'
import { recordRead } from './record.ts'
import { ApprovalCode, orPending, twoStep } from './two-step.ts'

export const list_mailboxes = operation({
  scope: 'read',
  title: 'List mailboxes',
  description:
    'Lists the mailboxes this key can use, with their addresses and their oversight mode, which says whether what you send waits for a person. ' +
    'Call it first when you do not know which mailbox to use.',
  readOnly: true,
  destructive: false,
  idempotent: true,
  examples: [{ input: {} }],
  rest: ['GET /list_mailboxes', 'GET /v1/mailboxes'],
})
  .input(z.strictObject({ mailbox_id: MailboxRef.exactOptional().describe('Only this one, by id or address') }))
  .output(z.strictObject({ mailboxes: z.array(Mailbox) }))
  .query(({ ctx, input }) =>
    ctx.rooms.store.transaction(async (tx) => {
      const only = input.mailbox_id === undefined ? null : await mailboxOf(tx, ctx.actor, input.mailbox_id)
      const rows = only === null ? await listMailboxes(tx, ctx.actor, ctx.actor.mailboxIds) : [only]
      const standings = await standingsOf(
        tx,
        rows.map(({ id }) => id),
      )
      const view = {
        mailboxes: rows.map((row) =>
          mailboxView(
            row,
            standings.find(({ mailbox_id }) => mailbox_id === row.id),
            ctx.actor,
          ),
        ),
      }
      await recordRead(tx, ctx, {
        action: 'mailboxes.listed',
        resourceType: 'account',
        resourceId: ctx.actor.accountId,
        view,
        metadata: { count: rows.length },
      })
      return view
    }),
  )

const Updated = orPending('updated', Mailbox.shape)

export const update_mailbox = operation({
  scope: 'admin',
  title: 'Change a mailbox',
  description:
    'Changes how a mailbox presents itself and lowers its oversight mode; what is left out stays as it is. A lower mode holds at once; ' +
    'a higher one is refused, since only a person grants it: see request_upgrade. To change auto_cc or auto_bcc, or to set another webhook_url or oversight_webhook_url, the operator has to agree: the first answer is then "pending_approval"; ' +
    'make exactly the same call with the approval_code that they got by mail.',
  readOnly: false,
  destructive: false,
  idempotent: true,
  examples: [{ input: { mailbox_id: '{mailbox_id}', display_name: 'Support' } }],
  twoStep: true,
  rest: ['POST /update_mailbox', 'PATCH /v1/mailboxes/{mailbox_id}'],
})
  .input(z.strictObject({ mailbox_id: MailboxRef, ...everySetting, approval_code: ApprovalCode }))
  .output(Updated)
  .mutation(({ ctx, input: { mailbox_id, approval_code, ...settings } }) => change(ctx, mailbox_id, changeOf(settings), approval_code))

export const configure_mailbox = operation({
  scope: 'admin',
  title: 'Configure a mailbox',
  description:
    'Sets up a mailbox as its operator wants it: oversight mode (only towards more human control), name, signature, whether and how mail can be sent later. ' +
    'What is left out stays as it is. Ask the operator first, and give mcp_configured: true when you have. Automatic copies and webhook addresses take a code, as with update_mailbox.',
  readOnly: false,
  destructive: true,
  idempotent: true,
  examples: [{ input: { mailbox_id: '{mailbox_id}', default_gate_timing: 'schedule_first' } }],
  twoStep: true,
  rest: ['POST /configure_mailbox', 'PATCH /v1/mailboxes/{mailbox_id}/configure'],
})
  .input(z.strictObject({ mailbox_id: MailboxRef, ...everySetting, ...agentSettings, approval_code: ApprovalCode }))
  .output(Updated)
  .mutation(({ ctx, input: { mailbox_id, approval_code, ...settings } }) => change(ctx, mailbox_id, changeOf(settings), approval_code))

async function change(ctx: Call, named: string, asked: MailboxChange, approvalCode: string | undefined) {
  const { actor, rooms } = ctx
  const seen = await mailboxOf(rooms.store.db, actor, named)
  const change = { ...asked, ...readUrls(rooms.webhooks, asked) }
  const wanted = withoutWhatIsSo(seen, change)
  if (!needsOperator(wanted)) return rooms.store.transaction((tx) => settleIn(tx, ctx, seen, wanted))
  // Refused before anybody is asked, as it would be afterwards.
  unwrap(rooms.mailboxes.refuses(seen, wanted))
  const parameters = { mailbox_id: seen.id, address: seen.address, ...change }
  return twoStep(ctx, { action: 'change_copies', parameters, approvalCode }, (tx) => settleIn(tx, ctx, seen, wanted))
}

const operatorsWord = ['auto_cc', 'auto_bcc', 'webhook_url', 'oversight_webhook_url'] as const

/** Of what takes an operator only what is another now, so that nothing which somebody changes meanwhile is put back unasked. */
const withoutWhatIsSo = (seen: Row<'mailboxes'>, change: MailboxChange): MailboxChange => {
  const so = operatorsWord.filter((name) => change[name] === seen[name])
  return Object.fromEntries(Object.entries(change).filter(([name]) => !so.some((one) => one === name)))
}

/** Who reads along, and who is told, is the operator's to say (contract §4.5). That nobody is told any more is not, as delete_webhook says. */
const needsOperator = ({ auto_cc, auto_bcc, webhook_url, oversight_webhook_url }: MailboxChange): boolean =>
  auto_cc !== undefined || auto_bcc !== undefined || (webhook_url ?? oversight_webhook_url ?? null) !== null

async function settleIn(
  tx: Tx,
  { actor, rooms }: Call,
  seen: Row<'mailboxes'>,
  { webhook_url, oversight_webhook_url, ...wanted }: MailboxChange,
) {
  const settled = unwrap(await rooms.mailboxes.settle(tx, seen, wanted, actor))
  const urls = { ...(webhook_url !== undefined && { webhook_url }), ...(oversight_webhook_url !== undefined && { oversight_webhook_url }) }
  const told = await setUrls(tx, rooms, { mailbox: settled.mailbox, urls, actor })
  const [standing] = await standingsOf(tx, [seen.id])
  await appendLogs(tx, [...settled.entries, ...told.entries])
  return { status: 'updated' as const, ...mailboxView(told.mailbox, standing, actor) }
}

export const delete_mailbox = operation({
  scope: 'admin',
  title: 'Delete a mailbox',
  description:
    'Closes a mailbox for good: mail for it is refused, what waits for approval, for its time or in the queue ends, and agents see nothing of it any more. ' +
    'Its mail stays on the record for reviewers and admin keys. Its address is never given out again.',
  readOnly: false,
  destructive: true,
  idempotent: true,
  examples: [{ input: { mailbox_id: '{other_mailbox_id}' } }],
  rest: ['POST /delete_mailbox', 'DELETE /v1/mailboxes/{mailbox_id}'],
})
  .input(z.strictObject({ mailbox_id: MailboxRef }))
  .output(z.strictObject({ status: z.literal('deleted'), id: z.string(), address: z.string() }))
  .mutation(async ({ ctx: { actor, rooms }, input }) => {
    const mailbox = await mailboxOf(rooms.store.db, actor, input.mailbox_id)
    const removed = await rooms.mailboxes.remove(actor, mailbox)
    // Between the look and the change nobody takes a mailbox away: rows stay.
    if (!removed.ok) throw new OperationError('MAILBOX_NOT_FOUND')
    return { status: 'deleted' as const, id: mailbox.id, address: mailbox.address }
  })
