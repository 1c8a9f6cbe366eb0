import { sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { Engine } from '../engine.ts'
import { columnTypes } from './column-types.ts'

/** Who is told of events over HTTPS, and what became of telling them. */
export const webhooks = (engine: Engine): Migration => ({
  async up(db) {
    const { text, int, counter, tableEnd } = columnTypes(engine)
    const statements = [
      `create table webhooks (
        id ${text} primary key,
        account_id ${text} not null references accounts (id),
        world ${text} not null check (world in ('live', 'test')),
        kind ${text} not null check (kind in ('subscription', 'mailbox', 'oversight')),
        mailbox_id ${text} references mailboxes (id),
        url ${text} not null,
        events_json ${text} not null,
        secret ${text} not null,
        previous_secret ${text},
        previous_until ${int},
        signing_seed ${text} not null,
        is_enabled ${int} not null check (is_enabled in (0, 1)),
        disabled_reason ${text} check (disabled_reason in ('asked', 'gone', 'failing')),
        failing_since ${int},
        next_attempt_at ${int} not null,
        leased_until ${int},
        lease ${text},
        created_at ${int} not null,
        updated_at ${int} not null,
        check (kind = 'subscription' or mailbox_id is not null)
      ) ${tableEnd}`,
      `create index webhooks_of_tenant on webhooks (account_id, world, id)`,
      // A mailbox has one place for its messages and one for what waits for its reviewers.
      `create unique index webhooks_of_mailbox on webhooks (mailbox_id, kind) where kind <> 'subscription'`,
      // The log of deliveries outlives the webhook, so it does not refer to it.
      `create table webhook_deliveries (
        seq ${counter},
        id ${text} not null unique,
        account_id ${text} not null references accounts (id),
        world ${text} not null check (world in ('live', 'test')),
        webhook_id ${text} not null,
        event_id ${text} not null,
        event_type ${text} not null,
        url ${text} not null,
        state ${text} not null check (state in ('pending', 'delivered', 'failed')),
        attempts ${int} not null default 0,
        is_simulated ${int} not null default 0,
        replay_of ${text},
        response_status ${int},
        response_text ${text},
        trouble ${text},
        created_at ${int} not null,
        last_attempt_at ${int},
        settled_at ${int}
      ) ${tableEnd}`,
      `create index webhook_deliveries_waiting on webhook_deliveries (webhook_id, seq) where state = 'pending'`,
      `create index webhook_deliveries_of_tenant on webhook_deliveries (account_id, world, seq)`,
      `create index webhook_deliveries_of_event on webhook_deliveries (webhook_id, event_id)`,
      `create index webhook_deliveries_settled on webhook_deliveries (settled_at) where settled_at is not null`,
      `alter table mailboxes add column webhook_url ${text}`,
      `alter table mailboxes add column oversight_webhook_url ${text}`,
      ...tellWebhooks[engine],
    ]
    for (const statement of statements) await sql.raw(statement).execute(db)
  },
})

/** A row for each webhook that wants an event, in the statement that writes the event: none can be missed, whichever transaction commits first, and where
 *  there are no webhooks it is a look at an empty index. `find` gives the place of a text in another; the id is a ULID of the event's time. */
const deliveriesOf = (find: string, chance: string): string => `
  insert into webhook_deliveries (id, account_id, world, webhook_id, event_id, event_type, url, state, created_at)
  select 'wdl_' || substr(new.id, 5, 10) || ${chance}, new.account_id, new.world, w.id, new.id, new.type, w.url, 'pending', new.created_at
  from webhooks w
  where w.account_id = new.account_id and w.world = new.world and w.is_enabled = 1
    and (w.mailbox_id is null or w.mailbox_id = new.mailbox_id)
    and (${find}(w.events_json, '"' || new.type || '"') > 0
      or ${find}(w.events_json, '"' || substr(new.type, 1, ${find}(new.type, '.')) || '*"') > 0
      or ${find}(w.events_json, '"*"') > 0)
  order by w.id`

const tellWebhooks: Record<Engine, string[]> = {
  sqlite: [
    `create trigger events_to_webhooks after insert on events when new.type <> 'webhook.test'
      begin ${deliveriesOf('instr', 'hex(randomblob(8))')}; end`,
  ],
  postgres: [
    `create function tell_webhooks() returns trigger language plpgsql as $$ begin
      ${deliveriesOf('strpos', `upper(left(replace(gen_random_uuid()::text, '-', ''), 12) || right(gen_random_uuid()::text, 4))`)};
      return null; end $$`,
    `create trigger events_to_webhooks after insert on events for each row when (new.type <> 'webhook.test')
      execute function tell_webhooks()`,
  ],
}
