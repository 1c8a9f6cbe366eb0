import { expect, it } from 'vitest'
import type { Bring, Brought, Parcel } from '../../server/events/bring.ts'
import { type CourierDeps, createCourier } from '../../server/events/courier.ts'
import { createWebhooks } from '../../server/events/webhooks.ts'
import { createOwnTrouble } from '../../server/outbound/trouble/own-trouble.ts'
import type { EventId } from '../../server/model/ids.ts'
import type { Tenancy } from '../../server/model/world.ts'
import { silentLog } from '../../server/platform/log.ts'
import type { Store } from '../../server/store/db.ts'
import { listAlarms } from '../../server/store/alarms.ts'
import { type EventType, appendNamedEvent } from '../../server/store/events.ts'
import { insertMailbox, mailboxById } from '../../server/store/mailboxes.ts'
import { type WebhookDeliveryRow, listWebhookDeliveries } from '../../server/store/webhook-deliveries.ts'
import { findWebhook } from '../../server/store/webhooks.ts'
import { type Tenant, addTenant, mailboxRow } from '../store/rows.ts'
import { describeOnEachEngine, describeOnPostgres } from '../support/stores.ts'
import { type VirtualClock, createVirtualClock } from '../support/virtual-clock.ts'
import { subscribe } from '../support/webhooks.ts'

const start = Date.parse('2026-11-22T00:00:00Z')
const policy = { waitsMs: [10_000, 60_000, 600_000], disableAfterMs: 3 * 86_400_000 }
const day = 86_400_000

const answers = (status: number | null): Brought => ({ status, retryAfter: '', text: null, trouble: status === null ? 'time is up' : null })

type Told = Pick<Parcel, 'deliveryId'> & { event: EventId; type: string; url: string; at: number; secrets: number }

/** Somebody who takes what is brought. */
function listener(clock: VirtualClock, how: (parcel: Parcel, count: number) => Brought | Promise<Brought> = () => answers(200)) {
  const told: Told[] = []
  const bring: Bring = async (parcel) => {
    const { webhook, deliveryId, event } = parcel
    told.push({
      deliveryId,
      event: event.id,
      type: event.type,
      url: webhook.url,
      at: clock.now(),
      secrets: webhook.previous_secret === null ? 1 : 2,
    })
    return await how(parcel, told.length)
  }
  return { told, bring }
}

const courierOf = (store: Store, clock: VirtualClock, bring: Bring, more: Partial<CourierDeps> = {}) =>
  createCourier({ store, bring, clock, log: silentLog, policy, keepMs: 30 * day, brings: { test: false }, random: () => 0, ...more })

const happen = (
  store: Store,
  tenant: Tenant | Tenancy,
  clock: VirtualClock,
  type: EventType = 'message.received',
  data = {},
): Promise<EventId> =>
  store.transaction((tx) =>
    appendNamedEvent(tx, {
      tenancy: { accountId: tenant.accountId, world: tenant.world },
      mailboxId: 'mailbox' in tenant ? (tenant.mailbox.id ?? null) : null,
      type,
      data,
      now: clock.now(),
    }),
  )

const logOf = async (store: Store, tenant: Tenancy): Promise<WebhookDeliveryRow[]> =>
  (await listWebhookDeliveries(store.db, tenant, { limit: 2_000 })).toReversed()

describeOnEachEngine('webhooks', (openStore, { newPlace }) => {
  const open = async () => {
    const store = await openStore()
    return { store, clock: createVirtualClock(start), ours: await addTenant(store, 'ours') }
  }

  it('are told once of each event that they want, of their own account, world and mailbox, in order', async () => {
    const { store, clock, ours } = await open()
    const theirs = await addTenant(store, 'theirs')
    const other = mailboxRow({ account_id: ours.accountId, domain_id: ours.domain.id, address: 'bo@ours.test' })
    await store.transaction((tx) => insertMailbox(tx, other))
    const urls = {
      all: { events: ['*'] },
      messages: { events: ['message.*'] },
      bounces: { events: ['message.bounced', 'message.failed'] },
      elsewhere: { events: ['*'], mailboxId: other.id },
      here: { events: ['*'], mailboxId: ours.mailbox.id },
    }
    for (const [name, wanted] of Object.entries(urls)) await subscribe(store, clock, ours, { url: `https://${name}.test/`, ...wanted })
    await subscribe(store, clock, theirs, { url: 'https://theirs.test/' })
    await subscribe(store, clock, { ...ours, world: 'test' }, { url: 'https://sandbox.test/' })
    const { told, bring } = listener(clock)
    const ids = []
    for (const type of ['message.received', 'oversight.pending', 'message.bounced'] as const)
      ids.push(await happen(store, ours, clock, type))
    await courierOf(store, clock, bring).drain()
    const by = (name: string) => told.filter(({ url }) => url === `https://${name}.test/`).map(({ event }) => event)
    expect([by('all'), by('here')]).toEqual([ids, ids])
    expect(by('messages')).toEqual([ids[0], ids[2]])
    expect(by('bounces')).toEqual([ids[2]])
    expect([by('elsewhere'), by('theirs'), by('sandbox')]).toEqual([[], [], []])
    expect((await logOf(store, ours)).map(({ state, attempts }) => [state, attempts])).toEqual(
      Array.from({ length: 9 }, () => ['delivered', 1]),
    )
    expect(new Set((await logOf(store, ours)).map(({ id }) => id)).size).toBe(9)
    await courierOf(store, clock, bring).drain()
    expect(told).toHaveLength(9)
  })

  it('are told nothing of what happened before them, or of what did not happen', async () => {
    const { store, clock, ours } = await open()
    await happen(store, ours, clock)
    await subscribe(store, clock, ours)
    const undone = store.transaction(async (tx) => {
      await appendNamedEvent(tx, { tenancy: ours, mailboxId: null, type: 'message.sent', data: {}, now: clock.now() })
      throw new Error('changed our mind')
    })
    await expect(undone).rejects.toThrow('changed our mind')
    const { told, bring } = listener(clock)
    await courierOf(store, clock, bring).drain()
    expect(told).toEqual([])
  })

  it('that do not take it are asked three times more, under the same id; what follows waits, then goes', async () => {
    const { store, clock, ours } = await open()
    await subscribe(store, clock, ours)
    const [one, two] = [await happen(store, ours, clock), await happen(store, ours, clock, 'message.sent')]
    const { told, bring } = listener(clock, ({ event }) => answers(event.id === one ? 500 : 200))
    const courier = courierOf(store, clock, bring)
    for (const wait of [0, 9_999, 1, 59_999, 1, 599_999]) {
      await clock.advance(wait)
      await courier.drain()
    }
    expect(told.map(({ event, at }) => [event, at - start])).toEqual([
      [one, 0],
      [one, 10_000],
      [one, 70_000],
    ])
    await clock.advance(1)
    await courier.drain()
    expect(told.slice(3).map(({ event, at }) => [event, at - start])).toEqual([
      [one, 670_000],
      [two, 670_000],
    ])
    expect(new Set(told.filter(({ event }) => event === one).map(({ deliveryId }) => deliveryId)).size).toBe(1)
    expect(await logOf(store, ours)).toMatchObject([
      { state: 'failed', attempts: 4, response_status: 500, last_attempt_at: start + 670_000, settled_at: start + 670_000 },
      { state: 'delivered', attempts: 1, response_status: 200 },
    ])
  })

  it('that never answer hold up nobody else, whatever waits for them', async () => {
    const { store, clock, ours } = await open()
    await subscribe(store, clock, ours, { url: 'https://silent.test/', events: ['message.sent'] })
    await subscribe(store, clock, ours, { url: 'https://well.test/', events: ['message.received'] })
    await store.transaction(async (tx) => {
      for (let count = 0; count < 1_000; count += 1)
        await appendNamedEvent(tx, { tenancy: ours, mailboxId: null, type: 'message.sent', data: {}, now: clock.now() })
    })
    const silence = Promise.withResolvers<Brought>()
    const { told, bring } = listener(clock, ({ webhook }) => (webhook.url === 'https://silent.test/' ? silence.promise : answers(200)))
    const courier = courierOf(store, clock, bring)
    for (let count = 0; count < 5; count += 1) await happen(store, ours, clock)
    const draining = courier.drain()
    await expect.poll(() => told.filter(({ url }) => url === 'https://well.test/').length, { timeout: 20_000 }).toBe(5)
    expect(told.filter(({ url }) => url === 'https://silent.test/')).toHaveLength(1)
    silence.resolve(answers(null))
    await draining
    expect(await store.db.selectFrom('webhook_deliveries').select('id').where('state', '=', 'delivered').execute()).toHaveLength(5)
  })

  it('that are gone are told nothing more, which the account and the operator hear', async () => {
    const { store, clock, ours } = await open()
    const gone = await subscribe(store, clock, ours, { url: 'https://gone.test/', events: ['message.received'] })
    await subscribe(store, clock, ours, { url: 'https://watch.test/', events: ['webhook.disabled'] })
    await happen(store, ours, clock)
    await happen(store, ours, clock)
    const { told, bring } = listener(clock, ({ webhook }) => answers(webhook.id === gone.id ? 410 : 204))
    const alarms: string[] = []
    const courier = courierOf(store, clock, bring, { onDisabled: ({ id }, trouble) => alarms.push(`${id} ${trouble}`) })
    await courier.drain()
    await happen(store, ours, clock)
    await courier.drain()
    expect(told.map(({ type, url }) => [type, url])).toEqual([
      ['message.received', 'https://gone.test/'],
      ['webhook.disabled', 'https://watch.test/'],
    ])
    expect(alarms).toEqual([`${gone.id} it answered 410`])
    expect(await findWebhook(store.db, ours, gone.id)).toMatchObject({ is_enabled: 0, disabled_reason: 'gone', lease: null })
    expect((await logOf(store, ours)).map(({ state }) => state)).toEqual(['failed', 'failed', 'delivered'])
    const logged = await store.db
      .selectFrom('log_entries')
      .select(['action', 'actor_id'])
      .where('action', '=', 'webhook.disabled')
      .execute()
    expect(logged).toEqual([{ action: 'webhook.disabled', actor_id: 'system:events' }])
  })

  it('are written about to the operator each time they are switched off, and the alarm ends when they are on again', async () => {
    const { store, clock, ours } = await open()
    const webhook = await subscribe(store, clock, ours, { url: 'https://gone.test/', events: ['message.received'] })
    const sandbox = await subscribe(store, clock, { ...ours, world: 'test' }, { url: 'https://gone.test/' })
    const { bring } = listener(clock, () => answers(410))
    const trouble = createOwnTrouble({ store, clock, log: silentLog })
    const raised: Promise<void>[] = []
    const courier = courierOf(store, clock, bring, {
      brings: { test: true },
      operatorOf: () => Promise.resolve('boss@elsewhere.example'),
      onDisabled: ({ id }, reply) => raised.push(trouble.raise({ class: 'webhook', source: id, reply })),
    })
    const webhooks = createWebhooks({ clock, allowPrivateTargets: true })
    const letters = () => store.db.selectFrom('operator_mails').select(['recipient', 'subject', 'body']).execute()
    const goWrong = async () => {
      for (let count = 0; count < 3; count += 1) await happen(store, ours, clock)
      await courier.drain()
      await Promise.all(raised)
    }
    await happen(store, { ...ours, world: 'test' }, clock)
    await goWrong()
    await goWrong()
    expect(await findWebhook(store.db, { ...ours, world: 'test' }, sandbox.id)).toMatchObject({ is_enabled: 0 })
    expect(await letters()).toEqual([
      { recipient: 'boss@elsewhere.example', subject: 'A webhook was switched off', body: expect.stringContaining(webhook.id) },
    ])
    const sources = async () => (await listAlarms(store.db)).map(({ source }) => source).toSorted()
    expect(await sources()).toEqual([webhook.id, sandbox.id].toSorted())
    const actor = { kind: 'system', part: 'host' } as const
    const switched = async (enabled: boolean) => {
      const row = (await findWebhook(store.db, ours, webhook.id)) ?? expect.fail('it is gone')
      await store.transaction((tx) => webhooks.edit(tx, actor, row, { enabled }))
    }
    await switched(false)
    expect(await sources()).toHaveLength(2)
    await switched(true)
    expect(await sources()).toEqual([sandbox.id])
    await goWrong()
    expect(await letters()).toHaveLength(2)
    expect(await sources()).toHaveLength(2)
    const ended = await store.db.selectFrom('log_entries').select('action').where('action', '=', 'alarm.ended').execute()
    expect(ended).toHaveLength(1)
  })

  it('that take nothing for three days are switched off; one event that arrives begins the days anew', async () => {
    const { store, clock, ours } = await open()
    const webhook = await subscribe(store, clock, ours)
    let status = 500
    const { bring } = listener(clock, () => answers(status))
    const courier = courierOf(store, clock, bring)
    const fail = async (): Promise<void> => {
      await happen(store, ours, clock, 'message.sent')
      await courier.drain()
    }
    await fail()
    await clock.advance(2.9 * day)
    status = 200
    await courier.drain()
    expect(await findWebhook(store.db, ours, webhook.id)).toMatchObject({ is_enabled: 1, failing_since: null })
    status = 500
    await fail()
    await clock.advance(2.9 * day)
    await courier.drain()
    expect(await findWebhook(store.db, ours, webhook.id)).toMatchObject({ is_enabled: 1 })
    await clock.advance(0.2 * day)
    await courier.drain()
    expect(await findWebhook(store.db, ours, webhook.id)).toMatchObject({ is_enabled: 0, disabled_reason: 'failing' })
  })

  it('are told again, under the same id, what a process was telling them when it died', async () => {
    const { store, clock, ours } = await open()
    await subscribe(store, clock, ours)
    await happen(store, ours, clock)
    await happen(store, ours, clock, 'message.sent')
    const first = listener(clock, () => new Promise<Brought>(() => {}))
    void courierOf(store, clock, first.bring).drain()
    await expect.poll(() => first.told.length).toBe(1)
    const second = listener(clock)
    const courier = courierOf(store, clock, second.bring)
    await courier.drain()
    expect(second.told).toEqual([])
    await clock.advance(30_000)
    await courier.drain()
    expect(second.told.map(({ deliveryId }) => deliveryId)).toEqual([first.told[0]?.deliveryId, expect.any(String)])
    expect((await logOf(store, ours)).map(({ state, attempts }) => [state, attempts])).toEqual([
      ['delivered', 2],
      ['delivered', 1],
    ])
  })

  it('are told the rest at the next start, when the server is stopped meanwhile', async () => {
    const { store, clock, ours } = await open()
    await subscribe(store, clock, ours)
    await happen(store, ours, clock)
    const broken = listener(clock, ({ signal }) => new Promise((resolve) => signal.addEventListener('abort', () => resolve(answers(null)))))
    const courier = courierOf(store, clock, broken.bring)
    courier.start()
    await expect.poll(() => broken.told.length).toBe(1)
    await courier.stop()
    const { told, bring } = listener(clock)
    await courierOf(store, clock, bring).drain()
    expect(told.map(({ deliveryId }) => deliveryId)).toEqual([broken.told[0]?.deliveryId])
  })

  it('of the test world are noted as told, and nobody is asked, unless the operator allows it', async () => {
    const { store, clock, ours } = await open()
    const sandbox = { ...ours, world: 'test' as const }
    await subscribe(store, clock, sandbox)
    await happen(store, { accountId: ours.accountId, world: 'test' }, clock)
    const { told, bring } = listener(clock)
    await courierOf(store, clock, bring).drain()
    expect(told).toEqual([])
    expect(await logOf(store, sandbox)).toMatchObject([{ state: 'delivered', is_simulated: 1, response_status: null, attempts: 1 }])
    await happen(store, { accountId: ours.accountId, world: 'test' }, clock)
    await courierOf(store, clock, bring, { brings: { test: true } }).drain()
    expect(told).toHaveLength(1)
    expect((await logOf(store, sandbox))[1]).toMatchObject({ state: 'delivered', is_simulated: 0, response_status: 200 })
  })

  it('of a mailbox are told of its messages in one place and of what waits for its reviewers in another', async () => {
    const { store, clock, ours } = await open()
    const webhooks = createWebhooks({ clock, allowPrivateTargets: false })
    const mailbox = await mailboxById(store.db, ours.mailbox.id)
    if (mailbox === undefined) throw new Error('no mailbox')
    const set = (urls: Parameters<typeof webhooks.setOfMailbox>[2]) => store.transaction((tx) => webhooks.setOfMailbox(tx, mailbox, urls))
    expect(await set({ webhook_url: 'https://m.test/', oversight_webhook_url: 'https://o.test/' })).toMatchObject({ ok: true })
    expect(await set({ webhook_url: 'http://127.0.0.1/' })).toMatchObject({ ok: false, code: 'WEBHOOK_URL_REFUSED' })
    for (const type of ['message.received', 'oversight.pending', 'mailbox.standing_changed'] as const)
      await happen(store, ours, clock, type)
    await happen(store, { accountId: ours.accountId, world: 'live' }, clock, 'message.sent')
    const { told, bring } = listener(clock)
    const courier = courierOf(store, clock, bring)
    await courier.drain()
    expect(told.map(({ type, url }) => `${type} ${url}`).toSorted((one, other) => (one < other ? -1 : 1))).toEqual([
      'message.received https://m.test/',
      'oversight.pending https://o.test/',
    ])
    expect(await set({ webhook_url: 'https://n.test/', oversight_webhook_url: null })).toMatchObject({ ok: true })
    expect(await mailboxById(store.db, ours.mailbox.id)).toMatchObject({ webhook_url: 'https://n.test/', oversight_webhook_url: null })
    for (const type of ['message.received', 'oversight.pending'] as const) await happen(store, ours, clock, type)
    await courier.drain()
    expect(told.slice(2).map(({ type, url }) => [type, url])).toEqual([['message.received', 'https://n.test/']])
  })

  it('forget what they were told when the log has been kept for long enough, and nothing that still waits', async () => {
    const { store, clock, ours } = await open()
    const webhook = await subscribe(store, clock, ours)
    await happen(store, ours, clock)
    await happen(store, ours, clock)
    const { bring } = listener(clock, (_, count) => answers(count === 1 ? 200 : 500))
    const courier = courierOf(store, clock, bring)
    await courier.drain()
    await courier.sweep(start + 30 * day)
    expect(await logOf(store, ours)).toHaveLength(2)
    await courier.sweep(start + 30 * day + 1)
    expect(await logOf(store, ours)).toMatchObject([{ state: 'pending', webhook_id: webhook.id }])
  })

  it('of several nodes on one store are told each event once', async () => {
    const place = await newPlace()
    const store = await openStore(place)
    const other = store.engine === 'postgres' ? await openStore(place) : store
    const clock = createVirtualClock(start)
    const ours = await addTenant(store, 'ours')
    for (let count = 0; count < 4; count += 1) await subscribe(store, clock, ours, { url: `https://n${count}.test/` })
    const { told, bring } = listener(clock, async () => {
      await new Promise((resolve) => setImmediate(resolve))
      return answers(200)
    })
    const nodes = [store, other].map((one) => courierOf(one, clock, bring))
    await Promise.all(Array.from({ length: 12 }, (_, count) => happen(count % 2 === 0 ? store : other, ours, clock)))
    // One may end while the other has still something in hand.
    await Promise.all(nodes.map((node) => node.drain()))
    await Promise.all(nodes.map((node) => node.drain()))
    expect(told).toHaveLength(48)
    expect(new Set(told.map(({ url, event }) => `${url} ${event}`)).size).toBe(48)
    expect((await logOf(store, ours)).every(({ state, attempts }) => state === 'delivered' && attempts === 1)).toBe(true)
  })

  it('get a second secret for a day, and are not told any more once they are deleted', async () => {
    const { store, clock, ours } = await open()
    const webhooks = createWebhooks({ clock, allowPrivateTargets: false })
    const host = { kind: 'system', part: 'host' } as const
    const webhook = await subscribe(store, clock, ours)
    const rotated = await store.transaction((tx) => webhooks.rotateSecret(tx, host, webhook))
    expect(rotated).toMatchObject({ previous_secret: webhook.secret, previous_until: start + day })
    expect(rotated.secret).not.toBe(webhook.secret)
    await happen(store, ours, clock)
    await store.transaction((tx) => webhooks.remove(tx, host, rotated))
    const { told, bring } = listener(clock)
    await courierOf(store, clock, bring).drain()
    expect(told).toEqual([])
    expect(await logOf(store, ours)).toMatchObject([{ state: 'failed', trouble: 'the webhook was deleted' }])
  })
})

describeOnPostgres('webhooks', (openStore) => {
  it('are told of an event that is committed after a later one', async () => {
    const store = await openStore()
    const clock = createVirtualClock(start)
    const ours = await addTenant(store, 'ours')
    await subscribe(store, clock, ours)
    const [written, told] = [Promise.withResolvers<EventId>(), Promise.withResolvers<void>()]
    const slow = store.transaction(async (tx) => {
      written.resolve(await appendNamedEvent(tx, { tenancy: ours, mailboxId: null, type: 'message.sent', data: {}, now: clock.now() }))
      await told.promise
    })
    const early = await written.promise
    const late = await happen(store, ours, clock)
    const ears = listener(clock)
    const courier = courierOf(store, clock, ears.bring)
    await courier.drain()
    expect(ears.told.map(({ event }) => event)).toEqual([late])
    told.resolve()
    await slow
    await courier.drain()
    expect(ears.told.map(({ event }) => event)).toEqual([late, early])
  })
})
