import { expect, it } from 'vitest'
import { newId } from '../../../server/model/ids.ts'
import type { Going } from '../../../server/outbound/pace/pace.ts'
import { type WarmUpPlan, createWarmUp, dailyRamp, rampDays } from '../../../server/outbound/pace/warm-up.ts'
import type { Source } from '../../../server/outbound/transport/sources.ts'
import { type Target, ourEnding } from '../../../server/outbound/transport.ts'
import { createMetrics } from '../../../server/platform/metrics.ts'
import { createLeaving } from '../../support/leaving.ts'
import { address } from '../../support/offices.ts'
import { describeOnEachEngine } from '../../support/stores.ts'
import { createVirtualClock } from '../../support/virtual-clock.ts'

const hour = 60 * 60_000
const day = 24 * hour
const start = Date.UTC(2026, 10, 22, 12)
const midnight = Date.UTC(2026, 10, 23)

it('a warm-up is 50 on the first day, 500 on the sixteenth, nearly 5,000 on the last, and then over', () => {
  const ramp = Array.from({ length: rampDays + 1 }, (_, at) => dailyRamp(start, start + at * day))
  expect([ramp[0], ramp[15], ramp[29], ramp[30]]).toEqual([50, 500, 4288, null])
  for (let at = 1; at < rampDays; at++) expect(ramp[at]).toBeGreaterThan(ramp[at - 1] ?? Infinity)
  expect(dailyRamp(start, start - 5 * day)).toBe(50)
  expect(dailyRamp(start, midnight - 1)).toBe(50)
  expect(dailyRamp(start, midnight)).toBe(58)
})

describeOnEachEngine('the warm-up of an address', (openStore) => {
  const target: Target = { host: 'mx.example.org', address: '203.0.114.7', port: 25 }
  const delivery = (give_up_at = start + 3 * day): Going => ({
    id: newId('delivery', start),
    world: 'live',
    domain: 'example.org',
    give_up_at,
  })
  const from = address('ann@ours.test')

  const open = async (plan: WarmUpPlan, sources: readonly Source[] = []) => {
    const store = await openStore()
    const clock = createVirtualClock(start)
    const warmUp = createWarmUp({ store, clock, metrics: createMetrics(), plan, sources })
    return { store, clock, warmUp, take: (to = target, what = delivery()) => warmUp.take(what, from, [to]) }
  }

  it('lets so many leave in a day, however many ask at once, and has the others wait for the next', async () => {
    const { store, clock, take } = await open([{ address: null, since: start }])
    const asked = await Promise.all(Array.from({ length: 60 }, () => take()))
    expect(asked.filter((until) => until === null)).toHaveLength(50)
    expect(new Set(asked)).toEqual(new Set([null, midnight]))
    await clock.advance(midnight - start)
    expect(await take()).toBeNull()
    expect(await store.db.selectFrom('source_days').select(['messages']).execute()).toEqual([{ messages: 1 }])
  })

  it('is of each address for itself', async () => {
    const [one, other] = ['203.0.113.1', '203.0.113.2']
    const plan = [{ address: one, since: start }]
    const count = async (source: string): Promise<number> => {
      const { take } = await open(plan, [{ address: source, name: null }])
      return (await Promise.all(Array.from({ length: 60 }, () => take()))).filter((until) => until === null).length
    }
    expect([await count(one), await count(other)]).toEqual([50, 60])
  })

  it('does not count what a smarthost sends, what stays in our own network, or a last attempt', async () => {
    const { store, clock, take } = await open([{ address: null, since: start }])
    expect(await take({ ...target, relay: { tls: 'starttls', login: null } })).toBeNull()
    expect(await take({ ...target, address: '10.0.0.7', trusted: true })).toBeNull()
    await clock.advance(3 * day)
    expect(await take(target, delivery())).toBeNull()
    expect(await store.db.selectFrom('source_days').selectAll().execute()).toEqual([])
  })

  it('makes mail wait, and does not fail it or count an attempt', async () => {
    const { store, clock, warmUp, take } = await open([{ address: null, since: start }])
    await Promise.all(Array.from({ length: 50 }, () => take()))
    const transport = async () => ({ ...ourEnding('dot', 250, null, 'OK'), by: 'remote' as const, remoteAddress: null, tls: null })
    const zone = { 'mx.remote.test': { A: [target.address] } }
    const leaving = await createLeaving(store, { clock, transport, zone, warmUp })
    const email = await leaving.queue()
    await leaving.runner.drain()
    expect(await leaving.deliveries(email)).toMatchObject([{ state: 'queued', attempts: 0, next_attempt_at: midnight, lease: null }])
    await clock.advance(midnight - clock.now())
    await leaving.runner.drain()
    expect(await leaving.deliveries(email)).toMatchObject([{ state: 'delivered', attempts: 1 }])
  })
})
