import type { Transaction } from 'kysely'
import { hasAnnounced } from './announced.ts'
import { isTransient } from './errors.ts'
import { insideTransaction, refuseInside } from './inside.ts'
import { carrying } from './rider.ts'
import type { Database } from './schema.ts'

const mostTries = 5

type Work<T> = (tx: Transaction<Database>) => Promise<T>
/** One transaction, once: all of it or none of it, on disk when this resolves. */
export type Transact = <T>(work: Work<T>) => Promise<T>
export type Transactions = {
  /** See `Store.transaction`. */
  run<T>(work: Work<T>): Promise<T>
  /** Lets no more begin and waits for those that have. */
  close(): Promise<void>
}

/** @param announced called behind each commit that put down an event */
export function createTransactions(transact: Transact, announced: () => void = () => undefined): Transactions {
  const running = new Set<Promise<unknown>>()
  let closed = false
  return {
    async run(work) {
      refuseInside()
      if (closed) throw new Error('the store is closed')
      const result = carrying(work, (whole) => withRetries(transact, whole, announced))
      running.add(result)
      try {
        return await result
      } finally {
        running.delete(result)
      }
    },
    async close() {
      closed = true
      await Promise.allSettled(running)
    },
  }
}

/** PostgreSQL may undo a transaction that met another and ask for it again. */
async function withRetries<T>(transact: Transact, work: Work<T>, announced: () => void): Promise<T> {
  for (let tries = 1; ; tries++) {
    let used: object = work
    try {
      const result = await transact((tx) => {
        used = tx
        return insideTransaction(() => work(tx))
      })
      if (hasAnnounced(used)) announced()
      return result
    } catch (error) {
      if (tries === mostTries || !isTransient(error)) throw error
    }
  }
}
