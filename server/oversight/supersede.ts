/**
 * A new version takes the place of an email that was turned down, ran out of time, or is still held.
 *
 * Promises: one email is replaced once, by whoever comes first; what is held ends with that, so no reviewer approves it any more; what was sent, waits for its
 * time or was withdrawn is replaced by nothing. Whoever may take an email back may replace it.
 */
import type { KeyActor } from '../model/actor.ts'
import type { EmailStatus } from '../model/email.ts'
import type { EmailId } from '../model/ids.ts'
import { step } from '../model/life.ts'
import { type Result, fail, ok } from '../model/result.ts'
import type { Tx } from '../store/db.ts'
import { emailEntry, emailFacts, tenancyOf } from '../store/email-record.ts'
import { lifeOf } from '../store/email-life.ts'
import { type EmailRow, emailToChange, noteOfEmail } from '../store/emails.ts'
import { appendEvent } from '../store/events.ts'
import { type HoldRow, endHold, holdToChange, latestHold } from '../store/holds.ts'
import type { NewLogEntry } from '../store/log.ts'
import { endWaiting } from './holds.ts'

const replaceable: readonly EmailStatus[] = ['pending_send_approval', 'rejected', 'expired']

/** Whether another version may take its place, as it stands. */
export function mayBeReplaced(email: EmailRow): Result<EmailRow, 'NOT_REPLACEABLE'> {
  if (email.replaced_by_id !== null) return fail('NOT_REPLACEABLE', `${email.replaced_by_id} replaces it already.`)
  if (!replaceable.includes(email.status)) return fail('NOT_REPLACEABLE', `Its status is ${email.status}.`)
  return ok(email)
}

/** What nobody else changes until the transaction ends. */
export type Replaced = { email: EmailRow; hold: HoldRow | null }

/** The hold before its email, as whoever decides has them. */
export async function lockReplaced(tx: Tx, id: EmailId): Promise<Result<Replaced, 'NOT_REPLACEABLE'>> {
  const last = await latestHold(tx, id)
  const hold = last === undefined ? undefined : await holdToChange(tx, last.id)
  const email = await emailToChange(tx, id)
  if (email === undefined) return fail('NOT_REPLACEABLE', 'It is gone.')
  const may = mayBeReplaced(email)
  return may.ok ? ok({ email, hold: hold?.state === 'open' ? hold : null }) : may
}

/** @returns the entry to append to the log. @param now epoch ms */
export async function supersede(
  tx: Tx,
  { email, hold }: Replaced,
  { by, actor, now }: { by: EmailId; actor: KeyActor; now: number },
): Promise<NewLogEntry> {
  const next = hold === null ? null : step(lifeOf(email, now, { hold }), { kind: 'withdraw' })
  if (hold !== null && next?.kind === 'moved' && (await endHold(tx, hold.id, 'cancelled', now))) {
    const after = await endWaiting(tx, email, next, { ended_by: actor.kind, replaced_by_id: by, updated_at: now })
    const said = { hold_id: hold.id, outcome: 'superseded', decided_by_kind: actor.kind, replaced_by: by }
    const event = { tenancy: tenancyOf(email), mailboxId: email.mailbox_id, now }
    await appendEvent(tx, { ...event, type: 'oversight.superseded', data: { ...emailFacts(after), ...said } })
  } else await noteOfEmail(tx, email.id, { replaced_by_id: by, updated_at: now })
  const metadata = { replaced_by: by, content_hash: email.content_hash, previous_status: email.status }
  return { ...emailEntry(email, actor, now), action: 'email.superseded', metadata }
}
