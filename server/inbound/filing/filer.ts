/**
 * Files letters: those that wait at the same moment in one transaction, which costs little more than one of them alone.
 *
 * Promise: a letter is on disk when its promise resolves, and one that cannot be filed fails alone: when a transaction of several does not
 * succeed, each is tried by itself. A letter that answers another sees it.
 */
import { ancestorIds } from '../../mailbox/threading.ts'
import type { Store, Tx } from '../../store/db.ts'
import { type NewLogEntry, appendLogs } from '../../store/log.ts'
import type { Filing, Letter } from './email-rows.ts'
import { fileEmail } from './file-email.ts'
import type { HandOn } from './hand-on.ts'

export type Filer = {
  /** Resolves when the letter is on disk in each of these mailboxes. Throws when it is in none. */
  file(letter: Letter, filings: readonly Filing[]): Promise<void>
  /** How many letters wait for the disk, as a share of how many may: at 1 the next is sent away. */
  load(): number
}

type Order = { letter: Letter; filings: readonly Filing[]; done: () => void; failed: (error: unknown) => void }

/** Each has some ten statements, and while they run nobody else writes. */
const mostAtOnce = 100
const mostBytesAtOnce = 4 * 1024 * 1024
/** Some seconds' worth, even of a disk that takes a tenth of one for each transaction. */
const mostWaiting = 1_000

export function createFiler({ store, handOn }: { store: Store; handOn: HandOn }): Filer {
  const waiting: Order[] = []
  /** Message-IDs of the letters that others cannot see yet. */
  const uncommitted = new Set<string>()
  let writing = false

  /** The next letters gather while these are written; they begin when these have only to reach the disk. */
  function next(): void {
    if (writing) return
    const orders = takeFrom(waiting, uncommitted)
    if (orders.length === 0) return
    writing = true
    void fileAll(orders).finally(() => {
      for (const id of idsOf(orders)) uncommitted.delete(id)
      next()
    })
  }
  async function fileAll(orders: readonly Order[]): Promise<void> {
    const written = Promise.withResolvers<void>()
    // Waited for out here: what begins inside a transaction counts as part of it.
    void written.promise.then(() => {
      writing = false
      next()
    })
    try {
      await store.transaction((tx) => fileIn(tx, orders).finally(() => written.resolve()))
      for (const one of orders) one.done()
    } catch (error) {
      // Its work may not even have begun.
      written.resolve()
      if (orders.length === 1) orders[0]?.failed(error)
      else await Promise.all(orders.map((one) => store.transaction((tx) => fileIn(tx, [one])).then(one.done, one.failed)))
    }
  }
  async function fileIn(tx: Tx, orders: readonly Order[]): Promise<void> {
    const entries = await Promise.all(orders.map((order) => fileOne(tx, order)))
    await appendLogs(tx, entries.flat())
  }
  async function fileOne(tx: Tx, { letter, filings }: Order): Promise<NewLogEntry[]> {
    for (const blob of [letter.raw, ...letter.attachmentBlobs]) await store.blobs.put(tx, blob, letter.receivedAt)
    const entries: NewLogEntry[] = []
    for (const filing of filings) entries.push(...(await fileEmail(tx, handOn, letter, filing)))
    return entries
  }

  return {
    file: (letter, filings) =>
      new Promise((resolve, reject) => {
        waiting.push({ letter, filings, done: resolve, failed: reject })
        // Not at once: whoever comes in the same turn of the loop comes along.
        setImmediate(next)
      }),
    load: () => waiting.length / mostWaiting,
  }
}

/** The first that wait, as many as go together; their Message-IDs are added to `uncommitted`. A letter that may answer one of those waits until
 *  it can be seen. */
function takeFrom(waiting: Order[], uncommitted: Set<string>): Order[] {
  let bytes = 0
  let count = 0
  for (const { letter } of waiting) {
    bytes += sizeOf(letter)
    if (count > 0 && (count >= mostAtOnce || bytes > mostBytesAtOnce)) break
    if (ancestorIds(letter.parsed).some((id) => uncommitted.has(id))) break
    if (letter.parsed.messageId !== null) uncommitted.add(letter.parsed.messageId)
    count++
  }
  return waiting.splice(0, count)
}

const idsOf = (orders: readonly Order[]): string[] => orders.flatMap(({ letter: { parsed } }) => parsed.messageId ?? [])

/** What is in rows; the rest is in files already. */
const sizeOf = ({ raw, attachmentBlobs }: Letter): number =>
  [raw, ...attachmentBlobs].reduce((sum, { bytes }) => sum + (bytes?.length ?? 0), 0)
