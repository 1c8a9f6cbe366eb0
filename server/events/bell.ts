import type { Clock } from '../platform/clock.ts'
import type { EventRow } from '../store/events.ts'
import type { Listen, Scope } from './listener.ts'

/** Rings when an event comes that concerns whoever hung it, also when nobody waits for it just then. */
export type Bell = {
  /** @param until epoch ms */
  wait(until: number, signal?: AbortSignal): Promise<'rung' | 'time' | 'gone' | 'closed'>
  close(): void
}

type Deps = { listen: Listen; clock: Clock }

/** @param concerns is asked about each event of the scope, so it has to be quick */
export async function hangBell({ listen, clock }: Deps, scope: Scope, concerns: (event: EventRow) => boolean): Promise<Bell> {
  let rung = false
  let closed = false
  let wake = (): void => undefined
  const listening = await listen(scope, {
    onEvent: ({ event }) => {
      if (!concerns(event)) return
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
