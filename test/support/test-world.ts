import { sql } from 'kysely'
import type { AccountId } from '../../server/model/ids.ts'
import type { Store } from '../../server/store/db.ts'
import { listLog } from '../../server/store/log.ts'
import type { Answer, Desk, Office } from './desk.ts'
import { allowedForATime } from './scene.ts'
import { subscribe } from './webhooks.ts'

/** Ids of what is in the test world of an office. */
export type TestWorld = Record<
  | 'email'
  | 'thread'
  | 'pending'
  | 'draft'
  | 'scheduled'
  | 'delivery'
  | 'contact'
  | 'webhook'
  | 'webhookDelivery'
  | 'key'
  | 'mailbox'
  | 'sent'
  | 'logEntry'
  | 'allowance',
  string
>

/** As a test of an agent leaves it: mail that came, an answer that waits, a draft, one that waits for its time, one on its way, and what hangs on them. */
export async function furnishTestWorld({ call, store, clock }: Desk, { test, keys }: Office): Promise<TestWorld> {
  const done = async (path: string, body: Record<string, unknown>): Promise<Answer['body']> => {
    const answer = await call(keys.testAdmin, 'POST', path, body)
    if (answer.status >= 300) throw new Error(`${path}: ${JSON.stringify(answer.body)}`)
    return answer.body
  }
  const webhook = await subscribe(store, clock, test.tenancy)
  const tried = await done('/test_webhook', { webhook_id: webhook.id })
  const files = [{ name: 'order.txt', content_type: 'text/plain', content_base64: 'MQ==' }]
  const order = { mailbox_id: test.id, from: 'ann@remote.test', subject: 'An order', markdown: 'Ten boxes.', attachments: files }
  const email = await done('/inject_email', order)
  const spam = await done('/inject_email', { ...order, subject: 'Cheap boxes' })
  await done('/report_spam', { email_id: spam['id'] })
  await done('/set_tags', { email_id: email['id'], tags: { topic: 'orders' } })
  const pending = await done('/reply_email', { email_id: email['id'], markdown: 'Soon.' })
  const draft = await done('/draft_reply', { email_id: email['id'], markdown: 'Later.' })
  const letter = { mailbox_id: test.id, to: ['bo@remote.test'], subject: 'Hi', markdown: 'Hello', idempotency_key: 'hello' }
  const sendAt = new Date(clock.now() + 86_400_000).toISOString()
  const later = { ...letter, subject: 'Later', send_at: sendAt, gate_timing: 'schedule_first', idempotency_key: 'later' }
  const scheduled = await done('/send_email', later)
  const sent = await done('/send_email', letter)
  await done('/decide_email', { email_id: sent['id'], action: 'approve' })
  const contact = await done('/add_contact', { email: 'bo@remote.test', idempotency_key: 'contact' })
  await done('/add_suppression', { email_address: 'left@remote.test' })
  await done('/stop_sending', { domain: 'stopped.test' })
  const upgrade = await call(keys.testAdmin, 'POST', '/request_upgrade', { mailbox_id: test.id, target_mode: 'monitored' })
  const asked = await call(keys.testAdmin, 'POST', '/create_api_key', { name: 'another', scopes: ['read'] })
  if (upgrade.status >= 300 || asked.status !== 202) throw new Error(JSON.stringify([upgrade.body, asked.body]))
  const delivery = await store.db
    .selectFrom('deliveries')
    .select('id')
    .where('email_id', '=', sent['id'] as never)
    .executeTakeFirstOrThrow()
  const key = await store.db
    .selectFrom('api_keys')
    .select('id')
    .where('account_id', '=', test.tenancy.accountId)
    .where('world', '=', 'test')
    .executeTakeFirstOrThrow()
  return {
    email: String(email['id']),
    thread: String(email['thread_id']),
    pending: String(pending['id']),
    draft: String(draft['id']),
    scheduled: String(scheduled['id']),
    delivery: delivery.id,
    contact: String(contact['id']),
    webhook: webhook.id,
    webhookDelivery: String(tried['id']),
    key: key.id,
    mailbox: test.id,
    sent: String(sent['id']),
    logEntry: (await listLog(store.db, test.tenancy, { limit: 1 }))[0]?.id ?? '',
    allowance: await allowedForATime({ store, clock }, { gated: test }),
  }
}

type AnyRow = Record<string, unknown>
/** What no tenant owns, or the engine keeps for itself. */
const nobodys = /^(?:search_words|search_queue$|kysely_|sqlite_|log_head$)/

/** Every row of the store, by table: those of the account's test world, and all others. */
export async function rowsOfWorlds(
  store: Store,
  accountId: AccountId,
): Promise<{ own: Map<string, AnyRow[]>; others: Map<string, AnyRow[]> }> {
  const tables = (await store.db.introspection.getTables()).map(({ name }) => name).filter((name) => !nobodys.test(name))
  const all = new Map<string, AnyRow[]>()
  for (const table of tables) all.set(table, (await sql<AnyRow>`select * from ${sql.table(table)}`.execute(store.db)).rows)
  const isOwn = ownership(all, accountId)
  const [own, others] = [true, false].map(
    (wanted) => new Map([...all].map(([table, rows]) => [table, rows.filter((row) => isOwn(row) === wanted).toSorted(byText)])),
  )
  return { own: own ?? new Map(), others: others ?? new Map() }
}

function ownership(all: ReadonlyMap<string, AnyRow[]>, accountId: AccountId): (row: AnyRow) => boolean {
  const isOwnTenant = (row: AnyRow): boolean => row['account_id'] === accountId && row['world'] === 'test'
  const idsOf = (table: string): Set<unknown> => new Set((all.get(table) ?? []).filter(isOwnTenant).map(({ id }) => id))
  const [mailboxes, emails, deliveries] = [idsOf('mailboxes'), idsOf('emails'), idsOf('deliveries')]
  return (row) => isOwnTenant(row) || mailboxes.has(row['mailbox_id']) || emails.has(row['email_id']) || deliveries.has(row['delivery_id'])
}

const byText = (one: AnyRow, other: AnyRow): number => (JSON.stringify(one) < JSON.stringify(other) ? -1 : 1)
