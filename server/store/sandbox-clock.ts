/**
 * Time in the test world of one account: whatever waits there comes nearer by so many milliseconds (docs/decisions/019-a-clock-for-the-test-world.md).
 *
 * Promise: no statement here reaches a row of the live world or of another account. What says when something happened stays as it is; only what has still
 * to come moves, and what is counted from a moment in the past so that something happens after a while.
 */
import { type Kysely, type Transaction, sql } from 'kysely'
import type { AccountId } from '../model/ids.ts'
import type { Database } from './schema.ts'

/** What can come due. `requests`: those for an operator's code. */
export const waitingKinds = ['scheduled', 'deliveries', 'holds', 'requests', 'webhooks'] as const
export type WaitingKind = (typeof waitingKinds)[number]
export type Due = Record<WaitingKind, number>

/** `columns` move in those rows of `table` that are the account's and for which `where` holds. `of`: how a row is known for the account's. */
type Move = { table: string; columns: readonly string[]; where: string; of: 'tenant' | 'mailbox' | 'delivery' }

/** Of a delivery that is under way only its own worker moves anything. */
const waits = `state = 'queued' and lease is null`

const moves: readonly Move[] = [
  {
    table: 'emails',
    columns: ['send_at', 'due_at', 'undo_until'],
    where: `status in ('draft', 'pending_send_approval', 'scheduled')`,
    of: 'mailbox',
  },
  // First: whose delivery waits is known before the delivery moves.
  { table: 'attempts', columns: ['started_at', 'ended_at'], where: 'true', of: 'delivery' },
  { table: 'deliveries', columns: ['queued_at', 'next_attempt_at', 'give_up_at'], where: waits, of: 'mailbox' },
  { table: 'holds', columns: ['expires_at', 'renewable_until'], where: `state = 'open'`, of: 'tenant' },
  { table: 'canaries', columns: ['expires_at'], where: `state = 'open'`, of: 'tenant' },
  { table: 'admin_actions', columns: ['created_at', 'expires_at'], where: 'true', of: 'tenant' },
  { table: 'mode_upgrades', columns: ['created_at', 'expires_at'], where: 'true', of: 'mailbox' },
  { table: 'allowances', columns: ['expires_at'], where: 'true', of: 'tenant' },
  { table: 'webhooks', columns: ['next_attempt_at', 'failing_since', 'previous_until'], where: 'lease is null', of: 'tenant' },
  { table: 'suppressions', columns: ['expires_at'], where: 'expires_at is not null', of: 'tenant' },
  { table: 'address_failures', columns: ['failed_at'], where: 'true', of: 'tenant' },
  { table: 'recent_submissions', columns: ['at'], where: 'true', of: 'mailbox' },
  { table: 'first_contacts', columns: ['window_start'], where: 'true', of: 'mailbox' },
  // The call that moves the clock may have a key of its own, and has no answer yet.
  { table: 'idempotent_calls', columns: ['created_at', 'expires_at'], where: 'answered_at is not null', of: 'tenant' },
]

const own: Record<Move['of'], (accountId: AccountId) => ReturnType<typeof sql>> = {
  tenant: (accountId) => sql`account_id = ${accountId} and world = 'test'`,
  mailbox: (accountId) => sql`mailbox_id in (select id from mailboxes where account_id = ${accountId} and world = 'test')`,
  delivery: (accountId) => sql`delivery_id in (select id from deliveries where ${sql.raw(waits)} and ${own.mailbox(accountId)})`,
}

/** A time that is long past stays in reach of a number. */
const nearer = (column: string, byMs: number) => {
  const time = sql.ref(column)
  return sql`${time} = case when ${time} > ${byMs} then ${time} - ${byMs} when ${time} is null then null else 0 end`
}

/** Brings what waits nearer. @returns what is due at `now` (epoch ms) and was not before */
export async function moveNearer(
  tx: Transaction<Database>,
  accountId: AccountId,
  { byMs, now }: { byMs: number; now: number },
): Promise<Due> {
  const before = await countDue(tx, accountId, now)
  for (const { table, columns, where, of } of moves)
    await sql`update ${sql.table(table)} set ${sql.join(columns.map((column) => nearer(column, byMs)))}
      where ${sql.raw(where)} and ${own[of](accountId)}`.execute(tx)
  await moveWindows(tx, accountId, byMs)
  const after = await countDue(tx, accountId, now)
  return Object.fromEntries(waitingKinds.map((kind) => [kind, Math.max(0, after[kind] - before[kind])])) as Due
}

/** One window stands where another stood: by way of numbers that no window has. */
async function moveWindows(tx: Transaction<Database>, accountId: AccountId, byMs: number): Promise<void> {
  await sql`update send_windows set window_start = -(window_start - ${byMs}) where window_start > ${byMs} and ${own.mailbox(accountId)}`.execute(
    tx,
  )
  await sql`update send_windows set window_start = -window_start where window_start < 0 and ${own.mailbox(accountId)}`.execute(tx)
}

/** As `isStopped` of store/stops.ts. */
const isStopOf = sql.raw(
  ['account_id', 'world', 'mailbox_id', 'domain'].map((name) => `(s.${name} is null or s.${name} = d.${name})`).join(' and '),
)

const dueNow = (accountId: AccountId, now: number): Record<WaitingKind, ReturnType<typeof sql>> => ({
  scheduled: sql`emails where status = 'scheduled' and due_at <= ${now} and ${own.mailbox(accountId)}
    and mailbox_id in (select id from mailboxes where is_active = 1)`,
  deliveries: sql`deliveries as d where state = 'queued' and (next_attempt_at <= ${now} or lease is not null) and ${own.mailbox(accountId)}
    and not exists (select 1 from sending_stops as s where ${isStopOf})`,
  holds: sql`holds where state = 'open' and expires_at <= ${now} and ${own.tenant(accountId)}`,
  requests: sql`admin_actions where used_at is null and refused_at is null and expires_at <= ${now} and ${own.tenant(accountId)}`,
  webhooks: sql`webhook_deliveries where state = 'pending' and webhook_id in (
    select id from webhooks where is_enabled = 1 and next_attempt_at <= ${now} and ${own.tenant(accountId)})`,
})

/** What somebody could do now, or is doing. */
export async function countDue(db: Kysely<Database>, accountId: AccountId, now: number): Promise<Due> {
  const due: Partial<Due> = {}
  for (const [kind, rows] of Object.entries(dueNow(accountId, now))) {
    const counted = await sql<{ count: number | string }>`select count(*) as count from ${rows}`.execute(db)
    due[kind as WaitingKind] = Number(counted.rows[0]?.count ?? 0)
  }
  return due as Due
}
