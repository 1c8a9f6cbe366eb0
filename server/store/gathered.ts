/**
 * Does what is asked for at the same moment in one transaction: the statements of several cost little more than those of one, and they share a commit.
 *
 * Promise: each is on disk, or has failed, when its promise settles; one that fails does so alone: when a transaction of several does not succeed, each
 * is tried by itself.
 */
import type { Store, Tx } from './db.ts'

type Order<I, O> = { item: I; done: (value: O) => void; failed: (error: unknown) => void }

/** @param most so many at a time
 *  @param work all of them, with a result for each, in order */
export function gathered<I, O>(
  store: Store,
  most: number,
  work: (tx: Tx, items: readonly I[]) => Promise<readonly O[]>,
): (item: I) => Promise<O> {
  const waiting: Order<I, O>[] = []
  let writing = false

  async function writeAll(): Promise<void> {
    if (writing) return
    writing = true
    // The next gather while these are on their way to the disk.
    while (waiting.length > 0) await write(waiting.splice(0, most))
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
  return (item) =>
    new Promise((done, failed) => {
      waiting.push({ item, done, failed })
      // Not at once: whoever comes in the same turn of the loop comes along.
      setImmediate(() => void writeAll())
    })
}
