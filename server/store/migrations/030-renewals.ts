import { sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { Engine } from '../engine.ts'
import { columnTypes } from './column-types.ts'

const thirtyDaysMs = 2_592_000_000

/** Holds can be renewed: how often one was, and until when it may be. */
export const renewals = (engine: Engine): Migration => ({
  async up(db) {
    const { int } = columnTypes(engine)
    const statements = [
      `alter table holds add column renewals ${int} not null default 0`,
      // What has ended is never renewed.
      `alter table holds add column renewable_until ${int} not null default 0`,
      `update holds set renewable_until = created_at + ${thirtyDaysMs} where state = 'open'`,
    ]
    for (const statement of statements) await sql.raw(statement).execute(db)
  },
})
