import type { ColumnTypes } from '../column-types.ts'

export const leaving = ({ text, int, tableEnd }: ColumnTypes): string[] => [
  `create table holds (
    id ${text} primary key,
    account_id ${text} not null references accounts (id),
    world ${text} not null check (world in ('live', 'test')),
    mailbox_id ${text} not null references mailboxes (id),
    email_id ${text} not null references emails (id),
    direction ${text} not null check (direction in ('inbound', 'outbound')),
    content_hash ${text} not null,
    reason ${text} not null,
    state ${text} not null check (state in ('open', 'approved', 'rejected', 'expired', 'cancelled')),
    created_at ${int} not null,
    expires_at ${int} not null,
    ended_at ${int},
    check ((state = 'open') = (ended_at is null))
  ) ${tableEnd}`,
  `create unique index holds_one_open on holds (email_id) where state = 'open'`,
  `create index holds_of_email on holds (email_id, id)`,
  `create index holds_by_expiry on holds (state, expires_at)`,
  `create index holds_of_tenant on holds (account_id, world, state, id)`,

  // One hold, one decision: who comes second is refused by the database too.
  `create table decisions (
    id ${text} primary key,
    hold_id ${text} not null unique references holds (id),
    email_id ${text} not null references emails (id),
    actor_id ${text} not null,
    action ${text} not null check (action in ('approve', 'reject')),
    content_hash ${text} not null,
    reason ${text},
    created_at ${int} not null
  ) ${tableEnd}`,
  `create index decisions_of_email on decisions (email_id, id)`,

  // A release is a policy's, by a rule, or a person's, by a decision (design promise 2).
  `create table releases (
    id ${text} primary key,
    email_id ${text} not null references emails (id),
    content_hash ${text} not null,
    kind ${text} not null check (kind in ('policy', 'approval')),
    decision_id ${text} references decisions (id),
    rule ${text},
    prepended ${text} not null,
    created_at ${int} not null,
    check ((kind = 'approval') = (decision_id is not null)),
    check ((kind = 'policy') = (rule is not null))
  ) ${tableEnd}`,
  `create index releases_of_email on releases (email_id, id)`,

  `create table deliveries (
    id ${text} primary key,
    account_id ${text} not null references accounts (id),
    world ${text} not null check (world in ('live', 'test')),
    mailbox_id ${text} not null references mailboxes (id),
    email_id ${text} not null references emails (id),
    release_id ${text} not null references releases (id),
    forward_path ${text} not null,
    domain ${text} not null,
    state ${text} not null check (state in ('queued', 'delivered', 'bounced', 'expired', 'cancelled')),
    attempts ${int} not null check (attempts >= 0),
    next_attempt_at ${int} not null,
    leased_until ${int},
    lease ${text},
    last_reply ${text},
    last_host ${text},
    bounce_class ${text},
    may_be_accepted ${int} not null check (may_be_accepted in (0, 1)),
    queued_at ${int} not null,
    give_up_at ${int} not null,
    settled_at ${int},
    unique (email_id, forward_path),
    check ((leased_until is null) = (lease is null)),
    check ((state = 'queued') = (settled_at is null))
  ) ${tableEnd}`,
  `create index deliveries_due on deliveries (state, next_attempt_at)`,

  `create table attempts (
    id ${text} primary key,
    delivery_id ${text} not null references deliveries (id),
    number ${int} not null check (number >= 1),
    host ${text},
    remote_address ${text},
    tls ${text},
    signatures ${text},
    reply ${text},
    outcome ${text} check (outcome in ('delivered', 'deferred', 'failed')),
    started_at ${int} not null,
    ended_at ${int},
    unique (delivery_id, number)
  ) ${tableEnd}`,
]
