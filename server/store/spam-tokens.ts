import { type Kysely, type Transaction, sql } from 'kysely'
import type { MailboxId } from '../model/ids.ts'
import type { Tenancy } from '../model/world.ts'
import { prepare } from './prepared.ts'
import type { Database } from './schema.ts'

/** In how many emails that users called spam, and not spam, a word was. */
export type WordCount = { spam: number; ham: number }

/** Of the words that were ever seen, in no order. */
export const countsOfWords = (db: Kysely<Database>, { accountId, world }: Tenancy, words: readonly string[]): Promise<WordCount[]> =>
  words.length === 0
    ? Promise.resolve([])
    : db
        .selectFrom('spam_tokens')
        .select(['spam', 'ham'])
        .where('account_id', '=', accountId)
        .where('world', '=', world)
        .where('token', 'in', [...words])
        .execute()

/** Adds to the counts of each word, once; a count taken back never falls below 0. */
export async function addWordCounts(
  tx: Transaction<Database>,
  { accountId, world }: Tenancy,
  words: readonly string[],
  add: WordCount,
): Promise<void> {
  // In one order for everybody, so that two transactions on PostgreSQL cannot wait for each other.
  const rows = [...new Set(words)].toSorted().map((token) => ({
    account_id: accountId,
    world,
    token,
    spam: Math.max(0, add.spam),
    ham: Math.max(0, add.ham),
  }))
  await tx
    .insertInto('spam_tokens')
    .values(rows)
    .onConflict((conflict) =>
      conflict.columns(['account_id', 'world', 'token']).doUpdateSet({
        spam: atLeastZero('spam', add.spam),
        ham: atLeastZero('ham', add.ham),
      }),
    )
    .execute()
}

const atLeastZero = (column: 'spam' | 'ham', add: number) =>
  sql<number>`case when ${sql.ref(`spam_tokens.${column}`)} + ${add} < 0 then 0 else ${sql.ref(`spam_tokens.${column}`)} + ${add} end`

/** Those of the mailboxes whose account has learned in their world from so many emails of each kind, with both. */
export async function taughtTenancies(
  db: Kysely<Database>,
  mailboxIds: readonly MailboxId[],
  least: WordCount,
): Promise<Map<MailboxId, Tenancy>> {
  const [only] = mailboxIds
  if (only === undefined) return new Map()
  const rows = await (mailboxIds.length === 1 ? taughtOne(db, { only, ...least }) : taught(db, [...mailboxIds], least).execute())
  return new Map(rows.map(({ id, account_id: accountId, world }) => [id, { accountId, world }]))
}

const taught = (db: Kysely<Database>, mailboxIds: MailboxId[], least: WordCount) =>
  db
    .selectFrom('mailboxes')
    .innerJoin('spam_tokens', (join) =>
      join.onRef('spam_tokens.account_id', '=', 'mailboxes.account_id').onRef('spam_tokens.world', '=', 'mailboxes.world'),
    )
    .select(['mailboxes.id', 'mailboxes.account_id', 'mailboxes.world'])
    .where('mailboxes.id', 'in', mailboxIds)
    .where('spam_tokens.token', '=', '')
    .where('spam_tokens.spam', '>=', least.spam)
    .where('spam_tokens.ham', '>=', least.ham)

// Nearly every message is for one mailbox.
const taughtOne = prepare((db, { only, spam, ham }: WordCount & { only: MailboxId }) => taught(db, [only], { spam, ham }))
