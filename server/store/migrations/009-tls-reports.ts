import { sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { Engine } from '../engine.ts'
import { columnTypes } from './column-types.ts'

/** Reports on TLS that are sent (RFC 8460), and policies that are refreshed before anybody waits for them (RFC 8461 §3.3). */
export const tlsReports = (engine: Engine): Migration => ({
  async up(db) {
    const { text, int } = columnTypes(engine)
    const statements = [
      // what came of a report at each place that asked for it, so that a place which has it is left alone when another is tried again
      `alter table tls_reports add column places_json ${text} not null default '{}'`,
      `create index tls_results_by_host on tls_results (day, host) where policy_type = 'tlsa'`,
      // 0: not since this column is there
      `alter table sts_policies add column used_at ${int} not null default 0`,
      `create index sts_policies_by_age on sts_policies (fetched_at)`,
    ]
    for (const statement of statements) await sql.raw(statement).execute(db)
  },
})
