import { sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { Engine } from '../engine.ts'
import { columnTypes } from './column-types.ts'

/** How an email's waiting ended: by what kind of actor, with which word of a list, whether another version was asked for, and which version took its place. */
export const ends = (engine: Engine): Migration => ({
  async up(db) {
    const { text, int } = columnTypes(engine)
    const statements = [
      `alter table emails add column ended_by ${text} check (ended_by in ('person', 'key', 'system'))`,
      `alter table emails add column rejection_code ${text}`,
      `alter table emails add column redo_asked ${int} not null default 0 check (redo_asked in (0, 1))`,
      // No references: versions name each other, and are removed in any order.
      `alter table emails add column replaces_id ${text}`,
      `alter table emails add column replaced_by_id ${text}`,
      `alter table decisions add column code ${text}`,
      `alter table decisions add column redo ${int} not null default 0 check (redo in (0, 1))`,
    ]
    for (const statement of statements) await sql.raw(statement).execute(db)
  },
})
