import { sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { Engine } from '../engine.ts'
import { columnTypes } from './column-types.ts'

/** What the outgoing checks found in an email, and the mode gated_new. */
export const policy = (engine: Engine): Migration => ({
  async up(db) {
    const { text } = columnTypes(engine)
    const modes = `('read_only', 'gated_all', 'gated_send', 'gated_new', 'monitored', 'autonomous')`
    const statements = [
      // null: it was not looked at, as nothing was that is older than this
      `alter table emails add column findings_json ${text}`,

      // A column's check cannot be changed on SQLite: the column is made anew. Its default is the mode that can do least.
      `alter table mailboxes add column mode_again ${text} not null default 'read_only' check (mode_again in ${modes})`,
      `update mailboxes set mode_again = oversight_mode`,
      `alter table mailboxes drop column oversight_mode`,
      `alter table mailboxes rename column mode_again to oversight_mode`,
    ]
    for (const statement of statements) await sql.raw(statement).execute(db)
  },
})
