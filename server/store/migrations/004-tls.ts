import { sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { Engine } from '../engine.ts'
import { columnTypes } from './column-types.ts'

/** What domains ask of TLS (RFC 8461), and what we tell them about it (RFC 8460). */
export const tls = (engine: Engine): Migration => ({
  async up(db) {
    const { text, int, tableEnd } = columnTypes(engine)
    const statements = [
      `create table sts_policies (
        domain ${text} primary key,
        policy_id ${text} not null,
        mode ${text} not null check (mode in ('enforce', 'testing', 'none')),
        mx_json ${text} not null,
        fetched_at ${int} not null,
        expires_at ${int} not null
      ) ${tableEnd}`,
      `create index sts_policies_by_expiry on sts_policies (expires_at)`,

      // policy_key is a digest of policy_json, which may be long
      `create table tls_results (
        day ${int} not null,
        domain ${text} not null,
        policy_type ${text} not null check (policy_type in ('tlsa', 'sts', 'no-policy-found')),
        policy_key ${text} not null,
        host ${text} not null,
        result ${text} not null,
        policy_json ${text} not null,
        sessions ${int} not null check (sessions > 0),
        primary key (day, domain, policy_type, policy_key, host, result)
      ) ${tableEnd}`,
      `create table tls_reports (
        day ${int} not null,
        domain ${text} not null,
        state ${text} not null check (state in ('due', 'sent', 'unwanted', 'failed')),
        tries ${int} not null check (tries >= 0),
        next_try_at ${int} not null,
        primary key (day, domain)
      ) ${tableEnd}`,
      `create index tls_reports_due on tls_reports (next_try_at) where state = 'due'`,
    ]
    for (const statement of statements) await sql.raw(statement).execute(db)
  },
})
