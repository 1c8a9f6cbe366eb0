/** What a mailbox was lowered for. Each finding once: a mailbox that a person has raised again is not lowered by what they know of. Times: epoch ms. */
import type { Kysely, Transaction } from 'kysely'
import type { MailboxId } from '../model/ids.ts'
import { type LoweringCause, loweringCauses } from '../model/lowering.ts'
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

/** For which of these it was lowered before. @param findings few */
export async function findingsAmong(
  db: Kysely<Database>,
  mailboxId: MailboxId,
  cause: LoweringCause,
  findings: readonly string[],
): Promise<ReadonlySet<string>> {
  if (findings.length === 0) return new Set()
  const rows = await db
    .selectFrom('mode_findings')
    .select('finding')
    .where('mailbox_id', '=', mailboxId)
    .where('cause', '=', cause)
    .where('finding', 'in', [...findings])
    .execute()
  return new Set(rows.map(({ finding }) => finding))
}

type Lowered = { mailboxId: MailboxId; cause: LoweringCause; now: number }

/** When the mailbox was lowered for this last, by `now`; null: never. */
export async function lastLoweredFor(db: Kysely<Database>, { mailboxId, cause, now }: Lowered): Promise<number | null> {
  const last = await db
    .selectFrom('mode_findings')
    .select('found_at')
    .where('mailbox_id', '=', mailboxId)
    .where('cause', '=', cause)
    .where('found_at', '<=', now)
    .orderBy('found_at', 'desc')
    .limit(1)
    .executeTakeFirst()
  return last?.found_at ?? null
}

/** How often the mailbox was lowered by itself since then. */
export async function countLowered(db: Kysely<Database>, mailboxId: MailboxId, since: number): Promise<number> {
  const row = await db
    .selectFrom('mode_findings')
    .select((one) => one.fn.countAll().as('count'))
    .where('mailbox_id', '=', mailboxId)
    .where('cause', 'in', [...loweringCauses])
    .where('found_at', '>=', since)
    .executeTakeFirstOrThrow()
  return Number(row.count)
}
