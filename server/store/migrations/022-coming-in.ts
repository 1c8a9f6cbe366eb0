import { sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { Engine } from '../engine.ts'
import { columnTypes } from './column-types.ts'

/** The sessions of operators. */
export const comingIn = (engine: Engine): Migration => ({
  async up(db) {
    const { text, int, tableEnd } = columnTypes(engine)
    const statements = [
      // pending: code_hash is there and token_hash is not. Live: the other way round.
      `create table operator_sessions (
        id ${text} primary key,
        account_id ${text} not null references accounts (id),
        world ${text} not null check (world in ('live', 'test')),
        key_id ${text} not null references api_keys (id),
        operator_address ${text},
        code_salt ${text} not null,
        code_hash ${text} not null,
        tries ${int} not null default 0,
        token_hash ${text} unique,
        created_at ${int} not null,
        started_at ${int},
        expires_at ${int} not null,
        ended_at ${int},
        check ((token_hash is null) = (started_at is null))
      ) ${tableEnd}`,
      // A key has one code that is awaited and one session.
      `create unique index operator_sessions_pending on operator_sessions (key_id) where started_at is null and ended_at is null`,
      `create unique index operator_sessions_live on operator_sessions (key_id) where started_at is not null and ended_at is null`,
      `create index operator_sessions_of_tenant on operator_sessions (account_id, world, created_at)`,
    ]
    for (const statement of statements) await sql.raw(statement).execute(db)
  },
})
