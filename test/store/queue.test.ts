import { beforeEach, expect, it } from 'vitest'
import { newId } from '../../server/model/ids.ts'
import type { Store } from '../../server/store/db.ts'
import { listLog } from '../../server/store/log.ts'
import {
  type Claim,
  type Settlement,
  attemptsOf,
  deliveriesOf,
  lapseLeases,
  nextDue,
  renewLease,
  settleDelivery,
} from '../../server/store/queue.ts'
import { type Leaving, claimNext, createLeaving } from '../support/leaving.ts'
import { describeOnEachEngine } from '../support/stores.ts'

describeOnEachEngine('the queue', (openStore) => {
  let store: Store
  let leaving: Leaving
  let t0: number
  const minute = 60_000
  const claim = (now: number, limit = 10, lease = newId('event', now)): Promise<Claim[]> =>
    claimNext(store, { now, leaseMs: 2 * minute, limit, lease })
  const facts = {
    host: 'mx.remote.test',
    remoteAddress: '192.0.2.1',
    tls: null,
    signatures: 'DKIM-Signature: x\r\n',
    reply: '250 2.0.0 Ok',
  }
  const delivered: Settlement = { state: 'delivered', bounceClass: null, mayBeAccepted: false, facts }
  const deferred = (nextAttemptAt: number): Settlement => ({
    state: 'queued',
    nextAttemptAt,
    bounceClass: 'greylisted',
    mayBeAccepted: false,
    facts,
  })
  const settle = (one: Claim, how: Settlement, now: number) => store.transaction((tx) => settleDelivery(tx, one, how, now))

  beforeEach(async () => {
    store = await openStore()
    leaving = await createLeaving(store, { signed: false })
    t0 = leaving.clock.now()
  })

  it('leases what is due, the longest due first, and writes the attempt down before it is made', async () => {
    const email = await leaving.queue({ to: ['a@remote.test', 'b@remote.test', 'c@remote.test'] })
    const [a, b] = await deliveriesOf(store.db, email.id)
    await store.db
      .updateTable('deliveries')
      .set({ next_attempt_at: t0 - 5 })
      .where('id', '=', b?.id ?? a!.id)
      .execute()
    const [first] = await claim(t0, 1)
    expect(first).toMatchObject({
      forward_path: 'b@remote.test',
      attempts: 1,
      leased_until: t0 + 2 * minute,
      next_attempt_at: t0 + 2 * minute,
    })
    expect(await attemptsOf(store.db, first!.id)).toMatchObject([{ number: 1, started_at: t0, ended_at: null, outcome: null, host: null }])
    expect((await claim(t0)).map((one) => one.forward_path)).toEqual(['a@remote.test', 'c@remote.test'])
    expect(await claim(t0)).toEqual([])
    const log = await listLog(store.db, leaving.office.tenancy, { limit: 10 })
    expect(log.filter((entry) => entry.action === 'delivery.attempted')).toHaveLength(3)
    expect(log.find((entry) => entry.resourceId === first?.id)).toMatchObject({
      metadata: { number: 1 },
      details: { recipient: 'b@remote.test' },
    })
  })

  it('never leases one delivery to two workers at a time', async () => {
    for (let at = 0; at < 10; at += 1) await leaving.queue({ to: [`a${at}@remote.test`, `b${at}@remote.test`] })
    const claims = await Promise.all(Array.from({ length: 8 }, () => claim(t0, 4)))
    const ids = claims.flat().map((one) => one.id)
    expect(new Set(ids).size).toBe(ids.length)
    for (let more = await claim(t0); more.length > 0; more = await claim(t0)) ids.push(...more.map((one) => one.id))
    expect(new Set(ids).size).toBe(20)
    expect(ids).toHaveLength(20)
  })

  it('gives a lapsed lease to the next worker, who is told that the remote may have the message, and refuses the first one’s settlement', async () => {
    const email = await leaving.queue()
    const [first] = await claim(t0)
    expect(await claim(t0 + 2 * minute - 1)).toEqual([])
    const [second] = await claim(t0 + 2 * minute)
    expect(second).toMatchObject({ id: first?.id, attempts: 2, may_be_accepted: 1 })
    expect(await settle(first!, delivered, t0 + 3 * minute)).toBe('lost')
    expect(await deliveriesOf(store.db, email.id)).toMatchObject([{ state: 'queued', lease: second?.lease }])
    expect(await settle(second!, delivered, t0 + 3 * minute)).toBe('settled')
    expect(await deliveriesOf(store.db, email.id)).toMatchObject([
      { state: 'delivered', lease: null, leased_until: null, settled_at: t0 + 3 * minute, may_be_accepted: 1 },
    ])
    expect(await attemptsOf(store.db, first!.id)).toMatchObject([
      { number: 1, outcome: null, reply: '250 2.0.0 Ok', ended_at: t0 + 3 * minute },
      { number: 2, outcome: 'delivered', host: 'mx.remote.test', remote_address: '192.0.2.1', signatures: 'DKIM-Signature: x\r\n' },
    ])
  })

  it('lets a lapsed lease that nobody took be settled by its owner', async () => {
    await leaving.queue()
    const [one] = await claim(t0)
    expect(await settle(one!, delivered, t0 + 60 * minute)).toBe('settled')
  })

  it('settles once', async () => {
    await leaving.queue()
    const [one] = await claim(t0)
    expect(await settle(one!, delivered, t0)).toBe('settled')
    expect(await settle(one!, { ...delivered, state: 'bounced' }, t0)).toBe('before')
  })

  it('keeps a renewed lease, and refuses to renew one that is lost', async () => {
    await leaving.queue()
    const [one] = await claim(t0)
    expect(await renewLease(store.db, one!, t0 + 5 * minute)).toBe(true)
    expect(await claim(t0 + 4 * minute)).toEqual([])
    const [other] = await claim(t0 + 5 * minute)
    expect(other?.id).toBe(one?.id)
    expect(await renewLease(store.db, one!, t0 + 9 * minute)).toBe(false)
  })

  it('defers until the time given, and remembers why', async () => {
    const email = await leaving.queue()
    const [one] = await claim(t0)
    expect(await settle(one!, deferred(t0 + 5 * minute), t0 + 1)).toBe('settled')
    expect(await deliveriesOf(store.db, email.id)).toMatchObject([
      {
        state: 'queued',
        next_attempt_at: t0 + 5 * minute,
        lease: null,
        bounce_class: 'greylisted',
        last_reply: '250 2.0.0 Ok',
        last_host: 'mx.remote.test',
        settled_at: null,
        may_be_accepted: 0,
      },
    ])
    expect(await claim(t0 + 5 * minute - 1)).toEqual([])
    expect(await claim(t0 + 5 * minute)).toMatchObject([{ attempts: 2, may_be_accepted: 0 }])
  })

  it('says when something is due next', async () => {
    expect(await nextDue(store.db)).toBeNull()
    await leaving.queue()
    expect(await nextDue(store.db)).toBe(t0)
    const [one] = await claim(t0)
    expect(await nextDue(store.db)).toBe(t0 + 2 * minute)
    await settle(one!, delivered, t0)
    expect(await nextDue(store.db)).toBeNull()
  })

  it('lets the leases of a dead predecessor lapse at once, and what was never leased alone', async () => {
    const email = await leaving.queue({ to: ['a@remote.test', 'b@remote.test'] })
    const [a] = await claim(t0, 1)
    expect(await store.transaction((tx) => lapseLeases(tx, (attempts) => t0 + 1000 * attempts))).toBe(1)
    const [after, untouched] = await deliveriesOf(store.db, email.id)
    expect(after).toMatchObject({ id: a?.id, next_attempt_at: t0 + 1000 })
    expect(untouched).toMatchObject({ next_attempt_at: t0, lease: null })
    expect(await claim(t0 + 1000)).toMatchObject([{ may_be_accepted: 1 }, { may_be_accepted: 0 }])
  })
})
