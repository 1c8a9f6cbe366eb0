/**
 * Webhooks: who is told of events over HTTPS. This is what callers can change; `courier.ts` does the telling.
 *
 * Promises: an address is looked at when it is set and each time something is brought there; a webhook is told of events of its own account and world only;
 * a secret that is replaced signs for a day longer; each change is on the record.
 */
import type { Actor, KeyActor, SystemActor } from '../model/actor.ts'
import { type EventId, type MailboxId, newId } from '../model/ids.ts'
import { type Result, fail, ok } from '../model/result.ts'
import type { Tenancy } from '../model/world.ts'
import type { Clock } from '../platform/clock.ts'
import { endAlarm, listAlarms } from '../store/alarms.ts'
import type { Db, Tx } from '../store/db.ts'
import { appendNamedEvent, eventById, eventTypes } from '../store/events.ts'
import { type Facts, type LogAction, type NewLogEntry, appendLog } from '../store/log.ts'
import type { Row } from '../store/schema.ts'
import { type WebhookDeliveryRow, eventsToReplay, failWaiting, insertWebhookDelivery } from '../store/webhook-deliveries.ts'
import {
  type WebhookChange,
  type WebhookKind,
  type WebhookRow,
  changeWebhook,
  countSubscriptions,
  deleteWebhook,
  findWebhook,
  insertWebhook,
  setMailboxUrls,
  webhookOfMailbox,
  webhooksOfMailbox,
} from '../store/webhooks.ts'
import { readAddress } from './address.ts'
import { newSecret, newSeed, publicKeyOf } from './signature.ts'

/** `events`: types, `message.*` and the like, or `*`. `secret`: one that somebody chose. */
export type NewWebhook = { url: string; events: readonly string[]; mailboxId: MailboxId | null; secret?: string }
export type WebhookEdit = { url?: string; events?: readonly string[]; enabled?: boolean }
/** Of events that are still kept; `until` is exclusive; epoch ms. */
export type ReplayRange = { ids: readonly EventId[] | null; since: number; until: number; delivered: boolean }
export type Replayed = { queued: number; more: boolean; lastEventAt: number | null }

type Address = { url: string }

/** Whoever calls has found the webhook as the caller's own. What takes a `tx` ends with an entry of the log, so it comes last. */
export type Webhooks = {
  checkUrl(text: string): Result<Address, 'WEBHOOK_URL_REFUSED'>
  /** Whether `create` would, as things are. */
  checkNew(db: Db, tenancy: Tenancy, url: string): Promise<Result<Address, 'WEBHOOK_URL_REFUSED' | 'TOO_MANY_WEBHOOKS'>>
  publicKeyOf(webhook: WebhookRow): string
  /** Whether it would be told of something, by these names, that it is not told of now. */
  widens(webhook: WebhookRow, events: readonly string[]): boolean
  create(tx: Tx, actor: KeyActor, wanted: NewWebhook): Promise<Result<WebhookRow, 'WEBHOOK_URL_REFUSED' | 'TOO_MANY_WEBHOOKS'>>
  edit(tx: Tx, actor: Actor, webhook: WebhookRow, edit: WebhookEdit): Promise<Result<WebhookRow, 'WEBHOOK_URL_REFUSED'>>
  remove(tx: Tx, actor: Actor, webhook: WebhookRow): Promise<void>
  rotateSecret(tx: Tx, actor: Actor, webhook: WebhookRow, secret?: string): Promise<WebhookRow>
  /** Tells it of something that did not happen. */
  test(tx: Tx, actor: Actor, webhook: WebhookRow): Promise<WebhookDeliveryRow>
  replay(tx: Tx, actor: KeyActor, delivery: WebhookDeliveryRow): Promise<Result<WebhookDeliveryRow, 'WEBHOOK_NOT_FOUND' | 'EVENT_NOT_KEPT'>>
  replayRange(tx: Tx, actor: Actor, webhook: WebhookRow, range: ReplayRange): Promise<Replayed>
  /** Where a mailbox's messages, and what waits for its reviewers, are told of: null is nowhere, what is left out stays. Puts nothing on the record:
   *  the change of the mailbox does. */
  setOfMailbox(tx: Tx, mailbox: Row<'mailboxes'>, urls: MailboxUrls): Promise<Result<null, 'WEBHOOK_URL_REFUSED'>>
}
export type MailboxUrls = { webhook_url?: string | null; oversight_webhook_url?: string | null }

const mostSubscriptions = 50
const overlapMs = 24 * 60 * 60_000
const mostReplayed = 1_000

type WebhooksDeps = { clock: Clock; allowPrivateTargets: boolean }

export function createWebhooks({ clock, allowPrivateTargets }: WebhooksDeps): Webhooks {
  const checkUrl = (text: string) => readAddress(text, allowPrivateTargets)

  const record = (tx: Tx, actor: Actor, { id, account_id, world }: WebhookRow, action: LogAction, metadata: Facts, details?: Facts) =>
    appendLog(tx, {
      at: clock.now(),
      actor,
      tenancy: { accountId: account_id, world },
      action,
      resourceType: 'webhook',
      resourceId: id,
      metadata,
      ...(details && { details }),
    })

  async function checkNew(db: Db, tenancy: Tenancy, url: string): Promise<Result<Address, 'WEBHOOK_URL_REFUSED' | 'TOO_MANY_WEBHOOKS'>> {
    const place = checkUrl(url)
    return place.ok && (await countSubscriptions(db, tenancy)) >= mostSubscriptions ? fail('TOO_MANY_WEBHOOKS') : place
  }

  return {
    checkUrl,
    checkNew,
    publicKeyOf: ({ signing_seed }) => publicKeyOf(signing_seed),
    widens: (webhook, events) => typesNamed(events).some((type) => !typesOf(webhook).includes(type)),

    async create(tx, actor, { url, events, mailboxId, secret }) {
      const place = await checkNew(tx, actor, url)
      if (!place.ok) return place
      const row = newWebhook(actor, { kind: 'subscription', url: place.value.url, events, mailboxId, secret }, clock.now())
      await insertWebhook(tx, row)
      await record(tx, actor, row, 'webhook.created', { events: [...events], mailbox_id: mailboxId }, { url: row.url })
      return ok(row)
    },

    async edit(tx, actor, webhook, { url, events, enabled }) {
      const place = url === undefined ? null : checkUrl(url)
      if (place !== null && !place.ok) return place
      const now = clock.now()
      const change: WebhookChange = {
        updated_at: now,
        ...(place !== null && { url: place.value.url }),
        ...(events !== undefined && { events_json: JSON.stringify(events) }),
        ...(enabled !== undefined && enabledChange(webhook, enabled, now)),
      }
      const changed = (await changeWebhook(tx, webhook.id, change)) ?? webhook
      if (place !== null && webhook.kind !== 'subscription') await setMailboxUrl(tx, changed, changed.url)
      if (enabled === true && webhook.is_enabled === 0) await endAlarmOf(tx, webhook, now)
      if (enabled === false) await failWaiting(tx, webhook.id, 'the webhook was disabled', now)
      const metadata = { ...(events && { events: [...events] }), ...(enabled !== undefined && { enabled }) }
      await record(tx, actor, changed, 'webhook.updated', metadata, place === null ? undefined : { url: changed.url })
      return ok(changed)
    },

    async remove(tx, actor, webhook) {
      if (webhook.kind !== 'subscription') await setMailboxUrl(tx, webhook, null)
      await forget(tx, webhook, clock.now())
      await record(tx, actor, webhook, 'webhook.deleted', {}, { url: webhook.url })
    },

    async rotateSecret(tx, actor, webhook, secret = newSecret()) {
      const now = clock.now()
      const change = { secret, previous_secret: webhook.secret, previous_until: now + overlapMs, updated_at: now }
      const changed = (await changeWebhook(tx, webhook.id, change)) ?? webhook
      await record(tx, actor, changed, 'webhook.secret_rotated', { previous_until: now + overlapMs })
      return changed
    },

    async test(tx, actor, webhook) {
      const now = clock.now()
      const tenancy = tenancyOf(webhook)
      const data = { webhook_id: webhook.id, asked_at: now, words: 'This is a test: nothing has happened.' }
      const id = await appendNamedEvent(tx, { tenancy, mailboxId: webhook.mailbox_id, type: 'webhook.test', data, now })
      const delivery = await insertWebhookDelivery(tx, { webhook, event: { id, type: 'webhook.test' }, replayOf: null, now })
      await record(tx, actor, webhook, 'webhook.tested', { delivery_id: delivery.id })
      return delivery
    },

    async replay(tx, actor, delivery) {
      const webhook = await findWebhook(tx, actor, delivery.webhook_id)
      if (webhook === undefined) return fail('WEBHOOK_NOT_FOUND')
      const event = await eventById(tx, delivery.event_id)
      if (event === undefined) return fail('EVENT_NOT_KEPT')
      const again = await insertWebhookDelivery(tx, { webhook, event, replayOf: delivery.id, now: clock.now() })
      await record(tx, actor, webhook, 'webhook.replayed', { delivery_id: again.id, replay_of: delivery.id })
      return ok(again)
    },

    async replayRange(tx, actor, webhook, range) {
      const found = await eventsToReplay(tx, webhook, { ...range, types: typesOf(webhook), limit: mostReplayed + 1 })
      const now = clock.now()
      const events = found.slice(0, mostReplayed)
      for (const event of events) await insertWebhookDelivery(tx, { webhook, event, replayOf: null, now })
      await record(tx, actor, webhook, 'webhook.replayed', { since: range.since, until: range.until, count: events.length })
      return { queued: events.length, more: found.length > events.length, lastEventAt: events.at(-1)?.created_at ?? null }
    },

    async setOfMailbox(tx, mailbox, urls) {
      const now = clock.now()
      for (const [column, kind] of [
        ['webhook_url', 'mailbox'],
        ['oversight_webhook_url', 'oversight'],
      ] as const) {
        const url = urls[column]
        if (url === undefined) continue
        const place = url === null ? null : checkUrl(url)
        if (place !== null && !place.ok) return place
        await setMailboxUrls(tx, mailbox.id, { [column]: place?.value.url ?? null })
        await standBehind(tx, mailbox, kind, place?.value.url ?? null, now)
      }
      return ok(null)
    },
  }
}

/** Makes, moves or takes away the webhook behind a url of a mailbox. */
async function standBehind(
  tx: Tx,
  mailbox: Row<'mailboxes'>,
  kind: Exclude<WebhookKind, 'subscription'>,
  url: string | null,
  now: number,
): Promise<void> {
  const known = await webhookOfMailbox(tx, mailbox.id, kind)
  const tenancy = { accountId: mailbox.account_id, world: mailbox.world }
  if (url === null) {
    if (known !== undefined) await forget(tx, known, now)
  } else if (known === undefined) {
    await insertWebhook(tx, newWebhook(tenancy, { kind, url, events: eventsOf[kind], mailboxId: mailbox.id, secret: undefined }, now))
  } else if (known.url !== url) {
    await endAlarmOf(tx, known, now)
    await changeWebhook(tx, known.id, { url, ...enabledChange(known, true, now), updated_at: now })
  }
}

/** Takes away what tells of one mailbox, which is deleted: those behind its urls, and subscriptions to it alone. What they were still to be told ends.
 *  @returns what goes on the record at the end of the transaction */
export async function endWebhooks(tx: Tx, mailboxId: MailboxId, { actor, now }: { actor: Actor; now: number }): Promise<NewLogEntry[]> {
  const webhooks = await webhooksOfMailbox(tx, mailboxId)
  if (webhooks.length === 0) return []
  await setMailboxUrls(tx, mailboxId, { webhook_url: null, oversight_webhook_url: null })
  for (const webhook of webhooks) await forget(tx, webhook, now)
  return webhooks.map((webhook) => ({
    at: now,
    actor,
    tenancy: tenancyOf(webhook),
    action: 'webhook.deleted',
    resourceType: 'webhook',
    resourceId: webhook.id,
    metadata: { mailbox_id: mailboxId },
    details: { url: webhook.url },
  }))
}

const eventsOf = { mailbox: ['message.*'], oversight: ['oversight.*'] }
const columnOf = { mailbox: 'webhook_url', oversight: 'oversight_webhook_url' } as const

async function setMailboxUrl(tx: Tx, { kind, mailbox_id }: WebhookRow, url: string | null): Promise<void> {
  if (kind !== 'subscription' && mailbox_id !== null) await setMailboxUrls(tx, mailbox_id, { [columnOf[kind]]: url })
}

async function forget(tx: Tx, webhook: WebhookRow, now: number): Promise<void> {
  await endAlarmOf(tx, webhook, now)
  await failWaiting(tx, webhook.id, 'the webhook was deleted', now)
  await deleteWebhook(tx, webhook.id)
}

/** The one that came when it was switched off (app.ts raises it). */
async function endAlarmOf(tx: Tx, { id }: WebhookRow, now: number): Promise<void> {
  for (const alarm of (await listAlarms(tx)).filter((one) => one.class === 'webhook' && one.source === id)) {
    await endAlarm(tx, alarm)
    const about = {
      resourceType: 'alarm',
      resourceId: 'webhook:',
      metadata: { class: 'webhook' },
      details: { source: id, reply: alarm.reply },
    }
    await appendLog(tx, { at: now, actor: events, tenancy: null, action: 'alarm.ended', ...about })
  }
}

const events: SystemActor = { kind: 'system', part: 'events' }

const tenancyOf = ({ account_id, world }: WebhookRow): Tenancy => ({ accountId: account_id, world })

const enabledChange = (webhook: WebhookRow, enabled: boolean, now: number): WebhookChange =>
  enabled
    ? { is_enabled: 1, disabled_reason: null, ...(webhook.is_enabled === 0 && { failing_since: null, next_attempt_at: now }) }
    : { is_enabled: 0, disabled_reason: 'asked' }

/** As the trigger on `events` reads it (store/migrations/016-webhooks.ts). */
const typesOf = ({ events_json }: WebhookRow) => typesNamed(JSON.parse(events_json) as string[])

function typesNamed(wanted: readonly string[]) {
  return eventTypes.filter(
    (type) =>
      type !== 'webhook.test' &&
      (wanted.includes('*') || wanted.includes(type) || wanted.includes(`${type.slice(0, type.indexOf('.'))}.*`)),
  )
}

type Made = { kind: WebhookKind; url: string; events: readonly string[]; mailboxId: MailboxId | null; secret: string | undefined }

const newWebhook = (
  { accountId, world }: Tenancy,
  { kind, url, events, mailboxId, secret = newSecret() }: Made,
  now: number,
): WebhookRow => ({
  id: newId('webhook', now),
  account_id: accountId,
  world,
  kind,
  mailbox_id: mailboxId,
  url,
  events_json: JSON.stringify(events),
  secret,
  previous_secret: null,
  previous_until: null,
  signing_seed: newSeed(),
  is_enabled: 1,
  disabled_reason: null,
  failing_since: null,
  next_attempt_at: now,
  leased_until: null,
  lease: null,
  created_at: now,
  updated_at: now,
})
