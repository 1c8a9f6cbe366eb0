import { z } from 'zod'
import { gateTimings, oversightModes } from '../model/email.ts'
import { enforcementTiers, isSendingDisabled } from '../model/standing.ts'
import { appendLog } from '../store/log.ts'
import { listMailboxes, setDefaultGateTiming } from '../store/mailboxes.ts'
import type { Row } from '../store/schema.ts'
import { type StandingRow, standingsOf } from '../store/standings.ts'
import { mailboxOf } from './access.ts'
import { MailboxRef } from './input.ts'
import { operation } from './procedure.ts'
import { recordRead } from './record.ts'
import { isoTime } from './views.ts'

const Mailbox = z.strictObject({
  id: z.string(),
  account_id: z.string(),
  address: z.string(),
  display_name: z.string().nullable(),
  oversight_mode: z
    .enum(oversightModes)
    .describe('read_only: no sending. gated_all, gated_send: a person approves what is sent. monitored, autonomous: sent at once.'),
  is_active: z.boolean(),
  enforcement_tier: z
    .enum(enforcementTiers)
    .nullable()
    .describe('How far its bounces and complaints have gone; null: it stands well. From restriction on a person approves what is sent.'),
  sending_disabled: z.boolean().describe('True: it takes no new mail to send, from suspension on'),
  sending_disabled_reason: z.string().nullable(),
  default_gate_timing: z
    .enum(gateTimings)
    .describe('Whether a person is asked about mail to be sent later at once (gate_first) or at its time, where the call does not say'),
  created_at: z.string().describe('ISO 8601, UTC'),
})

const mailboxView = (row: Row<'mailboxes'>, standing: StandingRow | undefined): z.infer<typeof Mailbox> => ({
  id: row.id,
  account_id: row.account_id,
  address: row.address,
  display_name: row.display_name,
  oversight_mode: row.oversight_mode,
  is_active: row.is_active === 1,
  enforcement_tier: standing?.tier ?? null,
  sending_disabled: isDisabled(standing),
  sending_disabled_reason: isDisabled(standing) ? (standing?.reason ?? null) : null,
  default_gate_timing: row.default_gate_timing,
  created_at: isoTime(row.created_at),
})

const isDisabled = (standing: StandingRow | undefined): boolean => standing !== undefined && isSendingDisabled(standing.tier)

export const list_mailboxes = operation({
  scope: 'read',
  title: 'List mailboxes',
  description:
    'Lists the mailboxes this key can use, with their addresses and their oversight mode, which says whether what you send waits for a person. ' +
    'Call it first when you do not know which mailbox to use.',
  readOnly: true,
  destructive: false,
  idempotent: true,
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

export const configure_mailbox = operation({
  scope: 'admin',
  title: 'Configure a mailbox',
  description: 'Says when a person is asked about mail of a gated mailbox that is to be sent later, where send_email has no gate_timing.',
  readOnly: false,
  destructive: false,
  idempotent: true,
  rest: ['POST /configure_mailbox', 'PATCH /v1/mailboxes/{mailbox_id}/configure'],
})
  .input(z.strictObject({ mailbox_id: MailboxRef, default_gate_timing: z.enum(gateTimings) }))
  .output(Mailbox.extend({ status: z.literal('updated') }))
  .mutation(({ ctx, input: { mailbox_id, default_gate_timing } }) =>
    ctx.rooms.store.transaction(async (tx) => {
      const row = await mailboxOf(tx, ctx.actor, mailbox_id)
      await setDefaultGateTiming(tx, row.id, default_gate_timing)
      const [standing] = await standingsOf(tx, [row.id])
      await appendLog(tx, {
        at: ctx.rooms.clock.now(),
        actor: ctx.actor,
        tenancy: { accountId: row.account_id, world: row.world },
        action: 'mailbox.configured',
        resourceType: 'mailbox',
        resourceId: row.id,
        metadata: { default_gate_timing, previous: row.default_gate_timing },
      })
      return { status: 'updated' as const, ...mailboxView({ ...row, default_gate_timing }, standing) }
    }),
  )
