/**
 * Sends what was to be sent later, when its time has come.
 *
 * Promises: nothing leaves before its time. At its time a message is asked again what a submission is asked (coming-due.ts), since somebody may have lowered
 * the mailbox meanwhile (design promise 4), or stopped it, or the recipient may have unsubscribed. Each is one transaction with its entries of the log.
 */
import type { Alarm } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import { dueScheduled, nextScheduled, putOffScheduled } from '../store/emails.ts'
import { type ComingDueDeps, comeDue } from './coming-due.ts'
import { whyNotSend } from './standing/standing.ts'

export type SchedulerDeps = ComingDueDeps & {
  log: Log
  /** called after each commit that put something into the queue */
  onReleased: () => void
}

export type Scheduler = {
  start(): void
  /** Something may be due that was not when it last looked. */
  wake(): void
  stop(): Promise<void>
  /** Does what is due now. @returns how many */
  run(): Promise<number>
}

const batch = 100
const brokenForMs = 60_000
// What another process scheduled is noticed this much too late at most.
const longestPauseMs = 5_000

export function createScheduler(deps: SchedulerDeps): Scheduler {
  const { store, clock, log } = deps
  let alarm: Alarm | null = null
  let running = false
  let looks = false
  let isWoken = false
  let work: Promise<unknown> = Promise.resolve()

  async function run(): Promise<number> {
    let count = 0
    for (const { id, mailbox_id } of await dueScheduled(store.db, clock.now(), batch)) {
      try {
        const whyNot = await whyNotSend(store, mailbox_id, clock.now())
        const became = await store.transaction((tx) => comeDue(tx, deps, id, whyNot))
        if (became === null) continue
        count += 1
        log.info({ emailId: id, became }, 'submission.due')
        if (became === 'sent') deps.onReleased()
      } catch (error) {
        log.error({ emailId: id, err: error }, 'submission.due-failed')
        // A batch of broken rows must not keep the others back. When it is the store that fails, nothing is lost either.
        await putOffScheduled(store.db, id, clock.now() + brokenForMs).catch(() => {})
      }
    }
    return count
  }
  async function turn(): Promise<void> {
    looks = true
    isWoken = false
    const later = clock.now() + longestPauseMs
    const next = await run()
      .then(async (count) => (count > 0 ? clock.now() : await nextScheduled(store.db, clock.now())))
      .catch((error: unknown) => {
        log.error({ err: error }, 'submission.schedule-unreadable')
        return null
      })
    looks = false
    if (running) alarm = clock.at(isWoken ? clock.now() : Math.min(next ?? later, later), again)
  }
  const again = (): void => {
    work = turn()
  }
  return {
    run,
    start() {
      if (running) return
      running = true
      again()
    },
    wake() {
      isWoken = true
      if (!running || looks) return
      alarm?.cancel()
      again()
    },
    async stop() {
      running = false
      alarm?.cancel()
      await work
    },
  }
}
