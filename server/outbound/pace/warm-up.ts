/**
 * A new address that sends much at once is taken for a spammer's. So for its first thirty days it sends more each day: 50, then 500 on the sixteenth, nearly
 * 5,000 on the last, and then what it likes. What is more waits for the next day, as mail that was never tried. Off unless the operator says since when an address sends.
 */
import type { Address } from '../../model/address.ts'
import type { Clock } from '../../platform/clock.ts'
import type { Metrics } from '../../platform/metrics.ts'
import type { Store } from '../../store/db.ts'
import { takeOfDay } from '../../store/source-days.ts'
import { type Source, sourceFor } from '../transport/sources.ts'
import type { Target } from '../transport.ts'
import type { Going } from './pace.ts'
import { destinationOf } from './providers.ts'

const dayMs = 24 * 60 * 60_000
export const rampDays = 30
const first = 50
const tenfoldDays = 15

/** `address` null: those that have no date of their own. `since`: the first day, epoch ms. */
export type WarmUpPlan = readonly { address: string | null; since: number }[]

/** What may leave on this day; null: as much as it likes. Days are of UTC. */
export function dailyRamp(since: number, now: number): number | null {
  const day = Math.max(0, dayOf(now) - dayOf(since))
  return day >= rampDays ? null : Math.round(first * 10 ** (day / tenfoldDays))
}

const dayOf = (time: number): number => Math.floor(time / dayMs)

export type WarmUp = {
  /** Counts one message for today. @returns null when it may leave, or when to ask again (epoch ms) */
  take(delivery: Going, reversePath: Address | null, targets: readonly Target[]): Promise<number | null>
}

export type WarmUpDeps = { store: Store; clock: Clock; metrics: Metrics; plan: WarmUpPlan; sources: readonly Source[] }

export function createWarmUp({ store, clock, metrics, plan, sources }: WarmUpDeps): WarmUp {
  const waits = metrics.counter('outbound_warm_up_waits_total', 'Deliveries that waited for the next day of a warm-up')
  return {
    async take(delivery, reversePath, targets) {
      const [target] = targets
      const now = clock.now()
      if (target === undefined || plan.length === 0 || now >= delivery.give_up_at || !isStranger(target)) return null
      const address = sourceFor(sources, reversePath, target)?.address ?? null
      const most = rampOf(plan, address, now)
      if (most === null || (await takeOfDay(store.db, { source: address ?? '', day: dayOf(now), most }))) return null
      waits.inc()
      return Math.min((dayOf(now) + 1) * dayMs, delivery.give_up_at)
    },
  }
}

/** A smarthost sends from an address of its own. */
const isStranger = (target: Target): boolean => target.relay === undefined && destinationOf(target) !== null

function rampOf(plan: WarmUpPlan, address: string | null, now: number): number | null {
  const entry = plan.find((one) => one.address === address && address !== null) ?? plan.find((one) => one.address === null)
  return entry === undefined ? null : dailyRamp(entry.since, now)
}
