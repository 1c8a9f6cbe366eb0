/** One decision on one hold, from the question who asks to the commit. */
import { type Decider, actorId, reaches } from '../model/actor.ts'
import type { ContentHash } from '../model/envelope.ts'
import { isFreshSignIn } from '../model/fresh-sign-in.ts'
import type { DecisionAction, RejectionCode } from '../model/decision.ts'
import { type DecisionId, type EmailId, newId } from '../model/ids.ts'
import { type Who, endOf, voterOf } from '../model/hold-life.ts'
import { type Life, type LifeEvent, type Step, step } from '../model/life.ts'
import { type Result, fail, ok } from '../model/result.ts'
import type { Tx } from '../store/db.ts'
import { emailEntry, emailFacts, tenancyOf } from '../store/email-record.ts'
import { lifeOf } from '../store/email-life.ts'
import { type EmailChange, type EmailRow, emailById, findEmail } from '../store/emails.ts'
import { appendEvent } from '../store/events.ts'
import { type HoldRow, approvalsOf, endHold, holdToChange, insertDecision, insertHoldApproval, latestHold } from '../store/holds.ts'
import { type NewLogEntry, appendLog } from '../store/log.ts'
import { mailboxById } from '../store/mailboxes.ts'
import { holdPersonSession } from '../store/person-sessions.ts'
import { noteReviewTime } from '../store/review-times.ts'
import { mayDecide } from './authority.ts'
import type { ApprovalsDeps, Decided, DecisionCode, DecisionInput } from './decision.ts'
import { isAsHeld, isSameContent } from './held-content.ts'
import { endWaiting } from './holds.ts'
import { release } from './release.ts'
import { whoIs, writersOf } from './writers.ts'

/** A longer reason is cut here. */
const maxReasonLength = 2000

type Decision = {
  id: DecisionId
  actor: Decider
  by: Who
  writers: readonly Who[]
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
  const { email, hold, by, writers, selfApproved } = found.value
  const reason = input.reason === undefined ? null : freeText(input.reason)
  const code = input.action === 'approve' ? null : (input.code ?? null)
  const decision: Decision = { id: newId('decision', now), actor, by, writers, action: input.action, reason, code, selfApproved, now }
  // Asked again of what stands when it is settled.
  const named = input.contentHash ?? hold.content_hash
  const next = step(lifeOf(email, now, { hold, writers }), eventOf(decision, named))
  const isChanged = next.kind === 'refused' && next.why === 'CONTENT_CHANGED' && named === hold.content_hash
  if (next.kind === 'refused' && next.why === 'SELF_APPROVAL')
    return refuse(deps, actor, email.id, input.action, fail(next.why, words.SELF_APPROVAL))
  if (next.kind === 'refused' && !isChanged) return refusal(next.why, hold, now)
  if (input.action === 'redo' && hold.direction === 'inbound') return fail('REDO_NOT_POSSIBLE')
  if (isChanged || (input.action === 'approve' && !(await isAsHeld(deps.store, email, hold))))
    return refuseChanged(deps, actor, email, hold, now)
  const decided = await deps.store.transaction((tx) => settle(tx, deps, email, hold, decision, input.spend))
  if (decided.ok) announce(deps, decided.value, hold)
  return decided
}

export type DecidingCode = Extract<
  DecisionCode,
  'EMAIL_NOT_FOUND' | 'NOT_PENDING' | 'SELF_APPROVAL' | 'HOLD_EXPIRED' | 'SCOPE_MISSING' | 'NOT_SIGNED_IN' | 'CONTENT_CHANGED'
>
type OpenHold = { email: EmailRow; hold: HoldRow; by: Who; writers: readonly Who[]; selfApproved: boolean }

/** What still waits, for somebody who may decide on it; who may not is on the record. @param now epoch ms @param asked what they want to do */
export async function openHoldFor(
  deps: Refusing,
  actor: Decider,
  id: EmailId,
  { now, asked }: { now: number; asked: string },
): Promise<Result<OpenHold, DecidingCode>> {
  const found = await emailFor(deps, actor, id, asked)
  if (!found.ok) return found
  const hold = await latestHold(deps.store.db, id)
  if (hold === undefined || hold.state !== 'open' || hold.expires_at <= now) return closedHold(hold, now)
  return ok({ ...found.value, hold })
}

type Refusing = Pick<ApprovalsDeps, 'store' | 'clock' | 'allowTestSelfApproval'>
type Deciding = { email: EmailRow; by: Who; writers: readonly Who[]; selfApproved: boolean }

/** An email, for somebody who may decide on it; who may not is on the record. @param asked what they want to do */
export async function emailFor(
  deps: Refusing,
  actor: Decider,
  id: EmailId,
  asked: string,
): Promise<Result<Deciding, 'EMAIL_NOT_FOUND' | 'SELF_APPROVAL' | 'SCOPE_MISSING'>> {
  const { db } = deps.store
  // Before anything is looked up: a key that decides on nothing learns nothing.
  const reviewer = mayDecide(actor, { by: nobody, writers: [] }, deps.allowTestSelfApproval)
  if (!reviewer.ok) return refuse(deps, actor, id, asked, reviewer)
  const email = await findEmail(db, actor, id)
  if (email === undefined || !reaches(actor, email.mailbox_id)) return fail('EMAIL_NOT_FOUND')
  const [by, writers] = await Promise.all([whoIs(db, actor), writersOf(db, email)])
  const authority = mayDecide(actor, { by, writers }, deps.allowTestSelfApproval)
  if (!authority.ok) return refuse(deps, actor, id, asked, authority)
  return ok({ email, by, writers, selfApproved: authority.value.selfApproved })
}

/** Whoever tries to decide on their own mail, or with a key that may not, is on the record. */
export async function refuse<R extends { ok: false; code: string }>(
  { store, clock }: Refusing,
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

const eventOf = ({ action, by, selfApproved }: Decision, hash: string): LifeEvent => ({
  // Who asks for another version says no to this one.
  kind: action === 'approve' ? 'approve' : 'reject',
  by,
  hash,
  playsBoth: selfApproved,
})

const nobody: Who = { key: null, person: null }

async function settle(
  tx: Tx,
  deps: ApprovalsDeps,
  seen: EmailRow,
  hold: HoldRow,
  decision: Decision,
  spend?: DecisionInput['spend'],
): Promise<Result<Decided, DecisionCode>> {
  if (!(await isStillIn(tx, decision))) return fail('NOT_SIGNED_IN')
  if (!(await mayApproveTogether(tx, hold, decision))) return fail('FRESH_SIGN_IN_NEEDED')
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
  seen: HoldRow,
  decision: Decision,
): Promise<Result<Decided, DecisionCode>> {
  const { now, action } = decision
  // Of two at one moment the later sees what the earlier did.
  const hold = await holdToChange(tx, seen.id)
  const approvals = hold !== undefined && hold.people > 1 ? await approvalsOf(tx, [hold.id]) : []
  const wait = await waitAfter(tx, email, decision)
  const life = lifeOf({ ...email, ...wait }, now, { hold, approvals, writers: decision.writers })
  const next = step(life, eventOf(decision, seen.content_hash))
  if (hold === undefined || next.kind === 'refused') return refusal(next.kind === 'refused' ? next.why : 'NOT_PENDING', hold, now)
  const counted = hold.people > 1 && action === 'approve' ? await countApproval(tx, hold, next.life, decision) : null
  const end = endOf(next.life.hold)
  if (end === null) return inPart(tx, email, hold, decision, counted ?? { given: 0, needed: hold.people })
  if (!(await endHold(tx, hold.id, end, now))) throw new Error(`hold ${hold.id} ended while it was locked`)
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
  const after = await endWaiting(tx, email, next, changeAfter(next.life, decision, wait))
  const timeMs = await timeOf(tx, email, decision)
  const entries = [decisionEntry(after, hold, decision, timeMs), ...(await effects(tx, deps, after, next.life, hold, decision))]
  for (const entry of entries) await appendLog(tx, entry)
  return ok({
    emailId: email.id,
    direction: hold.direction,
    status: after.status,
    action,
    code: decision.code,
    decidedAt: now,
    undoUntil: after.undo_until,
    queuedAt: next.life.release === null ? null : now,
    approvals: counted,
    selfApproved: decision.selfApproved,
  })
}

/** A session that was ended on the host since the question was asked decides on nothing. A link that was mailed is spent instead. */
export async function isStillIn(tx: Tx, { actor, now }: Pick<Decision, 'actor' | 'now'>): Promise<boolean> {
  if (!('sessionId' in actor)) return true
  const session = await holdPersonSession(tx, actor.sessionId)
  return session !== undefined && session.ended_at === null && now < session.expires_at
}

/** Who approves what waits for two people has signed in moments ago. A key does not sign in, and a link that was mailed is nobody's signing in. */
async function mayApproveTogether(tx: Tx, { people }: HoldRow, { actor, action, now }: Decision): Promise<boolean> {
  if (people === 1 || action !== 'approve' || actor.kind === 'key') return true
  const session = 'sessionId' in actor ? await holdPersonSession(tx, actor.sessionId) : undefined
  return session !== undefined && isFreshSignIn(session.created_at, now)
}

type Approvals = { given: number; needed: number }

/** One yes of several. @returns how many there are with it */
async function countApproval(tx: Tx, hold: HoldRow, after: Life, { actor, by, reason, now }: Decision): Promise<Approvals> {
  const { id: hold_id, email_id, content_hash, people: needed } = hold
  const voter_id = voterOf(by)
  await insertHoldApproval(tx, { hold_id, voter_id, actor_id: actorId(actor), email_id, content_hash, reason, created_at: now })
  return { given: after.hold?.yes.length ?? 0, needed }
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
    undoUntil: null,
    queuedAt: null,
    approvals,
    selfApproved: false,
  })
}

type Wait = Pick<EmailRow, 'due_at' | 'undo_until'>
/** Until when it waits once it is approved: for its time, and as long as its mailbox lets the yes be taken back. */
async function waitAfter(tx: Tx, { direction, mailbox_id, due_at }: EmailRow, { action, now }: Decision): Promise<Wait> {
  const isLeaving = direction === 'outbound' && action === 'approve'
  const seconds = isLeaving ? ((await mailboxById(tx, mailbox_id))?.undo_seconds ?? 0) : 0
  if (seconds === 0) return { due_at, undo_until: null }
  const undo_until = now + seconds * 1000
  return { due_at: Math.max(due_at ?? 0, undo_until), undo_until }
}

function changeAfter({ status, release: released }: Life, { action, actor, reason, code, now }: Decision, wait: Wait): EmailChange {
  const ended = { ended_by: actor.kind, updated_at: now }
  if (action !== 'approve') return { ...ended, rejection_reason: reason, rejection_code: code, redo_asked: action === 'redo' ? 1 : 0 }
  const approved = { ...ended, approved_at: now, approved_by: actorId(actor) }
  if (released !== null) return { ...approved, sent_at: now }
  return status === 'scheduled' ? { ...approved, ...wait } : approved
}

/** Announces the decision and does what follows from a yes. @returns further entries for the log */
async function effects(
  tx: Tx,
  deps: ApprovalsDeps,
  email: EmailRow,
  { release: released }: Life,
  hold: HoldRow,
  decision: Decision,
): Promise<NewLogEntry[]> {
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
  // Else it is released at its time.
  if (released === null) return []
  return [
    await release(tx, {
      email,
      contentHash: released.hash as ContentHash,
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

const words = {
  CONTENT_CHANGED: 'The content you name is not the one that waits; look at the email again.',
  SELF_APPROVAL: 'This email waits for others than whoever wrote it, or changed its words.',
}

function refusal(why: Extract<Step, { kind: 'refused' }>['why'], hold: HoldRow | undefined, now: number): Result<never, DecisionCode> {
  if (why === 'CONTENT_CHANGED' || why === 'SELF_APPROVAL') return fail(why, words[why])
  return why === 'SAME_REVIEWER' ? fail(why) : closedHold(hold, now)
}

/** Why nothing can be decided about what was looked at. @param hold the latest of its email */
export function closedHold(hold: HoldRow | undefined, now: number): Result<never, 'NOT_PENDING' | 'HOLD_EXPIRED' | 'CONTENT_CHANGED'> {
  if (hold === undefined) return fail('NOT_PENDING', 'This email does not wait for a decision.')
  const hasExpired = hold.state === 'expired' || (hold.state === 'open' && hold.expires_at <= now)
  if (hasExpired) return fail('HOLD_EXPIRED', 'Nobody decided in time, so this email can no longer be decided on.')
  // A reviewer changed its words just now, or took back that it was approved.
  if (hold.state === 'open') return fail('CONTENT_CHANGED', 'Something else waits since just now; look at the email again.')
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
