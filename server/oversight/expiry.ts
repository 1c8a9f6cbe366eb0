import type { SystemActor } from '../model/actor.ts'
import { step } from '../model/life.ts'
import type { Clock } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import type { Store, Tx } from '../store/db.ts'
import { emailEntry, emailFacts, tenancyOf } from '../store/email-record.ts'
import { lifeOf } from '../store/email-life.ts'
import { emailById } from '../store/emails.ts'
import { appendEvent } from '../store/events.ts'
import { type HoldRow, dueHolds, endHold, nextExpiry } from '../store/holds.ts'
import { appendLog } from '../store/log.ts'
import { endWaiting } from './holds.ts'

const expiryBatch = 100
// A hold made since the last sweep is noticed this long after its time at most. Until then it can be neither decided nor listed, so nothing hangs on it.
const longestPauseMs = 60_000

const oversight: SystemActor = { kind: 'system', part: 'oversight' }

/** `nextDueAt`: when to come again (epoch ms), at once if it is past; null when nothing is held. */
export type Expired = { expired: number; nextDueAt: number | null }

/** Ends at most `expiryBatch` holds whose time was up at `now` (epoch ms), the longest due first, each in its own transaction. */
export async function expireDue({ store, log }: { store: Store; log: Log }, now: number): Promise<Expired> {
  let expired = 0
  for (const hold of await dueHolds(store.db, now, expiryBatch)) {
    const ids = { emailId: hold.email_id, holdId: hold.id }
    try {
      if (!(await store.transaction((tx) => expire(tx, hold, now)))) continue
      expired += 1
      log.info(ids, 'hold.expired')
    } catch (error) {
      // One broken row must not keep the others open.
      log.error({ ...ids, err: error }, 'hold.expiry-failed')
    }
  }
  return { expired, nextDueAt: await nextExpiry(store.db) }
}

/** @returns false when somebody else ended the hold first */
async function expire(tx: Tx, hold: HoldRow, now: number): Promise<boolean> {
  if (!(await endHold(tx, hold.id, 'expired', now))) return false
  const email = await emailById(tx, hold.email_id)
  if (email === undefined) throw new Error(`hold ${hold.id} is of no email`)
  // It was open until this transaction ended it.
  const next = step(lifeOf(email, now, { hold }), { kind: 'expire' })
  if (next.kind === 'refused') throw new Error(`email ${email.id} has an open hold and the status ${email.status}: ${next.why}`)
  const after = await endWaiting(tx, email, next, { ended_by: 'system', updated_at: now })
  const data = { ...emailFacts(after), hold_id: hold.id, outcome: 'expired', decided_by_kind: 'system' }
  await appendEvent(tx, { tenancy: tenancyOf(email), mailboxId: email.mailbox_id, type: 'oversight.expired', data, now })
  const metadata = { hold_id: hold.id, content_hash: hold.content_hash }
  await appendLog(tx, { ...emailEntry(email, oversight, now), action: 'hold.expired', metadata })
  return true
}

export type ExpirySweeper = {
  start(): void
  /** A hold may have come to its end before the time that was known. */
  wake(): void
  /** Resolves when no sweep is under way any more. */
  stop(): Promise<void>
}

type SweeperDeps = { approvals: { expireDue(now: number): Promise<Expired> }; clock: Clock; log: Log }

/** Ends holds as their time runs out. */
export function createExpirySweeper({ approvals, clock, log }: SweeperDeps): ExpirySweeper {
  let alarm: { cancel(): void } | null = null
  let sweeping: Promise<void> = Promise.resolve()
  let isRunning = false
  let isSweeping = false
  let isWoken = false

  const sweep = async (): Promise<void> => {
    isSweeping = true
    isWoken = false
    const now = clock.now()
    const later = now + longestPauseMs
    const next = await approvals.expireDue(now).then(
      // Due already, and yet nothing could be ended: not at once again.
      ({ expired, nextDueAt }) => (nextDueAt === null || (expired === 0 && nextDueAt <= now) ? later : Math.min(nextDueAt, later)),
      (error: unknown) => {
        log.error({ err: error }, 'hold.sweep-failed')
        return later
      },
    )
    isSweeping = false
    if (isRunning) alarm = clock.at(isWoken ? clock.now() : next, again)
  }
  const again = (): void => {
    sweeping = sweep()
  }

  return {
    start() {
      if (isRunning) return
      isRunning = true
      again()
    },
    wake() {
      isWoken = true
      if (!isRunning || isSweeping) return
      alarm?.cancel()
      again()
    },
    async stop() {
      isRunning = false
      alarm?.cancel()
      await sweeping
    },
  }
}
