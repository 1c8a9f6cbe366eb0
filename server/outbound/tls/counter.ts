import type { Alarm, Clock } from '../../platform/clock.ts'
import type { Log } from '../../platform/log.ts'
import type { Store } from '../../store/db.ts'
import { addTlsResults } from '../../store/tls-results.ts'
import type { Counted } from './results.ts'

export type TlsCounter = {
  count(one: Counted): void
  /** Writes what was counted since the last time. Called by itself within a minute. */
  flush(): Promise<void>
}

const dayMs = 24 * 60 * 60_000
const flushAfterMs = 60_000
// Strangers' domains and host names; one who sends to more of them in a minute has other worries.
const mostKeys = 10_000

/** Counts in memory, and adds to the store what a minute brought: these are statistics, and a crash may cost some of them. */
export function createTlsCounter({ store, clock, log }: { store: Store; clock: Clock; log: Log }): TlsCounter {
  let counts = new Map<string, { day: number; counted: Counted; sessions: number }>()
  let alarm: Alarm | null = null
  let writing: Promise<void> = Promise.resolve()

  const write = async (): Promise<void> => {
    const rows = [...counts.values()]
    counts = new Map()
    try {
      await addTlsResults(store, rows)
    } catch (error) {
      log.warn({ err: error, rows: rows.length }, 'tls-results.lost')
    }
  }
  const flush = (): Promise<void> => {
    alarm?.cancel()
    alarm = null
    writing = writing.then(write)
    return writing
  }
  return {
    flush,
    count(counted) {
      const day = Math.floor(clock.now() / dayMs)
      const key = JSON.stringify([day, counted])
      const same = counts.get(key)
      if (same !== undefined) same.sessions += 1
      else if (counts.size < mostKeys) counts.set(key, { day, counted, sessions: 1 })
      alarm ??= clock.at(clock.now() + flushAfterMs, () => void flush())
    },
  }
}
