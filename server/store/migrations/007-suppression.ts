import { sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { Engine } from '../engine.ts'
import { columnTypes } from './column-types.ts'

/** Who gets no more mail and why, how each mailbox stands, and the secrets that bounces and unsubscribe links are signed with. */
export const suppression = (engine: Engine): Migration => ({
  async up(db) {
    const { text, int, tableEnd } = columnTypes(engine)
    const statements = [
      `create table suppressions (
        id ${text} primary key,
        account_id ${text} not null references accounts (id),
        world ${text} not null check (world in ('live', 'test')),
        address ${text} not null,
        reason ${text} not null check (reason in ('hard_bounce', 'complaint', 'unsubscribe', 'manual')),
        mailbox_id ${text} references mailboxes (id),
        email_id ${text} references emails (id),
        delivery_id ${text} references deliveries (id),
        created_at ${int} not null,
        expires_at ${int},
        unique (account_id, world, address)
      ) ${tableEnd}`,
      `create index suppressions_of_tenant on suppressions (account_id, world, id)`,

      // For the classes of failure that suppress only when they come again.
      `create table address_failures (
        delivery_id ${text} not null references deliveries (id),
        account_id ${text} not null references accounts (id),
        world ${text} not null check (world in ('live', 'test')),
        address ${text} not null,
        class ${text} not null,
        failed_at ${int} not null,
        primary key (delivery_id, class)
      ) ${tableEnd}`,
      `create index address_failures_of_address on address_failures (account_id, world, address, class, failed_at)`,

      // What became of a mailbox's mail, per day (epoch ms / 86,400,000): what its standing is computed from.
      `create table mailbox_days (
        mailbox_id ${text} not null references mailboxes (id),
        day ${int} not null,
        delivered ${int} not null check (delivered >= 0),
        bounced ${int} not null check (bounced >= 0),
        complained ${int} not null check (complained >= 0),
        primary key (mailbox_id, day)
      ) ${tableEnd}`,
      `create table mailbox_standings (
        mailbox_id ${text} primary key references mailboxes (id),
        tier ${text} not null check (tier in ('warning', 'restriction', 'suspension', 'termination')),
        reason ${text} not null,
        since ${int} not null
      ) ${tableEnd}`,

      `create table installation_secrets (name ${text} primary key, secret ${text} not null, created_at ${int} not null) ${tableEnd}`,
    ]
    for (const statement of statements) await sql.raw(statement).execute(db)
  },
})
