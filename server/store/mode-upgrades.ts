/** Requests for more autonomy and the codes that grant them (contract §4.4). Times: epoch ms. */
import type { Kysely, Transaction } from 'kysely'
import type { MailboxId, UpgradeId } from '../model/ids.ts'
import type { Database, Row } from './schema.ts'

export type UpgradeRow = Row<'mode_upgrades'>

export const insertUpgrade = async (tx: Transaction<Database>, row: UpgradeRow): Promise<void> => {
  await tx.insertInto('mode_upgrades').values(row).execute()
}

/** The one that waits for its code, if its time is not over at `now`. */
export const openUpgrade = (db: Kysely<Database>, mailboxId: MailboxId, now: number): Promise<UpgradeRow | undefined> =>
  db
    .selectFrom('mode_upgrades')
    .selectAll()
    .where('mailbox_id', '=', mailboxId)
    .where('state', '=', 'open')
    .where('expires_at', '>', now)
    .executeTakeFirst()

/** When each was asked for, after `since`, oldest first. */
export async function upgradesAskedSince(db: Kysely<Database>, mailboxId: MailboxId, since: number): Promise<number[]> {
  const rows = await db
    .selectFrom('mode_upgrades')
    .select('created_at')
    .where('mailbox_id', '=', mailboxId)
    .where('created_at', '>', since)
    .orderBy('created_at')
    .execute()
  return rows.map(({ created_at }) => created_at)
}

/** What waits for a code waits no more, run out or not. */
export const replaceOpenUpgrade = async (tx: Transaction<Database>, mailboxId: MailboxId, now: number): Promise<void> => {
  await tx
    .updateTable('mode_upgrades')
    .set({ state: 'replaced', ended_at: now })
    .where('mailbox_id', '=', mailboxId)
    .where('state', '=', 'open')
    .execute()
}

/** Ends it: of several at once exactly one gets true. */
export async function endUpgrade(
  tx: Transaction<Database>,
  id: UpgradeId,
  change: { state: 'applied' | 'burnt'; wrong_tries?: number; ended_at: number },
): Promise<boolean> {
  const result = await tx.updateTable('mode_upgrades').set(change).where('id', '=', id).where('state', '=', 'open').executeTakeFirst()
  return result.numUpdatedRows > 0n
}

export const countWrongTry = async (tx: Transaction<Database>, id: UpgradeId, wrong_tries: number): Promise<void> => {
  await tx.updateTable('mode_upgrades').set({ wrong_tries }).where('id', '=', id).execute()
}
