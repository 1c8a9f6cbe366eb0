import { sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { Engine } from '../engine.ts'
import { columnTypes } from './column-types.ts'

/** Whom a mailbox may write to without asking until a time, because somebody who decides on its mail said so. */
export const allowances = (engine: Engine): Migration => ({
  async up(db) {
    const { text, int, tableEnd } = columnTypes(engine)
    const statements = [
      `create table allowances (
        id ${text} primary key,
        account_id ${text} not null references accounts (id),
        world ${text} not null check (world in ('live', 'test')),
        mailbox_id ${text} not null references mailboxes (id),
        address ${text} not null,
        allowed_by ${text} not null,
        allowed_at ${int} not null,
        expires_at ${int} not null
      ) ${tableEnd}`,
      `create unique index allowances_of_mailbox on allowances (mailbox_id, address, allowed_by)`,
      `create index allowances_by_end on allowances (mailbox_id, expires_at)`,
      `create index allowances_of_tenant on allowances (account_id, world, expires_at)`,
    ]
    for (const statement of statements) await sql.raw(statement).execute(db)
  },
})
