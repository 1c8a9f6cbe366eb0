import { expect, it } from 'vitest'
import { type Outcome, unsent } from '../../server/outbound/outcome.ts'
import { verdict } from '../../server/outbound/classify-meanings.ts'
import type { Store } from '../../server/store/db.ts'
import { claimNext, createLeaving, statesOf } from '../support/leaving.ts'
import { createRemoteMx } from '../support/remote-mx.ts'
import { describeOnEachEngine } from '../support/stores.ts'

const minute = 60_000
const hour = 60 * minute

describeOnEachEngine('the runner', (openStore) => {
  it('delivers what is released as soon as it is woken, and what is deferred when its time has come', async () => {
    const remote = await createRemoteMx({ answers: { rcpt: ['450 4.2.0 Greylisted', '250 Ok'] }, extensions: [] })
    const leaving = await createLeaving(await openStore(), { remote })
    leaving.runner.start()
    const deferred = leaving.untilLogged('delivery.deferred')
    const email = await leaving.queue()
    leaving.runner.wake()
    await deferred
    expect(await leaving.deliveries(email)).toMatchObject([
      { state: 'queued', bounce_class: 'greylisted', next_attempt_at: leaving.clock.now() + 301_000 },
    ])
    const settled = leaving.untilLogged('delivery.settled')
    await leaving.untilAwaited(leaving.clock.now() + 301_000)
    await leaving.clock.advance(301_000)
    await settled
    expect(await leaving.deliveries(email)).toMatchObject([{ state: 'delivered', attempts: 2, may_be_accepted: 0 }])
  })

  it('finds by itself what another process released', async () => {
    const remote = await createRemoteMx()
    const leaving = await createLeaving(await openStore(), { remote, runner: { pollMs: 5_000 } })
    leaving.runner.start()
    await leaving.untilAwaited(leaving.clock.now() + 5_000)
    const settled = leaving.untilLogged('delivery.settled')
    await leaving.queue()
    await leaving.clock.advance(5_000)
    await settled
    expect(await remote.received()).toHaveLength(1)
  })

  it('keeps at most so many under way', async () => {
    const remote = await createRemoteMx({ answers: { rcpt: 'hang' }, extensions: [] })
    const leaving = await createLeaving(await openStore(), { remote, runner: { concurrency: 3, slots: { perMailbox: 3, perDomain: 3 } } })
    await leaving.queue({ to: Array.from({ length: 10 }, (_, at) => `r${at}@remote.test`) })
    const drained = leaving.runner.drain()
    await remote.reached('rcpt', 3)
    expect(remote.sessions()).toBe(3)
    remote.answer({})
    await leaving.clock.advance(5 * minute) // the three that hang are given up
    await drained
    expect(remote.sessions()).toBe(10)
  })

  it('keeps the lease of a long attempt, so that a second runner leaves it alone', async () => {
    const remote = await createRemoteMx({ answers: { dot: 'hang' } })
    const leaving = await createLeaving(await openStore(), { remote })
    const email = await leaving.queue()
    const first = leaving.runner.drain()
    await remote.reached('dot')
    const second = leaving.anotherRunner()
    for (let renewals = 0; renewals < 14; renewals += 1) {
      await leaving.untilAwaited(leaving.clock.now() + 40_000)
      await leaving.clock.advance(40_000)
      await second.drain()
    }
    expect(remote.sessions()).toBe(1)
    expect(await leaving.deliveries(email)).toMatchObject([{ attempts: 1 }])
    remote.answer({})
    await leaving.clock.advance(minute)
    await first
    expect(await leaving.deliveries(email)).toMatchObject([{ state: 'queued', may_be_accepted: 1, bounce_class: 'network' }])
  })

  it('that lost its lease stops, and the delivery is the other’s', async () => {
    const remote = await createRemoteMx({ answers: { rcpt: ['hang', '250 Ok'] }, extensions: [] })
    const leaving = await createLeaving(await openStore(), { remote, runner: { leaseMs: 3 * minute } })
    const email = await leaving.queue()
    const first = leaving.runner.drain()
    await remote.reached('rcpt')
    // As after a pause in which this process did nothing, not even renew: the other sees a lapsed lease.
    const [before] = await leaving.deliveries(email)
    await leaving.lapse(email)
    await leaving.anotherRunner().drain()
    expect(await leaving.deliveries(email)).toMatchObject([{ state: 'delivered', attempts: 2, may_be_accepted: 1 }])
    await leaving.clock.advance(minute) // it would renew now
    await first
    expect(await leaving.deliveries(email)).toMatchObject([{ state: 'delivered', attempts: 2 }])
    expect(leaving.logged.map((entry) => entry.event)).toContain('delivery.lease-lost')
    expect(await leaving.attempts(before!.id)).toMatchObject([{ outcome: null }, { outcome: 'delivered' }])
  })

  it('does not take again what it is delivering, though its lease lapsed while the store was away', async () => {
    const said = Promise.withResolvers<string>()
    const remote = await createRemoteMx({ answers: { dot: [said.promise, '250 2.0.0 Ok'] } })
    const leaving = await createLeaving(await openStore(), { remote, runner: { pollMs: 5_000 } })
    leaving.runner.start()
    const email = await leaving.queue()
    leaving.runner.wake()
    await remote.reached('dot')
    await leaving.lapse(email)
    const settled = leaving.untilLogged('delivery.settled')
    const other = await leaving.queue()
    leaving.runner.wake()
    await settled
    expect(await leaving.deliveries(other)).toMatchObject([{ state: 'delivered' }])
    expect(await leaving.deliveries(email)).toMatchObject([{ attempts: 1 }])
    expect(remote.sessions()).toBe(2)
    const second = leaving.untilLogged('delivery.settled')
    said.resolve('250 2.0.0 Ok')
    await second
    expect(await leaving.deliveries(email)).toMatchObject([{ state: 'delivered', attempts: 1 }])
  })

  it('writes down what the remote said as soon as the store is there again, and does not send it twice', async () => {
    const said = Promise.withResolvers<string>()
    const remote = await createRemoteMx({ answers: { dot: [said.promise] } })
    const store = await openStore()
    let isAway = false
    const awayAtTimes: Store = {
      ...store,
      transaction: (work) => (isAway ? Promise.reject(new Error('connect ECONNREFUSED')) : store.transaction(work)),
    }
    const leaving = await createLeaving(awayAtTimes, { remote })
    leaving.runner.start()
    const email = await leaving.queue()
    leaving.runner.wake()
    await remote.reached('dot')
    isAway = true
    const tried = leaving.untilLogged('delivery.not-yet-recorded')
    said.resolve('250 2.0.0 Ok')
    await tried
    isAway = false
    const settled = leaving.untilLogged('delivery.settled')
    await leaving.untilAwaited(leaving.clock.now() + 1_000)
    await leaving.clock.advance(1_000)
    await settled
    expect(await leaving.deliveries(email)).toMatchObject([{ state: 'delivered', attempts: 1, may_be_accepted: 0 }])
    expect(await remote.received()).toHaveLength(1)
  })

  it('never delivers one thing twice beside another runner', async () => {
    const remote = await createRemoteMx()
    const leaving = await createLeaving(await openStore(), { remote })
    const to = Array.from({ length: 12 }, (_, at) => `r${at}@remote.test`)
    await leaving.queue({ to })
    await Promise.all([leaving.runner.drain(), leaving.anotherRunner().drain(), leaving.anotherRunner({ concurrency: 1 }).drain()])
    expect((await remote.received(0)).flatMap((mail) => mail.forwardPaths).toSorted()).toEqual(to.toSorted())
  })

  it('takes over from a dead predecessor at once when it is alone, and says that the message may be there already', async () => {
    const remote = await createRemoteMx()
    const store = await openStore()
    const leaving = await createLeaving(store, { remote })
    const email = await leaving.queue()
    await claimNext(store, { now: leaving.clock.now(), leaseMs: hour, limit: 1, lease: 'of the dead' })
    const settled = leaving.untilLogged('delivery.settled')
    leaving.anotherRunner({ alone: true }).start()
    await settled
    expect(await leaving.deliveries(email)).toMatchObject([{ state: 'delivered', attempts: 2, may_be_accepted: 1 }])
    expect(await leaving.attempts((await leaving.deliveries(email))[0]!.id)).toMatchObject([
      { outcome: null, ended_at: null },
      { outcome: 'delivered' },
    ])
  })

  it('waits longer after each crash of the same delivery', async () => {
    const remote = await createRemoteMx()
    const store = await openStore()
    const leaving = await createLeaving(store, { remote })
    const email = await leaving.queue()
    await store.db
      .updateTable('deliveries')
      .set({ attempts: 3, lease: 'of the dead', leased_until: leaving.clock.now() + hour })
      .execute()
    const takenOver = leaving.untilLogged('delivery.leases-taken-over')
    leaving.anotherRunner({ alone: true }).start()
    await takenOver
    expect(await leaving.deliveries(email)).toMatchObject([{ next_attempt_at: leaving.clock.now() + 10 * minute }])
  })

  it('gives up a delivery that no attempt at ever came back from, when its time is over', async () => {
    const remote = await createRemoteMx()
    const store = await openStore()
    const leaving = await createLeaving(store, { remote })
    const email = await leaving.queue()
    await claimNext(store, { now: leaving.clock.now(), leaseMs: 73 * hour, limit: 1, lease: 'of the dead' })
    await leaving.clock.advance(73 * hour)
    await leaving.runner.drain()
    expect(await leaving.deliveries(email)).toMatchObject([{ state: 'expired', may_be_accepted: 1, bounce_class: 'interrupted' }])
    expect(remote.sessions()).toBe(0)
  })

  it('stops: what is under way gets four seconds, then it is interrupted and left for the next start', async () => {
    const remote = await createRemoteMx({ answers: { rcpt: 'hang' }, extensions: [] })
    const leaving = await createLeaving(await openStore(), { remote })
    leaving.runner.start()
    const email = await leaving.queue()
    leaving.runner.wake()
    await remote.reached('rcpt')
    const stopped = leaving.runner.stop()
    await leaving.untilAwaited(leaving.clock.now() + 4_000)
    await leaving.clock.advance(4_000)
    await stopped
    const [delivery] = await leaving.deliveries(email)
    expect(delivery).toMatchObject({ state: 'queued', bounce_class: 'interrupted', lease: null, may_be_accepted: 0 })
    expect(delivery?.next_attempt_at).toBeLessThanOrEqual(leaving.clock.now())
  })

  it('takes a bug for a bug: the delivery is deferred, and the others go', async () => {
    const leaving = await createLeaving(await openStore())
    const email = await leaving.queue({ to: ['a@remote.test', 'b@remote.test'] })
    const accepted: Outcome = { ...unsent(verdict('delivered', 'delivered'), 'ok'), code: '250' }
    const runner = leaving.anotherRunner({
      deliver: (claim) => (claim.forward_path.startsWith('a') ? Promise.reject(new Error('a bug')) : Promise.resolve(accepted)),
    })
    await runner.drain()
    expect(await leaving.deliveries(email)).toMatchObject([
      { state: 'queued', bounce_class: 'internal' },
      { state: 'delivered', bounce_class: null },
    ])
    expect(leaving.logged.map((entry) => entry.event)).toContain('delivery.failed')
    expect(await statesOf(leaving, email)).toEqual(['queued', 'delivered'])
  })

  it('lets one message of another mailbox, and one to another domain, pass a thousand, also while a slow host holds what it may', async () => {
    const slow: string[] = []
    const order: string[] = []
    const store = await openStore()
    const [many, few] = [await createLeaving(store, { signed: false }), await createLeaving(store, { signed: false })]
    const hang = Promise.withResolvers<void>()
    const accepted: Outcome = { ...unsent(verdict('delivered', 'delivered'), 'ok'), code: '250' }
    const runner = many.anotherRunner({
      concurrency: 4,
      deliver: async (claim) => {
        if (claim.domain === 'slow.test') {
          slow.push(claim.forward_path)
          await hang.promise
        } else order.push(claim.forward_path)
        return accepted
      },
    })
    await many.queue({ to: [...Array.from({ length: 250 }, (_, at) => `r${at}@slow.test`), 'bo@quick.test'] })
    await few.queue({ to: ['ann@other.test'] })
    runner.start()
    while (order.length < 2) await many.untilLogged('delivery.settled')
    expect(order.toSorted()).toEqual(['ann@other.test', 'bo@quick.test'])
    expect(slow).toHaveLength(2)
    hang.resolve()
    while (slow.length < 20) await many.untilLogged('delivery.settled')
  })

  it('asks the pace first: what has to wait is moved without an attempt, and hears when what goes is over', async () => {
    const over: string[] = []
    const leaving = await createLeaving(await openStore())
    const email = await leaving.queue({ to: ['a@held.test', 'b@free.test'] })
    const until = leaving.clock.now() + hour
    const accepted: Outcome = { ...unsent(verdict('delivered', 'delivered'), 'ok'), code: '250' }
    const runner = leaving.anotherRunner({
      deliver: () => Promise.resolve(accepted),
      pace: {
        turn: (delivery, destination) =>
          destination === 'held.test'
            ? { kind: 'wait', until, reason: 'held' }
            : { kind: 'go', done: () => void over.push(delivery.domain) },
      },
    })
    await runner.drain()
    expect(await leaving.deliveries(email)).toMatchObject([
      { domain: 'held.test', state: 'queued', attempts: 0, next_attempt_at: until, lease: null },
      { domain: 'free.test', state: 'delivered' },
    ])
    expect(over).toEqual(['free.test'])
  })

  it('gives the slot of a host that keeps it too long to others', async () => {
    const leaving = await createLeaving(await openStore(), { signed: false })
    const accepted: Outcome = { ...unsent(verdict('delivered', 'delivered'), 'ok'), code: '250' }
    const hang = Promise.withResolvers<void>()
    const runner = leaving.anotherRunner({
      concurrency: 2,
      slots: { perMailbox: 2, perDomain: 2 },
      deliver: async (claim) => {
        if (claim.domain.startsWith('tarpit')) await hang.promise
        return accepted
      },
    })
    const email = await leaving.queue({ to: ['a@tarpit1.test', 'a@tarpit2.test', 'a@quick.test'] })
    runner.start()
    while (leaving.logged.filter(({ event }) => event === 'delivery.leased').length < 2) await leaving.untilLogged('delivery.leased')
    await leaving.untilAwaited(leaving.clock.now() + 30_000)
    const settled = leaving.untilLogged('delivery.settled')
    await leaving.clock.advance(30_000)
    await settled
    expect((await leaving.deliveries(email)).map((it) => it.state)).toEqual(['queued', 'queued', 'delivered'])
    hang.resolve()
  })
})
