/**
 * Keeps the index of words up with the emails, behind their backs: whoever writes an email does nothing for it (a trigger notes that it is there).
 *
 * Promises: what was there when a search began is found by it, unless more than `mostOnDemand` newer emails wait as well; the search then says so. What a
 * crash interrupts is done again. An email whose text cannot be indexed keeps no other out.
 */
import { setImmediate as turn } from 'node:timers/promises'
import type { EmailId } from '../model/ids.ts'
import type { Alarm, Clock } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import { attachmentsOf } from '../store/attachments.ts'
import type { Store } from '../store/db.ts'
import { type Indexed, type QueueRow, searchedOf, takeFromQueue, waitingForIndex, writeIndexed } from '../store/search.ts'
import { indexedOf, longestSearchedText } from './search-texts.ts'

export type SearchIndex = {
  start(): void
  /** Resolves when nothing is being indexed any more. */
  stop(): Promise<void>
  /** Indexes what waits, the newest first, but no more than somebody can wait for. @returns false when more is left */
  catchUp(): Promise<boolean>
}

type Deps = { store: Store; clock: Clock; log: Log }

/** Small, so that an arriving letter never waits long for the one writer. */
const batch = 32
const mostOnDemand = 512
const pauseMs = 3_000
/** Between two batches of a long queue, so that what arrives and leaves goes first: the index has a fifth of the time, and a busy machine does each batch more slowly. */
const leastRestMs = 20
const restTimes = 4
const restAfter = (tookMs: number): number => Math.min(pauseMs, Math.max(leastRestMs, restTimes * tookMs))

export function createSearchIndex(deps: Deps): SearchIndex {
  const { store, clock, log } = deps
  let alarm: Alarm | null = null
  let running = false
  let work: Promise<unknown> = Promise.resolve()
  let next: Promise<boolean> | null = null

  async function indexSome(most: number): Promise<boolean> {
    for (let left = most; left > 0; left -= batch) if ((await indexBatch(deps, Math.min(batch, left))) === 0) return true
    return (await waitingForIndex(store.db, 1)).length === 0
  }
  /** One at a time: who comes while another is at work shares the turn after it. */
  function inTurn(most: number): Promise<boolean> {
    if (next !== null) return next
    const mine = work.then(() => {
      next = null
      return indexSome(most)
    })
    next = mine
    work = mine.catch(() => undefined)
    return mine
  }
  async function round(): Promise<void> {
    const began = performance.now()
    const isDone = await inTurn(batch).catch((error: unknown) => {
      log.error({ err: error }, 'search.index-failed')
      return true
    })
    if (running) alarm = clock.at(clock.now() + (isDone ? pauseMs : restAfter(performance.now() - began)), again)
  }
  const again = (): void => void round()
  return {
    start() {
      if (running) return
      running = true
      again()
    },
    async stop() {
      running = false
      alarm?.cancel()
      await work
    },
    async catchUp() {
      if ((await waitingForIndex(store.db, 1)).length === 0) return true
      return inTurn(mostOnDemand)
    },
  }
}

/** @returns how many it took out of the queue */
async function indexBatch(deps: Deps, limit: number): Promise<number> {
  const { store, log } = deps
  const rows = await waitingForIndex(store.db, limit)
  if (rows.length === 0) return 0
  const indexed = await readAll(store, rows)
  try {
    await write(store, rows, indexed)
  } catch (error) {
    log.error({ err: error }, 'search.batch-failed')
    for (const row of rows) await writeAlone(deps, row, indexed)
  }
  return rows.length
}

/** What the queue names, in its order; emails that are gone are left out. */
async function readAll(store: Store, rows: readonly QueueRow[]): Promise<Indexed[]> {
  const latest = new Map<EmailId, number>()
  for (const { email_id, seq } of rows) latest.set(email_id, Math.max(seq, latest.get(email_id) ?? 0))
  const ids = [...latest.keys()]
  const [emails, attachments] = await Promise.all([searchedOf(store.db, ids, longestSearchedText), attachmentsOf(store.db, ids)])
  const files = Map.groupBy(attachments, ({ email_id }) => email_id)
  const indexed: Indexed[] = []
  for (const email of emails) {
    const names = (files.get(email.id) ?? []).map(({ name }) => name)
    indexed.push(indexedOf(email, names, latest.get(email.id) ?? 0))
    // A text takes milliseconds at worst; others may want to say something in between.
    await turn()
  }
  // FTS5 takes rising numbers in one piece.
  return indexed.toSorted((one, other) => one.seq - other.seq)
}

const write = (store: Store, rows: readonly QueueRow[], indexed: readonly Indexed[]): Promise<void> =>
  store.transaction(async (tx) => {
    const taken = await takeFromQueue(
      tx,
      rows.map(({ seq }) => seq),
    )
    for (const one of indexed) if (taken.has(one.seq)) await writeIndexed(tx, one)
  })

async function writeAlone({ store, log }: Deps, row: QueueRow, indexed: readonly Indexed[]): Promise<void> {
  const own = indexed.filter(({ seq }) => seq === row.seq)
  try {
    await write(store, [row], own)
  } catch (error) {
    log.error({ emailId: row.email_id, err: error }, 'search.email-failed')
    await write(store, [row], [])
  }
}
