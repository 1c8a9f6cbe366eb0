/**
 * How much an account uses: what is counted of it, kept up with what happens.
 *
 * Promises: what the log tells is counted once, whatever crashes; how much was sent is what the monthly quota counts. Calls are counted in memory and
 * written within moments, so a crash may cost those of a few seconds, and no call waits for its counting.
 */
import type { AccountId } from '../model/ids.ts'
import type { Tenancy, World } from '../model/world.ts'
import type { Alarm, Clock } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import type { Store } from '../store/db.ts'
import { addCalls, dayOf, isBehind, sumUpLog } from '../store/usage.ts'

export type Usage = {
  /** Counts calls of today. */
  countCalls(tenancy: Tenancy, calls: number): void
  /** Counts what happened, but no more than somebody can wait for. @returns false when more is left, or it went wrong */
  catchUp(): Promise<boolean>
  start(): void
  /** Writes down what was counted. */
  stop(): Promise<void>
}

/** `mostOnDemand`: entries of the log that one call waits for. */
type Deps = { store: Store; clock: Clock; log: Log; mostOnDemand?: number }

/** Entries of the log; small, so that an arriving letter never waits long for the one writer. */
const batch = 2_000
const usualOnDemand = 20_000
const pauseMs = 30_000
/** Between two batches of a long past, so that what arrives and leaves goes first. */
const restMs = 50

export function createUsage({ store, clock, log, mostOnDemand = usualOnDemand }: Deps): Usage {
  let calls = new Map<string, { tenancy: Tenancy; day: number; count: number }>()
  let alarm: Alarm | null = null
  let running = false
  let work: Promise<unknown> = Promise.resolve()

  async function writeCalls(): Promise<void> {
    const written = [...calls.values()]
    calls = new Map()
    for (const { tenancy, day, count } of written) await addCalls(store.db, tenancy, day, count)
  }
  async function sumSome(most: number): Promise<boolean> {
    for (let left = most; left > 0; left -= batch) {
      if (!(await isBehind(store.db))) return true
      if (await store.transaction((tx) => sumUpLog(tx, Math.min(batch, left)))) return true
    }
    return !(await isBehind(store.db))
  }
  /** One after the other. */
  function inTurn(most: number): Promise<boolean> {
    const mine = work.then(async () => {
      await writeCalls()
      return sumSome(most)
    })
    work = mine.catch(() => undefined)
    return mine
  }
  function failed(error: unknown): void {
    log.error({ err: error }, 'usage.uncounted')
  }
  async function round(): Promise<void> {
    const isDone = await inTurn(batch).catch((error: unknown) => {
      failed(error)
      return true
    })
    if (running) alarm = clock.at(clock.now() + (isDone ? pauseMs : restMs), () => void round())
  }
  return {
    countCalls({ accountId, world }: { accountId: AccountId; world: World }, count) {
      const day = dayOf(clock.now())
      const key = `${accountId} ${world} ${day}`
      const same = calls.get(key)
      if (same === undefined) calls.set(key, { tenancy: { accountId, world }, day, count })
      else same.count += count
    },
    // Who asks is told that it is not complete, and gets the rest.
    catchUp: () =>
      inTurn(mostOnDemand).catch((error: unknown) => {
        failed(error)
        return false
      }),
    start() {
      if (running) return
      running = true
      void round()
    },
    async stop() {
      running = false
      alarm?.cancel()
      await work
      await writeCalls().catch((error: unknown) => log.error({ err: error }, 'usage.calls-lost'))
    },
  }
}
