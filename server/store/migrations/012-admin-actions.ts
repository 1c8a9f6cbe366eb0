import { sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { Engine } from '../engine.ts'
import { columnTypes } from './column-types.ts'

/** What the operator has to agree to before it happens, and the mail that asks; a key whose secret is being replaced. */
export const adminActions = (engine: Engine): Migration => ({
  async up(db) {
    const { text, int, tableEnd } = columnTypes(engine)
    const statements = [
      `alter table accounts add column oversight_email ${text}`,
      `create table admin_actions (
        id ${text} primary key,
        account_id ${text} not null references accounts (id),
        world ${text} not null check (world in ('live', 'test')),
        key_id ${text} not null references api_keys (id),
        action ${text} not null,
        parameters_json ${text} not null,
        parameters_hash ${text} not null,
        code_salt ${text} not null,
        code_hash ${text} not null,
        tries ${int} not null default 0,
        created_at ${int} not null,
        expires_at ${int} not null,
        approved_at ${int},
        used_at ${int},
        refused_at ${int}
      ) ${tableEnd}`,
      // One call has one row that is still open.
      `create unique index admin_actions_open on admin_actions (key_id, action, parameters_hash) where used_at is null and refused_at is null`,
      `create index admin_actions_asked on admin_actions (account_id, world, created_at)`,
      `create table operator_mails (
        id ${text} primary key,
        account_id ${text} not null references accounts (id),
        recipient ${text} not null,
        subject ${text} not null,
        body ${text} not null,
        state ${text} not null check (state in ('due', 'sent', 'failed')),
        tries ${int} not null default 0,
        next_try_at ${int} not null,
        give_up_at ${int} not null,
        created_at ${int} not null
      ) ${tableEnd}`,
      `create index operator_mails_due on operator_mails (next_try_at) where state = 'due'`,
      // The secret that a new one has replaced, and until when both work.
      `alter table api_keys add column old_secret_hash ${text}`,
      `alter table api_keys add column old_works_until ${int}`,
      `create unique index api_keys_old_secret on api_keys (old_secret_hash) where old_secret_hash is not null`,
    ]
    for (const statement of statements) await sql.raw(statement).execute(db)
  },
})
