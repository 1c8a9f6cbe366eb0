/**
 * The life of a delivery: one recipient of one released message. It ends once, in exactly one of delivered, bounced, expired and cancelled (design promise
 * 7), and goes on being `queued` until then, whoever dies on the way. Pure; stated and proved in docs/model/Life.v as well.
 */
export type DeliveryEnd = 'delivered' | 'bounced' | 'expired' | 'cancelled'

/** `lease`: of the attempt that is under way. `hasLapsed`: nobody has kept it alive, so what became of that attempt is not known. `isTakenBack`: somebody
 *  asked for its end while it was under way. `mayBeAccepted`: the remote may have the message. */
export type Delivery = {
  state: 'queued' | DeliveryEnd
  lease: string | null
  hasLapsed: boolean
  isTakenBack: boolean
  mayBeAccepted: boolean
}
export const queued: Delivery = { state: 'queued', lease: null, hasLapsed: false, isTakenBack: false, mayBeAccepted: false }

/** What an attempt showed: the remote has it, will not have it, or not yet; the time for trying is over; or it is not what was released. */
export const attemptEnds = ['accepted', 'refused', 'deferred', 'given_up', 'unreleased'] as const
export type AttemptEnd = (typeof attemptEnds)[number]

export type DeliveryEvent =
  | { kind: 'claim'; lease: string; isStopped: boolean }
  | { kind: 'lapse' }
  | { kind: 'settle'; lease: string; end: AttemptEnd; mayBeAccepted: boolean }
  /** it was no attempt: nobody was dialled */
  | { kind: 'put_back'; lease: string }
  | { kind: 'take_back' }

export type DeliveryStep =
  | { kind: 'moved'; delivery: Delivery }
  | { kind: 'refused'; why: 'ENDED' | 'STOPPED' | 'TAKEN_BACK' | 'UNDER_WAY' | 'LEASE_LOST' }

const states = {
  accepted: 'delivered',
  refused: 'bounced',
  deferred: 'queued',
  given_up: 'expired',
  unreleased: 'cancelled',
} as const satisfies Record<AttemptEnd, Delivery['state']>

/** True when it makes a difference that somebody took it back: the remote's own last word stands. */
export const yieldsToTakeBack = (end: AttemptEnd): boolean => end !== 'accepted' && end !== 'refused'

/** What becomes of a delivery. What was taken back meanwhile is not tried again. */
export const afterAttempt = (end: AttemptEnd, isTakenBack: boolean): Delivery['state'] =>
  isTakenBack && yieldsToTakeBack(end) ? 'cancelled' : states[end]

export function stepDelivery(delivery: Delivery, event: DeliveryEvent): DeliveryStep {
  const after = happen(delivery, event)
  return typeof after === 'string' ? { kind: 'refused', why: after } : { kind: 'moved', delivery: after }
}

type Why = Extract<DeliveryStep, { kind: 'refused' }>['why']

function happen(delivery: Delivery, event: DeliveryEvent): Delivery | Why {
  if (delivery.state !== 'queued') return 'ENDED'
  switch (event.kind) {
    case 'claim':
      return whyNotClaim(delivery, event.isStopped) ?? { ...unsure(delivery), lease: event.lease, hasLapsed: false }
    case 'lapse':
      return delivery.lease === null ? 'LEASE_LOST' : { ...delivery, hasLapsed: true }
    case 'settle':
      if (delivery.lease !== event.lease) return 'LEASE_LOST'
      return {
        ...idle(delivery),
        state: afterAttempt(event.end, delivery.isTakenBack),
        mayBeAccepted: delivery.mayBeAccepted || event.mayBeAccepted,
      }
    case 'put_back':
      return delivery.lease === event.lease ? idle(delivery) : 'LEASE_LOST'
    case 'take_back':
      if (!isUnderWay(delivery)) return { ...idle(unsure(delivery)), state: 'cancelled' }
      return delivery.isTakenBack ? 'TAKEN_BACK' : { ...delivery, isTakenBack: true }
  }
}

function whyNotClaim(delivery: Delivery, isStopped: boolean): Why | null {
  if (isUnderWay(delivery)) return 'UNDER_WAY'
  if (delivery.isTakenBack) return 'TAKEN_BACK'
  return isStopped ? 'STOPPED' : null
}

const isUnderWay = ({ lease, hasLapsed }: Delivery): boolean => lease !== null && !hasLapsed
const idle = (delivery: Delivery): Delivery => ({ ...delivery, lease: null, hasLapsed: false })
/** A lease that lapsed without a word: the remote may have it. */
const unsure = (delivery: Delivery): Delivery => ({ ...delivery, mayBeAccepted: delivery.mayBeAccepted || delivery.lease !== null })

/** True when every recipient's delivery was taken back, and none of them can have it. */
export const isTakenBackWhole = (deliveries: readonly Pick<Delivery, 'state' | 'mayBeAccepted'>[]): boolean =>
  deliveries.every(({ state, mayBeAccepted }) => state === 'cancelled' && !mayBeAccepted)
