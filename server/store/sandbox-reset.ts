/**
 * Empties the test world of one account, a part at a time.
 *
 * Promise: no statement here reaches a row of the live world or of another account. What stays: mailboxes with their settings and allow-lists, keys, webhooks,
 * the log of record, and contents by their hash, which others may share. Numbers that order things (places, events) go on from where they were.
 */
import { PostgresAdapter, type RawBuilder, type Transaction, sql } from 'kysely'
import type { AccountId } from '../model/ids.ts'
import type { Database } from './schema.ts'

/** How many rows of what a caller knows are gone. */
export type Removed = { emails: number; threads: number; contacts: number; suppressions: number; events: number }
export const noneRemoved: Removed = { emails: 0, threads: 0, contacts: 0, suppressions: 0, events: 0 }

type Tx = Transaction<Database>
type Condition = RawBuilder<unknown>

/** `test` stands in each of these: there is no way to ask for the other world. */
const ofTenant = (accountId: AccountId): Condition => sql`account_id = ${accountId} and world = 'test'`
const ofMailbox = (accountId: AccountId): Condition =>
  sql`mailbox_id in (select id from mailboxes where account_id = ${accountId} and world = 'test')`

/** What is no email, and hangs on none. */
const others: readonly { table: string; of: typeof ofTenant; where?: string }[] = [
  { table: 'webhook_deliveries', of: ofTenant },
  { table: 'admin_actions', of: ofTenant },
  { table: 'mode_upgrades', of: ofMailbox },
  { table: 'sending_stops', of: ofTenant },
  { table: 'spam_tokens', of: ofTenant },
  { table: 'correspondents', of: ofMailbox },
  { table: 'recent_submissions', of: ofMailbox },
  { table: 'send_windows', of: ofMailbox },
  { table: 'first_contacts', of: ofMailbox },
  // Not that of the call which resets: it has no answer yet.
  { table: 'idempotent_calls', of: ofTenant, where: 'answered_at is not null' },
]

/** Takes away at most `limit` rows of each kind. @returns `more`: there may be others */
export async function removeSome(tx: Tx, accountId: AccountId, limit: number): Promise<{ removed: Removed; more: boolean }> {
  // However a table calls its keys.
  const row = sql.raw(isPostgres(tx) ? 'ctid' : 'rowid')
  const some = (table: string, where: Condition): Promise<number> =>
    remove(tx, table, sql`${row} in (select ${row} from ${sql.table(table)} where ${where} limit ${limit})`)

  const removed = {
    emails: await removeEmails(tx, accountId, limit),
    threads: await removeThreads(tx, accountId, limit),
    contacts: await some('contacts', ofTenant(accountId)),
    suppressions: await some('suppressions', ofTenant(accountId)),
    events: await some('events', ofTenant(accountId)),
  }
  const counts = Object.values(removed)
  for (const { table, of, where = 'true' } of others) counts.push(await some(table, sql`${sql.raw(where)} and ${of(accountId)}`))
  return { removed, more: counts.some((count) => count >= limit) }
}

/** With all that hangs on them. */
async function removeEmails(tx: Tx, accountId: AccountId, limit: number): Promise<number> {
  // Whoever changes an email and its deliveries locks the email first; an attempt that begins locks its delivery alone.
  const ids = await lockRows(tx, 'emails', ofMailbox(accountId), limit)
  if (ids.length === 0) return 0
  const ofEmail = sql`email_id in (${sql.join(ids)})`
  await lockRows(tx, 'deliveries', ofEmail)
  const ofDelivery = sql`delivery_id in (select id from deliveries where ${ofEmail})`
  for (const table of ['suppressions', 'address_failures', 'attempts']) await remove(tx, table, ofDelivery)
  for (const table of hanging) await remove(tx, table, ofEmail)
  return remove(tx, 'emails', sql`id in (${sql.join(ids)})`)
}

/** Those in which nothing is left. */
async function removeThreads(tx: Tx, accountId: AccountId, limit: number): Promise<number> {
  const isEmpty = sql`not exists (select 1 from emails where emails.thread_id = threads.id)`
  const ids = await lockRows(tx, 'threads', sql`${ofMailbox(accountId)} and ${isEmpty}`, limit)
  // Whoever had one locked has put an email into it: that is seen by a statement which begins after.
  return ids.length === 0 ? 0 : remove(tx, 'threads', sql`id in (${sql.join(ids)}) and ${isEmpty}`)
}

/** On SQLite there is one writer, and it is this. @param limit left out: all of them */
async function lockRows(tx: Tx, table: string, where: Condition, limit?: number): Promise<string[]> {
  const most = limit === undefined ? sql`` : sql`limit ${limit}`
  const lock = sql.raw(isPostgres(tx) ? 'for update' : '')
  const found = await sql<{ id: string }>`select id from ${sql.table(table)} where ${where} order by id ${most} ${lock}`.execute(tx)
  return found.rows.map(({ id }) => id)
}

/** In the order in which they refer to each other. */
const hanging = [
  'suppressions',
  'deliveries',
  'releases',
  'decisions',
  'holds',
  'attachments',
  'opens',
  'email_tags',
  'email_places',
] as const

const remove = async (tx: Tx, table: string, where: Condition): Promise<number> =>
  Number((await sql`delete from ${sql.table(table)} where ${where}`.execute(tx)).numAffectedRows ?? 0)

const isPostgres = (tx: Tx): boolean => tx.getExecutor().adapter instanceof PostgresAdapter
