/** Who is told of what waits after whom. */
import type { Kysely, Transaction } from 'kysely'
import type { AccountId, MailboxId, PersonId } from '../model/ids.ts'
import type { Database, Row } from './schema.ts'

type ReviewerTurnRow = Row<'reviewer_turns'>
/** `mailboxId` null: that of the account, for mailboxes that have none of their own. */
type Whose = { accountId: AccountId; mailboxId: MailboxId | null }

/** Instead of what was there; none: everybody is told at once, or as the account says. */
export async function setTurns(
  tx: Transaction<Database>,
  { accountId, mailboxId }: Whose,
  rows: readonly ReviewerTurnRow[],
): Promise<void> {
  const own = tx.deleteFrom('reviewer_turns').where('account_id', '=', accountId)
  await (mailboxId === null ? own.where('mailbox_id', 'is', null) : own.where('mailbox_id', '=', mailboxId)).execute()
  if (rows.length > 0)
    await tx
      .insertInto('reviewer_turns')
      .values([...rows])
      .execute()
}

/** Of the account and of each of its mailboxes, each in order. */
export const turnsOf = (db: Kysely<Database>, accountId: AccountId): Promise<ReviewerTurnRow[]> =>
  db.selectFrom('reviewer_turns').selectAll().where('account_id', '=', accountId).orderBy('mailbox_id').orderBy('turn').execute()

/** Who was removed has no turn any more. */
export const removeTurnsOf = async (tx: Transaction<Database>, personId: PersonId): Promise<void> => {
  await tx.deleteFrom('reviewer_turns').where('person_id', '=', personId).execute()
}
