import { sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { Engine } from '../engine.ts'
import { columnTypes } from './column-types.ts'

/** Who asks for an account, the proofs of work that were used up for that, and the sessions of operators. */
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

      // account_id: null until one of the codes is used. known: the address has an account; its codes are nobody's.
      `create table signups (
        id ${text} primary key,
        kind ${text} not null check (kind in ('person', 'agent', 'known')),
        email ${text} not null,
        email_key ${text} not null,
        name ${text} not null,
        slug ${text} not null,
        mode ${text} not null check (mode in ('gated_all', 'gated_send')),
        physical_address ${text},
        use_case ${text},
        code_hash ${text} not null,
        owner_hash ${text} not null unique,
        claim_hash ${text} unique,
        tries ${int} not null default 0,
        letters ${int} not null,
        letter_at ${int} not null,
        created_at ${int} not null,
        expires_at ${int} not null,
        account_id ${text} references accounts (id),
        mailbox_id ${text} references mailboxes (id),
        agent_used_at ${int},
        owner_used_at ${int},
        agent_keys_json ${text},
        owner_keys_json ${text}
      ) ${tableEnd}`,
      // Those of agents are six digits, and looked for by what the agent has besides.
      `create unique index signups_code on signups (code_hash) where kind <> 'agent'`,
      `create index signups_email on signups (email_key, created_at)`,
      `create index signups_slug on signups (slug)`,
      `create index signups_letters on signups (letter_at)`,
      `create index signups_expiry on signups (expires_at)`,
      `create table spent_challenges (
        digest ${text} primary key,
        repeat_hash ${text},
        forget_at ${int} not null
      ) ${tableEnd}`,
      `create index spent_challenges_forgotten on spent_challenges (forget_at)`,
      // null: made on the host
      `alter table accounts add column signed_up_at ${int}`,
      // 1: to an address that a stranger named
      `alter table operator_mails add column of_signup ${int} not null default 0`,
    ]
    for (const statement of statements) await sql.raw(statement).execute(db)
  },
})
