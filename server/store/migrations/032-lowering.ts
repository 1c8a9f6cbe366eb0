import { sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { Engine } from '../engine.ts'
import { columnTypes } from './column-types.ts'

/** What makes a mailbox lose autonomy by itself, and what has. */
export const lowering = (engine: Engine): Migration => ({
  async up(db) {
    const { text, int, tableEnd } = columnTypes(engine)
    const modes = `('read_only', 'gated_all', 'gated_send', 'gated_new', 'monitored', 'autonomous')`
    const statements = [
      // null: nothing was chosen
      `alter table mailboxes add column lowers_on_json ${text}`,
      `create table mode_findings (
        mailbox_id ${text} not null references mailboxes (id),
        cause ${text} not null check (cause in ('complaint', 'bounces', 'injection')),
        finding ${text} not null,
        from_mode ${text} not null check (from_mode in ${modes}),
        to_mode ${text} not null check (to_mode in ${modes}),
        found_at ${int} not null,
        primary key (mailbox_id, cause, finding)
      ) ${tableEnd}`,
      `create index mode_findings_last on mode_findings (mailbox_id, cause, found_at)`,
    ]
    for (const statement of statements) await sql.raw(statement).execute(db)
  },
})
