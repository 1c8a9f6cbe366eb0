import { z } from 'zod'
import type { KeyActor } from '../model/actor.ts'
import { isId } from '../model/ids.ts'
import type { Db } from '../store/db.ts'
import { type WebhookRow, findWebhook, listWebhooks } from '../store/webhooks.ts'
import { OperationError, unwrap } from './errors.ts'
import { EventNames } from './event-names.ts'
import { Limit, WebhookCursor, WebhookRef, cursorAt } from './input.ts'
import { operation } from './procedure.ts'
import { recordRead } from './record.ts'
import { SecretWebhook, Webhook, WebhookDelivery, secretWebhookView, webhookDeliveryView, webhookView } from './webhook-views.ts'

const defaultLimit = 100

/** Webhooks are the account's, of the world that the key is for. */
export function ofAccount(actor: KeyActor): KeyActor {
  if (actor.mailboxIds !== null) throw new OperationError('KEY_BOUND')
  return actor
}

export async function webhookOf(db: Db, actor: KeyActor, id: string): Promise<WebhookRow> {
  const row = isId('webhook', id) ? await findWebhook(db, ofAccount(actor), id) : undefined
  if (row === undefined) throw new OperationError('WEBHOOK_NOT_FOUND')
  return row
}

/** 16 at least, or it could be guessed from one signature. */
const Secret = z
  .string()
  .min(16)
  .max(128)
  .regex(/^[!-~]+$/, 'must be printable US-ASCII without spaces')
  .describe('A secret of your own, 16 to 128 characters, instead of one that is made for you')

export const list_webhooks = operation({
  scope: 'admin',
  title: 'List webhooks',
  description:
    'Lists who is told of events over HTTPS, newest first, without their secrets; get_webhook shows one with its secret. ' +
    'Those of kind mailbox and oversight stand behind a url of a mailbox.',
  readOnly: true,
  destructive: false,
  idempotent: true,
  examples: [{ input: {} }],
  rest: ['GET /list_webhooks', 'GET /v1/webhooks'],
})
  .input(z.strictObject({ limit: Limit.default(defaultLimit), cursor: WebhookCursor.exactOptional() }))
  .output(z.strictObject({ webhooks: z.array(Webhook), cursor: z.string().nullable() }))
  .query(({ ctx, input: { limit, cursor } }) =>
    ctx.rooms.store.transaction(async (tx) => {
      const actor = ofAccount(ctx.actor)
      const rows = await listWebhooks(tx, actor, { limit: limit + 1, ...(cursor !== undefined && { before: cursor }) })
      const page = rows.slice(0, limit)
      const view = {
        webhooks: page.map((row) => webhookView(row, ctx.rooms.webhooks.publicKeyOf(row))),
        cursor: rows.length > page.length ? cursorAt(page.at(-1)?.id ?? '') : null,
      }
      const metadata = { count: page.length }
      await recordRead(tx, ctx, { action: 'webhooks.listed', resourceType: 'account', resourceId: actor.accountId, view, metadata })
      return view
    }),
  )

export const get_webhook = operation({
  scope: 'admin',
  title: 'Show a webhook with its secret',
  description: 'Shows one webhook with the secret that signs what is brought there, so that a receiver can be set up.',
  readOnly: true,
  destructive: false,
  idempotent: true,
  examples: [{ input: { webhook_id: '{webhook_id}' } }],
  rest: ['GET /get_webhook', 'GET /v1/webhooks/{webhook_id}'],
})
  .input(z.strictObject({ webhook_id: WebhookRef }))
  .output(SecretWebhook)
  .query(({ ctx, input }) =>
    ctx.rooms.store.transaction(async (tx) => {
      const row = await webhookOf(tx, ctx.actor, input.webhook_id)
      const publicKey = ctx.rooms.webhooks.publicKeyOf(row)
      const view = webhookView(row, publicKey)
      await recordRead(tx, ctx, { action: 'webhook.read', resourceType: 'webhook', resourceId: row.id, view })
      return secretWebhookView(row, publicKey, ctx.rooms.clock.now())
    }),
  )

export const update_webhook = operation({
  scope: 'admin',
  title: 'Change a webhook',
  description:
    'Changes which events a webhook is told of, or switches it off and on. What waits when it is switched off is not brought any more: replay_webhook_events does so later. ' +
    'For another URL make another webhook.',
  readOnly: false,
  destructive: false,
  idempotent: true,
  examples: [{ input: { webhook_id: '{webhook_id}', events: ['message.received', 'oversight.*'] } }],
  rest: ['POST /update_webhook', 'PATCH /v1/webhooks/{webhook_id}'],
})
  .input(z.strictObject({ webhook_id: WebhookRef, events: EventNames.exactOptional(), enabled: z.boolean().exactOptional() }))
  .output(Webhook)
  .mutation(({ ctx, input: { webhook_id, events, enabled } }) =>
    ctx.rooms.store.transaction(async (tx) => {
      const row = await webhookOf(tx, ctx.actor, webhook_id)
      if (events !== undefined && row.kind !== 'subscription')
        throw new OperationError('BAD_INPUT', undefined, [{ path: 'events', message: 'are fixed for the webhook of a mailbox' }])
      const edit = { ...(events !== undefined && { events }), ...(enabled !== undefined && { enabled }) }
      const changed = unwrap(await ctx.rooms.webhooks.edit(tx, ctx.actor, row, edit))
      return webhookView(changed, ctx.rooms.webhooks.publicKeyOf(changed))
    }),
  )

export const delete_webhook = operation({
  scope: 'admin',
  title: 'Delete a webhook',
  description: 'Tells it of nothing any more, what waits included. For the webhook of a mailbox this clears the url that the mailbox has.',
  readOnly: false,
  destructive: true,
  idempotent: false,
  examples: [{ input: { webhook_id: '{webhook_id}' } }],
  rest: ['POST /delete_webhook', 'DELETE /v1/webhooks/{webhook_id}'],
})
  .input(z.strictObject({ webhook_id: WebhookRef }))
  .output(z.strictObject({ status: z.literal('deleted'), id: z.string() }))
  .mutation(({ ctx, input }) =>
    ctx.rooms.store.transaction(async (tx) => {
      const row = await webhookOf(tx, ctx.actor, input.webhook_id)
      await ctx.rooms.webhooks.remove(tx, ctx.actor, row)
      return { status: 'deleted' as const, id: row.id }
    }),
  )

export const rotate_webhook_secret = operation({
  scope: 'admin',
  title: 'Replace the secret of a webhook',
  description:
    'Makes a new secret, which signs from now on; the one before signs as well for 24 hours, so that a receiver can be changed without missing anything. ' +
    'A secret that was replaced before then signs no more.',
  readOnly: false,
  destructive: false,
  idempotent: false,
  secretOutput: true,
  examples: [{ input: { webhook_id: '{webhook_id}' } }],
  rest: ['POST /rotate_webhook_secret', 'POST /v1/webhooks/{webhook_id}/rotate-secret'],
})
  .input(z.strictObject({ webhook_id: WebhookRef, secret: Secret.exactOptional() }))
  .output(SecretWebhook)
  .mutation(({ ctx, input }) =>
    ctx.rooms.store.transaction(async (tx) => {
      const row = await webhookOf(tx, ctx.actor, input.webhook_id)
      const changed = await ctx.rooms.webhooks.rotateSecret(tx, ctx.actor, row, input.secret)
      return secretWebhookView(changed, ctx.rooms.webhooks.publicKeyOf(changed), ctx.rooms.clock.now())
    }),
  )

export const test_webhook = operation({
  scope: 'admin',
  title: 'Try a webhook',
  description:
    'Brings the event webhook.test to this webhook, behind what waits for it already. list_webhook_deliveries shows within seconds what it answered.',
  readOnly: false,
  destructive: false,
  idempotent: false,
  examples: [{ input: { webhook_id: '{webhook_id}' } }],
  rest: ['POST /test_webhook', 'POST /v1/webhooks/{webhook_id}/test'],
})
  .input(z.strictObject({ webhook_id: WebhookRef }))
  .output(WebhookDelivery)
  .mutation(({ ctx, input }) =>
    ctx.rooms.store.transaction(async (tx) => {
      const row = await webhookOf(tx, ctx.actor, input.webhook_id)
      return webhookDeliveryView(await ctx.rooms.webhooks.test(tx, ctx.actor, row))
    }),
  )
