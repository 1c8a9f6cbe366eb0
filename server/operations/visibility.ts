import type { Decider, KeyActor } from '../model/actor.ts'
import { type Direction, type EmailStatus, emailStatuses } from '../model/email.ts'

/** How much of an email a caller may see.
 *  `listed`: like any other · `asked`: only when its status is asked for · `masked`: when asked for, without the words of its sender · `hidden`: does not exist. */
export type Visibility = 'listed' | 'asked' | 'masked' | 'hidden'

/** What agents see of arriving mail. In a gated_all mailbox a person decides what the agent may read: until then, and after a no,
 *  the mail's words must not reach it (contract §14 A19, A20). Spam stays out of the way but can be fetched. */
const inboundForAgents: Record<EmailStatus, Visibility> = {
  unread: 'listed',
  read: 'listed',
  spam_flagged: 'listed',
  spam_quarantined: 'asked',
  pending_inbound_approval: 'masked',
  rejected: 'hidden',
  expired: 'hidden',
  cancelled: 'hidden',
  // these belong to mail going out
  draft: 'hidden',
  pending_send_approval: 'hidden',
  scheduled: 'hidden',
  sent: 'hidden',
  send_failed: 'hidden',
}

/** Whether an answer may tell it what it did not write itself. */
export const mayRead = (actor: KeyActor): boolean => actor.scopes.includes('read') || seesAll(actor)

/** People who decide, and keys of the operator, see everything. */
export const seesAll = (actor: Decider): boolean =>
  actor.kind === 'person' || actor.scopes.includes('oversight') || actor.scopes.includes('admin')

type Email = { direction: Direction; status: EmailStatus }

export const visibility = (actor: Decider, email: Email): Visibility => (seesAll(actor) ? 'listed' : agentVisibility(email))

export const agentVisibility = ({ direction, status }: Email): Visibility =>
  direction === 'outbound' ? 'listed' : inboundForAgents[status]

/** The arriving mail that a list for this caller leaves out, in the form of a store filter, when it shows only what is `shown`. */
export const unseenBy = (actor: KeyActor, shown: readonly Visibility[]): { direction: 'inbound'; statuses: readonly EmailStatus[] } => ({
  direction: 'inbound',
  statuses: emailStatuses.filter((status) => !shown.includes(visibility(actor, { direction: 'inbound', status }))),
})

/** May its text be read by who opens it by its id? */
export const isReadable = (actor: Decider, email: Email): boolean =>
  visibility(actor, email) === 'listed' || visibility(actor, email) === 'asked'
