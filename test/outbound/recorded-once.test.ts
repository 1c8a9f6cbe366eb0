import { expect, it } from 'vitest'
import { recordOutcomes } from '../../server/outbound/outcomes.ts'
import { verdict } from '../../server/outbound/classify-meanings.ts'
import { type Outcome, unsent } from '../../server/outbound/outcome.ts'
import type { Retry } from '../../server/outbound/schedule.ts'
import type { Store } from '../../server/store/db.ts'
import { gathered } from '../../server/store/gathered.ts'
import { verifyLog } from '../../server/store/log.ts'
import { claimNext, createLeaving } from '../support/leaving.ts'
import { describeOnEachEngine } from '../support/stores.ts'

const minute = 60_000
const outcome = (kind: 'delivered' | 'deferred' | 'bounced'): Outcome => {
  const judged = {
    delivered: verdict('delivered', 'delivered'),
    deferred: verdict('greylisted', 'retry'),
    bounced: verdict('recipient', 'fail'),
  }
  const said = { delivered: '250 2.0.0 Ok', deferred: '450 4.2.0 Later', bounced: '550 5.1.1 No such user' }
  const one = unsent(judged[kind], said[kind])
  return { ...one, code: said[kind].slice(0, 9), facts: { ...one.facts, reply: said[kind] } }
}

/** Commits, and says that the connection was lost, as often as it is told. */
function losing(store: Store, times: number): Store {
  let left = times
  return {
    ...store,
    async transaction(work) {
      const value = await store.transaction(work)
      if (left === 0) return value
      left -= 1
      throw new Error('Connection terminated unexpectedly')
    },
  }
}

describeOnEachEngine('the end of an attempt', (openStore) => {
  async function ended() {
    const store = await openStore()
    const leaving = await createLeaving(store, { signed: false })
    const email = await leaving.queue({ to: ['a@remote.test', 'b@remote.test', 'c@remote.test'] })
    const now = leaving.clock.now()
    const claims = await claimNext(store, { now, leaseMs: 2 * minute, limit: 3, lease: 'ours' })
    const retry: Retry = { kind: 'retry', at: now + 5 * minute }
    const kinds = ['delivered', 'deferred', 'bounced'] as const
    const all = claims.map((claim, at) => ({ claim, outcome: outcome(kinds[at] ?? 'delivered'), retry, now }))
    const record = async () => ({
      deliveries: await leaving.deliveries(email),
      attempts: (await Promise.all(claims.map(({ id }) => leaving.attempts(id)))).flat(),
      email: await leaving.email(email),
      events: await leaving.events(),
      log: await store.db.selectFrom('log_entries').select(['seq', 'action']).orderBy('seq').execute(),
      suppressions: await store.db.selectFrom('suppressions').selectAll().execute(),
    })
    return { store, leaving, all, record }
  }
  const states = ['delivered', 'queued', 'bounced']

  it('is recorded once, however often, together or alone', async () => {
    const { store, all, record } = await ended()
    expect(await store.transaction((tx) => recordOutcomes(tx, all))).toEqual(states)
    const before = await record()
    expect(before.attempts.map(({ outcome }) => outcome)).toEqual(['delivered', 'deferred', 'failed'])
    expect(await store.transaction((tx) => recordOutcomes(tx, all))).toEqual(states)
    for (const [at, one] of all.entries()) expect(await store.transaction((tx) => recordOutcomes(tx, [one]))).toEqual([states[at]])
    expect(await record()).toEqual(before)
    expect(await verifyLog(store.db)).toMatchObject({ ok: true })
  })

  it('stays what it was when the answer of its commit is lost, and whoever recorded it is told so', async () => {
    const { store, all, record } = await ended()
    const settled = gathered(losing(store, 1), () => 100, recordOutcomes)
    expect(await Promise.all(all.map((one) => settled.add(one)))).toEqual(states)
    const { attempts, events, deliveries } = await record()
    expect(attempts.map(({ outcome, reply }) => [outcome, reply])).toEqual([
      ['delivered', '250 2.0.0 Ok'],
      ['deferred', '450 4.2.0 Later'],
      ['failed', '550 5.1.1 No such user'],
    ])
    expect(deliveries.map(({ state }) => state)).toEqual(states)
    expect(
      events
        .map(({ type }) => type)
        .filter((type) => type !== 'message.sent')
        .toSorted(),
    ).toEqual(['message.bounced', 'message.delivered'])
  })

  it('stays what it was when the delivery has been taken up again meanwhile', async () => {
    const { store, leaving, all, record } = await ended()
    await store.transaction((tx) => recordOutcomes(tx, all))
    await leaving.clock.advance(5 * minute)
    const [again] = await claimNext(store, { now: leaving.clock.now(), leaseMs: 2 * minute, limit: 3, lease: 'another' })
    const before = await record()
    await store.transaction((tx) => recordOutcomes(tx, all))
    expect(await record()).toEqual(before)
    expect(before.deliveries[1]).toMatchObject({ id: again?.id, state: 'queued', lease: 'another', attempts: 2 })
  })

  it('of a lease that somebody else took has no outcome, and nobody hears of it', async () => {
    const { store, leaving, all, record } = await ended()
    await leaving.clock.advance(3 * minute)
    await claimNext(store, { now: leaving.clock.now(), leaseMs: 2 * minute, limit: 3, lease: 'another' })
    const before = await record()
    for (let time = 0; time < 2; time += 1) expect(await store.transaction((tx) => recordOutcomes(tx, all))).toEqual([null, null, null])
    const after = await record()
    expect(after.attempts.filter(({ number }) => number === 1).map(({ outcome, reply }) => [outcome, reply])).toEqual([
      [null, '250 2.0.0 Ok'],
      [null, '450 4.2.0 Later'],
      [null, '550 5.1.1 No such user'],
    ])
    expect({ ...after, attempts: [] }).toEqual({ ...before, attempts: [] })
  })
})
