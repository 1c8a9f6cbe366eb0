/** Takes an approval back, as long as its mailbox lets it wait for that: the mail is held again, the same bytes. */
import { type Decider, actorId } from '../model/actor.ts'
import type { EmailId } from '../model/ids.ts'
import { step } from '../model/life.ts'
import { type Result, fail, ok } from '../model/result.ts'
import type { Tx } from '../store/db.ts'
import { emailEntry, emailFacts, tenancyOf } from '../store/email-record.ts'
import { lifeOf } from '../store/email-life.ts'
import { emailToChange, moveEmail } from '../store/emails.ts'
import { appendEvent } from '../store/events.ts'
import { editorsOf, latestHold } from '../store/holds.ts'
import { appendLogs } from '../store/log.ts'
import { emailFor, isStillIn } from './decide.ts'
import type { ApprovalsDeps } from './decision.ts'
import { hold } from './holds.ts'

/** Times are epoch ms. */
export type Undone = { emailId: EmailId; contentHash: string; expiresAt: number }
export type UndoCode = 'EMAIL_NOT_FOUND' | 'SCOPE_MISSING' | 'SELF_APPROVAL' | 'NOT_SIGNED_IN' | 'NOT_UNDOABLE'

/** Whoever may decide on it may take back that somebody did. */
export async function undoApproval(deps: ApprovalsDeps, actor: Decider, id: EmailId): Promise<Result<Undone, UndoCode>> {
  const { store, clock, log } = deps
  const found = await emailFor(deps, actor, id, 'undo')
  if (!found.ok) return found
  const undone = await store.transaction((tx) => takeBack(tx, actor, id, clock.now()))
  if (undone.ok) log.info({ emailId: id, contentHash: undone.value.contentHash }, 'hold.approval-undone')
  return undone
}

async function takeBack(tx: Tx, actor: Decider, id: EmailId, now: number): Promise<Result<Undone, UndoCode>> {
  if (!(await isStillIn(tx, { actor, now }))) return fail('NOT_SIGNED_IN')
  // Whoever releases it waits from here on, or was here before.
  const email = await emailToChange(tx, id)
  const last = await latestHold(tx, id)
  const notUndoable = fail('NOT_UNDOABLE', `Its status is ${email?.status ?? 'unknown'}.`)
  if (email === undefined || last === undefined || email.undo_until === null || email.undo_until <= now) return notUndoable
  const next = step(lifeOf(email, now, { hold: last }), { kind: 'undo', waits: email.send_at !== null && email.send_at > now })
  if (next.kind === 'refused') return notUndoable
  const change = { approved_at: null, approved_by: null, ended_by: null, undo_until: null, due_at: email.send_at, updated_at: now }
  if (!(await moveEmail(tx, id, next, change))) throw new Error(`email ${id} was changed while it was locked`)
  const after = { ...email, ...change, status: 'pending_send_approval' } as const
  const said = { hold_id: last.id, outcome: 'undone', decided_by: actorId(actor), decided_by_kind: actor.kind }
  const event = { tenancy: tenancyOf(email), mailboxId: email.mailbox_id, now }
  await appendEvent(tx, { ...event, type: 'oversight.undone', data: { ...emailFacts(after), ...said } })
  const { content_hash: contentHash, reason: rule, people, expires_at: expiresAt } = last
  // Its time is what was left of it: nobody makes it longer by a yes and a no.
  const held = await hold(tx, { email: after, contentHash, rule, people, editors: editorsOf(last), now, expiresAt, before: last })
  const metadata = { hold_id: last.id, mailbox_id: email.mailbox_id, content_hash: contentHash }
  await appendLogs(tx, [{ ...emailEntry(email, actor, now), action: 'email.approval_undone', metadata }, held])
  return ok({ emailId: id, contentHash, expiresAt })
}
