import { sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { Engine } from '../engine.ts'
import { columnTypes } from './column-types.ts'

/** What an operator chooses for a mailbox; whom its agent may write to without asking; the codes by which its mode goes up; and what a composed email
 *  has that its agent did not write. */
export const mailboxSettings = (engine: Engine): Migration => ({
  async up(db) {
    const { text, int, tableEnd } = columnTypes(engine)
    const statements = [
      `alter table mailboxes add column auto_cc ${text}`,
      `alter table mailboxes add column auto_bcc ${text}`,
      `alter table mailboxes add column signature_block ${text}`,
      `alter table mailboxes add column scheduling_enabled ${int} not null default 1 check (scheduling_enabled in (0, 1))`,
      `alter table mailboxes add column mcp_configured ${int} not null default 0 check (mcp_configured in (0, 1))`,

      // null: nobody but whom the agent named; no footer; composed before footers were
      `alter table emails add column copies_json ${text}`,
      `alter table emails add column footer ${text}`,
      `alter table emails add column oversight_said ${text} check (oversight_said in ('approved', 'allow_listed', 'monitored', 'autonomous'))`,

      `create table allowlist_entries (
        id ${text} primary key,
        account_id ${text} not null references accounts (id),
        world ${text} not null check (world in ('live', 'test')),
        mailbox_id ${text} not null references mailboxes (id),
        pattern ${text} not null,
        note ${text},
        added_by ${text} not null,
        added_at ${int} not null,
        unique (mailbox_id, pattern)
      ) ${tableEnd}`,

      `create table mode_upgrades (
        id ${text} primary key,
        account_id ${text} not null references accounts (id),
        world ${text} not null check (world in ('live', 'test')),
        mailbox_id ${text} not null references mailboxes (id),
        from_mode ${text} not null,
        to_mode ${text} not null,
        code_salt ${text} not null,
        code_hash ${text} not null,
        wrong_tries ${int} not null default 0,
        state ${text} not null check (state in ('open', 'applied', 'burnt', 'replaced')),
        requested_by ${text} not null,
        created_at ${int} not null,
        expires_at ${int} not null,
        ended_at ${int}
      ) ${tableEnd}`,
      `create index mode_upgrades_of_mailbox on mode_upgrades (mailbox_id, created_at)`,
      // One code at a time: which one is meant is never a question.
      `create unique index mode_upgrades_open on mode_upgrades (mailbox_id) where state = 'open'`,
    ]
    for (const statement of statements) await sql.raw(statement).execute(db)
  },
})
