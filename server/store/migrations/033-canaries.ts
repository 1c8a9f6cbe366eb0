import { sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { Engine } from '../engine.ts'
import { columnTypes } from './column-types.ts'

/** Test emails among those that wait: a reviewer has to reject them. They are no emails: what releases and delivers refers to `emails`, so none of them can leave. */
export const canaries = (engine: Engine): Migration => ({
  async up(db) {
    const { text, int, bytes, tableEnd } = columnTypes(engine)
    const statements = [
      `alter table mailboxes add column canaries_per_week ${int} not null default 0 check (canaries_per_week between 0 and 7)`,
      `create index mailboxes_with_canaries on mailboxes (id) where canaries_per_week > 0`,
      `create table canaries (
        id ${text} primary key,
        hold_id ${text} not null unique,
        account_id ${text} not null references accounts (id),
        world ${text} not null check (world in ('live', 'test')),
        mailbox_id ${text} not null references mailboxes (id),
        fault ${text} not null check (fault in ('wrong_recipient', 'secret', 'bank_account')),
        state ${text} not null check (state in ('open', 'rejected', 'missed', 'expired', 'withdrawn')),
        reason ${text} not null,
        people ${int} not null check (people >= 1),
        content_hash ${text} not null,
        email_json ${text} not null,
        raw ${bytes} not null,
        decided_by ${text},
        created_at ${int} not null,
        expires_at ${int} not null,
        ended_at ${int}
      ) ${tableEnd}`,
      // One at a time in a mailbox.
      `create unique index canaries_one_open on canaries (mailbox_id) where state = 'open'`,
      `create index canaries_open on canaries (account_id, world, id) where state = 'open'`,
      `create index canaries_due on canaries (expires_at) where state = 'open'`,
      `create index canaries_of_mailbox on canaries (mailbox_id, created_at)`,
      `create index canaries_ended on canaries (account_id, world, ended_at) where ended_at is not null`,
    ]
    for (const statement of statements) await sql.raw(statement).execute(db)
  },
})
