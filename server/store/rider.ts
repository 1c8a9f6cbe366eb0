import { AsyncLocalStorage } from 'node:async_hooks'
import type { Transaction } from 'kysely'
import type { Database } from './schema.ts'

type Tx = Transaction<Database>
type Work<T> = (tx: Tx) => Promise<T>

/** What is to be written in the first transaction that a call commits, whichever room opens it: rooms know nothing of it. */
export type Rider = {
  /** First in the transaction. What it throws takes the transaction back, and whoever opened that gets it. */
  enter(tx: Tx): Promise<void>
  /** Last, when the transaction answers with a failure as its value (model/result.ts), so that nothing has been done. */
  leave(tx: Tx): Promise<void>
}

type Ride = { rider: Rider; state: 'waiting' | 'aboard' | 'arrived'; isOver: boolean }
const rides = new AsyncLocalStorage<Ride>()

/** Does `work` with a rider waiting. What goes on in the background after it has none. @returns also whether a transaction took it along and
 *  committed */
export async function withRider<T>(rider: Rider, work: () => Promise<T>): Promise<{ result: T; arrived: boolean }> {
  const ride: Ride = { rider, state: 'waiting', isOver: false }
  try {
    const result = await rides.run(ride, work)
    return { result, arrived: ride.state === 'arrived' }
  } finally {
    ride.isOver = true
  }
}

/** Runs a transaction, with the rider of the call when one waits. @param run as often as `transact` needs to */
export async function carrying<T>(work: Work<T>, run: (work: Work<T>) => Promise<T>): Promise<T> {
  const ride = rides.getStore()
  if (ride === undefined || ride.isOver || ride.state !== 'waiting') return run(work)
  // Of several at once the first has it: the second would wait for the first.
  ride.state = 'aboard'
  let nothingDone = false
  try {
    const result = await run(async (tx) => {
      await ride.rider.enter(tx)
      const done = await work(tx)
      nothingDone = isFailure(done)
      if (nothingDone) await ride.rider.leave(tx)
      return done
    })
    ride.state = nothingDone ? 'waiting' : 'arrived'
    return result
  } catch (error) {
    ride.state = 'waiting'
    throw error
  }
}

const isFailure = (value: unknown): boolean => typeof value === 'object' && value !== null && 'ok' in value && value.ok === false
