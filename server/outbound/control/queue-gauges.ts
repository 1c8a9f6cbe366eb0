/** How much waits, for the operator's Prometheus. The queue is looked at only when somebody asks, and seldom: numbers must not cost what they count. */
import type { Clock } from '../../platform/clock.ts'
import type { Log } from '../../platform/log.ts'
import type { Metrics } from '../../platform/metrics.ts'
import type { Store } from '../../store/db.ts'
import { type QueueFigures, queueFigures } from '../../store/waiting.ts'

/** One look serves everybody who asks within this time. */
export const figuresLastMs = 10_000
// As long as a lease is, and what clocks may differ by.
const longestLeaseMs = 3 * 60_000

type GaugeDeps = { store: Store; clock: Clock; log: Log; metrics: Metrics }

export function showQueue({ store, clock, log, metrics }: GaugeDeps): void {
  let last: { at: number; figures: Promise<QueueFigures> } | null = null

  const look = (): Promise<QueueFigures> => {
    const now = clock.now()
    if (last === null || now - last.at >= figuresLastMs || now < last.at) {
      const figures = queueFigures(store.db, { now, leaseMs: longestLeaseMs }).catch((error: unknown) => {
        // The other numbers are shown all the same.
        log.warn({ err: error }, 'queue.uncounted')
        return unknown
      })
      last = { at: now, figures }
    }
    return last.figures
  }
  const age = ({ oldestAt }: QueueFigures): number => (oldestAt === null ? 0 : Math.max(0, (clock.now() - oldestAt) / 1000))

  metrics.measuredBy('outbound_queue_deliveries', 'Deliveries that have not come to an end', 'state', async () => {
    const { due, under_way, later } = await look()
    return { due, under_way, later }
  })
  metrics.measured('outbound_queue_oldest_seconds', 'Age of the oldest delivery that has not come to an end', async () => age(await look()))
  metrics.measuredBy('outbound_scheduled_emails', 'Emails that wait for their time', 'state', async () => {
    const { scheduled, overdue } = await look()
    return { waiting: scheduled - overdue, overdue }
  })
  metrics.measured('outbound_stops', 'Stops in force', async () => (await look()).stops)
  metrics.measured('outbound_alarms', 'Alarms that last', async () => (await look()).alarms)
}

const nobodyKnows = Number.NaN
const unknown: QueueFigures = {
  due: nobodyKnows,
  under_way: nobodyKnows,
  later: nobodyKnows,
  oldestAt: nobodyKnows,
  scheduled: nobodyKnows,
  overdue: nobodyKnows,
  stops: nobodyKnows,
  alarms: nobodyKnows,
}
