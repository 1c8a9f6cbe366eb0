import type { Engine } from '../../engine.ts'
import type { ColumnTypes } from '../column-types.ts'

const emptyChain = '0'.repeat(64)

export const record = ({ text, int, counter, tableEnd }: ColumnTypes, engine: Engine): string[] => [
  `create table events (
    seq ${counter},
    id ${text} not null unique,
    account_id ${text} not null references accounts (id),
    world ${text} not null check (world in ('live', 'test')),
    mailbox_id ${text} references mailboxes (id),
    type ${text} not null,
    data_json ${text} not null,
    created_at ${int} not null
  ) ${tableEnd}`,
  `create index events_of_tenant on events (account_id, world, seq)`,

  // The log references no table: it outlives what it tells of.
  `create table log_entries (
    seq ${int} primary key check (seq >= 1),
    id ${text} not null unique,
    account_id ${text},
    world ${text} check (world in ('live', 'test')),
    action ${text} not null,
    actor_id ${text} not null,
    resource_type ${text} not null,
    resource_id ${text} not null,
    created_at ${int} not null,
    body ${text} not null,
    details_json ${text},
    details_salt ${text},
    leaf_hash ${text} not null,
    chain_hash ${text} not null,
    check ((account_id is null) = (world is null)),
    check ((details_json is null) = (details_salt is null))
  ) ${tableEnd}`,
  `create index log_entries_of_tenant on log_entries (account_id, world, seq)`,

  `create table log_head (
    id ${int} primary key check (id = 1),
    next_seq ${int} not null,
    chain_hash ${text} not null
  ) ${tableEnd}`,
  `insert into log_head (id, next_seq, chain_hash) values (1, 1, '${emptyChain}')`,

  ...logTriggers[engine],
]

const fixedColumns = [
  'seq',
  'id',
  'account_id',
  'world',
  'action',
  'actor_id',
  'resource_type',
  'resource_id',
  'created_at',
  'body',
  'leaf_hash',
  'chain_hash',
]
const erasesDetailsOnly = (same: string): string =>
  [...fixedColumns.map((name) => `new.${name} ${same} old.${name}`), 'new.details_json is null', 'new.details_salt is null'].join(' and ')

// In the entry's own statement: one round trip less while the head is locked.
const moveHead = 'update log_head set next_seq = new.seq + 1, chain_hash = new.chain_hash where id = 1'

// A fence against a mistake in our own code, not against somebody who holds the database: him the chain shows.
const logTriggers: Record<Engine, string[]> = {
  sqlite: [
    `create trigger log_entries_kept before delete on log_entries begin select raise(abort, 'log_entries is append-only'); end`,
    `create trigger log_entries_unchanged before update on log_entries when not (${erasesDetailsOnly('is')})
      begin select raise(abort, 'log_entries is append-only'); end`,
    `create trigger log_head_follows after insert on log_entries begin ${moveHead}; end`,
  ],
  postgres: [
    `create function refuse_log_change() returns trigger language plpgsql as $$ begin raise exception 'log_entries is append-only'; end $$`,
    `create trigger log_entries_kept before delete on log_entries for each row execute function refuse_log_change()`,
    `create trigger log_entries_not_emptied before truncate on log_entries for each statement execute function refuse_log_change()`,
    `create trigger log_entries_unchanged before update on log_entries for each row
      when (not (${erasesDetailsOnly('is not distinct from')})) execute function refuse_log_change()`,
    `create function move_log_head() returns trigger language plpgsql as $$ begin ${moveHead}; return null; end $$`,
    `create trigger log_head_follows after insert on log_entries for each row execute function move_log_head()`,
  ],
}
