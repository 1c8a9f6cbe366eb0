import { sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { Engine } from '../engine.ts'
import { columnTypes } from './column-types.ts'

/** Mail that is sent later may have to wait beyond its time; and a mailbox says when its reviewers are asked about it. */
export const scheduled = (engine: Engine): Migration => ({
  async up(db) {
    const { text, int } = columnTypes(engine)
    const statements = [
      `alter table emails add column due_at ${int}`,
      `update emails set due_at = send_at where send_at is not null`,
      `drop index emails_scheduled`,
      `create index emails_scheduled on emails (due_at, id, send_at) where status = 'scheduled'`,
      `alter table mailboxes add column default_gate_timing ${text} not null default 'gate_first'
        check (default_gate_timing in ('gate_first', 'schedule_first'))`,
    ]
    for (const statement of statements) await sql.raw(statement).execute(db)
  },
})
