import type { KeyActor } from '../model/actor.ts'
import { step } from '../model/life.ts'
import { type Result, fail, ok } from '../model/result.ts'
import { withdraw } from '../oversight/holds.ts'
import type { Tx } from '../store/db.ts'
import { emailEntry } from '../store/email-record.ts'
import { lifeOf } from '../store/email-life.ts'
import { type EmailRow, emailById, moveEmail } from '../store/emails.ts'
import { type NewLogEntry, appendLog } from '../store/log.ts'
import { announceCancelled } from './cancelled.ts'
import { submitted } from './hand-in.ts'
import type { SubmissionDeps, Submitted } from './submission.ts'

/** Takes back an email of ours that has not been released. What is released is out of our hands. */
export async function cancel(
  { store, clock, log }: SubmissionDeps,
  actor: KeyActor,
  email: EmailRow,
): Promise<Result<Submitted, 'NOT_CANCELLABLE'>> {
  const now = clock.now()
  const cancelled = await store.transaction(async (tx): Promise<Result<Submitted, 'NOT_CANCELLABLE'>> => {
    const entry = (await discard(tx, email, actor, now)) ?? (await withdraw(tx, email, actor, now))
    if (entry !== null) {
      const after: EmailRow = { ...email, status: 'cancelled' }
      // Nobody but its writer has heard of a draft.
      if (email.status !== 'draft') await announceCancelled(tx, after, now)
      await appendLog(tx, entry)
      return ok(submitted(after, false))
    }
    const current = (await emailById(tx, email.id)) ?? email
    if (current.status === 'cancelled') return ok(submitted(current, true))
    return fail(
      'NOT_CANCELLABLE',
      `Its status is ${current.status}; only a draft, or an email that waits for approval or for its time, can be cancelled.`,
    )
  })
  if (cancelled.ok && !cancelled.value.replayed) log.info({ emailId: email.id }, 'submission.cancelled')
  return cancelled
}

/** @returns null when it is no draft, and does not wait for its time */
async function discard(tx: Tx, email: EmailRow, actor: KeyActor, now: number): Promise<NewLogEntry | null> {
  const next = step(lifeOf(email, now), { kind: 'discard' })
  if (next.kind === 'refused' || !(await moveEmail(tx, email.id, next, { ended_by: actor.kind, updated_at: now }))) return null
  return { ...emailEntry(email, actor, now), action: 'email.cancelled' }
}
