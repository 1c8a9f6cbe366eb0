/** How much a mailbox sent lately, altogether, to whom, and in which conversation: for policies that ask. Kept while it can matter, in windows of ten minutes. */
import { type Kysely, type Transaction, sql } from 'kysely'
import type { MailboxId } from '../model/ids.ts'
import type { Database } from './schema.ts'

const policyWindowMs = 10 * 60_000
const hourMs = 60 * 60_000
const dayMs = 24 * hourMs

/** Messages by key within the last hour and the last day, a window too much rather than one too few. @param now epoch ms */
export async function policyCounts(
  db: Kysely<Database>,
  mailboxId: MailboxId,
  keys: readonly string[],
  now: number,
): Promise<Map<string, { hour: number; day: number }>> {
  if (keys.length === 0) return new Map()
  const rows = await db
    .selectFrom('policy_counts')
    .select((row) => [
      'key',
      sql<number | string>`sum(case when window_start > ${now - hourMs - policyWindowMs} then messages else 0 end)`.as('hour'),
      row.fn.sum<number | string>('messages').as('day'),
    ])
    .where('mailbox_id', '=', mailboxId)
    .where('key', 'in', [...new Set(keys)])
    .where('window_start', '>', now - dayMs - policyWindowMs)
    .groupBy('key')
    .execute()
  return new Map(rows.map(({ key, hour, day }) => [key, { hour: Number(hour), day: Number(day) }]))
}

/** Adds these, and forgets what cannot matter any more. */
export async function addPolicyCounts(
  tx: Transaction<Database>,
  mailboxId: MailboxId,
  added: ReadonlyMap<string, number>,
  now: number,
): Promise<void> {
  await tx
    .deleteFrom('policy_counts')
    .where('mailbox_id', '=', mailboxId)
    .where('window_start', '<=', now - dayMs - policyWindowMs)
    .execute()
  if (added.size === 0) return
  const window_start = now - (now % policyWindowMs)
  await tx
    .insertInto('policy_counts')
    .values([...added].map(([key, messages]) => ({ mailbox_id: mailboxId, key, window_start, messages })))
    .onConflict((on) =>
      on
        .columns(['mailbox_id', 'key', 'window_start'])
        .doUpdateSet((row) => ({ messages: row('policy_counts.messages', '+', row.ref('excluded.messages')) })),
    )
    .execute()
}
