import type { Alarm, Clock } from '../../platform/clock.ts'
import type { Target } from '../transport.ts'
import type { Connection } from './session.ts'

/** `maxMessages` over one connection, `idleMs` between two of them, `maxIdle` connections that wait. */
export type Reuse = {
  maxMessages: number
  idleMs: number
  maxIdle: number
  /** what this host bears over one connection, where that is less */
  mostOf?: (target: Target) => number
}

// So many as most hosts bear; what the large providers bear is less (pace/providers.ts). A host's patience with an idle one is not ours to spend.
export const usualReuse: Reuse = { maxMessages: 100, idleMs: 5_000, maxIdle: 100 }

type Waiting = { key: string; connection: Connection; alarm: Alarm }

/** Connections whose last message ended well, for the next one that may go the very same way. Only a saving: whoever is killed loses nothing,
 *  for a message is settled before its connection waits here. */
export function createPool(clock: Clock, { idleMs, maxIdle }: Reuse) {
  const waiting = new Set<Waiting>()
  const remove = (one: Waiting): void => {
    one.alarm.cancel()
    waiting.delete(one)
  }
  const dismiss = (one: Waiting): void => {
    remove(one)
    one.connection.close(true)
  }
  return {
    put(key: string, connection: Connection): void {
      const [oldest] = waiting
      if (oldest !== undefined && waiting.size >= maxIdle) dismiss(oldest)
      const one: Waiting = { key, connection, alarm: clock.at(clock.now() + idleMs, () => dismiss(one)) }
      waiting.add(one)
      connection.onLost(() => {
        remove(one)
        connection.close(false)
      })
    },
    /** The one that came last: the others may grow old and go. */
    take(key: string): Connection | null {
      const found = [...waiting].findLast((one) => one.key === key)
      if (found === undefined) return null
      remove(found)
      found.connection.onLost(() => {})
      return found.connection
    },
    close: (): void => waiting.forEach(dismiss),
  }
}
