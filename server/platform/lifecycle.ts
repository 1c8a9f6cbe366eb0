import { type Clock, systemClock } from './clock.ts'
import type { Log } from './log.ts'

// Container engines wait 10 s between SIGTERM and SIGKILL; what is not done by then would be cut off without a word.
const closingMs = 9000

export type LifecycleDeps = {
  log: Log
  /** Closes everything: doors first, store last. Called once. */
  close: () => Promise<void>
  clock?: Clock
  /** The process, or a stand-in for it. */
  host?: Pick<NodeJS.Process, 'on'> & { exit(code: number): void }
}

/**
 * Closes in order on SIGTERM and SIGINT and then exits: 0 when all was closed, 1 when closing failed or took longer than 9 s, at once with
 * 128 + the signal's number on a second signal (somebody is impatient).
 * @returns closes for another reason, such as a store that has failed, and then exits with this code
 */
export function closeOnSignal({ log, close, clock = systemClock, host = process }: LifecycleDeps): (exitCode: number) => void {
  let closing = false
  const stop = (exitCode: number): void => {
    if (closing) return
    closing = true
    const alarm = clock.at(clock.now() + closingMs, () => {
      log.error({ limitMs: closingMs }, 'process.close-timed-out')
      host.exit(1)
    })
    close().then(
      () => {
        alarm.cancel()
        log.info({ exitCode }, 'process.closed')
        host.exit(exitCode)
      },
      (error: unknown) => {
        alarm.cancel()
        log.error({ err: error }, 'process.close-failed')
        host.exit(1)
      },
    )
  }
  const onSignal = (signal: NodeJS.Signals, number: number): void => {
    if (closing) {
      host.exit(128 + number)
      return
    }
    log.info({ signal }, 'process.closing')
    stop(0)
  }
  host.on('SIGTERM', onSignal)
  host.on('SIGINT', onSignal)
  return stop
}
