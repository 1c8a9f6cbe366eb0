import { sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { Engine } from '../engine.ts'
import { columnTypes } from './column-types.ts'

/** How much a mailbox may send, and what it has sent of it; how much a destination takes. */
export const pace = (engine: Engine): Migration => ({
  async up(db) {
    const { text, int, tableEnd } = columnTypes(engine)
    const statements = [
      // A kind without a row is capped as the settings say; one with null is not capped at all.
      `create table send_caps (
        mailbox_id ${text} not null references mailboxes (id),
        kind ${text} not null check (kind in ('hour', 'day', 'new')),
        most ${int} check (most >= 0),
        primary key (mailbox_id, kind)
      ) ${tableEnd}`,

      // Both hold the last day of each mailbox: what is older goes when something new comes.
      `create table send_windows (
        mailbox_id ${text} not null references mailboxes (id),
        window_start ${int} not null,
        messages ${int} not null check (messages >= 0),
        primary key (mailbox_id, window_start)
      ) ${tableEnd}`,
      `create table first_contacts (
        mailbox_id ${text} not null references mailboxes (id),
        address ${text} not null,
        window_start ${int} not null,
        primary key (mailbox_id, address)
      ) ${tableEnd}`,
      `create index first_contacts_by_time on first_contacts (mailbox_id, window_start)`,

      // What a provider asked for, for as long as it lasts.
      `create table pace_measures (
        destination ${text} not null,
        kind ${text} not null check (kind in ('hold', 'slow')),
        provider ${text} not null,
        because ${text} not null,
        until_at ${int} not null,
        per_minute ${int},
        connections ${int},
        primary key (destination, kind),
        check ((kind = 'slow') = (per_minute is not null)),
        check ((kind = 'slow') = (connections is not null))
      ) ${tableEnd}`,
      `create index pace_measures_by_end on pace_measures (until_at)`,

      // What an address of ours has sent on a day; '' is whichever the system takes.
      `create table source_days (
        source ${text} not null,
        day ${int} not null,
        messages ${int} not null check (messages >= 0),
        primary key (source, day)
      ) ${tableEnd}`,
    ]
    for (const statement of statements) await sql.raw(statement).execute(db)
  },
})
