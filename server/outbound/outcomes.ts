/** What follows from attempts, in one transaction with them: the delivery's new state, the email's, the event and the entry of the log. */
import type { SystemActor } from '../model/actor.ts'
import type { Address } from '../model/address.ts'
import { type AttemptEnd, afterAttempt, yieldsToTakeBack } from '../model/delivery-life.ts'
import type { MailboxId } from '../model/ids.ts'
import { type Step, step } from '../model/life.ts'
import { emailFacts, tenancyOf } from '../store/email-record.ts'
import type { Tx } from '../store/db.ts'
import { deliveryLife, lifeOf } from '../store/email-life.ts'
import { type EmailRow, lockEmail, moveEmail, noteOfEmail } from '../store/emails.ts'
import { type EventType, appendEvent } from '../store/events.ts'
import { type Facts, type LogAction, type NewLogEntry, appendLogs } from '../store/log.ts'
import {
  type Claim,
  type DeliveryState,
  type Settlement,
  type Settling,
  deliveriesOf,
  isWhollyDelivered,
  settleDelivery,
  wasDeferredSince,
} from '../store/queue.ts'
import { noteAlarms } from './alarms.ts'
import { onComplaint } from './feedback.ts'
import { isTakenBack } from '../store/queue-changes.ts'
import { delayNoticeAfterMs } from './notices/delivery-notice.ts'
import { fileNotice } from './notices/notices.ts'
import type { Outcome } from './outcome.ts'
import type { Retry } from './schedule.ts'
import { simulatedComplaint } from './simulate.ts'
import { noteSending } from './standing/standing.ts'
import { type Suppressed, notSuppressed, suppressAfterFailure } from './suppression/suppression.ts'

const outbound: SystemActor = { kind: 'system', part: 'outbound' }

/** An agent is told that a message is late when it has been tried for this long, and again when people are told by mail. */
const delayedAfterMs = [15 * 60_000, delayNoticeAfterMs] as const

/** What is done about an outcome; every one of the four ends that design promise 7 names, or another wait. */
type Turn = { state: DeliveryState; action: LogAction; event: EventType | null; bounceType: 'hard' | 'soft' | null }

/** @param retry what the schedule says, for an outcome that may be tried again */
function endOf({ verdict }: Outcome, retry: Retry): AttemptEnd {
  if (verdict.outcome === 'delivered') return 'accepted'
  if (verdict.class === 'integrity') return 'unreleased'
  if (verdict.outcome === 'fail') return 'refused'
  return retry.kind === 'give-up' ? 'given_up' : 'deferred'
}

const turns: Record<AttemptEnd, Pick<Turn, 'action' | 'event'>> = {
  accepted: { action: 'delivery.delivered', event: 'message.delivered' },
  unreleased: { action: 'delivery.refused', event: 'message.bounced' },
  refused: { action: 'delivery.bounced', event: 'message.bounced' },
  given_up: { action: 'delivery.expired', event: 'message.bounced' },
  deferred: { action: 'delivery.deferred', event: null },
}

function turnOf(end: AttemptEnd, { verdict }: Outcome, isTakenBack: boolean): Turn {
  const state = afterAttempt(end, isTakenBack)
  if (isTakenBack && yieldsToTakeBack(end)) return { state, action: 'delivery.cancelled', event: 'message.cancelled', bounceType: null }
  return { state, ...turns[end], bounceType: end === 'refused' || end === 'given_up' ? verdict.bounceType : null }
}

/** How an attempt ended. `retry`: what the schedule says, for an outcome that may be tried again. `now`: epoch ms. */
export type Ended = { claim: Claim; outcome: Outcome; retry: Retry; now: number }

/** What became of a delivery whose lease was still held, and what follows for mailboxes and the operator; `isNew` false: all of it is recorded already. */
type Noted = { ended: Ended; turn: Turn; email: EmailRow | undefined; entries: NewLogEntry[]; isNew: boolean }

/** Records several at once, which costs little more than one of them. @returns each delivery's new state, in the order given; null when the lease was lost
 *  and the delivery is somebody else's now */
export async function recordOutcomes(tx: Tx, all: readonly Ended[]): Promise<(DeliveryState | null)[]> {
  // By email, so that the last of its deliveries sees all the others; in one order for everybody, so that no two wait for each other.
  const emails = [...Map.groupBy(all, ({ claim }) => claim.email_id)].toSorted(([one], [other]) => (one < other ? -1 : 1))
  const noting = emails.map(([, ofEmail]) => noteInTurn(tx, ofEmail))
  // Not over before all have ended: on PostgreSQL a statement that comes behind the rollback would stand, outside of any transaction.
  await Promise.allSettled(noting)
  const noted = new Map((await Promise.all(noting)).flat().map((one) => [one.ended, one]))
  const fresh = [...noted.values()].filter(({ isNew }) => isNew)
  if (fresh.length > 0) await appendLogs(tx, [...fresh.flatMap(({ entries }) => entries), ...(await aftermath(tx, fresh))])
  return all.map((ended) => noted.get(ended)?.turn.state ?? null)
}

async function noteInTurn(tx: Tx, all: readonly Ended[]): Promise<Noted[]> {
  const noted: Noted[] = []
  for (const ended of all) noted.push(...(await note(tx, ended)))
  return noted
}

/** The delivery, its email and the event. @returns nothing when the lease was lost */
async function note(tx: Tx, ended: Ended): Promise<Noted[]> {
  const { claim, outcome, retry, now } = ended
  const { email, turn, settling, isWhole } = await settle(tx, ended)
  if (settling === 'lost') return []
  // The commit was made and its answer lost: whoever asks again is told the same, and nobody else hears of it twice.
  if (settling === 'before') return [{ ended, turn, email, entries: [], isNew: false }]
  const after = await suppressionAfter(tx, claim, outcome, turn, now)
  if (email !== undefined) {
    const next = turn.state === 'cancelled' ? await afterCancelled(tx, email, turn, now) : null
    const change = { ...(isWhole && { delivered_at: now }), ...bounced(email, turn, now), updated_at: now }
    // Whoever asked for it while it was under way is on the record of that.
    const by = turn.action === 'delivery.cancelled' ? null : ('system' as const)
    if (next?.kind === 'moved') await moveEmail(tx, email.id, next, { ...change, ended_by: by })
    else await noteOfEmail(tx, email.id, change)
    const type = turn.event ?? ((await isNewlyDelayed(tx, claim, turn, now)) ? 'message.delayed' : null)
    if (type !== null) {
      const data = eventData(email, claim, outcome, turn, after.suppressed, now)
      await appendEvent(tx, { tenancy: tenancyOf(email), mailboxId: email.mailbox_id, type, data, now })
    }
  }
  return [{ ended, turn, email, entries: [logEntry(claim, outcome, turn, retry, now), ...after.entries], isNew: true }]
}

type Moved = { email: EmailRow | undefined; turn: Turn; settling: Settling; isWhole: boolean }

/** `isWhole`: with this delivery every recipient has the email. The email is locked first, as everybody does who changes
 *  both. */
async function settle(tx: Tx, { claim, outcome, retry, now }: Ended): Promise<Moved> {
  const end = endOf(outcome, retry)
  const settleAs = ({ state }: Turn): Promise<Settling> => settleDelivery(tx, claim, settlementOf(state, outcome, retry), now)
  if (end === 'accepted') {
    const turn = turnOf(end, outcome, false)
    // Sent together, and done in this order.
    const all = [lockEmail(tx, claim.email_id), settleAs(turn), isWhollyDelivered(tx, claim.email_id)] as const
    const [email, settling, isWhole] = await Promise.all(all)
    return { email, turn, settling, isWhole }
  }
  const email = await lockEmail(tx, claim.email_id)
  const turn = turnOf(end, outcome, yieldsToTakeBack(end) && (await isTakenBack(tx, claim.id)))
  return { email, turn, settling: await settleAs(turn), isWhole: false }
}

/** What follows for mailboxes and the operator: one after the other, for each sees what the one before it did. */
async function aftermath(tx: Tx, noted: readonly Noted[]): Promise<NewLogEntry[]> {
  const entries: NewLogEntry[] = []
  const mailboxes = [...Map.groupBy(noted, ({ ended }) => ended.claim.mailbox_id)].toSorted(([one], [other]) => (one < other ? -1 : 1))
  for (const [mailboxId, ofMailbox] of mailboxes) entries.push(...(await standingAfter(tx, mailboxId, ofMailbox)))
  entries.push(
    ...(await noteAlarms(
      tx,
      noted.flatMap(({ ended: { outcome, now }, email }) => (email ? { email, outcome, now } : [])),
    )),
  )
  for (const { ended, turn, email } of noted) {
    if (email === undefined) continue
    const { claim: delivery, outcome, now } = ended
    entries.push(...(await fileNotice(tx, { email, delivery, state: turn.state, outcome, now })))
    if (turn.state === 'delivered') entries.push(...(await complain(tx, email, ended)))
  }
  return entries
}

/** In the test world a recipient may complain of what it got; no message brings that, so it is said to come with the email itself. */
async function complain(tx: Tx, email: EmailRow, { claim, now }: Ended): Promise<NewLogEntry[]> {
  const complaint = claim.world === 'test' ? simulatedComplaint(claim.forward_path as Address, email.message_id) : null
  if (complaint === null) return []
  const { id, mailbox_id: mailboxId } = email
  return onComplaint(tx, complaint, {
    emailId: id,
    about: id,
    mailboxId,
    fromDomain: null,
    verified: false,
    isShown: true,
    receivedAt: now,
  })
}

/** A bounce says something of the sender when the recipient is why: whoever keeps a bad list. The test world's mail is nobody's. */
async function standingAfter(tx: Tx, mailboxId: MailboxId, noted: readonly Noted[]): Promise<NewLogEntry[]> {
  const live = noted.filter(({ ended }) => ended.claim.world === 'live')
  const delivered = live.filter(({ turn }) => turn.state === 'delivered').length
  const bounced = live.filter(({ turn, ended: { outcome } }) => turn.bounceType === 'hard' && isOfRecipient(outcome)).length
  const [first] = live
  if (first === undefined || delivered + bounced === 0) return []
  return noteSending(tx, mailboxId, { delivered, bounced }, first.ended.now)
}

const isOfRecipient = ({ verdict }: Outcome): boolean => verdict.blame === 'recipient' && verdict.class !== 'suppressed'

/** Whether the recipient is on the suppression list from now on, or was before. */
function suppressionAfter(tx: Tx, claim: Claim, { verdict }: Outcome, turn: Turn, now: number): Promise<Suppressed> {
  if (verdict.class === 'suppressed') return Promise.resolve({ suppressed: true, entries: [] })
  if (turn.bounceType === null) return Promise.resolve(notSuppressed)
  return suppressAfterFailure(tx, {
    tenancy: { accountId: claim.account_id, world: claim.world },
    forwardPath: claim.forward_path,
    verdict,
    evidence: { mailboxId: claim.mailbox_id, emailId: claim.email_id, deliveryId: claim.id },
    actor: outbound,
    now,
  })
}

function settlementOf(state: DeliveryState, outcome: Outcome, retry: Retry): Settlement {
  const common = {
    facts: outcome.facts,
    bounceClass: state === 'delivered' ? null : outcome.verdict.class,
    mayBeAccepted: outcome.mayBeAccepted,
  }
  return state === 'queued' && retry.kind === 'retry'
    ? { ...common, state, nextAttemptAt: retry.at }
    : { ...common, state: state as 'bounced' }
}

/** Bounced is an email which any of its recipients has not. Hard weighs more than soft. */
const bounced = (email: EmailRow, { bounceType }: Turn, now: number) =>
  bounceType !== null && { bounced_at: email.bounced_at ?? now, bounce_type: email.bounce_type === 'hard' ? ('hard' as const) : bounceType }

/** A delivery that was no release's must not keep the others back: findReleased sends of an email only while it is `sent`. */
const afterCancelled = async (tx: Tx, email: EmailRow, { action }: Turn, now: number): Promise<Step> =>
  step(lifeOf(email, now), {
    kind: action === 'delivery.cancelled' ? 'take_back' : 'refuse',
    deliveries: (await deliveriesOf(tx, email.id)).map((row) => deliveryLife(row, now)),
  })

async function isNewlyDelayed(tx: Tx, claim: Claim, turn: Turn, now: number): Promise<boolean> {
  const passed = delayedAfterMs.map((ms) => claim.queued_at + ms).findLast((since) => now >= since)
  return turn.state === 'queued' && passed !== undefined && !(await wasDeferredSince(tx, claim.id, claim.attempts, passed))
}

/** In the contract's words (§10.3). The remote's text is a stranger's, already bounded and made plain. */
function eventData(email: EmailRow, claim: Claim, outcome: Outcome, turn: Turn, suppressed: boolean, now: number): Facts {
  const about = { ...emailFacts(email), recipient: claim.forward_path, delivery_id: claim.id }
  if (turn.state === 'delivered') return { ...about, delivered_at: now }
  const { verdict } = outcome
  return {
    ...about,
    bounce_type: turn.bounceType,
    bounce_code: outcome.code,
    bounce_class: verdict.class,
    diagnostic: outcome.text,
    remedy: verdict.remedy,
    suppress: verdict.suppress,
    suppressed,
    may_be_accepted: outcome.mayBeAccepted || claim.may_be_accepted === 1,
    attempts: claim.attempts,
    ...(turn.state !== 'queued' && { bounced_at: now }),
  }
}

const logEntry = (claim: Claim, outcome: Outcome, turn: Turn, retry: Retry, now: number) => ({
  at: now,
  actor: outbound,
  tenancy: { accountId: claim.account_id, world: claim.world },
  action: turn.action,
  resourceType: 'delivery',
  resourceId: claim.id,
  metadata: {
    email_id: claim.email_id,
    release_id: claim.release_id,
    attempt_id: claim.attempt_id,
    class: outcome.verdict.class,
    code: outcome.code,
    may_be_accepted: outcome.mayBeAccepted || claim.may_be_accepted === 1,
    ...(turn.state === 'queued' && retry.kind === 'retry' && { next_attempt_at: retry.at }),
  },
  details: { recipient: claim.forward_path, host: outcome.facts.host, reply: outcome.text },
})
