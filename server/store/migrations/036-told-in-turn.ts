import { sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { Engine } from '../engine.ts'
import { columnTypes } from './column-types.ts'

/** Reviewers can be told one after the other, and not at night. */
export const toldInTurn = (engine: Engine): Migration => ({
  async up(db) {
    const { text, int, tableEnd } = columnTypes(engine)
    const statements = [
      // mailbox_id null: for the mailboxes of the account that have no order of their own.
      `create table reviewer_turns (
        account_id ${text} not null references accounts (id),
        mailbox_id ${text} references mailboxes (id),
        person_id ${text} not null references people (id),
        turn ${int} not null,
        after_ms ${int} not null
      ) ${tableEnd}`,
      `create unique index reviewer_turns_of on reviewer_turns (account_id, coalesce(mailbox_id, ''), person_id)`,
      `create index reviewer_turns_of_person on reviewer_turns (person_id)`,
      // When somebody is to be told: 0 is at once, else when their turn comes.
      `alter table approval_links add column due_at ${int} not null default 0`,
      `create index approval_links_due on approval_links (due_at, person_id) where told_at is null`,
      `alter table people add column time_zone ${text}`,
      `alter table people add column quiet_from ${int}`,
      `alter table people add column quiet_to ${int}`,
    ]
    for (const statement of statements) await sql.raw(statement).execute(db)
  },
})
