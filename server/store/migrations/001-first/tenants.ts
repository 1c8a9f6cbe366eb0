import type { ColumnTypes } from '../column-types.ts'

export const tenants = ({ text, int, tableEnd }: ColumnTypes): string[] => [
  `create table accounts (
    id ${text} primary key,
    name ${text} not null,
    slug ${text} not null unique,
    created_at ${int} not null
  ) ${tableEnd}`,

  `create table api_keys (
    id ${text} primary key,
    account_id ${text} not null references accounts (id),
    world ${text} not null check (world in ('live', 'test')),
    name ${text} not null,
    prefix ${text} not null,
    secret_hash ${text} not null unique,
    scopes_json ${text} not null,
    mailbox_ids_json ${text},
    created_at ${int} not null,
    expires_at ${int},
    last_used_at ${int},
    revoked_at ${int}
  ) ${tableEnd}`,
  `create index api_keys_of_tenant on api_keys (account_id, world, id)`,

  `create table domains (
    id ${text} primary key,
    account_id ${text} not null references accounts (id),
    name ${text} not null unique,
    created_at ${int} not null
  ) ${tableEnd}`,

  `create table dkim_keys (
    id ${text} primary key,
    domain_id ${text} not null references domains (id),
    selector ${text} not null,
    algorithm ${text} not null check (algorithm in ('rsa-sha256', 'ed25519-sha256')),
    private_key ${text} not null,
    public_key ${text} not null,
    is_active ${int} not null check (is_active in (0, 1)),
    created_at ${int} not null,
    unique (domain_id, selector)
  ) ${tableEnd}`,

  `create table mailboxes (
    id ${text} primary key,
    account_id ${text} not null references accounts (id),
    world ${text} not null check (world in ('live', 'test')),
    domain_id ${text} not null references domains (id),
    address ${text} not null,
    display_name ${text},
    oversight_mode ${text} not null check (oversight_mode in ('read_only', 'gated_all', 'gated_send', 'monitored', 'autonomous')),
    is_active ${int} not null check (is_active in (0, 1)),
    created_at ${int} not null,
    unique (address, world)
  ) ${tableEnd}`,
  `create index mailboxes_of_tenant on mailboxes (account_id, world, id)`,
]
