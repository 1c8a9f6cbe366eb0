import { z } from 'zod'
import type { ChoiceChange, Choices } from '../outbound/mailbox-choices.ts'
import { mailboxOf } from './access.ts'
import { MailboxRef } from './input.ts'
import { operation } from './procedure.ts'
import { recordRead } from './record.ts'

const mostOfLimit = 9_999_999

const Settings = z.strictObject({
  mailbox_id: z.string(),
  opens: z.boolean().describe('Whether its mail carries an image that tells when it is opened; a reviewer sees that it does'),
  delivery_notices: z
    .boolean()
    .describe('Whether it gets a mail when what it sent is late by four hours or failed; events tell so in any case'),
  hourly_limit: z.int().nullable().describe('Messages in an hour, one for each recipient; null: any number'),
  daily_limit: z.int().nullable(),
  new_recipients_limit: z.int().nullable().describe('People in 24 hours to whom it has not written before'),
})

const settingsView = (id: string, { opens, notices, caps }: Choices): z.infer<typeof Settings> => ({
  mailbox_id: id,
  opens,
  delivery_notices: notices,
  hourly_limit: caps.hour,
  daily_limit: caps.day,
  new_recipients_limit: caps.new,
})

export const get_sending_settings = operation({
  scope: 'admin',
  title: 'Show how a mailbox sends',
  description:
    'Shows what is chosen for the leaving mail of one mailbox: its limits, whether its mail tells of opens, whether it is told by mail what became of it.',
  readOnly: true,
  destructive: false,
  idempotent: true,
  examples: [{ input: { mailbox_id: '{mailbox_id}' } }],
  rest: ['GET /get_sending_settings', 'GET /v1/mailboxes/{mailbox_id}/sending'],
})
  .input(z.strictObject({ mailbox_id: MailboxRef }))
  .output(Settings)
  .query(({ ctx, input }) =>
    ctx.rooms.store.transaction(async (tx) => {
      const mailbox = await mailboxOf(tx, ctx.actor, input.mailbox_id)
      const view = settingsView(mailbox.id, await ctx.rooms.choices.of(tx, mailbox))
      await recordRead(tx, ctx, { action: 'mailbox.settings_read', resourceType: 'mailbox', resourceId: mailbox.id, view })
      return view
    }),
  )

const Cap = z
  .union([z.int().min(0).max(mostOfLimit), z.literal('none'), z.literal('standard')])
  .describe('A number; none lifts the limit; standard takes that of the server')

const Change = z.strictObject({
  mailbox_id: MailboxRef,
  opens: z.boolean().exactOptional(),
  delivery_notices: z.boolean().exactOptional(),
  hourly_limit: Cap.exactOptional(),
  daily_limit: Cap.exactOptional(),
  new_recipients_limit: Cap.exactOptional(),
})
type Change = z.output<typeof Change>

export const set_sending_settings = operation({
  scope: 'admin',
  title: 'Choose how a mailbox sends',
  description:
    'Changes the limits of one mailbox, whether its mail tells of opens, and whether it is told by mail what became of it. What is left out stays. ' +
    'In some countries recipients have to agree before opens are noticed.',
  readOnly: false,
  destructive: false,
  idempotent: true,
  examples: [{ input: { mailbox_id: '{mailbox_id}', opens: false } }],
  rest: ['POST /set_sending_settings', 'POST /v1/mailboxes/{mailbox_id}/sending'],
})
  .input(Change)
  .output(Settings)
  .mutation(({ ctx, input }) =>
    ctx.rooms.store.transaction(async (tx) => {
      const mailbox = await mailboxOf(tx, ctx.actor, input.mailbox_id)
      return settingsView(mailbox.id, await ctx.rooms.choices.change(tx, mailbox, changeOf(input), ctx.actor))
    }),
  )

function changeOf({ opens, delivery_notices: notices, hourly_limit, daily_limit, new_recipients_limit }: Change): ChoiceChange {
  const caps = { ...capOf('hour', hourly_limit), ...capOf('day', daily_limit), ...capOf('new', new_recipients_limit) }
  return { ...(opens !== undefined && { opens }), ...(notices !== undefined && { notices }), caps }
}

const capOf = (kind: keyof Choices['caps'], cap: z.output<typeof Cap> | undefined): ChoiceChange['caps'] =>
  cap === undefined ? {} : { [kind]: cap === 'none' ? null : cap }
