/** What waits in the queue, for people and for numbers. Each look costs the same whatever has been delivered before: it follows the index of what is due. */
import { type Kysely, type RawBuilder, sql } from 'kysely'
import type { DeliveryId, MailboxId } from '../model/ids.ts'
import type { Tenancy } from '../model/world.ts'
import type { DeliveryRow } from './queue.ts'
import type { Database } from './schema.ts'

/** A place in the order of what is due: `at` is epoch ms. */
export type Place = { at: number; id: DeliveryId }

/** `tenancy` left out: everybody's. `mailboxIds` null: all of the tenancy. `after`: exclusive. */
export type WaitingFilter = { tenancy?: Tenancy; mailboxIds?: readonly MailboxId[] | null; after?: Place; limit: number }

export type WaitingRow = Omit<DeliveryRow, 'lease'>

/** What is next first. */
export function listWaiting(db: Kysely<Database>, { tenancy, mailboxIds = null, after, limit }: WaitingFilter): Promise<WaitingRow[]> {
  if (mailboxIds?.length === 0) return Promise.resolve([])
  let query = db.selectFrom('deliveries').selectAll().where('state', '=', 'queued')
  if (tenancy !== undefined) query = query.where('account_id', '=', tenancy.accountId).where('world', '=', tenancy.world)
  if (mailboxIds !== null) query = query.where('mailbox_id', 'in', [...mailboxIds])
  if (after !== undefined) query = query.where(sql<boolean>`(next_attempt_at, id) > (${after.at}, ${after.id})`)
  return query.orderBy('next_attempt_at').orderBy('id').limit(limit).execute()
}

/** Deliveries: `due` may be tried now, `under_way` is being tried, `later` waits for its time. `oldestAt`: when the oldest of them was released (epoch ms).
 *  Emails: `scheduled` wait for their time, `overdue` beyond it. `stops` and `alarms` that are in force. */
export type QueueFigures = {
  due: number
  under_way: number
  later: number
  oldestAt: number | null
  scheduled: number
  overdue: number
  stops: number
  alarms: number
}

/** @param leaseMs how far ahead a lease can end: what is under way is due again when it lapses */
export async function queueFigures(db: Kysely<Database>, { now, leaseMs }: { now: number; leaseMs: number }): Promise<QueueFigures> {
  // Three short statements: together they cost half of what one that counts by cases does.
  const waiting = await sql<{ count: number; oldest: DeliveryId | null }>`
    select count(*) as count, min(id) as oldest from deliveries where state = 'queued'`.execute(db)
  const due = await count(db, sql`deliveries where state = 'queued' and next_attempt_at <= ${now}`)
  const under_way = await count(
    db,
    sql`deliveries where state = 'queued' and next_attempt_at > ${now} and next_attempt_at <= ${now + leaseMs} and leased_until > ${now}`,
  )
  return {
    due,
    under_way,
    later: Math.max(0, Number(waiting.rows[0]?.count) - due - under_way),
    oldestAt: await queuedAt(db, waiting.rows[0]?.oldest ?? null),
    scheduled: await count(db, sql`emails where status = 'scheduled'`),
    overdue: await count(db, sql`emails where status = 'scheduled' and send_at <= ${now}`),
    stops: await count(db, sql`sending_stops`),
    alarms: await count(db, sql`alarms`),
  }
}

async function count(db: Kysely<Database>, rows: RawBuilder<unknown>): Promise<number> {
  const found = await sql<{ count: number }>`select count(*) as count from ${rows}`.execute(db)
  return Number(found.rows[0]?.count)
}

async function queuedAt(db: Kysely<Database>, id: DeliveryId | null): Promise<number | null> {
  if (id === null) return null
  const row = await db.selectFrom('deliveries').select('queued_at').where('id', '=', id).executeTakeFirst()
  return row?.queued_at ?? null
}
