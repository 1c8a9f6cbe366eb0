/** What became of the reports on TLS that we owe others (RFC 8460): one row for each domain and day, made before the first try. */
import type { Kysely, Transaction } from 'kysely'
import type { DomainName } from '../../dns/name.ts'
import type { Database, Row } from './schema.ts'

/** What a place that asked for a report said for good. */
export type PlaceEnd = 'took' | 'refused'
/** `tries`: those that were begun. `places`: those that are done with, by the URI in the domain's record. */
export type TlsReport = { day: number; domain: DomainName; tries: number; nextTryAt: number; places: Readonly<Record<string, PlaceEnd>> }

type EndState = Exclude<Row<'tls_reports'>['state'], 'due'>

/** The domains, and the mail hosts with keys in the DNS, about which something was counted on a day, and of which no report is known yet. */
export async function domainsToReport(db: Kysely<Database>, { day, limit }: { day: number; limit: number }): Promise<DomainName[]> {
  const ofDay = db.selectFrom('tls_results').where('day', '=', day)
  const counted = ofDay.select('domain').union(ofDay.select('host as domain').where('policy_type', '=', 'tlsa'))
  const rows = await db
    .selectFrom(counted.as('counted'))
    .leftJoin('tls_reports', (join) => join.onRef('tls_reports.domain', '=', 'counted.domain').on('tls_reports.day', '=', day))
    .select('counted.domain')
    .where('tls_reports.domain', 'is', null)
    .orderBy('counted.domain')
    .limit(limit)
    .execute()
  return rows.map(({ domain }) => domain as DomainName)
}

/** Of two nodes that plan the same report, the first sets its time. */
export async function planTlsReports(
  db: Kysely<Database>,
  day: number,
  planned: readonly { domain: DomainName; firstTryAt: number }[],
): Promise<void> {
  if (planned.length === 0) return
  const rows = planned.map(({ domain, firstTryAt }) => ({ day, domain, state: 'due' as const, tries: 0, next_try_at: firstTryAt }))
  await db
    .insertInto('tls_reports')
    .values(rows)
    .onConflict((on) => on.columns(['day', 'domain']).doNothing())
    .execute()
}

/** Those whose time has come, the longest due first. */
export async function dueTlsReports(db: Kysely<Database>, { now, limit }: { now: number; limit: number }): Promise<TlsReport[]> {
  const rows = await db
    .selectFrom('tls_reports')
    .selectAll()
    .where('state', '=', 'due')
    .where('next_try_at', '<=', now)
    .orderBy('next_try_at')
    .orderBy('domain')
    .limit(limit)
    .execute()
  return rows.map(({ day, domain, tries, next_try_at, places_json }) => ({
    day,
    domain: domain as DomainName,
    tries,
    nextTryAt: next_try_at,
    places: JSON.parse(places_json) as Record<string, PlaceEnd>,
  }))
}

/** Counts a try before it begins, and says when the next one would be. @returns false when another node has begun it */
export async function beginTlsReport(db: Kysely<Database>, { day, domain, tries }: TlsReport, nextTryAt: number): Promise<boolean> {
  const result = await db
    .updateTable('tls_reports')
    .set({ tries: tries + 1, next_try_at: nextTryAt })
    .where('day', '=', day)
    .where('domain', '=', domain)
    .where('state', '=', 'due')
    .where('tries', '=', tries)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** @param end `state` `due`: there are places to be tried again */
export async function endTlsReport(
  tx: Transaction<Database>,
  { day, domain }: Pick<TlsReport, 'day' | 'domain'>,
  end: { state: EndState | 'due'; places: TlsReport['places'] },
): Promise<void> {
  await tx
    .updateTable('tls_reports')
    .set({ state: end.state, places_json: JSON.stringify(end.places) })
    .where('day', '=', day)
    .where('domain', '=', domain)
    .execute()
}

/** Forgets the reports of days before this one. */
export const removeTlsReportsBefore = async (db: Kysely<Database>, day: number): Promise<void> => {
  await db.deleteFrom('tls_reports').where('day', '<', day).execute()
}
