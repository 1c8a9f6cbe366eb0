/**
 * Sends what was to be sent later, when its time has come.
 *
 * Promises: nothing leaves before its time. What a reviewer approved is released as approved; what nobody had to approve is asked about again at its time,
 * since somebody may have lowered the mailbox meanwhile (design promise 4), and then waits for a reviewer. Each is one transaction with its entries of the log.
 */
import type { SystemActor } from '../model/actor.ts'
import type { ContentHash } from '../model/envelope.ts'
import { agentVerdict } from '../oversight/gate.ts'
import { hold } from '../oversight/holds.ts'
import { type Grounds, release } from '../oversight/release.ts'
import type { Alarm, Clock } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import type { Store, Tx } from '../store/db.ts'
import { emailEntry } from '../store/email-record.ts'
import { type EmailRow, changeEmail, dueScheduled, emailById, nextScheduled } from '../store/emails.ts'
import { decisionOfHold, latestHold } from '../store/holds.ts'
import { type NewLogEntry, appendLogs } from '../store/log.ts'
import { mailboxById } from '../store/mailboxes.ts'

export type SchedulerDeps = {
  store: Store
  clock: Clock
  log: Log
  holdExpiryMs: number
  giveUpAfterMs: number
  /** called after each commit that put something into the queue */
  onReleased: () => void
}

export type Scheduler = {
  start(): void
  stop(): Promise<void>
  /** Does what is due now. @returns how many */
  run(): Promise<number>
}

const batch = 100
// What another process scheduled is noticed this much too late at most.
const longestPauseMs = 5_000

const gate: SystemActor = { kind: 'system', part: 'oversight' }

export function createScheduler(deps: SchedulerDeps): Scheduler {
  const { store, clock, log } = deps
  let alarm: Alarm | null = null
  let running = false
  let work: Promise<unknown> = Promise.resolve()

  async function run(): Promise<number> {
    let count = 0
    for (const email of await dueScheduled(store.db, clock.now(), batch)) {
      try {
        const status = await store.transaction((tx) => comeDue(tx, deps, email))
        if (status === null) continue
        count += 1
        log.info({ emailId: email.id, status }, 'submission.due')
        if (status === 'sent') deps.onReleased()
      } catch (error) {
        // One broken row must not keep the others back.
        log.error({ emailId: email.id, err: error }, 'submission.due-failed')
      }
    }
    return count
  }
  async function turn(): Promise<void> {
    const later = clock.now() + longestPauseMs
    const next = await run()
      .then(async (count) => (count > 0 ? clock.now() : await nextScheduled(store.db, clock.now())))
      .catch((error: unknown) => {
        log.error({ err: error }, 'submission.schedule-unreadable')
        return null
      })
    if (running) alarm = clock.at(Math.min(next ?? later, later), again)
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
    async stop() {
      running = false
      alarm?.cancel()
      await work
    },
  }
}

/** @returns the email's new status; null when somebody was faster, or its mailbox is closed for now */
async function comeDue(tx: Tx, deps: SchedulerDeps, { id }: EmailRow): Promise<EmailRow['status'] | null> {
  const now = deps.clock.now()
  const email = await emailById(tx, id)
  const mailbox = email === undefined ? undefined : await mailboxById(tx, email.mailbox_id)
  if (email?.status !== 'scheduled' || email.content_hash === null || mailbox?.is_active !== 1) return null
  const contentHash = email.content_hash
  const approved = await approvalOf(tx, email)
  const verdict = agentVerdict(mailbox.oversight_mode, 'send')
  if (approved !== null) return await send(tx, deps, email, contentHash, approved, now)
  if (verdict.outcome === 'allow') return await send(tx, deps, email, contentHash, { kind: 'policy', rule: verdict.rule }, now)
  if (verdict.outcome === 'refuse') return await fail(tx, email, verdict.rule, now)
  const waiting = await move(tx, email, { status: 'pending_send_approval' }, now)
  if (waiting === null) return null
  const order = { email: waiting, contentHash, rule: verdict.rule, now, expiresAt: now + deps.holdExpiryMs }
  await appendLogs(tx, [await hold(tx, order)])
  return waiting.status
}

/** A reviewer's yes to this very content. */
async function approvalOf(tx: Tx, email: EmailRow): Promise<Grounds | null> {
  const last = await latestHold(tx, email.id)
  if (last?.state !== 'approved' || last.content_hash !== email.content_hash) return null
  const decision = await decisionOfHold(tx, last.id)
  return decision?.action === 'approve' ? { kind: 'approval', decisionId: decision.id } : null
}

async function send(tx: Tx, deps: SchedulerDeps, email: EmailRow, contentHash: ContentHash, grounds: Grounds, now: number) {
  const sent = await move(tx, email, { status: 'sent', sent_at: now }, now)
  if (sent === null) return null
  await appendLogs(tx, [await release(tx, { email: sent, contentHash, grounds, actor: gate, now, giveUpAfterMs: deps.giveUpAfterMs })])
  return sent.status
}

async function fail(tx: Tx, email: EmailRow, rule: string, now: number): Promise<EmailRow['status'] | null> {
  const failed = await move(tx, email, { status: 'send_failed' }, now)
  if (failed === null) return null
  const entry: NewLogEntry = { ...emailEntry(failed, gate, now), action: 'email.cancelled', metadata: { rule } }
  await appendLogs(tx, [entry])
  return failed.status
}

async function move(tx: Tx, email: EmailRow, change: Partial<EmailRow>, now: number): Promise<EmailRow | null> {
  return (await changeEmail(tx, email.id, ['scheduled'], { ...change, updated_at: now })) ? { ...email, ...change, updated_at: now } : null
}
