import { sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { Engine } from '../engine.ts'
import { columnTypes } from './column-types.ts'

/** Tags of emails, the address book of an account, what is counted of its use, what was reported to the operator, and whose a domain proved to be. */
export const account = (engine: Engine): Migration => ({
  async up(db) {
    const { text, int, tableEnd } = columnTypes(engine)
    const tenancy = `account_id ${text} not null references accounts (id),
        world ${text} not null check (world in ('live', 'test'))`
    const statements = [
      `create table email_tags (
        email_id ${text} not null references emails (id),
        key ${text} not null,
        value ${text} not null,
        ${tenancy},
        set_at ${int} not null,
        primary key (email_id, key)
      ) ${tableEnd}`,
      `create index email_tags_of_tenant on email_tags (account_id, world, key, email_id)`,

      `create table contacts (
        id ${text} primary key,
        ${tenancy},
        address ${text} not null,
        email ${text} not null,
        name ${text} not null,
        tags_json ${text} not null,
        metadata_json ${text} not null,
        search_text ${text} not null,
        created_at ${int} not null,
        updated_at ${int} not null,
        unique (account_id, world, address)
      ) ${tableEnd}`,
      `create index contacts_of_tenant on contacts (account_id, world, id)`,

      `alter table accounts add column physical_address ${text}`,
      `alter table accounts add column exported_at ${int}`,

      // Summed from the log, which is read once for it: up to which entry that was done.
      `create table usage_days (
        ${tenancy},
        day ${int} not null,
        event ${text} not null,
        count ${int} not null check (count >= 0),
        primary key (account_id, world, day, event)
      ) ${tableEnd}`,
      `create table usage_mark (id ${int} primary key check (id = 1), seq ${int} not null) ${tableEnd}`,
      `insert into usage_mark (id, seq) values (1, 0)`,

      // The sum of what an account stores is read from the index alone.
      `create index emails_sizes on emails (account_id, world, raw_size)`,

      `create table issues (
        id ${text} primary key,
        ${tenancy},
        key_id ${text} not null,
        title ${text} not null,
        body_json ${text} not null,
        created_at ${int} not null
      ) ${tableEnd}`,
      `create index issues_of_tenant on issues (account_id, world, created_at)`,

      // Added by a key, and nothing in the DNS has said yet that it may be. What is set up on the host is the operator's word.
      `alter table domains add column is_pending ${int} not null default 0 check (is_pending in (0, 1))`,
      `alter table domains add column verified_at ${int}`,
      `alter table domains add column findings_json ${text}`,
    ]
    for (const statement of statements) await sql.raw(statement).execute(db)
  },
})
