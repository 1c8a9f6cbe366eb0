import { AsyncLocalStorage } from 'node:async_hooks'

const inside = new AsyncLocalStorage<true>()

/** Runs the body of a transaction so that `refuseInside` knows it. */
export const insideTransaction = <T>(work: () => Promise<T>): Promise<T> => inside.run(true, work)

/** What begins a transaction inside another would wait for the turn, or the lock, that the outer one holds. Throws instead. */
export function refuseInside(): void {
  if (inside.getStore() === true) throw new Error('a transaction was begun inside another: use its tx instead')
}
