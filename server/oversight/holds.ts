/** Holding an email back until somebody decides, and taking it back before they do. */
import type { Actor, SystemActor } from '../model/actor.ts'
import { newId } from '../model/ids.ts'
import { type Moved, step } from '../model/life.ts'
import type { Tx } from '../store/db.ts'
import { emailEntry, emailFacts, tenancyOf } from '../store/email-record.ts'
import { lifeOf } from '../store/email-life.ts'
import { type EmailChange, type EmailRow, findingsOf, moveEmail, writingKeys } from '../store/emails.ts'
import { appendEvent } from '../store/events.ts'
import { noteHold } from '../store/approval-links.ts'
import { type HoldRow, endHold, insertHold, latestHold } from '../store/holds.ts'
import type { NewLogEntry } from '../store/log.ts'

/** Who has to approve what waits for two people, where nothing else is set. */
export const fewestPeople = 2

export const mostRenewals = 5
/** However often it is renewed, counted from when it was held. */
export const longestHoldMs = 30 * 24 * 60 * 60_000

const lastCallMs = 24 * 60 * 60_000
/** When everybody is told, whoever's turn it is: a day before it expires, or at half of its time when that is later. Pure; epoch ms. */
export const lastCallAt = (heldAt: number, expiresAt: number): number =>
  expiresAt - Math.min(lastCallMs, Math.floor(Math.max(0, expiresAt - heldAt) / 2))

const gate: SystemActor = { kind: 'system', part: 'oversight' }

export type HoldOrder = {
  /** as it stands in this transaction: status `pending_send_approval` or `pending_inbound_approval` */
  email: EmailRow
  /** the one content a decision will be about: the content hash of mail going out, SHA-256 of the raw bytes of mail arriving */
  contentHash: string
  /** the gate's rule, in plain words */
  rule: string
  /** how many different people have to approve it; left out: one */
  people?: number
  /** voters who wrote in it, besides its agent; left out: nobody */
  editors?: readonly string[]
  /** epoch ms */
  now: number
  expiresAt: number
  /** the hold that this one goes on from: it is no younger, and was renewed as often */
  before?: Pick<HoldRow, 'renewals' | 'renewable_until'>
}

/** Opens the hold and tells reviewers. @returns the entry to append to the log at the end of the transaction. */
export async function hold(
  tx: Tx,
  { email, contentHash, rule, people = 1, editors = [], now, expiresAt, before }: HoldOrder,
): Promise<NewLogEntry> {
  const id = newId('hold', now)
  const row: HoldRow = {
    id,
    account_id: email.account_id,
    world: email.world,
    mailbox_id: email.mailbox_id,
    email_id: email.id,
    direction: email.direction,
    content_hash: contentHash,
    reason: rule,
    state: 'open',
    people,
    editors_json: editors.length === 0 ? null : JSON.stringify(editors),
    created_at: now,
    expires_at: expiresAt,
    renewals: before?.renewals ?? 0,
    renewable_until: before?.renewable_until ?? now + longestHoldMs,
    ended_at: null,
  }
  await insertHold(tx, row)
  // Nothing of the test world is mailed.
  if (email.world === 'live') await noteHold(tx, { hold: row, lastCallAt: lastCallAt(now, expiresAt), writers: writingKeys(email) })
  const found = email.direction === 'outbound' ? findingsOf(email) : []
  const data = {
    ...emailFacts(email),
    hold_id: id,
    content_hash: contentHash,
    reason: rule,
    expires_at: expiresAt,
    ...(people > 1 && { approvals_needed: people }),
  }
  await appendEvent(tx, { tenancy: tenancyOf(email), mailboxId: email.mailbox_id, type: 'oversight.pending', data, now })
  return {
    ...emailEntry(email, gate, now),
    action: 'email.held',
    metadata: { hold_id: id, content_hash: contentHash, rule, expires_at: expiresAt, ...(people > 1 && { approvals_needed: people }) },
    ...(found.length > 0 && { details: { findings: found } }),
  }
}

/** Takes a waiting email back. @returns the entry to append to the log, or null when it does not wait any more. @param now epoch ms */
export async function withdraw(tx: Tx, email: EmailRow, actor: Actor, now: number): Promise<NewLogEntry | null> {
  const open = await latestHold(tx, email.id)
  const next = step(lifeOf(email, now, { hold: open }), { kind: 'withdraw' })
  if (open === undefined || next.kind === 'refused' || !(await endHold(tx, open.id, 'cancelled', now))) return null
  await endWaiting(tx, email, next, { ended_by: actor.kind, updated_at: now })
  return { ...emailEntry(email, actor, now), action: 'email.cancelled', metadata: { hold_id: open.id, content_hash: open.content_hash } }
}

/** Gives a waiting email its next status. Its hold said that it waits; if its status says otherwise the store contradicts itself,
 *  and this throws, so that nothing of the transaction stays. */
export async function endWaiting(tx: Tx, email: EmailRow, next: Moved, change: EmailChange): Promise<EmailRow> {
  if (!(await moveEmail(tx, email.id, next, change))) throw new Error(`email ${email.id} has an open hold and the status ${email.status}`)
  return { ...email, ...change, status: next.life.status ?? email.status }
}
