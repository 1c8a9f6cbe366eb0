import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { figuresLastMs, showQueue } from '../../../server/outbound/control/queue-gauges.ts'
import { everything, stopSending } from '../../../server/outbound/control/stops.ts'
import { silentLog } from '../../../server/platform/log.ts'
import { createMetrics } from '../../../server/platform/metrics.ts'
import type { Store } from '../../../server/store/db.ts'
import { claimNext, createLeaving } from '../../support/leaving.ts'
import { describeOnEachEngine } from '../../support/stores.ts'
import { createVirtualClock } from '../../support/virtual-clock.ts'

const minute = 60_000

const shown = async (metrics: ReturnType<typeof createMetrics>): Promise<Record<string, number>> =>
  Object.fromEntries(
    [...(await metrics.text()).matchAll(/^multimail_outbound_(\S+) (\S+)$/gm)].map(([, name, value]) => [name, Number(value)]),
  )

describeOnEachEngine('the numbers of the queue', (openStore) => {
  it('say what is due, under way and for later, how old it is, and what is stopped', async () => {
    const store = await openStore()
    const leaving = await createLeaving(store, { signed: false })
    const metrics = createMetrics()
    showQueue({ store, clock: leaving.clock, log: silentLog, metrics })
    const nothing = {
      'queue_deliveries{state="due"}': 0,
      'queue_deliveries{state="later"}': 0,
      queue_oldest_seconds: 0,
      stops: 0,
      alarms: 0,
    }
    expect(await shown(metrics)).toMatchObject(nothing)

    const email = await leaving.queue({ to: ['a@remote.test', 'b@remote.test', 'c@remote.test'] })
    await claimNext(store, { now: leaving.clock.now(), leaseMs: 2 * minute, limit: 1, lease: 'ours' })
    const [, second] = await leaving.deliveries(email)
    const later = leaving.clock.now() + 30_000
    await store.db.updateTable('deliveries').set({ next_attempt_at: later }).where('id', '=', second!.id).execute()
    await stopSending({ store, clock: leaving.clock }, { scope: everything, actor: { kind: 'system', part: 'host' } })
    // Nobody looks again so soon.
    expect(await shown(metrics)).toMatchObject(nothing)
    await leaving.clock.advance(figuresLastMs)
    expect(await shown(metrics)).toEqual({
      'queue_deliveries{state="due"}': 1,
      'queue_deliveries{state="under_way"}': 1,
      'queue_deliveries{state="later"}': 1,
      queue_oldest_seconds: figuresLastMs / 1000,
      'scheduled_emails{state="waiting"}': 0,
      'scheduled_emails{state="overdue"}': 0,
      stops: 1,
      alarms: 0,
    })
  })

  it('count emails that wait for their time, and those that wait beyond it', async () => {
    const store = await openStore()
    const leaving = await createLeaving(store, { signed: false })
    const now = leaving.clock.now()
    const [one, other] = [await leaving.queue(), await leaving.queue()]
    for (const [{ id }, at] of [
      [one, now - 1],
      [other, now + minute],
    ] as const)
      await store.db
        .updateTable('emails')
        .set({ status: 'scheduled', send_at: at, due_at: now + minute })
        .where('id', '=', id)
        .execute()
    const metrics = createMetrics()
    showQueue({ store, clock: leaving.clock, log: silentLog, metrics })
    expect(await shown(metrics)).toMatchObject({ 'scheduled_emails{state="waiting"}': 1, 'scheduled_emails{state="overdue"}': 1 })
  })
})

it('a store that does not answer makes them unknown, and the page stays', async () => {
  const metrics = createMetrics()
  showQueue({ store: { db: {} } as Store, clock: createVirtualClock(0), log: silentLog, metrics })
  expect(await metrics.text()).toContain('multimail_outbound_stops Nan')
})

it('docs/metrics.md has each of them', async () => {
  const metrics = createMetrics()
  showQueue({ store: { db: {} } as Store, clock: createVirtualClock(0), log: silentLog, metrics })
  const page = readFileSync('docs/metrics.md', 'utf8')
  for (const [, name] of (await metrics.text()).matchAll(/^# TYPE (\S+) gauge$/gm)) expect(page).toContain(`| \`${name}`)
})
