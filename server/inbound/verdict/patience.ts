/** Lets a few senders wait for their reply, and no more: each one that waits keeps a connection and a message in memory. */
import type { Clock } from '../../platform/clock.ts'

export type Patience = {
  /** At once when too many wait already. @param ms how long */
  wait(ms: number): Promise<void>
  /** From now on nobody waits. */
  end(): void
}

const mostWaiting = 50

export function createPatience(clock: Clock, limit = mostWaiting): Patience {
  const waiting = new Set<() => void>()
  let ended = false
  return {
    wait(ms) {
      if (ended || ms <= 0 || waiting.size >= limit) return Promise.resolve()
      return new Promise((resolve) => {
        const go = (): void => {
          waiting.delete(go)
          alarm.cancel()
          resolve()
        }
        const alarm = clock.at(clock.now() + ms, go)
        waiting.add(go)
      })
    },
    end() {
      ended = true
      for (const go of waiting) go()
    },
  }
}
