import { sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { Engine } from '../engine.ts'
import { columnTypes } from './column-types.ts'

/** For how long an approval can be taken back. */
export const undo = (engine: Engine): Migration => ({
  async up(db) {
    const { int } = columnTypes(engine)
    const statements = [
      `alter table mailboxes add column undo_seconds ${int} not null default 0 check (undo_seconds between 0 and 300)`,
      `alter table emails add column undo_until ${int}`,
      // Those of an account that can be taken back now are the last of few.
      `create index emails_undoable on emails (account_id, world, undo_until) where undo_until is not null`,
    ]
    for (const statement of statements) await sql.raw(statement).execute(db)
  },
})
