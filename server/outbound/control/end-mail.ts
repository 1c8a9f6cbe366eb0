/** What becomes of the mail of a mailbox that is deleted: what waits for a person, for its time or in the queue ends. Each is an event and on the record. */
import type { Actor } from '../../model/actor.ts'
import type { MailboxId } from '../../model/ids.ts'
import { step } from '../../model/life.ts'
import { withdraw } from '../../oversight/holds.ts'
import type { Tx } from '../../store/db.ts'
import { emailEntry } from '../../store/email-record.ts'
import { lifeOf } from '../../store/email-life.ts'
import { type EmailRow, emailById, moveEmail, noteOfEmail, scheduledOf } from '../../store/emails.ts'
import { openHoldsOf } from '../../store/holds.ts'
import type { NewLogEntry } from '../../store/log.ts'
import { announceCancelled } from '../cancelled.ts'
import { takeBackDelivery } from './deliveries.ts'
import { stillQueuedOf } from '../../store/queue-changes.ts'

/** `whole`: nothing of it waits any more. */
export type EndedMail = { entries: NewLogEntry[]; whole: boolean }
export type EndMail = (tx: Tx, mailbox: MailboxId, by: { actor: Actor; now: number }) => Promise<EndedMail>

// What one transaction may hold up everybody else for.
const mostAtOnce = 100

/** Ends at most some of it; `entries` go on the record at the end of the transaction. An attempt that is under way is asked to end. */
export const endMail: EndMail = async (tx, mailbox, { actor, now }) => {
  const entries: NewLogEntry[] = []
  const note = (entry: NewLogEntry | null): void => {
    if (entry !== null) entries.push(entry)
  }
  // In the order in which mail moves on: what was decided on or came due meanwhile is met again at the next step.
  const scheduled = await scheduledOf(tx, mailbox, mostAtOnce)
  for (const email of scheduled) note(await endScheduled(tx, email, actor, now))
  const holds = await openHoldsOf(tx, mailbox, mostAtOnce)
  for (const { email_id } of holds) {
    const email = await emailById(tx, email_id)
    if (email !== undefined) note(await endHeld(tx, email, actor, now))
  }
  const deliveries = await stillQueuedOf(tx, mailbox, mostAtOnce)
  for (const { id, email_id } of deliveries) {
    // The email first, as everybody does who changes both.
    await noteOfEmail(tx, email_id, { updated_at: now })
    note(await takeBackDelivery(tx, id, actor, now))
  }
  return { entries, whole: [holds, scheduled, deliveries].every(({ length }) => length < mostAtOnce) }
}

async function endHeld(tx: Tx, email: EmailRow, actor: Actor, now: number): Promise<NewLogEntry | null> {
  const entry = await withdraw(tx, email, actor, now)
  if (entry !== null) await announceCancelled(tx, { ...email, status: 'cancelled' }, now)
  return entry
}

async function endScheduled(tx: Tx, email: EmailRow, actor: Actor, now: number): Promise<NewLogEntry | null> {
  const next = step(lifeOf(email, now), { kind: 'discard' })
  if (next.kind === 'refused' || !(await moveEmail(tx, email.id, next, { ended_by: actor.kind, updated_at: now }))) return null
  await announceCancelled(tx, { ...email, status: 'cancelled' }, now)
  return { ...emailEntry(email, actor, now), action: 'email.cancelled', metadata: { content_hash: email.content_hash } }
}
