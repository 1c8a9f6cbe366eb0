import { expect, it } from 'vitest'
import { usualReuse } from '../../../server/outbound/transport/pool.ts'
import { createSmtpTransport } from '../../../server/outbound/transport/smtp.ts'
import { createWatch } from '../../../server/outbound/control/watch.ts'
import { retryNow, takeBack } from '../../../server/outbound/control/deliveries.ts'
import { everything, resumeSending, stopSending } from '../../../server/outbound/control/stops.ts'
import { silentLog } from '../../../server/platform/log.ts'
import type { Store } from '../../../server/store/db.ts'
import { listLog } from '../../../server/store/log.ts'
import { claimNext, createLeaving } from '../../support/leaving.ts'
import { openOffice } from '../../support/offices.ts'
import { createRemoteMx } from '../../support/remote-mx.ts'
import { describeOnEachEngine } from '../../support/stores.ts'
import { createVirtualClock } from '../../support/virtual-clock.ts'

const minute = 60_000
const host = { kind: 'system', part: 'host' } as const

describeOnEachEngine('the switch', (openStore) => {
  it('stops everything: nothing begins, approved mail included, and what is under way is broken off before it is sent', async () => {
    const remote = await createRemoteMx({ answers: { rcpt: ['hang', '250 Ok', '250 Ok'] }, extensions: [] })
    const store = await openStore()
    const leaving = await createLeaving(store, { remote })
    const email = await leaving.queue({ approved: true })
    leaving.runner.start()
    await remote.reached('rcpt')
    const deferred = leaving.untilLogged('delivery.deferred')
    await stopSending({ store, clock: leaving.clock }, { scope: everything, actor: host, reason: 'A key was stolen.' })
    await leaving.runner.obey()
    await deferred
    await leaving.queue({ subject: 'Another' })
    await leaving.anotherRunner().drain()
    expect(await leaving.deliveries(email)).toMatchObject([
      { state: 'queued', bounce_class: 'interrupted', may_be_accepted: 0, lease: null },
    ])
    expect(remote.sessions()).toBe(1)
    const stops = await store.db.selectFrom('log_entries').selectAll().where('action', '=', 'sending.stopped').execute()
    expect(stops).toMatchObject([{ actor_id: 'system:host', resource_id: 'all' }])
    expect(stops[0]?.details_json).toContain('A key was stolen.')

    await resumeSending({ store, clock: leaving.clock }, { scope: everything, actor: host })
    await leaving.runner.drain()
    expect(await remote.received(2)).toHaveLength(2)
  })

  it('also stops what was being claimed while the stop was made', async () => {
    const remote = await createRemoteMx({ extensions: [] })
    const real = await openStore()
    const claimed = Promise.withResolvers<void>()
    const stopped = Promise.withResolvers<void>()
    const transaction: Store['transaction'] = async (work) => {
      const value = await real.transaction(work)
      if (Array.isArray(value) && value.some((one: unknown) => typeof one === 'object' && one !== null && 'attempt_id' in one)) {
        claimed.resolve()
        await stopped.promise
      }
      return value
    }
    const leaving = await createLeaving({ ...real, transaction }, { remote })
    const email = await leaving.queue()
    leaving.runner.start()
    await claimed.promise
    await stopSending({ store: real, clock: leaving.clock }, { scope: everything, actor: host })
    await leaving.runner.obey()
    const deferred = leaving.untilLogged('delivery.deferred')
    stopped.resolve()
    await deferred
    expect(await leaving.deliveries(email)).toMatchObject([
      { state: 'queued', bounce_class: 'interrupted', may_be_accepted: 0, lease: null },
    ])
  })

  it('is not forgotten for a look that began before it and ends after', async () => {
    const store = await openStore()
    const [hasRead, goOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    let reads = 0
    let db = store.db.withPlugin({
      transformQuery: ({ node }) => node,
      async transformResult({ result }) {
        if ((reads += 1) === 2) hasRead.resolve() // what is stopped, and what was taken back
        await goOn.promise
        return result
      },
    })
    const watched: Store = {
      ...store,
      get db() {
        return db
      },
    }
    const clock = createVirtualClock(Date.UTC(2026, 10, 22, 12))
    const watch = createWatch({ store: watched, clock, log: silentLog })
    const first = watch.look()
    await hasRead.promise
    db = store.db
    await stopSending({ store, clock }, { scope: everything, actor: host })
    await watch.look()
    goOn.resolve()
    await first
    const { tenancy, mailbox } = await openOffice(store, clock.now())
    const delivery = { account_id: tenancy.accountId, world: tenancy.world, mailbox_id: mailbox.id, domain: 'remote.test' }
    expect(watch.isStopped(delivery)).toBe(true)
  })

  it('closes connections that are kept for the next message', async () => {
    const remote = await createRemoteMx({ extensions: [] })
    const store = await openStore()
    const clock = createVirtualClock(Date.UTC(2026, 10, 22, 12))
    const transport = createSmtpTransport({ hostname: 'mx.ours.test', clock, reuse: usualReuse })
    const watch = createWatch({ store, clock, log: silentLog, onStop: () => transport.closeIdle() })
    const leaving = await createLeaving(store, { remote, clock, transport, runner: { watch } })
    await leaving.queue()
    await leaving.runner.drain()
    const quit = remote.reached('quit')
    await stopSending({ store, clock }, { scope: everything, actor: host })
    await leaving.runner.obey()
    await quit
    await resumeSending({ store, clock }, { scope: everything, actor: host })
    await leaving.queue({ subject: 'Another' })
    await leaving.runner.drain()
    expect(await remote.received(2)).toHaveLength(2)
    expect(remote.sessions()).toBe(2)
  })

  it('is seen within a second by a node that was not asked', async () => {
    const remote = await createRemoteMx({ answers: { rcpt: 'hang' }, extensions: [] })
    const store = await openStore()
    const leaving = await createLeaving(store, { remote })
    const elsewhere = leaving.anotherRunner({ watch: createWatch({ store, clock: leaving.clock, log: silentLog }) })
    const email = await leaving.queue()
    elsewhere.start()
    await remote.reached('rcpt')
    await leaving.untilAwaited(leaving.clock.now() + 500)
    await stopSending({ store, clock: leaving.clock }, { scope: everything, actor: host })
    const deferred = leaving.untilLogged('delivery.deferred')
    await leaving.clock.advance(500)
    await deferred
    expect(await leaving.deliveries(email)).toMatchObject([{ state: 'queued', bounce_class: 'interrupted' }])
  })

  it('lets what has been sent in full come to its answer', async () => {
    const remote = await createRemoteMx({ answers: { dot: 'hang' } })
    const store = await openStore()
    const leaving = await createLeaving(store, { remote })
    const email = await leaving.queue()
    const drained = leaving.runner.drain()
    await remote.reached('dot')
    await stopSending({ store, clock: leaving.clock }, { scope: everything, actor: host })
    await leaving.runner.obey()
    expect((await leaving.deliveries(email))[0]?.lease).not.toBeNull()
    await leaving.clock.advance(11 * minute)
    await drained
    expect(await leaving.deliveries(email)).toMatchObject([{ state: 'queued', may_be_accepted: 1 }])
  })

  it('stops one mailbox, or one domain, and leaves the others alone', async () => {
    const store = await openStore()
    const remote = await createRemoteMx()
    const [one, other] = [await createLeaving(store, { remote }), await createLeaving(store, { remote, signed: false })]
    const deps = { store, clock: one.clock }
    const mailbox = {
      ...everything,
      account_id: other.office.tenancy.accountId,
      world: 'live' as const,
      mailbox_id: other.office.mailbox.id,
    }
    expect(await stopSending(deps, { scope: mailbox, actor: host })).toEqual({ ok: true, value: { changed: true } })
    expect(await stopSending(deps, { scope: mailbox, actor: host })).toEqual({ ok: true, value: { changed: false } })
    await stopSending(deps, { scope: { ...everything, domain: 'elsewhere.test' }, actor: host })
    const email = await one.queue({ to: ['bo@remote.test', 'bo@elsewhere.test'] })
    const held = await other.queue()
    await one.runner.drain()
    expect((await one.deliveries(email)).map((it) => it.state)).toEqual(['delivered', 'queued'])
    expect(await other.deliveries(held)).toMatchObject([{ state: 'queued', attempts: 0 }])
    const stopped = (await listLog(store.db, other.office.tenancy, { limit: 9 })).filter((it) => it.action === 'sending.stopped')
    expect(stopped).toMatchObject([{ resourceId: other.office.mailbox.id }])
  })
})

describeOnEachEngine('a delivery by hand', (openStore) => {
  it('is taken back while it waits, and its email with the last of them', async () => {
    const store = await openStore()
    const leaving = await createLeaving(store, { signed: false })
    const email = await leaving.queue({ to: ['a@remote.test', 'b@remote.test'] })
    const [a, b] = await leaving.deliveries(email)
    const deps = { store, clock: leaving.clock }
    const request = { actor: leaving.office.agent, tenancy: leaving.office.tenancy }
    expect(await takeBack(deps, { ...request, id: a!.id })).toMatchObject({ ok: true, value: { state: 'cancelled' } })
    expect((await leaving.email(email)).status).toBe('sent')
    expect(await takeBack(deps, { ...request, id: b!.id })).toMatchObject({ ok: true, value: { state: 'cancelled' } })
    expect((await leaving.email(email)).status).toBe('cancelled')
    expect(await takeBack(deps, { ...request, id: b!.id })).toMatchObject({ ok: false, code: 'DELIVERY_NOT_WAITING' })
    await leaving.runner.drain()
    expect((await leaving.deliveries(email)).map((it) => [it.state, it.attempts])).toEqual([
      ['cancelled', 0],
      ['cancelled', 0],
    ])
    expect((await leaving.events()).filter((it) => it.type === 'message.cancelled').map((it) => it.data['recipient'])).toEqual([
      'a@remote.test',
      'b@remote.test',
    ])
    const stranger = { ...leaving.office.tenancy, world: 'test' as const }
    expect(await takeBack(deps, { ...request, id: a!.id, tenancy: stranger })).toMatchObject({ ok: false, code: 'DELIVERY_NOT_FOUND' })
  })

  it('is broken off when an attempt is under way that has not sent it', async () => {
    const remote = await createRemoteMx({ answers: { rcpt: 'hang' }, extensions: [] })
    const store = await openStore()
    const leaving = await createLeaving(store, { remote })
    const email = await leaving.queue()
    const drained = leaving.runner.drain()
    await remote.reached('rcpt')
    const [delivery] = await leaving.deliveries(email)
    const taken = await takeBack({ store, clock: leaving.clock }, { id: delivery!.id, actor: leaving.office.agent })
    expect(taken).toEqual({ ok: true, value: { state: 'cancelling' } })
    await leaving.runner.obey()
    await drained
    expect(await leaving.deliveries(email)).toMatchObject([{ state: 'cancelled', attempts: 1, may_be_accepted: 0 }])
    expect((await leaving.email(email)).status).toBe('cancelled')
  })

  it('ends as cancelled when the process that was at it died, and is said to be perhaps there', async () => {
    const store = await openStore()
    const leaving = await createLeaving(store, { signed: false })
    const email = await leaving.queue()
    const [claim] = await claimNext(store, { now: leaving.clock.now(), leaseMs: minute, limit: 1, lease: 'of the dead' })
    await takeBack({ store, clock: leaving.clock }, { id: claim!.id, actor: leaving.office.agent })
    await leaving.clock.advance(2 * minute)
    await leaving.runner.drain()
    expect(await leaving.deliveries(email)).toMatchObject([{ state: 'cancelled', attempts: 1, may_be_accepted: 1, lease: null }])
    expect((await leaving.email(email)).status).toBe('sent')
  })

  it('is tried at once when somebody asks', async () => {
    const remote = await createRemoteMx({ answers: { rcpt: ['450 4.2.0 Greylisted', '250 Ok'] }, extensions: [] })
    const store = await openStore()
    const leaving = await createLeaving(store, { remote })
    const email = await leaving.queue()
    await leaving.runner.drain()
    const [delivery] = await leaving.deliveries(email)
    expect(delivery?.next_attempt_at).toBeGreaterThan(leaving.clock.now())
    const asked = { id: delivery!.id, actor: leaving.office.agent }
    expect(await retryNow({ store, clock: leaving.clock }, asked)).toMatchObject({ ok: true })
    await leaving.runner.drain()
    expect(await leaving.deliveries(email)).toMatchObject([{ state: 'delivered', attempts: 2 }])
    expect(await retryNow({ store, clock: leaving.clock }, asked)).toMatchObject({ ok: false, code: 'DELIVERY_NOT_WAITING' })
  })
})
