/**
 * Empties the test world of one account, a part at a time.
 *
 * Promise: no statement here reaches a row of the live world or of another account. What stays: mailboxes with their settings and allow-lists, keys, webhooks,
 * the log of record, and contents by their hash, which others may share. Numbers that order things (places, events) go on from where they were.
 */
import { type Transaction, sql } from 'kysely'
import type { AccountId } from '../model/ids.ts'
import { type Condition, lockRows, removeEmails, removeRows, removeSomeRows } from './removal.ts'
import type { Database } from './schema.ts'

/** How many rows of what a caller knows are gone. */
export type Removed = { emails: number; threads: number; contacts: number; suppressions: number; events: number }
export const noneRemoved: Removed = { emails: 0, threads: 0, contacts: 0, suppressions: 0, events: 0 }

type Tx = Transaction<Database>

/** `test` stands in each of these: there is no way to ask for the other world. */
const ofTenant = (accountId: AccountId): Condition => sql`account_id = ${accountId} and world = 'test'`
const ofMailbox = (accountId: AccountId): Condition =>
  sql`mailbox_id in (select id from mailboxes where account_id = ${accountId} and world = 'test')`

/** What is no email, and hangs on none. */
const others: readonly { table: keyof Database; of: typeof ofTenant; where?: string }[] = [
  { table: 'webhook_deliveries', of: ofTenant },
  { table: 'kept_views', of: ofTenant },
  { table: 'admin_actions', of: ofTenant },
  { table: 'mode_upgrades', of: ofMailbox },
  { table: 'mode_findings', of: ofMailbox },
  { table: 'canaries', of: ofTenant },
  { table: 'review_openings', of: ofTenant },
  { table: 'review_times', of: ofTenant },
  { table: 'sending_stops', of: ofTenant },
  { table: 'allowances', of: ofTenant },
  { table: 'spam_tokens', of: ofTenant },
  { table: 'correspondents', of: ofMailbox },
  { table: 'recent_submissions', of: ofMailbox },
  { table: 'send_windows', of: ofMailbox },
  { table: 'policy_counts', of: ofMailbox },
  { table: 'first_contacts', of: ofMailbox },
  // Not that of the call which resets: it has no answer yet.
  { table: 'idempotent_calls', of: ofTenant, where: 'answered_at is not null' },
]

/** Takes away at most `limit` rows of each kind. @returns `more`: there may be others */
export async function removeSome(tx: Tx, accountId: AccountId, limit: number): Promise<{ removed: Removed; more: boolean }> {
  const some = (table: keyof Database, where: Condition): Promise<number> => removeSomeRows(tx, table, where, limit)
  const removed = {
    emails: (await removeEmails(tx, ofMailbox(accountId), limit)).count,
    threads: await removeThreads(tx, accountId, limit),
    contacts: await some('contacts', ofTenant(accountId)),
    suppressions: await some('suppressions', ofTenant(accountId)),
    events: await some('events', ofTenant(accountId)),
  }
  const counts = Object.values(removed)
  for (const { table, of, where = 'true' } of others) counts.push(await some(table, sql`${sql.raw(where)} and ${of(accountId)}`))
  return { removed, more: counts.some((count) => count >= limit) }
}

/** Those in which nothing is left. */
async function removeThreads(tx: Tx, accountId: AccountId, limit: number): Promise<number> {
  const isEmpty = sql`not exists (select 1 from emails where emails.thread_id = threads.id)`
  const ids = await lockRows(tx, 'threads', sql`${ofMailbox(accountId)} and ${isEmpty}`, limit)
  // Whoever had one locked has put an email into it: that is seen by a statement which begins after.
  return ids.length === 0 ? 0 : removeRows(tx, 'threads', sql`id in (${sql.join(ids)}) and ${isEmpty}`)
}
