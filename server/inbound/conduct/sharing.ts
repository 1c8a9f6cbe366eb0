/** Several nodes, one count: what each saw is added up in the store every second, and what all saw is learnt from the same answer. */
import type { Clock } from '../../platform/clock.ts'
import type { Log } from '../../platform/log.ts'
import type { Db } from '../../store/db.ts'
import { type VisitorCounts, addVisitorCounts, removeVisitorCounts } from '../../store/visitor-windows.ts'
import { type Share, minuteMs } from './window.ts'
import type { Windows } from './windows.ts'

const everyMs = 1_000
/** Of one statement. What is more waits a second. */
const mostRows = 1_000
/** Behind the minute before this one nothing counts any more; one more for a clock that is a little off. */
const keptMs = 3 * minuteMs

type Deps = { db: Db; windows: Windows; clock: Clock; log: Log }
export type Sharing = { /** Resolves when nothing is under way any more. */ stop(): Promise<void> }

/** No session ever waits for this. While the store is away each node goes by its own counts. */
export function startSharing({ db, windows, clock, log }: Deps): Sharing {
  let alarm = clock.at(clock.now() + everyMs, again)
  let isRunning = true
  let working: Promise<void> = Promise.resolve()
  let removedAt = clock.now()
  let isFailing = false

  function again(): void {
    working = share().then(() => {
      if (isRunning) alarm = clock.at(clock.now() + everyMs, again)
    })
  }

  async function share(): Promise<void> {
    try {
      await tell(windows.takeUnshared(mostRows))
      await removeOld()
      if (isFailing) log.info({}, 'inbound.counts-shared-again')
      isFailing = false
    } catch (error) {
      // Once: it is tried again every second.
      if (!isFailing) log.warn({ err: error }, 'inbound.counts-not-shared')
      isFailing = true
    }
  }

  async function tell(shares: readonly Share[]): Promise<void> {
    try {
      windows.learn((await addVisitorCounts(db, shares.map(toRow))).map(toShare))
    } catch (error) {
      windows.putBack(shares)
      throw error
    }
  }

  async function removeOld(): Promise<void> {
    const now = clock.now()
    if (now - removedAt < minuteMs) return
    removedAt = now
    await removeVisitorCounts(db, now - keptMs)
  }

  return {
    async stop() {
      isRunning = false
      alarm.cancel()
      await working
    },
  }
}

const toRow = ({ start, ...share }: Share): VisitorCounts => ({ ...share, window_start: start })
const toShare = ({ window_start, ...row }: VisitorCounts): Share => ({ ...row, start: window_start })
