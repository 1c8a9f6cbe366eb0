import { sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { Engine } from '../engine.ts'
import { columnTypes } from './column-types.ts'

/** What the listener learned to do: give reasons, know its correspondents, take aliases, learn from its users, read reports, share its counts. */
export const arriving = (engine: Engine): Migration => ({
  async up(db) {
    const { text, int, tableEnd } = columnTypes(engine)
    const statements = [
      // why it was judged as it was; what was hidden in it; whether a program wrote it; what its reader said of it
      `alter table emails add column reasons_json ${text} not null default '[]'`,
      `alter table emails add column hidden_text ${text}`,
      `alter table emails add column hidden_characters ${int} check (hidden_characters >= 0)`,
      `alter table emails add column automatic ${text}`,
      `alter table emails add column user_label ${text} check (user_label in ('spam', 'not_spam'))`,
      `alter table emails add column require_tls ${int} not null default 0 check (require_tls in (0, 1))`,

      `alter table mailboxes add column deleted_at ${int}`,
      `create index mailboxes_of_domain on mailboxes (domain_id, world, is_active, id)`,
      `create index mailboxes_deleted on mailboxes (id) where deleted_at is not null`,
      `alter table domains add column catch_all_mailbox_id ${text} references mailboxes (id)`,
      `create table aliases (
        address ${text} primary key,
        account_id ${text} not null references accounts (id),
        domain_id ${text} not null references domains (id),
        mailbox_id ${text} not null references mailboxes (id),
        created_at ${int} not null
      ) ${tableEnd}`,
      `create index aliases_of_mailbox on aliases (mailbox_id)`,

      `create table correspondents (
        mailbox_id ${text} not null references mailboxes (id),
        address ${text} not null,
        domain ${text} not null,
        received ${int} not null check (received >= 0),
        verified ${int} not null check (verified >= 0),
        sent ${int} not null check (sent >= 0),
        first_at ${int} not null,
        last_at ${int} not null,
        primary key (mailbox_id, address)
      ) ${tableEnd}`,
      `create index correspondents_by_domain on correspondents (mailbox_id, domain)`,
      // Strangers make rows here as they like; only those a mailbox has written to are listed.
      `create index correspondents_written_to on correspondents (mailbox_id, last_at) where sent > 0`,

      `create table spam_tokens (
        account_id ${text} not null references accounts (id),
        token ${text} not null,
        spam ${int} not null check (spam >= 0),
        ham ${int} not null check (ham >= 0),
        primary key (account_id, token)
      ) ${tableEnd}`,

      `create table visitor_windows (
        prefix ${text} not null,
        window_start ${int} not null,
        connections ${int} not null,
        messages ${int} not null,
        bytes ${int} not null,
        primary key (prefix, window_start)
      ) ${tableEnd}`,
      `create index visitor_windows_by_time on visitor_windows (window_start)`,

      `create table received_reports (
        id ${text} primary key,
        kind ${text} not null check (kind in ('dmarc', 'tls')),
        domain ${text} not null,
        organization ${text} not null,
        report_id ${text} not null,
        begin_at ${int} not null,
        end_at ${int} not null,
        summary_json ${text} not null,
        rows_json ${text} not null,
        email_id ${text} references emails (id),
        created_at ${int} not null,
        unique (kind, domain, organization, report_id)
      ) ${tableEnd}`,
      `create index received_reports_by_time on received_reports (kind, begin_at)`,
    ]
    for (const statement of statements) await sql.raw(statement).execute(db)
  },
})
