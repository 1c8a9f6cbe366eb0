/** What waits in the queue, for people and for numbers. Each look costs the same whatever has been delivered before: it follows the index of what is due. */
import { type Kysely, sql } from 'kysely'
import type { DeliveryId, MailboxId } from '../model/ids.ts'
import type { Tenancy } from '../model/world.ts'
import type { DeliveryRow } from './queue.ts'
import type { Database, Row } from './schema.ts'

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
 *  Emails: `scheduled` wait for their time, `overdue` beyond it. */
export type QueueFigures = {
  due: number
  under_way: number
  later: number
  oldestAt: number | null
  scheduled: number
  overdue: number
  stops: number
}

/** @param leaseMs how far ahead a lease can end: what is under way is due again when it lapses */
export async function queueFigures(db: Kysely<Database>, { now, leaseMs }: { now: number; leaseMs: number }): Promise<QueueFigures> {
  const queue = await sql<{ count: number; due: number | null; oldest: DeliveryId | null }>`
    select count(*) as count, sum(case when next_attempt_at <= ${now} then 1 else 0 end) as due, min(id) as oldest
    from deliveries where state = 'queued'`.execute(db)
  const [all] = queue.rows
  const underWay = await sql<{ count: number }>`
    select count(*) as count from deliveries
    where state = 'queued' and next_attempt_at > ${now} and next_attempt_at <= ${now + leaseMs} and leased_until > ${now}`.execute(db)
  const emails = await sql<{ count: number; overdue: number | null }>`
    select count(*) as count, sum(case when send_at <= ${now} then 1 else 0 end) as overdue from emails where status = 'scheduled'`.execute(
    db,
  )
  const stops = await sql<{ count: number }>`select count(*) as count from sending_stops`.execute(db)
  const [count, due, under_way] = [all?.count, all?.due, underWay.rows[0]?.count].map(Number)
  const [scheduled, overdue] = [emails.rows[0]?.count, emails.rows[0]?.overdue].map(Number)
  return {
    due: due ?? 0,
    under_way: under_way ?? 0,
    later: (count ?? 0) - (due ?? 0) - (under_way ?? 0),
    oldestAt: await queuedAt(db, all?.oldest ?? null),
    scheduled: scheduled ?? 0,
    overdue: overdue ?? 0,
    stops: Number(stops.rows[0]?.count),
  }
}

async function queuedAt(db: Kysely<Database>, id: DeliveryId | null): Promise<number | null> {
  if (id === null) return null
  const row = await db.selectFrom('deliveries').select('queued_at').where('id', '=', id).executeTakeFirst()
  return row?.queued_at ?? null
}
