import type { Kysely, Transaction } from 'kysely'
import type { AccountId, MailboxId, WebhookId } from '../model/ids.ts'
import type { Tenancy } from '../model/world.ts'
import type { Database, NewRow, Row } from './schema.ts'

export type WebhookRow = Row<'webhooks'>
export type WebhookKind = WebhookRow['kind']
export type WebhookChange = Partial<Omit<WebhookRow, 'id' | 'account_id' | 'world' | 'kind' | 'created_at'>>

export const insertWebhook = async (tx: Transaction<Database>, row: NewRow<'webhooks'>): Promise<void> => {
  await tx.insertInto('webhooks').values(row).execute()
}

/** The tenant's; somebody else's does not exist (design promise 9). */
export const findWebhook = (db: Kysely<Database>, { accountId, world }: Tenancy, id: WebhookId): Promise<WebhookRow | undefined> =>
  db
    .selectFrom('webhooks')
    .selectAll()
    .where('account_id', '=', accountId)
    .where('world', '=', world)
    .where('id', '=', id)
    .executeTakeFirst()

/** Newest first, those behind `before`. */
export function listWebhooks(
  db: Kysely<Database>,
  { accountId, world }: Tenancy,
  { limit, before }: { limit: number; before?: WebhookId },
): Promise<WebhookRow[]> {
  let query = db.selectFrom('webhooks').selectAll().where('account_id', '=', accountId).where('world', '=', world)
  if (before !== undefined) query = query.where('id', '<', before)
  return query.orderBy('id', 'desc').limit(limit).execute()
}

/** How many subscriptions it has; those that stand behind a url of a mailbox are not counted. */
export async function countSubscriptions(db: Kysely<Database>, { accountId, world }: Tenancy): Promise<number> {
  const row = await db
    .selectFrom('webhooks')
    .select((one) => one.fn.countAll().as('count'))
    .where('account_id', '=', accountId)
    .where('world', '=', world)
    .where('kind', '=', 'subscription')
    .executeTakeFirstOrThrow()
  return Number(row.count)
}

/** @returns it as it is then; undefined when it is gone */
export const changeWebhook = (tx: Transaction<Database>, id: WebhookId, change: WebhookChange): Promise<WebhookRow | undefined> =>
  tx.updateTable('webhooks').set(change).where('id', '=', id).returningAll().executeTakeFirst()

export const deleteWebhook = async (tx: Transaction<Database>, id: WebhookId): Promise<void> => {
  await tx.deleteFrom('webhooks').where('id', '=', id).execute()
}

export const webhookOfMailbox = (
  db: Kysely<Database>,
  mailboxId: MailboxId,
  kind: Exclude<WebhookKind, 'subscription'>,
): Promise<WebhookRow | undefined> =>
  db.selectFrom('webhooks').selectAll().where('mailbox_id', '=', mailboxId).where('kind', '=', kind).executeTakeFirst()

/** Those that tell of this mailbox only, of every kind. */
export const webhooksOfMailbox = (db: Kysely<Database>, mailboxId: MailboxId): Promise<WebhookRow[]> =>
  db.selectFrom('webhooks').selectAll().where('mailbox_id', '=', mailboxId).orderBy('id').execute()

/** What the mailbox itself says; the webhook behind it is another row. */
export const setMailboxUrls = async (
  tx: Transaction<Database>,
  id: MailboxId,
  urls: { webhook_url?: string | null; oversight_webhook_url?: string | null },
): Promise<void> => {
  await tx.updateTable('mailboxes').set(urls).where('id', '=', id).execute()
}

/** Webhooks to which something can be brought now, who was served longest ago first. Nobody else has a lease on them; those of busy accounts are left out.
 *  Times: epoch ms. */
export function webhooksDue(
  db: Kysely<Database>,
  { now, limit, except }: { now: number; limit: number; except: readonly AccountId[] },
): Promise<{ id: WebhookId; account_id: AccountId }[]> {
  let query = db
    .selectFrom('webhooks')
    .select(['id', 'account_id'])
    .where('is_enabled', '=', 1)
    .where('next_attempt_at', '<=', now)
    .where((row) => row.or([row('leased_until', 'is', null), row('leased_until', '<=', now)]))
    .where((row) =>
      row.exists(
        row
          .selectFrom('webhook_deliveries as waiting')
          .select('waiting.seq')
          .whereRef('waiting.webhook_id', '=', 'webhooks.id')
          .where('waiting.state', '=', 'pending'),
      ),
    )
  if (except.length > 0) query = query.where('account_id', 'not in', [...except])
  return query.orderBy('next_attempt_at').orderBy('id').limit(limit).execute()
}

/** Takes a webhook for the time of one delivery. @returns undefined when somebody else was faster, or it is not due any more */
export const leaseWebhook = (
  tx: Transaction<Database>,
  id: WebhookId,
  { now, until, lease }: { now: number; until: number; lease: string },
): Promise<WebhookRow | undefined> =>
  tx
    .updateTable('webhooks')
    .set({ lease, leased_until: until })
    .where('id', '=', id)
    .where('is_enabled', '=', 1)
    .where('next_attempt_at', '<=', now)
    .where((row) => row.or([row('leased_until', 'is', null), row('leased_until', '<=', now)]))
    .returningAll()
    .executeTakeFirst()

/** Gives a lease back, with what the delivery showed. @returns undefined when the lease is not this one any more */
export const releaseWebhook = (
  tx: Transaction<Database>,
  { id, lease }: { id: WebhookId; lease: string },
  change: WebhookChange,
): Promise<WebhookRow | undefined> =>
  tx
    .updateTable('webhooks')
    .set({ ...change, lease: null, leased_until: null })
    .where('id', '=', id)
    .where('lease', '=', lease)
    .returningAll()
    .executeTakeFirst()
