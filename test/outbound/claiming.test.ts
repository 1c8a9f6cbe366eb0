import { expect, it } from 'vitest'
import { createClaimer } from '../../server/outbound/claiming.ts'
import { everything, stopSending } from '../../server/outbound/control/stops.ts'
import { createWatch } from '../../server/outbound/control/watch.ts'
import { unpaced } from '../../server/outbound/pace/pace.ts'
import { silentLog } from '../../server/platform/log.ts'
import { createLeaving } from '../support/leaving.ts'
import { describeOnEachEngine } from '../support/stores.ts'

const slots = { free: 5, perMailbox: 5, perDomain: 5 }
const recipients = (many: number): string[] => Array.from({ length: many }, (_, at) => `r${at}@remote.test`)

describeOnEachEngine('a look at the queue', (openStore) => {
  async function open(many: number) {
    const store = await openStore()
    const leaving = await createLeaving(store, { signed: false })
    const { clock } = leaving
    await leaving.queue({ to: recipients(many) })
    const watch = createWatch({ store, clock, log: silentLog })
    return { store, clock, watch, claimer: createClaimer({ store, clock, log: silentLog, watch, pace: unpaced, leaseMs: 120_000 }) }
  }
  const actor = { kind: 'system', part: 'outbound' } as const

  it('that saw a whole page of what is stopped looks again soon: others may stand behind it', async () => {
    const { store, clock, watch, claimer } = await open(201)
    await stopSending({ store, clock }, { scope: everything, actor })
    await watch.look()
    expect(await claimer.take([], slots)).toEqual({ taken: [], again: clock.now() + 1_000, seen: clock.now(), wasBeaten: false })
  })

  it('that saw all there is need not, stopped or not', async () => {
    const { store, clock, watch, claimer } = await open(3)
    await stopSending({ store, clock }, { scope: everything, actor })
    await watch.look()
    expect(await claimer.take([], slots)).toMatchObject({ taken: [], again: null, seen: clock.now() })
  })

  it('that took some of a page, and left others, looks again at once', async () => {
    const { clock, claimer } = await open(201)
    const { taken, again } = await claimer.take([], slots)
    expect([taken.length, again]).toEqual([5, clock.now()])
  })
})
