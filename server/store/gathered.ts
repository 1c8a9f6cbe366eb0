/**
 * Does what is asked for at the same moment in one transaction: the statements of several cost little more than those of one, and they share a commit.
 *
 * Promise: each is on disk, or has failed, when its promise settles; one that fails does so alone: when a transaction of several does not succeed, each
 * is tried by itself.
 */
import type { Store, Tx } from './db.ts'

type Order<I, O> = { item: I; done: (value: O) => void; failed: (error: unknown) => void }

export type Gathered<I, O> = {
  add(item: I): Promise<O>
  /** How many wait; those on their way to the disk do not. */
  waiting(): number
}

/** @param count how many of those that wait, the first of them, go together: one at least
 *  @param work all of them, with a result for each, in order */
export function gathered<I, O>(
  store: Store,
  count: (waiting: Iterable<I>) => number,
  work: (tx: Tx, items: readonly I[]) => Promise<readonly O[]>,
): Gathered<I, O> {
  const waiting: Order<I, O>[] = []
  let writing = false

  async function writeAll(): Promise<void> {
    if (writing) return
    writing = true
    // The next gather while these are on their way to the disk.
    while (waiting.length > 0) await write(waiting.splice(0, count(waiting.values().map(({ item }) => item))))
    writing = false
  }
  async function write(orders: readonly Order<I, O>[]): Promise<void> {
    try {
      const values = await store.transaction((tx) =>
        work(
          tx,
          orders.map(({ item }) => item),
        ),
      )
      for (const [at, { done }] of orders.entries()) done(values[at] as O)
    } catch (error) {
      if (orders.length === 1) orders[0]?.failed(error)
      else for (const order of orders) await write([order])
    }
  }
  return {
    add: (item) =>
      new Promise((done, failed) => {
        waiting.push({ item, done, failed })
        // Not at once: whoever comes in the same turn of the loop comes along.
        setImmediate(() => void writeAll())
      }),
    waiting: () => waiting.length,
  }
}
