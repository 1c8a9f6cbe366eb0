import { z } from 'zod'
import { type EventId, isId } from '../model/ids.ts'
import { findWebhookDelivery, listWebhookDeliveries } from '../store/webhook-deliveries.ts'
import { OperationError, unwrap } from './errors.ts'
import { Instant, Limit, SeqCursor, WebhookDeliveryRef, WebhookRef, cursorAt } from './input.ts'
import { operation } from './procedure.ts'
import { recordRead } from './record.ts'
import { isoOrNull } from './views.ts'
import { WebhookDelivery, webhookDeliveryView } from './webhook-views.ts'
import { ofAccount, webhookOf } from './webhooks.ts'

const defaultLimit = 50
const mostIds = 100

export const list_webhook_deliveries = operation({
  scope: 'admin',
  title: 'List what webhooks were told',
  description:
    'Lists what became of each event at each webhook, newest first: delivered, failed, or pending while it is still tried, with the answer of the last attempt. ' +
    'replay_webhook_delivery brings one again.',
  readOnly: true,
  destructive: false,
  idempotent: true,
  examples: [{ input: { webhook_id: '{webhook_id}', status: 'failed' } }],
  rest: ['GET /list_webhook_deliveries', 'GET /v1/webhook-deliveries'],
})
  .input(
    z.strictObject({
      webhook_id: WebhookRef.exactOptional().describe('Only of this webhook'),
      status: z.enum(['pending', 'delivered', 'failed']).exactOptional(),
      limit: Limit.default(defaultLimit),
      cursor: SeqCursor.exactOptional(),
    }),
  )
  .output(z.strictObject({ deliveries: z.array(WebhookDelivery), cursor: z.string().nullable() }))
  .query(({ ctx, input }) =>
    ctx.rooms.store.transaction(async (tx) => {
      const { webhook_id, status, limit, cursor } = input
      const actor = ofAccount(ctx.actor)
      // What is gone has a log all the same, so its id need not lead to a webhook.
      const rows = await listWebhookDeliveries(tx, actor, {
        limit: limit + 1,
        ...(webhook_id !== undefined && {
          webhookId: isId('webhook', webhook_id) ? webhook_id : (await webhookOf(tx, actor, webhook_id)).id,
        }),
        ...(status !== undefined && { state: status }),
        ...(cursor !== undefined && { before: cursor }),
      })
      const page = rows.slice(0, limit)
      const view = {
        deliveries: page.map(webhookDeliveryView),
        cursor: rows.length > page.length ? cursorAt(String(page.at(-1)?.seq)) : null,
      }
      const [resourceId, metadata] = [actor.accountId, { count: page.length }]
      await recordRead(tx, ctx, { action: 'webhook_deliveries.listed', resourceType: 'account', resourceId, view, metadata })
      return view
    }),
  )

export const replay_webhook_delivery = operation({
  scope: 'admin',
  title: 'Bring an event to a webhook again',
  description:
    'Brings the same event to the same webhook once more, behind what waits for it. It has a delivery id of its own; event id and content are the same, so a receiver can tell that it has seen it.',
  readOnly: false,
  destructive: false,
  idempotent: false,
  examples: [{ input: { delivery_id: '{webhook_delivery_id}' } }],
  rest: ['POST /replay_webhook_delivery', 'POST /v1/webhook-deliveries/{delivery_id}/replay'],
})
  .input(z.strictObject({ delivery_id: WebhookDeliveryRef }))
  .output(WebhookDelivery)
  .mutation(({ ctx, input: { delivery_id } }) =>
    ctx.rooms.store.transaction(async (tx) => {
      const actor = ofAccount(ctx.actor)
      const row = isId('webhookDelivery', delivery_id) ? await findWebhookDelivery(tx, actor, delivery_id) : undefined
      if (row === undefined) throw new OperationError('WEBHOOK_DELIVERY_NOT_FOUND')
      return webhookDeliveryView(unwrap(await ctx.rooms.webhooks.replay(tx, actor, row)))
    }),
  )

const EventIds = z
  .array(
    z
      .string()
      .max(64)
      .transform((text, ctx): EventId => {
        if (isId('event', text)) return text
        ctx.addIssue({ code: 'custom', message: 'must be the id of an event, e.g. evt_01J…' })
        return z.NEVER
      }),
  )
  .min(1)
  .max(mostIds)

export const replay_webhook_events = operation({
  scope: 'admin',
  title: 'Bring past events to a webhook',
  description:
    'Brings events of a time, or those with these ids, to a webhook that missed them: up to 1000 of those that it is subscribed to, oldest first, without those that it has taken or waits for. ' +
    'When "more" is true, call it again.',
  readOnly: false,
  destructive: false,
  idempotent: false,
  examples: [{ input: { webhook_id: '{webhook_id}', since: '2026-03-01T00:00:00Z' } }],
  rest: ['POST /replay_webhook_events', 'POST /v1/webhooks/{webhook_id}/replay'],
})
  .input(
    z
      .strictObject({
        webhook_id: WebhookRef,
        since: Instant.exactOptional().describe('Events from this time on'),
        until: Instant.exactOptional().describe('Events before this time; left out: until now'),
        event_ids: EventIds.exactOptional(),
        include_delivered: z.boolean().default(false).describe('Also what it has taken'),
      })
      .refine(({ since, event_ids }) => since !== undefined || event_ids !== undefined, 'say since when, or which events'),
  )
  .output(
    z.strictObject({
      queued: z.int(),
      more: z.boolean(),
      last_event_at: z.string().nullable().describe('Of the last one that was queued'),
    }),
  )
  .mutation(({ ctx, input }) =>
    ctx.rooms.store.transaction(async (tx) => {
      const row = await webhookOf(tx, ctx.actor, input.webhook_id)
      const { queued, more, lastEventAt } = await ctx.rooms.webhooks.replayRange(tx, ctx.actor, row, {
        ids: input.event_ids ?? null,
        since: input.since ?? 0,
        until: input.until ?? ctx.rooms.clock.now() + 1,
        delivered: input.include_delivered,
      })
      return { queued, more, last_event_at: isoOrNull(lastEventAt) }
    }),
  )
