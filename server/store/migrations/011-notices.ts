import { sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { Engine } from '../engine.ts'
import { columnTypes } from './column-types.ts'

/** Which mailboxes are told by mail what became of what they sent; and what an arriving email proved of who wrote it. */
export const notices = (engine: Engine): Migration => ({
  async up(db) {
    const { text, int, tableEnd } = columnTypes(engine)
    // A mailbox without a row hears of it by events only.
    const statements = [
      `create table notified_mailboxes (
        mailbox_id ${text} primary key references mailboxes (id),
        since ${int} not null
      ) ${tableEnd}`,
      // null: it had no X-MultiMail-Identity
      `alter table emails add column sender_identity_json ${text}`,
    ]
    for (const statement of statements) await sql.raw(statement).execute(db)
  },
})
