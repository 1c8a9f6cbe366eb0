/** What becomes of an email whose time has come: it is released, held, made to wait, or ends. One transaction. */
import type { SystemActor } from '../model/actor.ts'
import type { ContentHash } from '../model/envelope.ts'
import type { OversightSaid } from '../model/email.ts'
import type { EmailId } from '../model/ids.ts'
import { isApproved } from '../model/hold-life.ts'
import { type Life, type LifeEvent, type Moved, isDue, step } from '../model/life.ts'
import { type Verdict, gateOf } from '../oversight/gate.ts'
import { fewestPeople, hold } from '../oversight/holds.ts'
import { type Grounds, release } from '../oversight/release.ts'
import type { Clock } from '../platform/clock.ts'
import type { Store, Tx } from '../store/db.ts'
import { emailEntry, emailFacts, tenancyOf } from '../store/email-record.ts'
import { lifeOf } from '../store/email-life.ts'
import { type EmailChange, type EmailRow, emailToChange, moveEmail } from '../store/emails.ts'
import { type EventType, appendEvent } from '../store/events.ts'
import { type HoldRow, decisionOfHold, latestHold } from '../store/holds.ts'
import { type LogAction, type NewLogEntry, appendLogs } from '../store/log.ts'
import { mailboxById, policyIn } from '../store/mailboxes.ts'
import { lockForCounting } from '../store/send-caps.ts'
import { asksForCounts } from '../model/policy.ts'
import { countForPolicy } from './policy-facts.ts'
import { askedOf, saying, verdictFor } from './circumstances.ts'
import { namedPaths } from './copies.ts'
import { type Caps, noCaps } from './pace/caps.ts'
import { askToSend } from './pace/spend.ts'
import { allSuppressed } from './suppression/suppression.ts'

export type ComingDueDeps = {
  store: Store
  clock: Clock
  holdExpiryMs: number
  giveUpAfterMs: number
  /** left out: none */ caps?: Caps
  /** as in submission.ts */ people?: number
}

/** An email as it stands in this transaction, which has it for itself. */
type Due = { tx: Tx; deps: ComingDueDeps; email: EmailRow; life: Life; contentHash: ContentHash; now: number }
export type Became = 'sent' | 'pending_send_approval' | 'send_failed' | 'postponed'

const gate: SystemActor = { kind: 'system', part: 'oversight' }

/** @param whyNot why its mailbox may send nothing at all; null when it may
 *  @returns null when somebody was faster, or its mailbox is closed for now */
export async function comeDue(tx: Tx, deps: ComingDueDeps, id: EmailId, whyNot: string | null): Promise<Became | null> {
  const now = deps.clock.now()
  // Whoever edits it waits from here on, or was here before.
  const email = await emailToChange(tx, id)
  if (email === undefined || email.content_hash === null) return null
  const last = await latestHold(tx, id)
  const life = lifeOf(email, now, { hold: last })
  if (!isDue(life)) return null
  const mailbox = await mailboxById(tx, email.mailbox_id)
  if (mailbox?.is_active !== 1) return null
  const due: Due = { tx, deps, email, life, contentHash: email.content_hash, now }

  if (whyNot !== null) return await fail(due, 'SENDING_DISABLED', whyNot)
  if (await allSuppressed(tx, tenancyOf(email), namedPaths(email), now))
    return await fail(due, 'RECIPIENT_SUPPRESSED', 'Every recipient is on the suppression list.')
  // A person let it go: that costs nothing more, as with any approval (pace/caps.ts).
  if (last !== undefined && isApproved(life)) return await send(due, await approvalOf(tx, last))
  const named = namedPaths(email)
  const counts = asksForCounts(policyIn(mailbox))
  if (counts) await lockForCounting(tx, mailbox.id)
  const verdict = await verdictFor(tx, mailbox, askedOf(email, now))
  if (verdict.outcome === 'refuse') return await fail(due, verdict.code, verdict.rule)
  if (counts) await countForPolicy(tx, mailbox.id, { named, thread: email.thread_id }, now)
  if (verdict.outcome === 'allow' && saysMore(email, saying(verdict)))
    return await wait(due, { outcome: 'hold', rule: 'What this email says of who looks at it is no longer so: a reviewer decides.' })
  return verdict.outcome === 'hold' ? await wait(due, verdict) : await sendWithinCaps(due, verdict.rule)
}

/** True when its own words promise a reader more, or its copies a person less, than `now` is so. */
const saysMore = ({ oversight_said: said }: EmailRow, now: OversightSaid): boolean =>
  said !== null && said !== now && !(said === 'monitored' && now === 'autonomous')

/** The decision that ended this hold, which was approved. */
async function approvalOf(tx: Tx, { id }: HoldRow): Promise<Grounds> {
  const decision = await decisionOfHold(tx, id)
  if (decision?.action !== 'approve') throw new Error(`hold ${id} was approved by nobody`)
  return { kind: 'approval', decisionId: decision.id }
}

/** What was counted when it was handed in is counted now instead: a hundred messages of a hundred hours do not leave in one. */
async function sendWithinCaps(due: Due, rule: string): Promise<Became | null> {
  const { tx, deps, email, now } = due
  const forwardPaths = namedPaths(email)
  const before = { at: email.received_at, messages: forwardPaths.length }
  const spend = await askToSend(tx, { mailboxId: email.mailbox_id, forwardPaths, caps: deps.caps ?? noCaps, before, now })
  if (!spend.ok) return await postpone(due, now + (spend.retryAfterMs ?? 0), spend.detail ?? spend.code)
  await spend.value(tx)
  return await send(due, { kind: 'policy', rule })
}

async function send(due: Due, grounds: Grounds): Promise<Became | null> {
  const { tx, deps, contentHash, now } = due
  const next = await move(due, { kind: 'come_due', gate: { outcome: 'allow' } }, { sent_at: now })
  if (next === null) return null
  await appendLogs(tx, [
    await release(tx, { email: next.email, contentHash, grounds, actor: gate, now, giveUpAfterMs: deps.giveUpAfterMs }),
  ])
  return 'sent'
}

async function wait(due: Due, verdict: Extract<Verdict, { outcome: 'hold' }>): Promise<Became | null> {
  const { tx, deps, contentHash, now } = due
  const next = await move(due, { kind: 'come_due', gate: gateOf(verdict, deps.people ?? fewestPeople) })
  const held = next?.life.hold ?? null
  if (next === null || held === null) return null
  const expiresAt = now + deps.holdExpiryMs
  await appendLogs(tx, [await hold(tx, { email: next.email, contentHash, rule: verdict.rule, people: held.people, now, expiresAt })])
  return 'pending_send_approval'
}

/** It has as long for its turn as its deliveries have for theirs. Said once, however often it has to wait. */
async function postpone(due: Due, until: number, reason: string): Promise<Became | null> {
  const { deps, email, now } = due
  const giveUpAt = (email.send_at ?? now) + (email.give_up_after_ms ?? deps.giveUpAfterMs)
  if (now >= giveUpAt) return await fail(due, 'RATE_LIMITED', `${reason}.`)
  const dueAt = Math.min(Math.max(until, now + 1), giveUpAt)
  const next = await move(due, { kind: 'postpone' }, { due_at: dueAt })
  if (next === null) return null
  if (email.due_at === email.send_at)
    await say(due, next.email, { event: 'message.delayed', action: 'email.postponed' }, { reason, delayed_until: dueAt })
  return 'postponed'
}

async function fail(due: Due, code: string, reason: string): Promise<Became | null> {
  const next = await move(due, { kind: 'come_due', gate: { outcome: 'fail' } })
  if (next === null) return null
  await say(due, next.email, { event: 'message.failed', action: 'email.failed' }, { code, reason })
  return 'send_failed'
}

async function say(
  { tx, now }: Due,
  email: EmailRow,
  { event, action }: { event: EventType; action: LogAction },
  why: { reason: string; code?: string; delayed_until?: number },
): Promise<void> {
  const { reason, ...metadata } = why
  await appendEvent(tx, {
    tenancy: tenancyOf(email),
    mailboxId: email.mailbox_id,
    type: event,
    data: { ...emailFacts(email), ...why },
    now,
  })
  const entry: NewLogEntry = { ...emailEntry(email, gate, now), action, metadata, details: { reason } }
  await appendLogs(tx, [entry])
}

/** @returns null when somebody was faster */
async function move(
  { tx, email, life, now }: Due,
  event: LifeEvent,
  columns: Partial<EmailChange> = {},
): Promise<(Moved & { email: EmailRow }) | null> {
  const next = step(life, event)
  const change = { ...columns, updated_at: now }
  if (next.kind === 'refused' || !(await moveEmail(tx, email.id, next, change))) return null
  return { ...next, email: { ...email, ...change, status: next.life.status ?? email.status } }
}
