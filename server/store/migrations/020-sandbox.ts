import { sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { Engine } from '../engine.ts'
import { columnTypes } from './column-types.ts'

/** What keeps the test world apart, and lets it be emptied. */
export const sandbox = (engine: Engine): Migration => ({
  async up(db) {
    const { text, int, tableEnd } = columnTypes(engine)
    const statements = [
      // Only live mail has taught it so far.
      `alter table spam_tokens rename to spam_tokens_before`,
      `create table spam_tokens (
        account_id ${text} not null references accounts (id),
        world ${text} not null check (world in ('live', 'test')),
        token ${text} not null,
        spam ${int} not null check (spam >= 0),
        ham ${int} not null check (ham >= 0),
        ${engine === 'postgres' ? 'constraint spam_tokens_of_world ' : ''}primary key (account_id, world, token)
      ) ${tableEnd}`,
      `insert into spam_tokens (account_id, world, token, spam, ham) select account_id, 'live', token, spam, ham from spam_tokens_before`,
      `drop table spam_tokens_before`,

      // Whoever is deleted is looked for by all that may refer to it.
      `create index deliveries_of_release on deliveries (release_id)`,
      `create index releases_of_decision on releases (decision_id) where decision_id is not null`,
      `create index suppressions_of_email on suppressions (email_id) where email_id is not null`,
      `create index suppressions_of_delivery on suppressions (delivery_id) where delivery_id is not null`,
      `create index received_reports_of_email on received_reports (email_id) where email_id is not null`,
    ]
    for (const statement of statements) await sql.raw(statement).execute(db)
  },
})
