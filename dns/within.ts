import type { Timer } from './wire/client.ts'

/** What `work` gives, or `otherwise` when that takes longer. The work goes on; its result is then nobody's. */
export async function within<T>(clock: Timer, ms: number, work: Promise<T>, otherwise: T): Promise<T> {
  const { promise, resolve } = Promise.withResolvers<T>()
  const timer = clock.at(clock.now() + ms, () => resolve(otherwise))
  try {
    return await Promise.race([work, promise])
  } finally {
    timer.cancel()
  }
}
