/** Whom a mailbox may write to without asking (contract §4.3). */
import type { Kysely, Transaction } from 'kysely'
import type { AllowlistEntryId, MailboxId } from '../model/ids.ts'
import { prepare } from './prepared.ts'
import type { Database, Row } from './schema.ts'

export type AllowlistEntryRow = Row<'allowlist_entries'>

/** Throws a unique violation when the mailbox has the pattern already. */
export const insertAllowlistEntry = async (tx: Transaction<Database>, row: AllowlistEntryRow): Promise<void> => {
  await tx.insertInto('allowlist_entries').values(row).execute()
}

/** @returns false when there was none of this id in the mailbox */
export async function deleteAllowlistEntry(tx: Transaction<Database>, mailboxId: MailboxId, id: AllowlistEntryId): Promise<boolean> {
  const result = await tx.deleteFrom('allowlist_entries').where('id', '=', id).where('mailbox_id', '=', mailboxId).executeTakeFirst()
  return result.numDeletedRows > 0n
}

export const findAllowlistEntry = (
  db: Kysely<Database>,
  mailboxId: MailboxId,
  by: { id: AllowlistEntryId } | { pattern: string },
): Promise<AllowlistEntryRow | undefined> => {
  const query = db.selectFrom('allowlist_entries').selectAll().where('mailbox_id', '=', mailboxId)
  return ('id' in by ? query.where('id', '=', by.id) : query.where('pattern', '=', by.pattern)).executeTakeFirst()
}

/** Oldest first. */
export const allowlistOf = (db: Kysely<Database>, mailboxId: MailboxId, limit: number): Promise<AllowlistEntryRow[]> =>
  db.selectFrom('allowlist_entries').selectAll().where('mailbox_id', '=', mailboxId).orderBy('id').limit(limit).execute()

export async function countAllowlist(db: Kysely<Database>, mailboxId: MailboxId): Promise<number> {
  const row = await db
    .selectFrom('allowlist_entries')
    .select((one) => one.fn.countAll().as('count'))
    .where('mailbox_id', '=', mailboxId)
    .executeTakeFirstOrThrow()
  return Number(row.count)
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
