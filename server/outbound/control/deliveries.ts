/** One delivery by hand: tried at once, or taken back. */
import { type Actor, type SystemActor, actorId } from '../../model/actor.ts'
import { stepDelivery } from '../../model/delivery-life.ts'
import type { DeliveryId, MailboxId } from '../../model/ids.ts'
import { step } from '../../model/life.ts'
import { type Result, fail, ok } from '../../model/result.ts'
import type { Tenancy } from '../../model/world.ts'
import type { Clock } from '../../platform/clock.ts'
import type { Store, Tx } from '../../store/db.ts'
import { emailFacts, tenancyOf } from '../../store/email-record.ts'
import { deliveryLife, lifeOf } from '../../store/email-life.ts'
import { emailById, moveEmail, noteOfEmail } from '../../store/emails.ts'
import { appendEvent } from '../../store/events.ts'
import { type LogAction, type NewLogEntry, appendLog } from '../../store/log.ts'
import { cancelWaiting, hurry, requestCancel } from '../../store/queue-changes.ts'
import { type DeliveryRow, deliveriesOf, deliveryById } from '../../store/queue.ts'

type Deps = { store: Store; clock: Clock }
type Request = {
  id: DeliveryId
  actor: Actor
  /** only if it is this tenant's */
  tenancy?: Tenancy
  /** only of these; null or left out: of any mailbox */
  mailboxIds?: readonly MailboxId[] | null
}
export type DeliveryCode = 'DELIVERY_NOT_FOUND' | 'DELIVERY_NOT_WAITING'

const outbound: SystemActor = { kind: 'system', part: 'outbound' }

/** `cancelling`: an attempt is under way. It is broken off, unless the message has been sent in full; then its answer decides. */
export type TakenBack = { state: 'cancelled' | 'cancelling' }

export function takeBack({ store, clock }: Deps, { id, actor, ...of }: Request): Promise<Result<TakenBack, DeliveryCode>> {
  const now = clock.now()
  return store.transaction(async (tx): Promise<Result<TakenBack, DeliveryCode>> => {
    const delivery = await ownDelivery(tx, id, of)
    if (delivery === undefined) return fail('DELIVERY_NOT_FOUND')
    // The email first, as everybody does who changes both.
    await noteOfEmail(tx, delivery.email_id, { updated_at: now })
    const taken = await takeBackDelivery(tx, id, actor, now)
    if (taken !== null) {
      await appendLog(tx, taken)
      return ok({ state: taken.action === 'delivery.cancelled' ? 'cancelled' : 'cancelling' })
    }
    const after = await deliveryById(tx, id)
    return after?.state === 'queued' ? ok({ state: 'cancelling' }) : ended(after ?? delivery)
  })
}

/** Ends one that waits, and asks for the end of an attempt that is under way; whoever calls has changed its email already, so that nobody else does.
 *  @returns what goes on the record at the end of the transaction; null when it has ended, or was asked before */
export async function takeBackDelivery(tx: Tx, id: DeliveryId, actor: Actor, now: number): Promise<NewLogEntry | null> {
  const delivery = await deliveryById(tx, id)
  const next = delivery === undefined ? null : stepDelivery(deliveryLife(delivery, now), { kind: 'take_back' })
  if (delivery === undefined || next?.kind !== 'moved') return null
  if (next.delivery.state === 'cancelled' && (await cancelWaiting(tx, id, now))) return follow(tx, delivery, actor, now)
  // An attempt is under way, or has just begun.
  return (await requestCancel(tx, id, actorId(actor), now)) ? entry('delivery.cancel_requested', delivery, actor, now) : null
}

/** Ends what was taken back and whose attempt never came to an end. @returns false when it is still under way somewhere */
export async function endTakenBack({ store, clock }: Deps, id: DeliveryId): Promise<boolean> {
  const result = await store.transaction(async (tx) => {
    const delivery = await deliveryById(tx, id)
    if (delivery === undefined) return false
    await noteOfEmail(tx, delivery.email_id, { updated_at: clock.now() })
    if (!(await cancelWaiting(tx, id, clock.now()))) return false
    await appendLog(tx, await follow(tx, delivery, outbound, clock.now()))
    return true
  })
  return result
}

/** Makes it due now. What is held back by a stop or by the pace stays held back. */
export function retryNow({ store, clock }: Deps, { id, actor, ...of }: Request): Promise<Result<{ state: 'queued' }, DeliveryCode>> {
  const now = clock.now()
  return store.transaction(async (tx): Promise<Result<{ state: 'queued' }, DeliveryCode>> => {
    const delivery = await ownDelivery(tx, id, of)
    if (delivery === undefined) return fail('DELIVERY_NOT_FOUND')
    if (!(await hurry(tx, id, now))) {
      return delivery.state === 'queued' ? fail('DELIVERY_NOT_WAITING', 'An attempt is under way just now.') : ended(delivery)
    }
    await appendLog(tx, entry('delivery.hurried', delivery, actor, now))
    return ok({ state: 'queued' })
  })
}

/** Both as a room that callers are handed. */
export type Deliveries = { retry(request: Request): ReturnType<typeof retryNow>; cancel(request: Request): ReturnType<typeof takeBack> }

/** @param onChanged called after each change that whoever delivers may want to know of at once */
export const createDeliveries = (deps: Deps, onChanged: () => void = () => {}): Deliveries => {
  const told = async <R extends { ok: boolean }>(work: Promise<R>): Promise<R> => {
    const result = await work
    if (result.ok) onChanged()
    return result
  }
  return { retry: (request) => told(retryNow(deps, request)), cancel: (request) => told(takeBack(deps, request)) }
}

const ended = ({ state }: DeliveryRow) => fail('DELIVERY_NOT_WAITING', `It is ${state}.`)

type Of = Pick<Request, 'tenancy' | 'mailboxIds'>

async function ownDelivery(tx: Tx, id: DeliveryId, { tenancy, mailboxIds }: Of): Promise<DeliveryRow | undefined> {
  const delivery = await deliveryById(tx, id)
  if (delivery === undefined) return undefined
  const isOwn = tenancy === undefined || (delivery.account_id === tenancy.accountId && delivery.world === tenancy.world)
  return isOwn && (mailboxIds?.includes(delivery.mailbox_id) ?? true) ? delivery : undefined
}

/** What follows from a cancelled delivery: the email's status when it was the last of it, and the event. @returns what goes on the record */
async function follow(tx: Tx, delivery: DeliveryRow, actor: Actor, now: number): Promise<NewLogEntry> {
  const email = await emailById(tx, delivery.email_id)
  if (email !== undefined) {
    const deliveries = (await deliveriesOf(tx, email.id)).map((row) => deliveryLife(row, now))
    const next = step(lifeOf(email, now), { kind: 'take_back', deliveries })
    if (next.kind === 'moved') await moveEmail(tx, email.id, next, { ended_by: actor.kind, updated_at: now })
    const data = { ...emailFacts(email), recipient: delivery.forward_path, delivery_id: delivery.id, cancelled_at: now }
    await appendEvent(tx, { tenancy: tenancyOf(email), mailboxId: email.mailbox_id, type: 'message.cancelled', data, now })
  }
  return entry('delivery.cancelled', delivery, actor, now)
}

const entry = (action: LogAction, delivery: DeliveryRow, actor: Actor, at: number) => ({
  at,
  actor,
  tenancy: { accountId: delivery.account_id, world: delivery.world },
  action,
  resourceType: 'delivery',
  resourceId: delivery.id,
  metadata: { email_id: delivery.email_id, attempts: delivery.attempts, may_be_accepted: delivery.may_be_accepted === 1 },
  details: { recipient: delivery.forward_path },
})
