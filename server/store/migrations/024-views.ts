import { sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { Engine } from '../engine.ts'
import { columnTypes } from './column-types.ts'

/** What an agent was shown, and where what it writes comes from. */
export const views = (engine: Engine): Migration => ({
  async up(db) {
    const { text, int, bytes, tableEnd } = columnTypes(engine)
    const statements = [
      // What one key did last of one kind, in a narrow range, however long it has been at work.
      `create index log_entries_of_actor on log_entries (actor_id, action, created_at, seq)`,
      // What the agents of a mailbox opened last.
      `create index emails_opened on emails (mailbox_id, read_at) where read_at is not null`,
      // When a person decided last on what a mailbox sends.
      `create index holds_ended on holds (mailbox_id, direction, state, ended_at)`,
      // Where the parts of an outgoing mail come from, as JSON; null: it was not looked at.
      `alter table emails add column taint_json ${text}`,
      // The key that wrote its draft, when another handed it in; its draft is as old as the row.
      `alter table emails add column drafter_id ${text}`,
      // The very answers, by their hash: of each tenant by itself, so that what goes with one is nobody else's.
      `create table kept_views (
        account_id ${text} not null references accounts (id),
        world ${text} not null check (world in ('live', 'test')),
        view_hash ${text} not null,
        size ${int} not null check (size >= 0),
        packed ${bytes} not null,
        last_given_at ${int} not null,
        primary key (account_id, world, view_hash)
      ) ${tableEnd}`,
      `create index kept_views_by_age on kept_views (last_given_at, size)`,
    ]
    for (const statement of statements) await sql.raw(statement).execute(db)
  },
})
