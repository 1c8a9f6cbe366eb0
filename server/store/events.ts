import type { Kysely, Transaction } from 'kysely'
import { type EventId, type MailboxId, newId } from '../model/ids.ts'
import type { Tenancy } from '../model/world.ts'
import { type Facts, factsJson } from './facts.ts'
import { insertPrepared } from './prepared.ts'
import type { Database, Row } from './schema.ts'

export const eventTypes = [
  'message.received',
  'message.sent',
  'message.delivered',
  'message.bounced',
  'message.delayed',
  'message.cancelled',
  'message.failed',
  'message.complained',
  'operator.alarm',
  'message.opened',
  'oversight.pending',
  'oversight.approved',
  'oversight.rejected',
  'oversight.expired',
  'mailbox.standing_changed',
  'webhook.disabled',
  'webhook.test',
] as const
export type EventType = (typeof eventTypes)[number]

/** `data` has ids and envelope facts; no bodies. `now` is epoch ms. */
export type NewEvent = {
  tenancy: Tenancy
  mailboxId: MailboxId | null
  type: EventType
  data: Facts
  now: number
}

/** Announces something in the transaction that does it, so that nothing is told that did not happen and nothing that happened goes untold. */
export const appendEvent = async (tx: Transaction<Database>, event: NewEvent): Promise<void> => void (await appendNamedEvent(tx, event))

/** @returns its id */
export async function appendNamedEvent(tx: Transaction<Database>, event: NewEvent): Promise<EventId> {
  const id = newId('event', event.now)
  await insertPrepared(tx, 'events', {
    id,
    account_id: event.tenancy.accountId,
    world: event.tenancy.world,
    mailbox_id: event.mailboxId,
    type: event.type,
    data_json: factsJson(event.data),
    created_at: event.now,
  })
  return id
}

/** Events after `seq`, in order. On PostgreSQL two transactions may commit in another order than they took their numbers, so a reader
 *  that wants each event keeps its own mark per event, not only the highest `seq` it has seen. */
export const eventsAfter = (db: Kysely<Database>, seq: number, limit: number): Promise<Row<'events'>[]> =>
  db.selectFrom('events').selectAll().where('seq', '>', seq).orderBy('seq').limit(limit).execute()

export const eventById = (db: Kysely<Database>, id: EventId): Promise<Row<'events'> | undefined> =>
  db.selectFrom('events').selectAll().where('id', '=', id).executeTakeFirst()
