import { sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { Engine } from '../engine.ts'
import { columnTypes } from './column-types.ts'

/** What is noticed of mail that left: trouble that the operator has to put right, and that somebody opened it. */
export const opens = (engine: Engine): Migration => ({
  async up(db) {
    const { text, int, tableEnd } = columnTypes(engine)
    const statements = [
      // A row is there for as long as the trouble lasts.
      `create table alarms (
        class ${text} not null,
        source ${text} not null,
        provider ${text} not null,
        reply ${text} not null,
        link ${text},
        count ${int} not null check (count > 0),
        first_at ${int} not null,
        last_at ${int} not null,
        primary key (provider, class, source)
      ) ${tableEnd}`,
      `create index alarms_by_time on alarms (last_at)`,

      // A mailbox without a row does not notice; the mail of one with a row carries a token, kept as its hash.
      `create table noticing_mailboxes (
        mailbox_id ${text} primary key references mailboxes (id),
        since ${int} not null
      ) ${tableEnd}`,
      `create table opens (
        token_hash ${text} primary key,
        email_id ${text} not null references emails (id),
        count ${int} not null default 0 check (count >= 0),
        first_at ${int},
        last_at ${int}
      ) ${tableEnd}`,
      `create index opens_of_email on opens (email_id)`,
    ]
    for (const statement of statements) await sql.raw(statement).execute(db)
  },
})
