/**
 * Holds and who may end them (docs/decisions/004-who-may-approve.md).
 *
 * Promises: a hold ends once, in exactly one of approved, rejected, expired, cancelled, however many ask at the same moment. Nobody decides
 * on their own mail. An approval is about one content hash, computed anew from what is stored when the approval is given; if that differs
 * nothing is released. Silence never approves. Each of these is one transaction with its entries of the log.
 */
import type { Decider } from '../model/actor.ts'
import type { EmailId } from '../model/ids.ts'
import type { Result } from '../model/result.ts'
import type { Tenancy } from '../model/world.ts'
import { type ShownCanary, decideOnCanary, findOpenCanary, withCanaries } from './canaries/canaries.ts'
import { decide } from './decide.ts'
import type { ApprovalsDeps, Decided, DecisionCode, DecisionInput } from './decision.ts'
import { type Expired, expireDue } from './expiry.ts'
import { type Renewed, type RenewalCode, renew } from './renewal.ts'
import { type UndoCode, type Undone, undoApproval } from './undo.ts'
import { type EmailRow, undoableEmails } from '../store/emails.ts'
import { type PendingItem, type PendingQuery, findPending, listPending } from './pending.ts'

/** Within five minutes reviewers approve no more that they would want to go through again. */
const mostUndoable = 50

export type Approvals = {
  decide(actor: Decider, input: DecisionInput): Promise<Result<Decided, DecisionCode>>
  /** Gives what waits another while. */
  renew(actor: Decider, email: EmailId): Promise<Result<Renewed, RenewalCode>>
  /** As long as the mailbox lets an approved email wait for that (epoch ms in `undo_until`). */
  undo(actor: Decider, email: EmailId): Promise<Result<Undone, UndoCode>>
  /** Approved emails of which the approval can still be taken back, the first to leave first; a bounded number. */
  listUndoable(tenancy: Tenancy): Promise<EmailRow[]>
  /** Newest first, with the test emails among it. What has run out is not listed, swept or not. */
  listPending(tenancy: Tenancy, query: PendingQuery): Promise<PendingItem[]>
  /** One that can still be decided; null when there is none. */
  findPending(tenancy: Tenancy, email: EmailId): Promise<PendingItem | null>
  /** A test email that can still be decided on; null when there is none. */
  findCanary(tenancy: Tenancy, email: EmailId): Promise<ShownCanary | null>
  /** Ends a bounded number of holds whose time was up at `now` (epoch ms), the longest due first. */
  expireDue(now: number): Promise<Expired>
}

export const createApprovals = (deps: ApprovalsDeps): Approvals => ({
  async decide(actor, input) {
    const decided = await decide(deps, actor, input)
    if (decided.ok || decided.code !== 'EMAIL_NOT_FOUND') return decided
    return (await decideOnCanary(deps, actor, input)) ?? decided
  },
  renew: (actor, email) => renew(deps, actor, email),
  undo: (actor, email) => undoApproval(deps, actor, email),
  listUndoable: (tenancy) => undoableEmails(deps.store.db, tenancy, deps.clock.now(), mostUndoable),
  async listPending(tenancy, query) {
    const now = deps.clock.now()
    return withCanaries(deps.store, tenancy, query, await listPending(deps.store.db, tenancy, query, now), now)
  },
  async findPending(tenancy, email) {
    const now = deps.clock.now()
    return (await findPending(deps.store.db, tenancy, email, now)) ?? (await findOpenCanary(deps.store, tenancy, email, now))?.item ?? null
  },
  findCanary: (tenancy, email) => findOpenCanary(deps.store, tenancy, email, deps.clock.now()),
  expireDue: (now) => expireDue(deps, now),
})
