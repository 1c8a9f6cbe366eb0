import { sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { Engine } from '../engine.ts'
import { columnTypes } from './column-types.ts'

/** What the outgoing checks found in an email, the mode gated_new, and the policies of mailboxes. */
export const policy = (engine: Engine): Migration => ({
  async up(db) {
    const { text, int, tableEnd } = columnTypes(engine)
    const modes = `('read_only', 'gated_all', 'gated_send', 'gated_new', 'monitored', 'autonomous')`
    const statements = [
      // null: it was not looked at, as nothing was that is older than this
      `alter table emails add column findings_json ${text}`,

      // A column's check cannot be changed on SQLite: the column is made anew. Its default is the mode that can do least.
      `alter table mailboxes add column mode_again ${text} not null default 'read_only' check (mode_again in ${modes})`,
      `update mailboxes set mode_again = oversight_mode`,
      `alter table mailboxes drop column oversight_mode`,
      `alter table mailboxes rename column mode_again to oversight_mode`,

      // null: it has no policy. With the mailbox, so that whoever files an email in it keeps both from being changed.
      `alter table mailboxes add column policy_json ${text}`,
      `alter table mailboxes add column policy_set_at ${int}`,
      `alter table mailboxes add column policy_set_by ${text}`,

      // key: the whole mailbox, a conversation, or a recipient
      `create table policy_counts (
        mailbox_id ${text} not null references mailboxes (id),
        key ${text} not null,
        window_start ${int} not null,
        messages ${int} not null,
        primary key (mailbox_id, key, window_start)
      ) ${tableEnd}`,
      `create index policy_counts_past on policy_counts (mailbox_id, window_start)`,
      // How many different people have to approve it, and who has, of a hold that one yes does not end.
      `alter table holds add column people ${int} not null default 1 check (people >= 1)`,
      `create table hold_approvals (
        hold_id ${text} not null references holds (id),
        voter_id ${text} not null,
        actor_id ${text} not null,
        email_id ${text} not null references emails (id),
        content_hash ${text} not null,
        reason ${text},
        created_at ${int} not null,
        primary key (hold_id, voter_id)
      ) ${tableEnd}`,
      `create index hold_approvals_of_email on hold_approvals (email_id)`,

      // What a mailbox handed in, without all that arrived in between.
      `create index emails_handed_in on emails (mailbox_id, id) where direction = 'outbound'`,
    ]
    for (const statement of statements) await sql.raw(statement).execute(db)
  },
})
