/**
 * What is counted of an account's use, day by day, so that nobody ever counts rows.
 *
 * What happened to mail is summed up from the log, which is gapless and in one order on both engines: up to which entry that was done is written in the same
 * transaction, so nothing is counted twice or left out. Calls are counted where they come in, and added here.
 */
import { type Kysely, type RawBuilder, type Transaction, sql } from 'kysely'
import { isPostgres } from './engine.ts'
import type { AccountId } from '../model/ids.ts'
import type { Tenancy, World } from '../model/world.ts'
import type { LogAction } from './log.ts'
import type { Database, Row } from './schema.ts'

/** `emails_sent`: messages handed in, one for each recipient, as the monthly quota counts them. `oversight_actions`: decisions of people. */
export const usageEvents = ['emails_sent', 'emails_received', 'api_calls', 'oversight_actions'] as const
export type UsageEvent = (typeof usageEvents)[number]
/** What there is in all, under the day 0. */
const totals = ['stored_emails', 'stored_bytes'] as const
type Total = (typeof totals)[number]

export const dayOf = (at: number): number => Math.floor(at / 86_400_000)

const counted: readonly LogAction[] = [
  'email.received',
  'email.submitted',
  'email.rescheduled',
  'email.edited',
  'email.approved',
  'email.rejected',
]

type Summed = {
  account_id: AccountId
  world: World
  day: number
  action: string
  entries: number
  messages: number
  bounces: number
  bytes: number
}

/** Sums up at most `most` further entries of the log. @returns whether that were all */
export async function sumUpLog(tx: Transaction<Database>, most: number): Promise<boolean> {
  const { seq: mark } = await lockedMark(tx)
  const { next_seq } = await tx.selectFrom('log_head').select('next_seq').where('id', '=', 1).executeTakeFirstOrThrow()
  const until = Math.min(next_seq - 1, mark + most)
  if (until <= mark) return true
  for (const row of addedUp(await summed(tx, mark, until))) await addTo(tx, row)
  await tx.updateTable('usage_mark').set({ seq: until }).where('id', '=', 1).execute()
  return until === next_seq - 1
}

/** Whether the log has entries that are not summed up. */
export async function isBehind(db: Kysely<Database>): Promise<boolean> {
  const row = await db
    .selectFrom('usage_mark')
    .innerJoin('log_head', 'log_head.id', 'usage_mark.id')
    .select('usage_mark.id')
    .whereRef('usage_mark.seq', '<', (head) => head('log_head.next_seq', '-', 1))
    .executeTakeFirst()
  return row !== undefined
}

function lockedMark(tx: Transaction<Database>): Promise<Row<'usage_mark'>> {
  const mark = tx.selectFrom('usage_mark').selectAll().where('id', '=', 1)
  return (isPostgres(tx) ? mark.forUpdate() : mark).executeTakeFirstOrThrow()
}

async function summed(tx: Transaction<Database>, after: number, until: number): Promise<Summed[]> {
  const fact = (name: string): RawBuilder<number | null> =>
    isPostgres(tx)
      ? sql`(body::jsonb #>> ${sql.lit(`{metadata,${name}}`)})::bigint`
      : sql`cast(json_extract(body, ${sql.lit(`$.metadata.${name}`)}) as integer)`
  const status = isPostgres(tx) ? sql`body::jsonb #>> '{metadata,status}'` : sql`json_extract(body, '$.metadata.status')`
  const rows = await tx
    .selectFrom('log_entries')
    .select(['account_id', 'world', 'action'])
    .select((row) => [
      sql<number | string>`created_at / 86400000`.as('day'),
      row.fn.countAll().as('entries'),
      sql<number | string>`sum(coalesce(${fact('messages')}, 1))`.as('messages'),
      // A report about mail of ours is filed beside that mail, and is no mail that somebody got.
      sql<number | string>`sum(case when ${status} = 'cancelled' then 1 else 0 end)`.as('bounces'),
      sql<number | string>`sum(coalesce(${fact('raw_size')}, ${fact('size')}, 0) - coalesce(${fact('previous_size')}, 0))`.as('bytes'),
    ])
    .where('seq', '>', after)
    .where('seq', '<=', until)
    .where('action', 'in', [...counted])
    .where('account_id', 'in', tx.selectFrom('accounts').select('id').where('deleted_at', 'is', null))
    .groupBy(['account_id', 'world', 'action', sql`created_at / 86400000`])
    .execute()
  return rows.flatMap(({ account_id, world, ...row }) =>
    account_id === null || world === null
      ? []
      : [
          {
            account_id,
            world,
            action: row.action,
            day: Number(row.day),
            entries: Number(row.entries),
            messages: Number(row.messages),
            bounces: Number(row.bounces),
            bytes: Number(row.bytes),
          },
        ],
  )
}

/** All that one count gets at once: what is stored becomes larger and smaller in one batch, in no order. */
function addedUp(rows: readonly Summed[]): Row<'usage_days'>[] {
  const sums = new Map<string, Row<'usage_days'>>()
  for (const row of rows)
    for (const [event, count] of countsOf(row)) {
      const { account_id, world } = row
      const day = isTotal(event) ? 0 : row.day
      const key = `${account_id} ${world} ${day} ${event}`
      sums.set(key, { account_id, world, day, event, count: (sums.get(key)?.count ?? 0) + count })
    }
  return [...sums.values()].filter(({ count }) => count !== 0)
}

function countsOf({ action, entries, messages, bounces, bytes }: Summed): [UsageEvent | Total, number][] {
  if (action === 'email.approved' || action === 'email.rejected') return [['oversight_actions', entries]]
  const stored: [Total, number] = ['stored_bytes', bytes]
  // What it said before is kept.
  if (action === 'email.edited') return [['oversight_actions', entries], stored]
  if (action === 'email.rescheduled') return [['emails_sent', messages], stored]
  const mail: [UsageEvent, number] = action === 'email.received' ? ['emails_received', entries - bounces] : ['emails_sent', messages]
  return [mail, ['stored_emails', entries], stored]
}

const isTotal = (event: UsageEvent | Total): event is Total => (totals as readonly string[]).includes(event)

/** `count` may be less than nothing, when what is stored became smaller; what is kept never is, since one wrong count of one account may not stop the counting of all. */
async function addTo(tx: Transaction<Database>, { count, ...row }: Row<'usage_days'>): Promise<void> {
  const known = await tx
    .updateTable('usage_days')
    .set({ count: sql<number>`case when count + ${count} > 0 then count + ${count} else 0 end` })
    .where('account_id', '=', row.account_id)
    .where('world', '=', row.world)
    .where('day', '=', row.day)
    .where('event', '=', row.event)
    .executeTakeFirst()
  if (known.numUpdatedRows === 0n)
    await tx
      .insertInto('usage_days')
      .values({ ...row, count: Math.max(0, count) })
      .execute()
}

/** Adds what was counted elsewhere; others may add to the same at the same moment. @param day as `dayOf` gives it */
export async function addCalls(db: Kysely<Database>, { accountId, world }: Tenancy, day: number, count: number): Promise<void> {
  await db
    .insertInto('usage_days')
    .values({ account_id: accountId, world, day, event: 'api_calls' satisfies UsageEvent, count })
    .onConflict((known) =>
      known.columns(['account_id', 'world', 'day', 'event']).doUpdateSet((set) => ({ count: set('usage_days.count', '+', count) })),
    )
    .execute()
}

/** Days as `dayOf` gives them, both included. */
export type Days = { from: number; to: number }

/** Nothing that happened on no day; in order of days, and of events within one. */
export async function usageByDay(
  db: Kysely<Database>,
  tenancy: Tenancy,
  days: Days,
): Promise<{ day: number; event: UsageEvent; count: number }[]> {
  const rows = await between(db, tenancy, days)
    .select(['day', 'event', 'count'])
    .where('count', '>', 0)
    .orderBy('day')
    .orderBy('event')
    .execute()
  return rows.flatMap(({ day, event, count }) => (isUsageEvent(event) ? [{ day, event, count }] : []))
}

export async function usageOf(db: Kysely<Database>, tenancy: Tenancy, days: Days): Promise<Record<UsageEvent, number>> {
  const rows = await between(db, tenancy, days)
    .select((row) => ['event' as const, row.fn.sum('count').as('count')])
    .groupBy('event')
    .execute()
  const sums = new Map(rows.map(({ event, count }) => [event, Number(count)]))
  const sum = (event: UsageEvent): number => sums.get(event) ?? 0
  return {
    emails_sent: sum('emails_sent'),
    emails_received: sum('emails_received'),
    api_calls: sum('api_calls'),
    oversight_actions: sum('oversight_actions'),
  }
}

const between = (db: Kysely<Database>, { accountId, world }: Tenancy, { from, to }: Days) =>
  db
    .selectFrom('usage_days')
    .where('account_id', '=', accountId)
    .where('world', '=', world)
    .where('day', '>=', Math.max(from, 1))
    .where('day', '<=', to)

const isUsageEvent = (event: string): event is UsageEvent => (usageEvents as readonly string[]).includes(event)

/** Messages, as they came and left, of either direction. */
export async function storedOf(db: Kysely<Database>, { accountId, world }: Tenancy): Promise<{ emails: number; bytes: number }> {
  const rows = await db
    .selectFrom('usage_days')
    .select(['event', 'count'])
    .where('account_id', '=', accountId)
    .where('world', '=', world)
    .where('day', '=', 0)
    .execute()
  const total = (event: Total): number => rows.find((row) => row.event === event)?.count ?? 0
  return { emails: total('stored_emails'), bytes: total('stored_bytes') }
}
