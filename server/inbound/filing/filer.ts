/**
 * Files letters: those that wait at the same moment in one transaction, which costs little more than one of them alone.
 *
 * Promise: a letter is on disk when its promise resolves, and one that cannot be filed fails alone: when a transaction of several does not
 * succeed, each is tried by itself. A letter that answers another sees it, also one that came with it.
 */
import { ancestorIds } from '../../mailbox/threading.ts'
import type { Store, Tx } from '../../store/db.ts'
import { gathered } from '../../store/gathered.ts'
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

type Order = { letter: Letter; filings: readonly Filing[] }

/** Each has some ten statements, and while they run nobody else writes. */
const mostAtOnce = 100
const mostBytesAtOnce = 4 * 1024 * 1024
/** Some seconds' worth, even of a disk that takes a tenth of one for each transaction. */
const mostWaiting = 1_000

type FilerDeps = { store: Store; handOn: HandOn }

export function createFiler(deps: FilerDeps): Filer {
  const { store } = deps
  const letters = gathered(store, countTogether, async (tx, orders: readonly Order[]) => {
    const filed = eachBehindItsAncestors(orders, (order) => fileOne(tx, deps, order))
    // Not over before all have ended: on PostgreSQL a statement that comes behind the rollback would stand, outside of any transaction.
    await Promise.allSettled(filed)
    const entries = await Promise.all(filed)
    await appendLogs(tx, entries.flat())
    return entries
  })
  return {
    file: async (letter, filings) => void (await letters.add({ letter, filings })),
    load: () => letters.waiting() / mostWaiting,
  }
}

/** Files each letter alone, in a transaction that its caller's call opens. @param before goes on the record in front of what the filing says */
export const createSoleFiler = (deps: FilerDeps, before: readonly NewLogEntry[]): Filer => ({
  file: (letter, filings) =>
    deps.store.transaction(async (tx) => appendLogs(tx, [...before, ...(await fileOne(tx, deps, { letter, filings }))])),
  load: () => 0,
})

async function fileOne(tx: Tx, { store, handOn }: FilerDeps, { letter, filings }: Order): Promise<NewLogEntry[]> {
  for (const blob of [letter.raw, ...letter.attachmentBlobs]) await store.blobs.put(tx, blob, letter.receivedAt)
  const entries: NewLogEntry[] = []
  for (const filing of filings) entries.push(...(await fileEmail(tx, handOn, letter, filing)))
  return entries
}

/** The first that wait, as many as go together. */
function countTogether(waiting: Iterable<Order>): number {
  let bytes = 0
  let count = 0
  for (const { letter } of waiting) {
    bytes += sizeOf(letter)
    if (count > 0 && (count >= mostAtOnce || bytes > mostBytesAtOnce)) break
    count++
  }
  return count
}

/** Begins all at once, but those that may answer others only when these have come to an end, so that they find their thread. */
function eachBehindItsAncestors<T>(orders: readonly Order[], begin: (order: Order) => Promise<T>): Promise<T>[] {
  const begun = new Map<string, Promise<unknown>[]>()
  return orders.map((order) => {
    const { parsed } = order.letter
    const ancestors = ancestorIds(parsed).flatMap((id) => begun.get(id) ?? [])
    const one = ancestors.length === 0 ? begin(order) : Promise.allSettled(ancestors).then(() => begin(order))
    if (parsed.messageId !== null) begun.set(parsed.messageId, [...(begun.get(parsed.messageId) ?? []), one])
    return one
  })
}

/** What is in rows; the rest is in files already. */
const sizeOf = ({ raw, attachmentBlobs }: Letter): number =>
  [raw, ...attachmentBlobs].reduce((sum, { bytes }) => sum + (bytes?.length ?? 0), 0)
