/** One decision on one hold, from the question who asks to the commit. */
import { type Decider, actorId, reaches } from '../model/actor.ts'
import type { ContentHash } from '../model/envelope.ts'
import { type DecisionId, type EmailId, type KeyId, newId } from '../model/ids.ts'
import type { DecisionAction, RejectionCode } from '../model/decision.ts'
import { type Result, fail, ok } from '../model/result.ts'
import type { Db, Tx } from '../store/db.ts'
import { emailEntry, emailFacts, tenancyOf } from '../store/email-record.ts'
import { type EmailRow, emailById, findEmail } from '../store/emails.ts'
import { appendEvent } from '../store/events.ts'
import { type HoldRow, approvalsOf, endHold, holdToChange, insertDecision, insertHoldApproval, latestHold } from '../store/holds.ts'
import { ownerOfKey } from '../store/keys.ts'
import { type NewLogEntry, appendLog } from '../store/log.ts'
import { holdPersonSession } from '../store/person-sessions.ts'
import { noteReviewTime } from '../store/review-times.ts'
import { type Composer, mayDecide } from './authority.ts'
import type { ApprovalsDeps, Decided, DecisionCode, DecisionInput } from './decision.ts'
import { isAsHeld, isSameContent } from './held-content.ts'
import { type StatusChange, endWaiting } from './holds.ts'
import { release } from './release.ts'

/** A longer reason is cut here. */
const maxReasonLength = 2000

type Decision = {
  id: DecisionId
  actor: Decider
  /** who they are beside others who approve it */ voter: string
  action: DecisionAction
  reason: string | null
  code: RejectionCode | null
  selfApproved: boolean
  now: number
}

export async function decide(deps: ApprovalsDeps, actor: Decider, input: DecisionInput): Promise<Result<Decided, DecisionCode>> {
  const now = deps.clock.now()
  const found = await openHoldFor(deps, actor, input.email, { now, asked: input.action })
  if (!found.ok) return found
  const { email, hold, selfApproved } = found.value
  // In the test world one key may play both parts, but not that of two people; nor may another key of whoever's key wrote it.
  const voter = hold.people > 1 ? await voterOf(deps.store.db, actor) : actorId(actor)
  if (hold.people > 1 && (selfApproved || voter === (await ownerOf(deps.store.db, email))))
    return refuse(deps, actor, input.email, input.action, fail('SELF_APPROVAL', 'This email waits for others than whoever wrote it.'))
  if (input.contentHash !== undefined && input.contentHash !== hold.content_hash) {
    return fail('CONTENT_CHANGED', 'The content you name is not the one that waits; look at the email again.')
  }
  if (input.action === 'redo' && hold.direction === 'inbound') return fail('REDO_NOT_POSSIBLE')
  if (input.action === 'approve' && !(await isAsHeld(deps.store, email, hold))) return refuseChanged(deps, actor, email, hold, now)

  const reason = input.reason === undefined ? null : freeText(input.reason)
  const decision: Decision = {
    id: newId('decision', now),
    actor,
    voter,
    action: input.action,
    reason,
    code: input.action === 'approve' ? null : (input.code ?? null),
    selfApproved,
    now,
  }
  const decided = await deps.store.transaction((tx) => settle(tx, deps, email, hold, decision, input.spend))
  if (decided.ok) announce(deps, decided.value, hold)
  return decided
}

export type DecidingCode = Extract<
  DecisionCode,
  'EMAIL_NOT_FOUND' | 'NOT_PENDING' | 'SELF_APPROVAL' | 'HOLD_EXPIRED' | 'SCOPE_MISSING' | 'NOT_SIGNED_IN'
>

/** What still waits, for somebody who may decide on it; who may not is on the record. @param now epoch ms @param asked what they want to do */
export async function openHoldFor(
  deps: ApprovalsDeps,
  actor: Decider,
  id: EmailId,
  { now, asked }: { now: number; asked: string },
): Promise<Result<{ email: EmailRow; hold: HoldRow; selfApproved: boolean }, DecidingCode>> {
  // Before anything is looked up: a key that decides on nothing learns nothing.
  const reviewer = mayDecide(actor, nobody, deps.allowTestSelfApproval)
  if (!reviewer.ok) return refuse(deps, actor, id, asked, reviewer)
  const email = await findEmail(deps.store.db, actor, id)
  if (email === undefined || !reaches(actor, email.mailbox_id)) return fail('EMAIL_NOT_FOUND')
  const authority = await mayDecideOn(deps, actor, email)
  if (!authority.ok) return refuse(deps, actor, id, asked, authority)
  const hold = await latestHold(deps.store.db, email.id)
  if (hold === undefined || hold.state !== 'open' || hold.expires_at <= now) return closedHold(hold, now)
  return ok({ email, hold, selfApproved: authority.value.selfApproved })
}

/** Whoever tries to decide on their own mail, or with a key that may not, is on the record. */
async function refuse<R extends { ok: false; code: string }>(
  { store, clock }: ApprovalsDeps,
  actor: Decider,
  email: EmailId,
  asked: string,
  why: R,
): Promise<R> {
  const tenancy = { accountId: actor.accountId, world: actor.world }
  const about = { at: clock.now(), actor, tenancy, resourceType: 'email', resourceId: email }
  await store.transaction((tx) => appendLog(tx, { ...about, action: 'approval.refused', metadata: { code: why.code, asked } }))
  return why
}

/** A key that is known to be somebody's is them: with their own sign-in besides they are one. */
const voterOf = async (db: Db, actor: Decider): Promise<string> =>
  (actor.kind === 'key' ? await ownerOfKey(db, actor.keyId) : null) ?? actorId(actor)
const ownerOf = async (db: Db, { composer_id: keyId }: EmailRow): Promise<string | null> => (keyId === null ? null : ownerOfKey(db, keyId))

const nobody: Composer = { keyId: null, ownerId: null }
/** Asked of each who wrote in it: the key that drafted it as well as the one that handed it in. */
async function mayDecideOn(
  { store, allowTestSelfApproval }: ApprovalsDeps,
  actor: Decider,
  { composer_id, drafter_id }: EmailRow,
): Promise<ReturnType<typeof mayDecide>> {
  let selfApproved = false
  for (const keyId of new Set([composer_id, drafter_id])) {
    const answer = mayDecide(actor, keyId === null ? nobody : await writerOf(store.db, actor, keyId), allowTestSelfApproval)
    if (!answer.ok) return answer
    selfApproved ||= answer.value.selfApproved
  }
  return ok({ selfApproved })
}

const writerOf = async (db: Db, actor: Decider, keyId: KeyId): Promise<Composer> => ({
  keyId,
  ownerId: await ownerOfKey(db, keyId),
  deciderId: actor.kind === 'key' ? await ownerOfKey(db, actor.keyId) : null,
})

async function settle(
  tx: Tx,
  deps: ApprovalsDeps,
  seen: EmailRow,
  hold: HoldRow,
  decision: Decision,
  spend?: DecisionInput['spend'],
): Promise<Result<Decided, DecisionCode>> {
  if (!(await isStillIn(tx, decision))) return fail('NOT_SIGNED_IN')
  const email = await emailById(tx, seen.id)
  if (email === undefined || !isSameContent(email, seen))
    return fail('CONTENT_CHANGED', 'The email was changed just now; look at it again.')
  const used = await spend?.(tx)
  if (used === null) return fail('NOT_PENDING', 'What you decide with was used already.')
  const decided = await conclude(tx, deps, email, hold, decision)
  if (used !== undefined) await appendLog(tx, used)
  return decided
}

async function conclude(
  tx: Tx,
  deps: ApprovalsDeps,
  email: EmailRow,
  hold: HoldRow,
  decision: Decision,
): Promise<Result<Decided, DecisionCode>> {
  const { now, action } = decision
  const approvals = hold.people > 1 && action === 'approve' ? await approveTogether(tx, hold, decision) : null
  if (approvals !== null && (!approvals.ok || approvals.value.given < hold.people))
    return approvals.ok ? inPart(tx, email, hold, decision, approvals.value) : approvals
  if (!(await endHold(tx, hold.id, action === 'approve' ? 'approved' : 'rejected', now)))
    return closedHold(await latestHold(tx, email.id), now)
  await insertDecision(tx, {
    id: decision.id,
    hold_id: hold.id,
    email_id: email.id,
    actor_id: actorId(decision.actor),
    action: action === 'approve' ? 'approve' : 'reject',
    content_hash: hold.content_hash,
    reason: decision.reason,
    code: decision.code,
    redo: action === 'redo' ? 1 : 0,
    created_at: now,
  })
  const after = await endWaiting(tx, email, changeAfter(email, decision))
  const timeMs = await timeOf(tx, email, decision)
  const entries = [decisionEntry(after, hold, decision, timeMs), ...(await effects(tx, deps, after, hold, decision))]
  for (const entry of entries) await appendLog(tx, entry)
  return ok({
    emailId: email.id,
    direction: hold.direction,
    status: after.status,
    action,
    code: decision.code,
    decidedAt: now,
    queuedAt: after.status === 'sent' ? now : null,
    approvals: approvals?.value ?? null,
    selfApproved: decision.selfApproved,
  })
}

/** A session that was ended on the host since the question was asked decides on nothing. A link that was mailed is spent instead. */
export async function isStillIn(tx: Tx, { actor, now }: Pick<Decision, 'actor' | 'now'>): Promise<boolean> {
  if (!('sessionId' in actor)) return true
  const session = await holdPersonSession(tx, actor.sessionId)
  return session !== undefined && session.ended_at === null && now < session.expires_at
}

type Approvals = { given: number; needed: number }

/** One yes of several. Of two at one moment the later sees the earlier's. @returns how many there are with it */
async function approveTogether(tx: Tx, seen: HoldRow, { actor, voter, reason, now }: Decision): Promise<Result<Approvals, DecisionCode>> {
  const hold = await holdToChange(tx, seen.id)
  if (hold?.state !== 'open' || hold.expires_at <= now || hold.content_hash !== seen.content_hash) return closedHold(hold, now)
  const before = await approvalsOf(tx, [hold.id])
  if (before.some(({ voter_id: other }) => other === voter)) return fail('SAME_REVIEWER')
  const { id: hold_id, email_id, content_hash } = hold
  await insertHoldApproval(tx, { hold_id, voter_id: voter, actor_id: actorId(actor), email_id, content_hash, reason, created_at: now })
  return ok({ given: before.filter((one) => one.content_hash === content_hash).length + 1, needed: hold.people })
}

/** It goes on waiting. */
async function inPart(tx: Tx, email: EmailRow, hold: HoldRow, decision: Decision, approvals: Approvals): Promise<Result<Decided, never>> {
  const { now, actor, reason } = decision
  const counted = { approvals_given: approvals.given, approvals_needed: approvals.needed }
  const said = { hold_id: hold.id, decided_by: actorId(actor), ...counted }
  const event = { tenancy: tenancyOf(email), mailboxId: email.mailbox_id, now }
  await appendEvent(tx, { ...event, type: 'oversight.approved_in_part', data: { ...emailFacts(email), ...said } })
  await timeOf(tx, email, decision)
  const metadata = { hold_id: hold.id, mailbox_id: email.mailbox_id, content_hash: hold.content_hash, ...counted }
  const entry = { ...emailEntry(email, actor, now), action: 'email.approved_in_part' as const, metadata }
  await appendLog(tx, { ...entry, ...(reason !== null && { details: { reason } }) })
  return ok({
    emailId: email.id,
    direction: hold.direction,
    status: email.status,
    action: 'approve',
    code: null,
    decidedAt: now,
    queuedAt: null,
    approvals,
    selfApproved: false,
  })
}

function changeAfter({ direction, send_at }: EmailRow, { action, actor, reason, code, now }: Decision): StatusChange {
  const ended = { ended_by: actor.kind, updated_at: now }
  if (action !== 'approve')
    return { ...ended, status: 'rejected', rejection_reason: reason, rejection_code: code, redo_asked: action === 'redo' ? 1 : 0 }
  const approved = { ...ended, approved_at: now, approved_by: actorId(actor) }
  if (direction === 'inbound') return { ...approved, status: 'unread' }
  // It is released at its time.
  return send_at !== null && send_at > now ? { ...approved, status: 'scheduled' } : { ...approved, status: 'sent', sent_at: now }
}

/** Announces the decision and does what follows from a yes. @returns further entries for the log */
async function effects(tx: Tx, deps: ApprovalsDeps, email: EmailRow, hold: HoldRow, decision: Decision): Promise<NewLogEntry[]> {
  const { now, action, actor, reason, code } = decision
  const event = { tenancy: tenancyOf(email), mailboxId: email.mailbox_id, now }
  const by = { decided_by: actorId(actor), decided_by_kind: actor.kind }
  const end =
    action === 'approve'
      ? { action, outcome: 'approved' }
      : { action: 'reject', outcome: 'rejected', reason_code: code, redo_asked: action === 'redo' }
  const said = { hold_id: hold.id, reason, ...by, ...end }
  await appendEvent(tx, {
    ...event,
    type: action === 'approve' ? 'oversight.approved' : 'oversight.rejected',
    data: { ...emailFacts(email), ...said },
  })
  if (action !== 'approve') return []
  if (hold.direction === 'inbound') {
    await appendEvent(tx, { ...event, type: 'message.received', data: emailFacts(email) })
    return []
  }
  if (email.status === 'scheduled') return []
  const contentHash = hold.content_hash as ContentHash
  return [
    await release(tx, {
      email,
      contentHash,
      grounds: { kind: 'approval', decisionId: decision.id },
      actor,
      now,
      giveUpAfterMs: deps.giveUpAfterMs,
    }),
  ]
}

/** Somebody changed what was held. Put on the record and reported; the hold stays open, to be rejected or to expire. */
async function refuseChanged(
  { store, log }: ApprovalsDeps,
  actor: Decider,
  email: EmailRow,
  hold: HoldRow,
  now: number,
): Promise<Result<never, DecisionCode>> {
  log.error({ emailId: email.id, holdId: hold.id, contentHash: hold.content_hash }, 'hold.content-changed')
  const metadata = { code: 'CONTENT_CHANGED', hold_id: hold.id, content_hash: hold.content_hash }
  await store.transaction((tx) => appendLog(tx, { ...emailEntry(email, actor, now), action: 'approval.refused', metadata }))
  return fail('CONTENT_CHANGED', 'What is stored is no longer what was held, so nothing was released. It is on the record.')
}

/** Why what is not open cannot be decided on. */
export function closedHold(hold: HoldRow | undefined, now: number): Result<never, 'NOT_PENDING' | 'HOLD_EXPIRED'> {
  if (hold === undefined) return fail('NOT_PENDING', 'This email does not wait for a decision.')
  const hasExpired = hold.state === 'expired' || (hold.state === 'open' && hold.expires_at <= now)
  if (hasExpired) return fail('HOLD_EXPIRED', 'Nobody decided in time, so this email can no longer be decided on.')
  return fail('NOT_PENDING', `This email does not wait any more: it was ${hold.state}.`)
}

function announce(
  { log, onReleased }: ApprovalsDeps,
  { emailId, action, selfApproved, queuedAt, approvals }: Decided,
  hold: HoldRow,
): void {
  const inPart = approvals !== null && approvals.given < approvals.needed
  const said = action !== 'approve' ? 'hold.rejected' : inPart ? 'hold.approved-in-part' : 'hold.approved'
  log.info({ emailId, holdId: hold.id, contentHash: hold.content_hash, selfApproved }, said)
  if (queuedAt !== null) onReleased()
}

/** How long a person looked at it (ms); null: it is not known. */
async function timeOf(tx: Tx, { id: emailId, mailbox_id: mailboxId }: EmailRow, decision: Decision): Promise<number | null> {
  const { actor, now } = decision
  if (actor.kind !== 'person') return null
  const action = decision.action === 'approve' ? 'approve' : 'reject'
  return noteReviewTime(tx, { person: actor, emailId, mailboxId, action, isCanary: false, now })
}

const decisionEntry = (email: EmailRow, hold: HoldRow, decision: Decision, timeMs: number | null): NewLogEntry => ({
  ...emailEntry(email, decision.actor, decision.now),
  action: decision.action === 'approve' ? 'email.approved' : 'email.rejected',
  // Its agent sees it from now on.
  ...(decision.action === 'approve' && email.direction === 'inbound' && { appearsIn: email.mailbox_id }),
  metadata: {
    decision_id: decision.id,
    hold_id: hold.id,
    // The command line of the hosted service counts decisions by mailbox (contract §13.6).
    mailbox_id: email.mailbox_id,
    content_hash: hold.content_hash,
    self_approved: decision.selfApproved,
    ...(decision.action !== 'approve' && { code: decision.code, redo_asked: decision.action === 'redo' }),
  },
  ...((decision.reason !== null || timeMs !== null) && {
    details: { ...(decision.reason !== null && { reason: decision.reason }), ...(timeMs !== null && { time_on_card_ms: timeMs }) },
  }),
})

// PostgreSQL text cannot hold a NUL.
const freeText = (text: string): string => text.slice(0, maxReasonLength).toWellFormed().replaceAll('\0', '')
