import { sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { Engine } from '../engine.ts'
import { columnTypes } from './column-types.ts'

/** Emails are listed in the order in which they came into sight, which is not that of their ids: a held one comes into sight when it is let in. */
export const places = (engine: Engine): Migration => ({
  async up(db) {
    const { text, int, tableEnd } = columnTypes(engine)
    const statements = [
      // place: the number of the log entry that says so
      `create table email_places (
        email_id ${text} primary key references emails (id),
        account_id ${text} not null references accounts (id),
        world ${text} not null check (world in ('live', 'test')),
        mailbox_id ${text} not null references mailboxes (id),
        place ${int} not null,
        visible_at ${int} not null
      ) ${engine === 'sqlite' ? `${tableEnd}, without rowid` : tableEnd}`,
      // Each email has an entry of its own on the log, so these numbers are below those that come.
      `insert into email_places (email_id, account_id, world, mailbox_id, place, visible_at)
        select id, account_id, world, mailbox_id, row_number() over (order by id), received_at from emails`,
      `create index email_places_of_mailbox on email_places (mailbox_id, place)`,
      `create index email_places_of_tenant on email_places (account_id, world, place)`,
      `drop index emails_of_tenant`,
    ]
    for (const statement of statements) await sql.raw(statement).execute(db)
  },
})
