import { sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { Engine } from '../engine.ts'
import { columnTypes } from './column-types.ts'

/** Calls that are done once, mail that is not said twice, and what an account sends in a month. */
export const limits = (engine: Engine): Migration => ({
  async up(db) {
    const { text, int, tableEnd } = columnTypes(engine)
    const statements = [
      `create table idempotent_calls (
        key_id ${text} not null references api_keys (id),
        idempotency_key ${text} not null,
        account_id ${text} not null references accounts (id),
        world ${text} not null check (world in ('live', 'test')),
        operation ${text} not null,
        request_hash ${text} not null,
        created_at ${int} not null,
        expires_at ${int} not null,
        answered_at ${int},
        answer_json ${text},
        primary key (key_id, idempotency_key)
      ) ${tableEnd}`,
      `create index idempotent_calls_of_account on idempotent_calls (account_id)`,
      `create index idempotent_calls_by_end on idempotent_calls (expires_at)`,

      // No reference to the email: the row is made before it, in the same transaction.
      `create table recent_submissions (
        mailbox_id ${text} not null references mailboxes (id),
        content_digest ${text} not null,
        email_id ${text} not null,
        at ${int} not null,
        primary key (mailbox_id, content_digest)
      ) ${tableEnd}`,
      `create index recent_submissions_by_time on recent_submissions (at)`,

      `create table monthly_messages (
        account_id ${text} not null references accounts (id),
        world ${text} not null check (world in ('live', 'test')),
        month_start ${int} not null,
        messages ${int} not null check (messages >= 0),
        primary key (account_id, world, month_start)
      ) ${tableEnd}`,
    ]
    for (const statement of statements) await sql.raw(statement).execute(db)
  },
})
