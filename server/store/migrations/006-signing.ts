import { sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { Engine } from '../engine.ts'
import { columnTypes } from './column-types.ts'

/** DKIM keys have a life: next, active, retired, gone. */
export const signing = (engine: Engine): Migration => ({
  async up(db) {
    const { text, int } = columnTypes(engine)
    const statements = [
      `alter table dkim_keys add column state ${text} not null default 'active' check (state in ('next', 'active', 'retired', 'gone'))`,
      `alter table dkim_keys add column state_since ${int} not null default 0`,
      `alter table dkim_keys add column use_from ${int} not null default 0`,
      `update dkim_keys set state_since = created_at, use_from = created_at`,
      // Which key stopped signing when was not written down; it is as good as now, and nobody needs its secret half.
      `update dkim_keys set state = 'retired', private_key = '' where is_active = 0`,
      `alter table dkim_keys drop column is_active`,
    ]
    for (const statement of statements) await sql.raw(statement).execute(db)
  },
})
