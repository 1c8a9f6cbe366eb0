import { sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { Engine } from '../engine.ts'
import { columnTypes } from './column-types.ts'

/** Which mailboxes are told by mail what became of what they sent. */
export const notices = (engine: Engine): Migration => ({
  async up(db) {
    const { text, int, tableEnd } = columnTypes(engine)
    // A mailbox without a row hears of it by events only.
    const statement = `create table notified_mailboxes (
      mailbox_id ${text} primary key references mailboxes (id),
      since ${int} not null
    ) ${tableEnd}`
    await sql.raw(statement).execute(db)
  },
})
