/**
 * Test emails as reviewers meet them (docs/ladder.md): listed, looked at and decided on beside what really waits.
 *
 * Promises: nothing leaves by a decision on one, whoever makes it and however: it has no row in `emails`, so there is nothing that could be held, released or
 * delivered, and no code here does any of these. A yes is written down as missed, and the operator is told; a no as rejected. Each is one transaction with its
 * entry of the log, and of several at once exactly one decides.
 */
import { type Decider, actorId, reaches } from '../../model/actor.ts'
import { canaryFaults } from '../../model/canary.ts'
import type { EmailId } from '../../model/ids.ts'
import { type Result, fail, ok } from '../../model/result.ts'
import type { Tenancy } from '../../model/world.ts'
import type { Store, Tx } from '../../store/db.ts'
import { type CanaryRow, endCanary, findCanary, openCanaries } from '../../store/canaries.ts'
import { type EmailRow, untouched } from '../../store/emails.ts'
import { type NewLogEntry, appendLog } from '../../store/log.ts'
import { mailboxById } from '../../store/mailboxes.ts'
import { operatorOf } from '../../store/operator-address.ts'
import { insertOperatorMail } from '../../store/operator-mails.ts'
import { noteReviewTime } from '../../store/review-times.ts'
import { mayDecide } from '../authority.ts'
import { isStillIn, refuse } from '../decide.ts'
import type { ApprovalsDeps, Decided, DecisionCode, DecisionInput } from '../decision.ts'
import { mostRenewals } from '../holds.ts'
import type { PendingItem, PendingQuery } from '../pending.ts'
import { whoIs, writersOf } from '../writers.ts'
import { missedLetter } from './missed-letter.ts'

/** A letter that did not leave by then is no news. */
const tellsForMs = 7 * 24 * 60 * 60_000

/** As one of those that really wait, with the message as it would be sent. */
export type ShownCanary = { item: PendingItem; message: Buffer }

/** What waits, with the test emails among it: newest first, so many at most. */
export async function withCanaries(
  store: Store,
  tenancy: Tenancy,
  query: PendingQuery,
  items: readonly PendingItem[],
  now: number,
): Promise<PendingItem[]> {
  // A conversation is known by its emails, and these are none.
  if (query.threadId !== undefined) return [...items]
  const rows = await openCanaries(store.db, tenancy, { ...query, now })
  return [...items, ...rows.map(itemOf)].toSorted((one, other) => (one.email.id < other.email.id ? 1 : -1)).slice(0, query.limit)
}

/** Null: there is none of this id that can still be decided on. */
export async function findOpenCanary({ db }: Store, tenancy: Tenancy, id: EmailId, now: number): Promise<ShownCanary | null> {
  const row = await findCanary(db, tenancy, id)
  return row === undefined || (await whyClosed(db, row, now)) !== null ? null : { item: itemOf(row), message: Buffer.from(row.raw) }
}

const itemOf = (row: CanaryRow): PendingItem => ({
  holdId: row.hold_id,
  reason: row.reason,
  contentHash: row.content_hash,
  heldAt: row.created_at,
  people: row.people,
  approvedBy: [],
  editors: [],
  expiresAt: row.expires_at,
  renewalsLeft: mostRenewals,
  // What emails have got since is as for any new one.
  email: { ...untouched, ...(JSON.parse(row.email_json) as EmailRow) },
  attachments: [],
  replaces: null,
})

/** @returns null: there is no such test email */
export async function decideOnCanary(
  deps: ApprovalsDeps,
  actor: Decider,
  { email: id, action, contentHash, spend }: DecisionInput,
): Promise<Result<Decided, DecisionCode> | null> {
  const { store, clock, log, allowTestSelfApproval } = deps
  const row = await findCanary(store.db, actor, id)
  // No link is ever mailed for one.
  if (row === undefined || !reaches(actor, row.mailbox_id) || spend !== undefined) return null
  const now = clock.now()
  const closed = await whyClosed(store.db, row, now)
  if (closed !== null) return closed
  const [by, writers] = await Promise.all([whoIs(store.db, actor), writersOf(store.db, itemOf(row).email)])
  const authority = mayDecide(actor, { by, writers }, allowTestSelfApproval)
  if (!authority.ok) return refuse(deps, actor, id, action, authority)
  if (contentHash !== undefined && contentHash !== row.content_hash)
    return fail('CONTENT_CHANGED', 'The content you name is not the one that waits; look at the email again.')
  const state = action === 'approve' ? 'missed' : 'rejected'
  const decided = await store.transaction(async (tx): Promise<Result<Decided, DecisionCode>> => {
    if (!(await isStillIn(tx, { actor, now }))) return fail('NOT_SIGNED_IN')
    if (!(await endCanary(tx, row.id, { state, by: actorId(actor), now }))) return over
    if (state === 'missed') await tellOfMiss(tx, row, actor, now)
    const about = {
      mailboxId: row.mailbox_id,
      emailId: row.id,
      action: state === 'missed' ? 'approve' : 'reject',
      isCanary: true,
      now,
    } as const
    if (actor.kind === 'person') await noteReviewTime(tx, { ...about, person: actor })
    await appendLog(tx, canaryEntry(row, state, actor, now))
    return ok({
      emailId: row.id,
      direction: 'outbound',
      status: 'rejected',
      action: state === 'missed' ? 'approve' : 'reject',
      code: null,
      decidedAt: now,
      queuedAt: null,
      undoUntil: null,
      approvals: null,
      selfApproved: authority.value.selfApproved,
      canary: { fault: row.fault, isMissed: state === 'missed' },
    })
  })
  if (decided.ok) log.info({ canaryId: row.id, fault: row.fault }, `canary.${state}`)
  return decided
}

const over = fail('NOT_PENDING', 'This email does not wait any more.')

async function whyClosed(db: Store['db'], row: CanaryRow, now: number): Promise<Result<never, DecisionCode> | null> {
  if (row.state === 'expired' || (row.state === 'open' && row.expires_at <= now))
    return fail('HOLD_EXPIRED', 'Nobody decided in time, so this email can no longer be decided on.')
  const isThere = row.state === 'open' && (await mailboxById(db, row.mailbox_id))?.deleted_at === null
  return isThere ? null : over
}

/** @param what what became of it */
export const canaryEntry = (
  { id, hold_id, mailbox_id, account_id, world, fault, content_hash }: CanaryRow,
  what: 'placed' | Exclude<CanaryRow['state'], 'open'>,
  actor: NewLogEntry['actor'],
  now: number,
): NewLogEntry => ({
  at: now,
  actor,
  tenancy: { accountId: account_id, world },
  action: `canary.${what}`,
  resourceType: 'canary',
  resourceId: id,
  metadata: { mailbox_id, hold_id, fault, content_hash },
})

async function tellOfMiss(tx: Tx, row: CanaryRow, actor: Decider, now: number): Promise<void> {
  const recipient = row.world === 'live' ? await operatorOf(tx, row.account_id) : null
  if (recipient === null) return
  const address = (await mailboxById(tx, row.mailbox_id))?.address ?? ''
  const letter = missedLetter({ address, by: actorId(actor), fault: canaryFaults[row.fault], id: row.id })
  await insertOperatorMail(tx, { accountId: row.account_id, recipient, ...letter, now, giveUpAt: now + tellsForMs })
}
