/**
 * Does what is asked for at the same moment in one transaction: the statements of several cost little more than those of one, and they share a commit.
 *
 * Promises: each is on disk, or has failed, when its promise settles; one that fails does so alone: when a transaction of several does not succeed, each
 * is tried by itself. What comes later sees what came first, unless that had to be tried again.
 */
import type { Store, Tx } from './db.ts'
import type { Engine } from './engine.ts'

type Order<I, O> = { item: I; done: (value: O) => void; failed: (error: unknown) => void }

export type Gathered<I, O> = {
  add(item: I): Promise<O>
  /** How many wait; those on their way to the disk do not. */
  waiting(): number
}

/** While the disk writes down some, the next can begin where transactions take turns. Where they run side by side these would not see those. */
const atOnce: Record<Engine, number> = { sqlite: 2, postgres: 1 }

/** @param count how many of those that wait, the first of them, go together: one at least
 *  @param work all of them, with a result for each, in order */
export function gathered<I, O>(
  store: Store,
  count: (waiting: Iterable<I>) => number,
  work: (tx: Tx, items: readonly I[]) => Promise<readonly O[]>,
): Gathered<I, O> {
  const waiting: Order<I, O>[] = []
  let writing = 0
  /** One waits for its turn, and takes along who comes until then. */
  let isQueued = false

  async function writeAll(): Promise<void> {
    if (writing === atOnce[store.engine]) return
    writing += 1
    while (waiting.length > 0 && !isQueued) await write()
    writing -= 1
  }
  async function write(): Promise<void> {
    let orders: Order<I, O>[] | null = null
    const begin = (): Order<I, O>[] => {
      isQueued = false
      return take()
    }
    isQueued = true
    try {
      await store.transaction((tx) => all(tx, (orders ??= begin()))).then(settle)
    } catch (error) {
      orders ??= begin()
      if (orders.length === 1) orders[0]?.failed(error)
      else for (const order of orders) await store.transaction((tx) => all(tx, [order])).then(settle, order.failed)
    }
  }
  const take = (): Order<I, O>[] => waiting.splice(0, waiting.length === 0 ? 0 : count(waiting.values().map(({ item }) => item)))
  async function all(tx: Tx, orders: readonly Order<I, O>[]): Promise<() => void> {
    const items = orders.map(({ item }) => item)
    const values = items.length === 0 ? [] : await work(tx, items)
    return () => orders.forEach(({ done }, at) => done(values[at] as O))
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

const settle = (done: () => void): void => done()
