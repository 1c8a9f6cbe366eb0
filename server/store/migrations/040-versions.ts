import { sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { Engine } from '../engine.ts'
import { columnTypes } from './column-types.ts'

/** What an email said before a reviewer changed its words, and who wrote those of what is held now. */
export const versions = (engine: Engine): Migration => ({
  async up(db) {
    const { text, int, tableEnd } = columnTypes(engine)
    const statements = [
      // JSON array of voters; null: its agent alone wrote it
      `alter table holds add column editors_json ${text}`,
      `create table email_versions (
        email_id ${text} not null references emails (id),
        number ${int} not null check (number >= 1),
        hold_id ${text} not null references holds (id),
        content_hash ${text} not null,
        raw_hash ${text} not null references blobs (hash),
        raw_size ${int} not null,
        subject ${text} not null,
        markdown ${text} not null,
        reverse_path ${text} not null,
        forward_paths_json ${text} not null,
        edited_by ${text} not null,
        edited_at ${int} not null,
        primary key (email_id, number)
      ) ${tableEnd}`,
      `create index email_versions_by_raw on email_versions (raw_hash)`,
      // That of 039, with what a reviewer changed.
      `drop index log_entries_of_mail`,
      `create index log_entries_of_mail on log_entries (resource_id, seq) where action in ('email.drafted', 'email.blocked', 'email.submitted', 'email.scheduled', 'email.rescheduled', 'email.postponed', 'email.held', 'email.edited', 'hold.renewed', 'email.reviewed', 'email.approved_in_part', 'email.approved', 'email.approval_undone', 'email.released', 'delivery.delivered', 'delivery.bounced', 'delivery.expired', 'delivery.refused', 'delivery.cancelled')`,
    ]
    for (const statement of statements) await sql.raw(statement).execute(db)
  },
})
