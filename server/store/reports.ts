/** Aggregate reports about domains of ours. A domain belongs to one account, and so do the reports about it. */
import type { Kysely, Transaction } from 'kysely'
import type { DmarcRow, TlsFailure } from '../model/aggregate-report.ts'
import type { AccountId, ReportId } from '../model/ids.ts'
import type { Database, NewRow, Row } from './schema.ts'

export type ReportKind = Row<'received_reports'>['kind']

/** What a listing shows of either kind. `passed`, `failed`: messages (dmarc) or sessions (tls). `verified`: it was proved that
 *  `fromDomain` sent it; anybody can write a report. `omitted`: rows that are not kept. */
export type ReportSummary = {
  verified: boolean
  fromDomain: string | null
  policy: string
  passed: number
  failed: number
  omitted: number
}

/** `rows` are DmarcRow or TlsFailure, by kind. */
export type NewReport = Omit<NewRow<'received_reports'>, 'summary_json' | 'rows_json'> & {
  summary: ReportSummary
  rows: readonly (DmarcRow | TlsFailure)[]
}

/** Stores a report, unless there is one of the same kind, domain, organization and id. One that nobody vouched for makes room for one that is
 *  verified: else whoever guesses an id could keep the real report out. @returns its id; null when what was
 *  there stays */
export async function insertReport(tx: Transaction<Database>, { summary, rows, ...rest }: NewReport): Promise<ReportId | null> {
  const row = { ...rest, summary_json: JSON.stringify(summary), rows_json: JSON.stringify(rows) }
  const inserted = await tx
    .insertInto('received_reports')
    .values(row)
    .onConflict((conflict) => conflict.columns(['kind', 'domain', 'organization', 'report_id']).doNothing())
    .executeTakeFirst()
  if (inserted.numInsertedOrUpdatedRows !== 0n) return row.id
  return summary.verified ? replaceUnverified(tx, row) : null
}

async function replaceUnverified(tx: Transaction<Database>, row: NewRow<'received_reports'>): Promise<ReportId | null> {
  const known = await tx
    .selectFrom('received_reports')
    .select(['id', 'summary_json'])
    .where('kind', '=', row.kind)
    .where('domain', '=', row.domain)
    .where('organization', '=', row.organization)
    .where('report_id', '=', row.report_id)
    .executeTakeFirst()
  if (known === undefined || summaryOf(known).verified) return null
  const { id: _, ...change } = row
  await tx.updateTable('received_reports').set(change).where('id', '=', known.id).execute()
  return known.id
}

/** `accountId` null is for the operator on the host: every account. `before` is an exclusive id. */
export type ReportFilter = {
  accountId: AccountId | null
  kind?: ReportKind
  domain?: string
  /** of the report's period: it ended at or after this time (epoch ms) */
  endedFrom?: number
  before?: ReportId
  limit: number
}

export type ListedReport = Omit<Row<'received_reports'>, 'rows_json'>

const listedColumns = [
  'received_reports.id',
  'kind',
  'domain',
  'organization',
  'report_id',
  'begin_at',
  'end_at',
  'summary_json',
  'email_id',
  'received_reports.created_at',
] as const

/** Without their rows, newest first. */
export const listReports = (db: Kysely<Database>, filter: ReportFilter): Promise<ListedReport[]> =>
  matching(db, filter).select(listedColumns).execute()

/** With their rows, newest first: each may be a megabyte. */
export const readReports = (db: Kysely<Database>, filter: ReportFilter): Promise<Row<'received_reports'>[]> =>
  matching(db, filter).selectAll('received_reports').execute()

/** The account's report, with its rows; somebody else's does not exist (design promise 9). */
export const findReport = (db: Kysely<Database>, accountId: AccountId | null, id: ReportId): Promise<Row<'received_reports'> | undefined> =>
  matching(db, { accountId, limit: 1 }).selectAll('received_reports').where('received_reports.id', '=', id).executeTakeFirst()

function matching(db: Kysely<Database>, { accountId, kind, domain, endedFrom, before, limit }: ReportFilter) {
  let query = db.selectFrom('received_reports')
  if (accountId !== null) query = query.where('domain', 'in', ownDomains(db, accountId))
  if (kind !== undefined) query = query.where('kind', '=', kind)
  if (domain !== undefined) query = query.where('domain', '=', domain)
  if (endedFrom !== undefined) query = query.where('end_at', '>=', endedFrom)
  if (before !== undefined) query = query.where('received_reports.id', '<', before)
  return query.orderBy('received_reports.id', 'desc').limit(limit)
}

const ownDomains = (db: Kysely<Database>, accountId: AccountId) =>
  db.selectFrom('domains').select('name').where('account_id', '=', accountId)

/** Which of these domains are the account's. @param names in the compared form */
export async function domainsOf(db: Kysely<Database>, accountId: AccountId, names: readonly string[]): Promise<Set<string>> {
  if (names.length === 0) return new Set()
  const rows = await ownDomains(db, accountId)
    .where('name', 'in', [...names])
    .execute()
  return new Set(rows.map(({ name }) => name))
}

/** What a `summary_json` column holds. */
export const summaryOf = (row: Pick<Row<'received_reports'>, 'summary_json'>): ReportSummary =>
  JSON.parse(row.summary_json) as ReportSummary
/** What the `rows_json` of a dmarc report holds. */
export const dmarcRows = (row: Pick<Row<'received_reports'>, 'rows_json'>): DmarcRow[] => JSON.parse(row.rows_json) as DmarcRow[]
/** What the `rows_json` of a tls report holds. */
export const tlsFailures = (row: Pick<Row<'received_reports'>, 'rows_json'>): TlsFailure[] => JSON.parse(row.rows_json) as TlsFailure[]
