/** What sessions showed of TLS, by day, for the reports of RFC 8460. A day is epoch ms / 86,400,000, whole. */
import { createHash } from 'node:crypto'
import type { Kysely, Transaction } from 'kysely'
import type { DomainName } from '../../dns/name.ts'
import type { Store } from './db.ts'
import type { Database, NewRow, Row } from './schema.ts'

/** `strings`: the policy as it was published; `mx`: the hosts it names. */
export type TlsPolicy = { type: Row<'tls_results'>['policy_type']; strings: readonly string[]; mx: readonly string[] }
/** `result` null: success. */
export type TlsOutcome = { domain: DomainName; host: string; policy: TlsPolicy; result: string | null }
export type TlsCount = { day: number; counted: TlsOutcome; sessions: number }

const rowsAtOnce = 100

/** Adds to what was counted before, all or nothing. */
export async function addTlsResults(store: Store, counts: readonly TlsCount[]): Promise<void> {
  if (counts.length === 0) return
  // In one order on all nodes, so that two of them never wait for each other's rows.
  const rows = counts.map(rowOf).toSorted((one, other) => (keyOf(one) < keyOf(other) ? -1 : 1))
  await store.transaction(async (tx) => {
    for (let at = 0; at < rows.length; at += rowsAtOnce) await addRows(tx, rows.slice(at, at + rowsAtOnce))
  })
}

const addRows = async (tx: Transaction<Database>, rows: NewRow<'tls_results'>[]): Promise<void> => {
  await tx
    .insertInto('tls_results')
    .values(rows)
    .onConflict((on) =>
      on
        .columns(['day', 'domain', 'policy_type', 'policy_key', 'host', 'result'])
        .doUpdateSet((set) => ({ sessions: set('tls_results.sessions', '+', set.ref('excluded.sessions')) })),
    )
    .execute()
}

function rowOf({ day, counted: { domain, host, policy, result }, sessions }: TlsCount): NewRow<'tls_results'> {
  const policyJson = JSON.stringify({ strings: policy.strings, mx: policy.mx })
  const policyKey = createHash('sha256').update(policyJson).digest('hex').slice(0, 32)
  const key = { day, domain, policy_type: policy.type, policy_key: policyKey, host, result: result ?? '' }
  return { ...key, policy_json: policyJson, sessions }
}

const keyOf = ({ day, domain, policy_type, policy_key, host, result }: NewRow<'tls_results'>): string =>
  JSON.stringify([day, domain, policy_type, policy_key, host, result])

// What one domain brings about in a day is its own doing, and bounded here.
const mostRows = 2_000

/** What was counted for a domain on a day, and under keys in the DNS for a mail host of this name, whosever mail it was; in a fixed order. */
export async function tlsResultsOf(db: Kysely<Database>, day: number, domain: DomainName): Promise<TlsCount[]> {
  const rows = await db
    .selectFrom('tls_results')
    .selectAll()
    .where('day', '=', day)
    .where((one) => one.or([one('domain', '=', domain), one.and([one('host', '=', domain), one('policy_type', '=', 'tlsa')])]))
    .orderBy('policy_type')
    .orderBy('policy_key')
    .orderBy('host')
    .orderBy('result')
    .orderBy('domain')
    .limit(mostRows)
    .execute()
  return rows.map(({ domain: recipients, policy_type, policy_json, host, result, sessions }) => {
    const policy = { type: policy_type, ...(JSON.parse(policy_json) as Pick<TlsPolicy, 'strings' | 'mx'>) }
    return { day, counted: { domain: recipients as DomainName, host, policy, result: result === '' ? null : result }, sessions }
  })
}

/** Forgets what was counted on days before this one. */
export const removeTlsResultsBefore = async (db: Kysely<Database>, day: number): Promise<void> => {
  await db.deleteFrom('tls_results').where('day', '<', day).execute()
}
