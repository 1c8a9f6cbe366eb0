import { sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { Engine } from '../engine.ts'
import { type ColumnTypes, columnTypes } from './column-types.ts'

/** What the queue learned to do: to be fair, to be stopped, to take a delivery back, and to let a message leave at a time of its own. */
export const queue = (engine: Engine): Migration => ({
  async up(db) {
    const types = columnTypes(engine)
    for (const statement of [...withScheduled[engine](types), ...scheduling(types), ...fairness(types), ...stops(types)])
      await sql.raw(statement).execute(db)
  },
})

const statuses = `('draft', 'pending_send_approval', 'pending_inbound_approval', 'scheduled', 'sent', 'unread', 'read',
  'rejected', 'expired', 'cancelled', 'send_failed', 'spam_flagged', 'spam_quarantined')`

/** One more word for the status of an email. SQLite cannot change a check, so there the column is made anew. */
const withScheduled: Record<Engine, (types: ColumnTypes) => string[]> = {
  sqlite: ({ text }) => [
    `alter table emails add column new_status ${text} not null default 'draft' check (new_status in ${statuses})`,
    `update emails set new_status = status`,
    `alter table emails drop column status`,
    `alter table emails rename column new_status to status`,
  ],
  postgres: () => [
    `alter table emails drop constraint emails_status_check`,
    `alter table emails add constraint emails_status_check check (status in ${statuses})`,
  ],
}

const scheduling = ({ text, int }: ColumnTypes): string[] => [
  `alter table emails add column send_at ${int}`,
  `alter table emails add column gate_timing ${text} check (gate_timing in ('gate_first', 'schedule_first'))`,
  `alter table emails add column priority ${int} not null default 1 check (priority in (0, 1, 2))`,
  `alter table emails add column give_up_after_ms ${int} check (give_up_after_ms > 0)`,
  `create index emails_scheduled on emails (send_at) where status = 'scheduled'`,
]

// What waits is found by time; behind many of one mailbox or one domain, by mailbox and by both.
const fairness = ({ text, int }: ColumnTypes): string[] => [
  `alter table deliveries add column priority ${int} not null default 1 check (priority in (0, 1, 2))`,
  `alter table deliveries add column cancel_requested_at ${int}`,
  `alter table deliveries add column cancel_requested_by ${text}`,
  `drop index deliveries_due`,
  `create index deliveries_due on deliveries (next_attempt_at, id) where state = 'queued'`,
  `create index deliveries_of_mailbox_due on deliveries (mailbox_id, priority, next_attempt_at) where state = 'queued'`,
  `create index deliveries_of_lane_due on deliveries (mailbox_id, domain, next_attempt_at) where state = 'queued'`,
  `create index deliveries_taken_back on deliveries (id) where state = 'queued' and cancel_requested_at is not null`,
]

/** What does not leave for now: everything that matches every column that is not null. */
const stops = ({ text, int, tableEnd }: ColumnTypes): string[] => [
  `create table sending_stops (
    key ${text} primary key,
    account_id ${text} references accounts (id),
    world ${text} check (world in ('live', 'test')),
    mailbox_id ${text} references mailboxes (id),
    domain ${text},
    actor_id ${text} not null,
    reason ${text},
    created_at ${int} not null
  ) ${tableEnd}`,
  `create index sending_stops_of_tenant on sending_stops (account_id, world, key)`,
]
