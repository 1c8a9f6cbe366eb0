/** What a mailbox was lowered for. Each finding once: a mailbox that a person has raised again is not lowered by what they know of. Times: epoch ms. */
import type { Kysely, Transaction } from 'kysely'
import type { MailboxId } from '../model/ids.ts'
import type { LoweringCause } from '../model/lowering.ts'
import type { Database, Row } from './schema.ts'

/** @returns false when it was lowered for this before */
export async function noteModeFinding(tx: Transaction<Database>, row: Row<'mode_findings'>): Promise<boolean> {
  const result = await tx
    .insertInto('mode_findings')
    .values(row)
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst()
  return (result.numInsertedOrUpdatedRows ?? 0n) > 0n
}

/** When the mailbox was lowered for this last; null: never. */
export async function lastLoweredFor(db: Kysely<Database>, mailboxId: MailboxId, cause: LoweringCause): Promise<number | null> {
  const last = await db
    .selectFrom('mode_findings')
    .select('found_at')
    .where('mailbox_id', '=', mailboxId)
    .where('cause', '=', cause)
    .orderBy('found_at', 'desc')
    .limit(1)
    .executeTakeFirst()
  return last?.found_at ?? null
}
