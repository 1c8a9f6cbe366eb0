/** Looking into the queue without loading it: what is due, and, where many of one kind wait in front, who stands behind them. Each look costs the
 *  same whether a hundred deliveries wait or a hundred thousand. */
import { type Kysely, type RawBuilder, sql } from 'kysely'
import type { DeliveryId } from '../model/ids.ts'
import { prepare } from './prepared.ts'
import type { DeliveryRow } from './queue.ts'
import type { Database } from './schema.ts'

type Db = Kysely<Database>

/** What has to be known of a delivery to say whose turn it is. */
const asked = [
  'id',
  'account_id',
  'world',
  'mailbox_id',
  'domain',
  'priority',
  'next_attempt_at',
  'give_up_at',
  'cancel_requested_at',
] as const satisfies readonly (keyof DeliveryRow)[]

/** A delivery that is due, as far as that goes. */
export type Due = Pick<DeliveryRow, (typeof asked)[number]>

/** The longest due, up to `limit`. @param now epoch ms */
export const longestDue = (db: Db, { now, limit }: { now: number; limit: number }): Promise<Due[]> => due(db, { now, limit })

const due = prepare((db, { now, limit }: { now: number; limit: number }) =>
  db
    .selectFrom('deliveries')
    .select(asked)
    .where('state', '=', 'queued')
    .where('next_attempt_at', '<=', now)
    .orderBy('next_attempt_at')
    .orderBy('id')
    .limit(limit),
)

/** A mailbox and a domain it has something for; also a place in the order of these. */
export type Lane = { mailbox: string; domain: string }
export const beforeAllLanes: Lane = { mailbox: '', domain: '' }

/** How far one look goes. */
const stride = { mailboxes: 64, lanes: 64 }

/** The longest due of each urgency of the mailboxes behind `mailbox`; and where to go on (at the beginning again after ''). */
export async function dueOfMailboxes(db: Db, now: number, mailbox: string): Promise<{ rows: Due[]; next: string }> {
  const found = await sql<{ mailbox: string; id: DeliveryId | null }>`
    with recursive of_mailbox (mailbox, position) as (
      select (select min(mailbox_id) from deliveries where state = 'queued' and mailbox_id > ${mailbox}), 1
      union all
      select (select min(d.mailbox_id) from deliveries d where d.state = 'queued' and d.mailbox_id > of_mailbox.mailbox), position + 1
      from of_mailbox where mailbox is not null and position < ${stride.mailboxes}
    ), urgency (priority) as (select 0 union all select 1 union all select 2)
    select mailbox, (
      select d.id from deliveries d
      where d.state = 'queued' and d.mailbox_id = of_mailbox.mailbox and d.priority = urgency.priority and d.next_attempt_at <= ${now}
      order by d.next_attempt_at limit 1
    ) as id
    from of_mailbox cross join urgency where mailbox is not null`.execute(db)
  const mailboxes = [...new Set(found.rows.map((row) => row.mailbox))].toSorted()
  return { rows: await byIds(db, idsOf(found.rows)), next: mailboxes.length < stride.mailboxes ? '' : (mailboxes.at(-1) ?? '') }
}

/** The longest due of each of the lanes behind `lane`; and where to go on. */
export async function dueOfLanes(db: Db, now: number, lane: Lane): Promise<{ rows: Due[]; next: Lane }> {
  const found = await sql<{ mailbox: string; domain: string; position: number; id: DeliveryId | null }>`
    with recursive lane (mailbox, domain, position) as (
      select ${laneBehind('mailbox_id', sql`${lane.mailbox}`, sql`${lane.domain}`)}, ${laneBehind('domain', sql`${lane.mailbox}`, sql`${lane.domain}`)}, 1
      union all
      select ${laneBehind('mailbox_id', sql`lane.mailbox`, sql`lane.domain`)}, ${laneBehind('domain', sql`lane.mailbox`, sql`lane.domain`)}, position + 1
      from lane where mailbox is not null and position < ${stride.lanes}
    )
    select mailbox, domain, position, (
      select d.id from deliveries d
      where d.state = 'queued' and d.mailbox_id = lane.mailbox and d.domain = lane.domain and d.next_attempt_at <= ${now}
      order by d.next_attempt_at limit 1
    ) as id
    from lane where mailbox is not null`.execute(db)
  const last = found.rows.find((row) => row.position === stride.lanes)
  return {
    rows: await byIds(db, idsOf(found.rows)),
    next: last === undefined ? beforeAllLanes : { mailbox: last.mailbox, domain: last.domain },
  }
}

/** The mailbox, or the domain, of the first lane behind another. */
const laneBehind = (column: 'mailbox_id' | 'domain', mailbox: RawBuilder<unknown>, domain: RawBuilder<unknown>) => sql`(
  select d.${sql.ref(column)} from deliveries d
  where d.state = 'queued' and (d.mailbox_id, d.domain) > (${mailbox}, ${domain}) order by d.mailbox_id, d.domain limit 1
)`

const idsOf = (rows: readonly { id: DeliveryId | null }[]): DeliveryId[] => rows.flatMap(({ id }) => (id === null ? [] : [id]))

const byIds = (db: Db, ids: readonly DeliveryId[]): Promise<Due[]> =>
  ids.length === 0
    ? Promise.resolve([])
    : db
        .selectFrom('deliveries')
        .select(asked)
        .where('id', 'in', [...ids])
        .execute()
