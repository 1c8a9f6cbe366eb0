/** What callers told the operator. Times: epoch ms. */
import type { Kysely, Transaction } from 'kysely'
import type { Tenancy } from '../model/world.ts'
import type { Database, NewRow, Row } from './schema.ts'

export const insertIssue = async (tx: Transaction<Database>, row: NewRow<'issues'>): Promise<void> => {
  await tx.insertInto('issues').values(row).execute()
}

export const countIssuesSince = async (db: Kysely<Database>, { accountId, world }: Tenancy, since: number): Promise<number> => {
  const own = db.selectFrom('issues').where('account_id', '=', accountId).where('world', '=', world).where('created_at', '>', since)
  return Number((await own.select((row) => row.fn.countAll().as('count')).executeTakeFirstOrThrow()).count)
}

/** Of all accounts, newest first. */
export const listIssues = (db: Kysely<Database>, limit: number): Promise<Row<'issues'>[]> =>
  db.selectFrom('issues').selectAll().orderBy('id', 'desc').limit(limit).execute()
