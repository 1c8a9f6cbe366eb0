/**
 * What must not leave now: the stops, and what somebody took back, as they stand in the store.
 *
 * Promise: whoever stops sending, on whichever node or by a command on the host, is obeyed within a second (design promise 4). The store decides; this is
 * a copy that is half a second old at most. A claim reads the stops once more in its own transaction.
 */
import type { DeliveryId } from '../../model/ids.ts'
import type { Alarm, Clock } from '../../platform/clock.ts'
import type { Log } from '../../platform/log.ts'
import type { Store } from '../../store/db.ts'
import { type StopRow, type Stoppable, isStopped, listStops } from '../../store/stops.ts'
import { takenBackOf } from '../../store/queue-changes.ts'

const watchMs = 500

export type Watch = {
  isStopped(delivery: Stoppable): boolean
  takenBack(): ReadonlySet<DeliveryId>
  /** Looks now. Rejects when the store does not answer. */
  look(): Promise<void>
  /** Looks all the time; `onChange` after each look that found something new. */
  start(onChange: () => void): void
  stop(): void
}

type WatchDeps = {
  store: Store
  clock: Clock
  log: Log
  /** called when something is stopped that was not */
  onStop?: () => void
}

export function createWatch({ store, clock, log, onStop }: WatchDeps, everyMs = watchMs): Watch {
  let stops: readonly StopRow[] = []
  let takenBack: ReadonlySet<DeliveryId> = new Set()
  let alarm: Alarm | null = null
  let told: (() => void) | null = null

  let begun = 0
  let latest = 0
  const look = async (): Promise<void> => {
    const mine = (begun += 1)
    const [found, ids] = await Promise.all([listStops(store.db), takenBackOf(store.db)])
    // Of looks that overlap, one that began earlier may know less than what is known here already.
    if (mine < latest) return
    latest = mine
    const isNew = differ(stops, found) || ids.some((id) => !takenBack.has(id))
    const isStopNew = found.some(({ key }) => stops.every((stop) => stop.key !== key))
    stops = found
    takenBack = new Set(ids)
    if (isNew) told?.()
    if (isStopNew) onStop?.()
  }
  const again = (): void => {
    look()
      .catch((error: unknown) => log.error({ err: error }, 'sending.stops-unreadable'))
      .finally(() => {
        if (told !== null) alarm = clock.at(clock.now() + everyMs, again)
      })
  }
  return {
    isStopped: (delivery) => isStopped(stops, delivery),
    takenBack: () => takenBack,
    look,
    start(onChange) {
      if (told !== null) return
      told = onChange
      again()
    },
    stop() {
      told = null
      alarm?.cancel()
    },
  }
}

const keysOf = (stops: readonly StopRow[]): string => stops.map(({ key }) => key).join('\n')
const differ = (one: readonly StopRow[], other: readonly StopRow[]): boolean => keysOf(one) !== keysOf(other)
