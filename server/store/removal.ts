/**
 * How rows are taken away for good, a part at a time: those of one table, and emails with all that hangs on them. Who may ask for which is of sandbox-reset.ts
 * and account-removal.ts.
 *
 * Whoever changes an email and its deliveries locks the email first, and an attempt that begins locks its delivery alone; so here too, in the order of
 * their ids, or two that wait for each other would wait for ever.
 */
import { type RawBuilder, type Transaction, sql } from 'kysely'
import { isPostgres } from './engine.ts'
import type { EmailId } from '../model/ids.ts'
import type { Database } from './schema.ts'

type Tx = Transaction<Database>
type Table = keyof Database
/** What stands behind `where`. */
export type Condition = RawBuilder<unknown>

/** Removes rows of a table. @returns how many */
export const removeRows = async (tx: Tx, table: Table, where: Condition): Promise<number> =>
  Number((await sql`delete from ${sql.table(table)} where ${where}`.execute(tx)).numAffectedRows ?? 0)

/** Removes at most `limit` of them, however the table calls its keys. @returns how many */
export function removeSomeRows(tx: Tx, table: Table, where: Condition, limit: number): Promise<number> {
  const place = sql.raw(isPostgres(tx) ? 'ctid' : 'rowid')
  const some = sql`select ${place} from ${sql.table(table)} where ${where} limit ${sql.lit(limit)}`
  return removeRows(tx, table, isPostgres(tx) ? sql`${place} = any(array(${some}))` : sql`${place} in (${some})`)
}

/** Locks rows until the end of the transaction, in the order of their ids (on SQLite there is one writer, and it is this). @param limit left out: all of
 *  them. @returns their ids */
export async function lockRows(tx: Tx, table: 'emails' | 'deliveries' | 'threads', where: Condition, limit?: number): Promise<string[]> {
  // Any of them, as they lie in the index; those are put in order.
  const some = limit === undefined ? where : sql`id in (select id from ${sql.table(table)} where ${where} limit ${sql.lit(limit)})`
  const lock = sql.raw(isPostgres(tx) ? 'for update' : '')
  const found = await sql<{ id: string }>`select id from ${sql.table(table)} where ${some} order by id ${lock}`.execute(tx)
  return found.rows.map(({ id }) => id)
}

/** What names an email, in the order in which it refers to each other; attachments come behind. */
const hanging = [
  'suppressions',
  'deliveries',
  'releases',
  'decisions',
  'approval_links',
  'hold_approvals',
  'email_versions',
  'holds',
  'email_tags',
  'email_places',
  'opens',
  'received_reports',
] as const satisfies readonly Table[]

/** Removes at most `limit` emails with all that hangs on them. @returns how many, and the hashes of the contents that they named, which others may name too */
export async function removeEmails(tx: Tx, where: Condition, limit: number): Promise<{ count: number; contents: string[] }> {
  const ids = (await lockRows(tx, 'emails', where, limit)) as EmailId[]
  if (ids.length === 0) return { count: 0, contents: [] }
  const ofEmail = sql`email_id in (${sql.join(ids)})`
  await lockRows(tx, 'deliveries', ofEmail)
  const ofDelivery = sql`delivery_id in (select id from deliveries where ${ofEmail})`
  for (const table of ['suppressions', 'address_failures', 'attempts'] as const) await removeRows(tx, table, ofDelivery)
  const versions = await tx.selectFrom('email_versions').select('raw_hash as hash').where('email_id', 'in', ids).execute()
  for (const table of hanging) await removeRows(tx, table, ofEmail)
  const files = await tx.deleteFrom('attachments').where('email_id', 'in', ids).returning('blob_hash as hash').execute()
  const raw = await tx.deleteFrom('emails').where('id', 'in', ids).returning('raw_hash as hash').execute()
  return { count: raw.length, contents: [...new Set([...files, ...raw, ...versions].flatMap(({ hash }) => hash ?? []))] }
}
