import type { Clock } from '../platform/clock.ts'
import type { EventType } from '../store/events.ts'
import type { Listen, Scope } from './listener.ts'

/** Rings when an event of one type comes, also when nobody waits for it just then. */
export type Bell = {
  /** @param until epoch ms */
  wait(until: number, signal?: AbortSignal): Promise<'rung' | 'time' | 'gone' | 'closed'>
  close(): void
}

export async function hangBell({ listen, clock }: { listen: Listen; clock: Clock }, scope: Scope, type: EventType): Promise<Bell> {
  let rung = false
  let closed = false
  let wake = (): void => undefined
  const listening = await listen(scope, {
    onEvent: ({ event }) => {
      if (event.type !== type) return
      rung = true
      wake()
    },
    onClosed: () => {
      closed = true
      wake()
    },
  })
  const state = (until: number, signal?: AbortSignal) => {
    if (signal?.aborted === true) return 'gone'
    if (closed) return 'closed'
    if (rung) return 'rung'
    return clock.now() >= until ? 'time' : null
  }
  return {
    async wait(until, signal) {
      const alarm = clock.at(until, () => wake())
      const onAbort = (): void => wake()
      signal?.addEventListener('abort', onAbort)
      try {
        for (;;) {
          const now = state(until, signal)
          if (now === 'rung') rung = false
          if (now !== null) return now
          await new Promise<void>((resolve) => (wake = resolve))
        }
      } finally {
        alarm.cancel()
        signal?.removeEventListener('abort', onAbort)
      }
    },
    close: () => listening.close(),
  }
}
