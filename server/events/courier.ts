/**
 * Brings events to the webhooks that want them.
 *
 * Promises: an event and what it is owed to are written in one transaction (store/migrations/016-webhooks.ts), so none is missed. Each is brought at least
 * once, under the same id each time; those of one webhook one after the other, in order, so that what hangs holds up its own only. No truth lives here: what
 * is under way is a lease in the store, and when this process dies, whoever runs next goes on.
 */
import { randomUUID } from 'node:crypto'
import type { SystemActor } from '../model/actor.ts'
import type { AccountId, WebhookId } from '../model/ids.ts'
import type { Alarm, Clock } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import type { Store, Tx } from '../store/db.ts'
import { appendEvent, eventById } from '../store/events.ts'
import { appendLog } from '../store/log.ts'
import { mailboxById } from '../store/mailboxes.ts'
import { insertOperatorMail } from '../store/operator-mails.ts'
import {
  type Settlement,
  type WebhookDeliveryRow,
  countAttempt,
  failWaiting,
  forgetSettled,
  nextForWebhook,
  settleWebhookDelivery,
} from '../store/webhook-deliveries.ts'
import { type WebhookChange, type WebhookRow, leaseWebhook, releaseWebhook, webhooksDue } from '../store/webhooks.ts'
import { type Next, type WebhookPolicy, afterAttempt } from './after-attempt.ts'
import type { Bring, Brought } from './bring.ts'
import { disabledLetter } from './disabled-letter.ts'

export type CourierDeps = {
  store: Store
  bring: Bring
  clock: Clock
  log: Log
  policy: WebhookPolicy
  /** how long the log of deliveries is kept */
  keepMs: number
  /** whether events of the test world go over the network; else they are only noted as delivered */
  brings: { test: boolean }
  /** where the operator of an account reads mail; null, or left out: nowhere. They are told of what is disabled. */
  operatorOf?: (tx: Tx, account: AccountId) => Promise<string | null>
  /** told after the commit of a webhook that was disabled because nothing came of it */
  onDisabled?: (webhook: WebhookRow, trouble: string) => void
  pollMs?: number
  /** in [0, 1), as Math.random gives */
  random?: () => number
}

export type Courier = {
  start(): void
  /** Something may be due that was not when it last looked. */
  wake(): void
  /** Takes nothing more; what is under way is broken off and brought again by whoever runs next. */
  stop(): Promise<void>
  /** Brings what is due now, until nothing is. Works without start(), for tests and commands. */
  drain(): Promise<void>
  /** Forgets what was settled long ago. */
  sweep(now: number): Promise<void>
}

type Claim = { webhook: WebhookRow; delivery: WebhookDeliveryRow; lease: string }

const atOnce = 64
const atOncePerAccount = 16
/** An attempt takes ten seconds at most. */
const leaseMs = 30_000
const usualPollMs = 1_000
const letterLifeMs = 5 * 24 * 60 * 60_000
const forgottenAtOnce = 1_000
const events: SystemActor = { kind: 'system', part: 'events' }

export function createCourier(deps: CourierDeps): Courier {
  const { store, clock, log, policy } = deps
  const underWay = new Map<WebhookId, { account: AccountId; done: Promise<void>; abort: AbortController }>()
  let running = false
  let alarm: Alarm | null = null
  let looking: Promise<number> = Promise.resolve(0)

  /** Takes as much as there is room for. @returns how many */
  async function look(): Promise<number> {
    const free = atOnce - underWay.size
    if (free <= 0) return 0
    const ofAccount = new Map<AccountId, number>()
    for (const { account } of underWay.values()) ofAccount.set(account, (ofAccount.get(account) ?? 0) + 1)
    const except = [...ofAccount].flatMap(([account, count]) => (count >= atOncePerAccount ? [account] : []))
    let taken = 0
    for (const { id, account_id } of await webhooksDue(store.db, { now: clock.now(), limit: free, except })) {
      const count = ofAccount.get(account_id) ?? 0
      if (count >= atOncePerAccount || underWay.has(id)) continue
      const claim = await claimNext(id)
      if (claim === null) continue
      ofAccount.set(account_id, count + 1)
      taken += 1
      begin(claim)
    }
    return taken
  }

  /** The lease and the attempt are written down before anybody is asked. */
  const claimNext = (id: WebhookId): Promise<Claim | null> =>
    store.transaction(async (tx) => {
      const [now, lease] = [clock.now(), randomUUID()]
      const webhook = await leaseWebhook(tx, id, { now, until: now + leaseMs, lease })
      if (webhook === undefined) return null
      const next = await nextForWebhook(tx, id)
      const delivery = next && (await countAttempt(tx, next.id, webhook.url, now))
      if (delivery !== undefined) return { webhook, delivery, lease }
      await releaseWebhook(tx, { id, lease }, {})
      return null
    })

  function begin(claim: Claim): void {
    const abort = new AbortController()
    const done = attempt(claim, abort.signal)
      // The lease lapses, and it is brought again.
      .catch((error: unknown) =>
        log.error({ webhookId: claim.webhook.id, deliveryId: claim.delivery.id, err: error }, 'webhook.unrecorded'),
      )
      .finally(() => {
        underWay.delete(claim.webhook.id)
        if (running) turn()
      })
    underWay.set(claim.webhook.id, { account: claim.webhook.account_id, done, abort })
  }

  async function attempt(claim: Claim, signal: AbortSignal): Promise<void> {
    const { webhook, delivery } = claim
    if (webhook.world === 'test' && !deps.brings.test) return await settle(claim, simulated)
    const event = await eventById(store.db, delivery.event_id)
    if (event === undefined) return await settle(claim, gone)
    const mailbox = event.mailbox_id === null ? undefined : await mailboxById(store.db, event.mailbox_id)
    const brought = await deps.bring({ webhook, deliveryId: delivery.id, event, mailbox: mailbox?.address ?? null, signal })
    // Nobody refused it: it goes again as soon as somebody runs.
    if (signal.aborted && brought.status === null) await store.transaction((tx) => releaseWebhook(tx, leaseOf(claim), {}))
    else await settle(claim, endOf(claim, brought))
  }

  function endOf({ webhook, delivery }: Claim, brought: Brought): End {
    const facts = {
      attempts: delivery.attempts,
      failingSince: webhook.failing_since,
      now: clock.now(),
      random: (deps.random ?? Math.random)(),
    }
    return { next: afterAttempt(brought, facts, policy), brought, isSimulated: false }
  }

  async function settle(claim: Claim, { next, brought, isSimulated }: End): Promise<void> {
    const now = clock.now()
    const { webhook, delivery } = claim
    const trouble = brought.trouble ?? `it answered ${brought.status}`
    const held = await store.transaction(async (tx) => {
      const held = await releaseWebhook(tx, leaseOf(claim), changeOf(webhook, next, now))
      // Deleted, or somebody else's since the lease lapsed.
      if (held === undefined) return undefined
      await settleWebhookDelivery(tx, delivery.id, settlementOf(next, brought, isSimulated, now))
      if (next.kind === 'disable') await disable(tx, held, { reason: next.reason, trouble }, now)
      return held
    })
    const about = {
      webhookId: webhook.id,
      deliveryId: delivery.id,
      event: delivery.event_type,
      status: brought.status,
      attempt: delivery.attempts,
    }
    if (held === undefined) log.warn(about, 'webhook.lease-lost')
    else log.info({ ...about, ...(next.kind !== 'delivered' && { trouble }) }, `webhook.${next.kind}`)
    if (held !== undefined && next.kind === 'disable') deps.onDisabled?.(held, trouble)
  }

  async function disable(tx: Tx, webhook: WebhookRow, why: { reason: 'gone' | 'failing'; trouble: string }, now: number): Promise<void> {
    const { reason } = why
    const tenancy = { accountId: webhook.account_id, world: webhook.world }
    const waiting = await failWaiting(tx, webhook.id, 'the webhook was disabled', now)
    const data = { webhook_id: webhook.id, url: webhook.url, reason, waiting, failing_since: webhook.failing_since, disabled_at: now }
    await appendEvent(tx, { tenancy, mailboxId: webhook.mailbox_id, type: 'webhook.disabled', data, now })
    await tellOperator(tx, webhook, { ...why, waiting }, now)
    const about = { at: now, actor: events, tenancy, resourceType: 'webhook', resourceId: webhook.id } as const
    await appendLog(tx, { ...about, action: 'webhook.disabled', metadata: { reason, waiting } })
  }

  /** In the transaction that disables it, so once for each time. */
  async function tellOperator(tx: Tx, webhook: WebhookRow, why: Parameters<typeof disabledLetter>[1], now: number): Promise<void> {
    const recipient = webhook.world === 'live' ? await deps.operatorOf?.(tx, webhook.account_id) : null
    if (recipient === null || recipient === undefined) return
    const letter = disabledLetter(webhook, why)
    await insertOperatorMail(tx, { accountId: webhook.account_id, recipient, ...letter, now, giveUpAt: now + letterLifeMs })
  }

  const lookInTurn = (): Promise<number> => {
    looking = looking.then(look, look)
    return looking
  }

  let again = false
  let turning = false
  function turn(): void {
    again = true
    if (turning) return
    turning = true
    void turns().finally(() => (turning = false))
  }

  async function turns(): Promise<void> {
    alarm?.cancel()
    while (again) {
      again = false
      if (!running) return
      await lookInTurn().catch((error: unknown) => log.error({ err: error }, 'webhook.deliveries-unreadable'))
    }
    alarm?.cancel()
    if (running) alarm = clock.at(clock.now() + (deps.pollMs ?? usualPollMs), turn)
  }

  return {
    start() {
      if (running) return
      running = true
      turn()
    },
    wake() {
      if (running) turn()
    },
    async stop() {
      running = false
      alarm?.cancel()
      await looking.catch(() => {})
      for (const { abort } of underWay.values()) abort.abort()
      await Promise.all([...underWay.values()].map(({ done }) => done))
    },
    async drain() {
      // What ended while we looked may have left room for the next.
      for (let idle = false; !idle;) {
        const before = underWay.size
        const taken = await lookInTurn()
        idle = before === 0 && taken === 0
        if (underWay.size > 0) await Promise.race([...underWay.values()].map(({ done }) => done))
      }
    },
    async sweep(now) {
      while ((await forgetSettled(store.db, now - deps.keepMs, forgottenAtOnce)) === forgottenAtOnce);
    },
  }
}

type End = { next: Next; brought: Brought; isSimulated: boolean }

const simulated: End = {
  next: { kind: 'delivered' },
  brought: { status: null, retryAfter: '', text: null, trouble: null },
  isSimulated: true,
}
const gone: End = {
  next: { kind: 'ended' },
  brought: { status: null, retryAfter: '', text: null, trouble: 'the event is not kept any more' },
  isSimulated: false,
}

const leaseOf = ({ webhook, lease }: Claim) => ({ id: webhook.id, lease })

function changeOf(webhook: WebhookRow, next: Next, now: number): WebhookChange {
  if (next.kind === 'delivered') return { failing_since: null, next_attempt_at: now }
  const failing = { failing_since: webhook.failing_since ?? now }
  if (next.kind === 'disable') return { ...failing, is_enabled: 0, disabled_reason: next.reason, updated_at: now }
  return { ...failing, next_attempt_at: next.kind === 'retry' ? next.at : now }
}

const settlementOf = (next: Next, { status, text, trouble }: Brought, isSimulated: boolean, now: number): Settlement => ({
  state: next.kind === 'retry' ? 'pending' : next.kind === 'delivered' ? 'delivered' : 'failed',
  response_status: status,
  response_text: text,
  trouble,
  is_simulated: isSimulated ? 1 : 0,
  settled_at: next.kind === 'retry' ? null : now,
})
