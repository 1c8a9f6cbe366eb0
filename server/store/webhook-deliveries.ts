import type { Kysely, Transaction } from 'kysely'
import { type EventId, type WebhookDeliveryId, type WebhookId, newId } from '../model/ids.ts'
import type { Tenancy } from '../model/world.ts'
import type { EventType } from './events.ts'
import type { Database, Row } from './schema.ts'
import type { WebhookRow } from './webhooks.ts'

export type WebhookDeliveryRow = Row<'webhook_deliveries'>
export type WebhookDeliveryState = WebhookDeliveryRow['state']

/** What waits longest for a webhook, in the order of events. */
export const nextForWebhook = (db: Kysely<Database>, webhookId: WebhookId): Promise<WebhookDeliveryRow | undefined> =>
  db
    .selectFrom('webhook_deliveries')
    .selectAll()
    .where('webhook_id', '=', webhookId)
    .where('state', '=', 'pending')
    .orderBy('seq')
    .limit(1)
    .executeTakeFirst()

/** Counts an attempt before it is made. */
export const countAttempt = (tx: Transaction<Database>, id: WebhookDeliveryId, url: string, now: number) =>
  tx
    .updateTable('webhook_deliveries')
    .set((set) => ({ attempts: set('attempts', '+', 1), last_attempt_at: now, url }))
    .where('id', '=', id)
    .where('state', '=', 'pending')
    .returningAll()
    .executeTakeFirst()

export type Settlement = Pick<WebhookDeliveryRow, 'state' | 'response_status' | 'response_text' | 'trouble' | 'is_simulated' | 'settled_at'>

export const settleWebhookDelivery = async (tx: Transaction<Database>, id: WebhookDeliveryId, end: Settlement): Promise<void> => {
  await tx.updateTable('webhook_deliveries').set(end).where('id', '=', id).where('state', '=', 'pending').execute()
}

/** Ends what waits for a webhook that is not told any more. @returns how many there were */
export async function failWaiting(tx: Transaction<Database>, webhookId: WebhookId, trouble: string, now: number): Promise<number> {
  const done = await tx
    .updateTable('webhook_deliveries')
    .set({ state: 'failed', trouble, settled_at: now })
    .where('webhook_id', '=', webhookId)
    .where('state', '=', 'pending')
    .executeTakeFirst()
  return Number(done.numUpdatedRows)
}

/** The tenant's; somebody else's does not exist (design promise 9). */
export const findWebhookDelivery = (
  db: Kysely<Database>,
  { accountId, world }: Tenancy,
  id: WebhookDeliveryId,
): Promise<WebhookDeliveryRow | undefined> =>
  db
    .selectFrom('webhook_deliveries')
    .selectAll()
    .where('account_id', '=', accountId)
    .where('world', '=', world)
    .where('id', '=', id)
    .executeTakeFirst()

export type DeliveryFilter = { limit: number; before?: number; webhookId?: WebhookId; state?: WebhookDeliveryState; eventType?: EventType }

/** Newest first. @param filter `before` is an exclusive seq */
export function listWebhookDeliveries(
  db: Kysely<Database>,
  { accountId, world }: Tenancy,
  { limit, before, webhookId, state, eventType }: DeliveryFilter,
): Promise<WebhookDeliveryRow[]> {
  let query = db.selectFrom('webhook_deliveries').selectAll().where('account_id', '=', accountId).where('world', '=', world)
  if (before !== undefined) query = query.where('seq', '<', before)
  if (webhookId !== undefined) query = query.where('webhook_id', '=', webhookId)
  if (state !== undefined) query = query.where('state', '=', state)
  if (eventType !== undefined) query = query.where('event_type', '=', eventType)
  return query.orderBy('seq', 'desc').limit(limit).execute()
}

type Again = { webhook: WebhookRow; event: Pick<Row<'events'>, 'id' | 'type'>; replayOf: WebhookDeliveryId | null; now: number }

/** Tells a webhook of an event, behind what waits for it already. */
export const insertWebhookDelivery = (tx: Transaction<Database>, { webhook, event, replayOf, now }: Again): Promise<WebhookDeliveryRow> =>
  tx
    .insertInto('webhook_deliveries')
    .values({
      id: newId('webhookDelivery', now),
      account_id: webhook.account_id,
      world: webhook.world,
      webhook_id: webhook.id,
      event_id: event.id,
      event_type: event.type,
      url: webhook.url,
      state: 'pending',
      replay_of: replayOf,
      response_status: null,
      response_text: null,
      trouble: null,
      created_at: now,
      last_attempt_at: null,
      settled_at: null,
    })
    .returningAll()
    .executeTakeFirstOrThrow()

/** `ids` null: those of the time from `since` until before `until` (epoch ms). `delivered`: also what it was told of, or waits to be. */
export type EventRange = {
  types: readonly EventType[]
  ids: readonly EventId[] | null
  since: number
  until: number
  delivered: boolean
  limit: number
}

/** Events that a webhook can be told of once more, the oldest first. */
export function eventsToReplay(db: Kysely<Database>, webhook: WebhookRow, range: EventRange): Promise<Row<'events'>[]> {
  if (range.types.length === 0 || range.ids?.length === 0) return Promise.resolve([])
  let query = db
    .selectFrom('events')
    .selectAll()
    .where('account_id', '=', webhook.account_id)
    .where('world', '=', webhook.world)
    .where('type', 'in', [...range.types])
    .where('created_at', '>=', range.since)
    .where('created_at', '<', range.until)
  if (webhook.mailbox_id !== null) query = query.where('mailbox_id', '=', webhook.mailbox_id)
  if (range.ids !== null) query = query.where('id', 'in', [...range.ids])
  if (!range.delivered) {
    query = query.where((row) =>
      row.not(
        row.exists(
          row
            .selectFrom('webhook_deliveries as known')
            .select('known.seq')
            .whereRef('known.event_id', '=', 'events.id')
            .where('known.webhook_id', '=', webhook.id)
            .where('known.state', 'in', ['pending', 'delivered']),
        ),
      ),
    )
  }
  return query.orderBy('seq').limit(range.limit).execute()
}

/** Forgets some of what was settled before then (epoch ms). @returns how many */
export async function forgetSettled(db: Kysely<Database>, before: number, limit: number): Promise<number> {
  const old = db.selectFrom('webhook_deliveries').select('seq').where('settled_at', '<', before).orderBy('settled_at').limit(limit)
  const done = await db.deleteFrom('webhook_deliveries').where('seq', 'in', old).executeTakeFirst()
  return Number(done.numDeletedRows)
}
