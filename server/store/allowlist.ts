/** Whom a mailbox may write to without asking (contract §4.3). */
import type { Kysely, Transaction } from 'kysely'
import type { MailboxId } from '../model/ids.ts'
import { prepare } from './prepared.ts'
import type { Database, Row } from './schema.ts'

/** Throws a unique violation when the mailbox has the pattern already. */
export const insertAllowlistEntry = async (tx: Transaction<Database>, row: Row<'allowlist_entries'>): Promise<void> => {
  await tx.insertInto('allowlist_entries').values(row).execute()
}

/** Most mailboxes have none, and most mail need not be looked at any further. */
export const hasAllowlist = async (db: Kysely<Database>, mailboxId: MailboxId): Promise<boolean> =>
  (await anyOf(db, { mailboxId })).length > 0

const anyOf = prepare((db, { mailboxId }: { mailboxId: MailboxId }) =>
  db.selectFrom('allowlist_entries').select('id').where('mailbox_id', '=', mailboxId).limit(1),
)

/** Which of these patterns the mailbox has. */
export async function listedAmong(db: Kysely<Database>, mailboxId: MailboxId, patterns: readonly string[]): Promise<string[]> {
  if (patterns.length === 0) return []
  const rows = await db
    .selectFrom('allowlist_entries')
    .select('pattern')
    .where('mailbox_id', '=', mailboxId)
    .where('pattern', 'in', [...patterns])
    .execute()
  return rows.map(({ pattern }) => pattern)
}
