import { sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { Engine } from '../engine.ts'
import { columnTypes } from './column-types.ts'

/** People, what they sign in with, and for how long they have. */
export const people = (engine: Engine): Migration => ({
  async up(db) {
    const { text, int, bytes, tableEnd } = columnTypes(engine)
    const own = `id ${text} primary key,
        account_id ${text} not null references accounts (id)`
    const ofPerson = `${own},
        person_id ${text} not null references people (id)`
    const statements = [
      `create table people (
        ${own},
        role ${text} not null check (role in ('operator', 'reviewer')),
        name ${text} not null,
        address ${text} not null,
        address_key ${text} not null,
        totp_secret ${text},
        totp_new_secret ${text},
        totp_step ${int},
        totp_misses ${int} not null default 0,
        created_at ${int} not null,
        told_at ${int},
        removed_at ${int}
      ) ${tableEnd}`,
      // One address is one person: who asks for a code names nothing else.
      `create unique index people_address on people (address_key) where removed_at is null`,
      `create index people_account on people (account_id, id)`,
      `create table passkeys (
        ${ofPerson},
        credential_id ${text} not null unique,
        public_key ${bytes} not null,
        counter ${int} not null,
        name ${text} not null,
        created_at ${int} not null,
        last_used_at ${int}
      ) ${tableEnd}`,
      `create index passkeys_person on passkeys (person_id)`,
      `create index passkeys_account on passkeys (account_id)`,
      `create table person_codes (
        ${ofPerson},
        kind ${text} not null check (kind in ('mail', 'host')),
        ticket_hash ${text} not null,
        code_salt ${text} not null,
        code_hash ${text} not null,
        tries ${int} not null default 0,
        created_at ${int} not null,
        expires_at ${int} not null,
        ended_at ${int}
      ) ${tableEnd}`,
      // A browser waits for one code at a time.
      `create unique index person_codes_ticket on person_codes (ticket_hash) where ended_at is null`,
      `create index person_codes_person on person_codes (person_id, created_at)`,
      `create index person_codes_account on person_codes (account_id)`,
      `create table person_sessions (
        ${ofPerson},
        token_hash ${text} not null unique,
        method ${text} not null check (method in ('passkey', 'code', 'host')),
        created_at ${int} not null,
        seen_at ${int} not null,
        expires_at ${int} not null,
        ended_at ${int}
      ) ${tableEnd}`,
      `create index person_sessions_person on person_sessions (person_id, created_at)`,
      `create index person_sessions_account on person_sessions (account_id)`,
      // Who is to be told of a hold, and what they may decide with: token_hash is null until they were told, or when they were told without a link.
      `create table approval_links (
        hold_id ${text} not null references holds (id),
        person_id ${text} not null references people (id),
        account_id ${text} not null references accounts (id),
        email_id ${text} not null references emails (id),
        content_hash ${text} not null,
        token_hash ${text} unique,
        created_at ${int} not null,
        told_at ${int},
        expires_at ${int} not null,
        ended_at ${int},
        primary key (hold_id, person_id)
      ) ${tableEnd}`,
      `create index approval_links_untold on approval_links (person_id, hold_id) where told_at is null`,
      `create index approval_links_open on approval_links (person_id) where ended_at is null`,
      `create index approval_links_email on approval_links (email_id)`,
      `create index approval_links_account on approval_links (account_id)`,
      `create index approval_links_expiry on approval_links (expires_at)`,
      // No reference: who was removed still wrote what they wrote.
      `alter table api_keys add column owner_id ${text}`,
      `create index api_keys_owner on api_keys (owner_id) where owner_id is not null`,
    ]
    for (const statement of statements) await sql.raw(statement).execute(db)
  },
})
