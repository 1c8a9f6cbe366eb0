import { sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { Engine } from '../engine.ts'
import { columnTypes } from './column-types.ts'

/** How long people look at what they decide on, in accounts whose operator wants to know. Neither table refers to `emails`: a test email is none. */
export const reviewTimes = (engine: Engine): Migration => ({
  async up(db) {
    const { text, int, tableEnd } = columnTypes(engine)
    const tenant = `account_id ${text} not null references accounts (id),
        world ${text} not null check (world in ('live', 'test')),
        person_id ${text} not null,
        email_id ${text} not null`
    const statements = [
      `create table timed_reviews (
        account_id ${text} not null references accounts (id),
        world ${text} not null check (world in ('live', 'test')),
        since ${int} not null,
        primary key (account_id, world)
      ) ${tableEnd}`,
      `create table review_openings (
        ${tenant},
        opened_at ${int} not null,
        primary key (email_id, person_id)
      ) ${tableEnd}`,
      `create index review_openings_past on review_openings (opened_at)`,
      `create index review_openings_account on review_openings (account_id)`,
      `create table review_times (
        ${tenant},
        mailbox_id ${text} not null references mailboxes (id),
        action ${text} not null check (action in ('approve', 'reject')),
        is_canary ${int} not null check (is_canary in (0, 1)),
        time_ms ${int},
        decided_at ${int} not null,
        primary key (account_id, world, decided_at, email_id, person_id)
      ) ${tableEnd}`,
      `create index review_times_person on review_times (person_id, decided_at)`,
      `create index review_times_past on review_times (decided_at)`,
    ]
    for (const statement of statements) await sql.raw(statement).execute(db)
  },
})
