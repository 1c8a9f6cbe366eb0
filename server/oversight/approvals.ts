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
import { decide } from './decide.ts'
import type { ApprovalsDeps, Decided, DecisionCode, DecisionInput } from './decision.ts'
import { type Expired, expireDue } from './expiry.ts'
import { type Renewed, type RenewalCode, renew } from './renewal.ts'
import { type PendingItem, type PendingQuery, findPending, listPending } from './pending.ts'

export type Approvals = {
  decide(actor: Decider, input: DecisionInput): Promise<Result<Decided, DecisionCode>>
  /** Gives what waits another while. */
  renew(actor: Decider, email: EmailId): Promise<Result<Renewed, RenewalCode>>
  /** Newest first. What has run out is not listed, swept or not. */
  listPending(tenancy: Tenancy, query: PendingQuery): Promise<PendingItem[]>
  /** One that can still be decided; null when there is none. */
  findPending(tenancy: Tenancy, email: EmailId): Promise<PendingItem | null>
  /** Ends a bounded number of holds whose time was up at `now` (epoch ms), the longest due first. */
  expireDue(now: number): Promise<Expired>
}

export const createApprovals = (deps: ApprovalsDeps): Approvals => ({
  decide: (actor, input) => decide(deps, actor, input),
  renew: (actor, email) => renew(deps, actor, email),
  listPending: (tenancy, query) => listPending(deps.store.db, tenancy, query, deps.clock.now()),
  findPending: (tenancy, email) => findPending(deps.store.db, tenancy, email, deps.clock.now()),
  expireDue: (now) => expireDue(deps, now),
})
