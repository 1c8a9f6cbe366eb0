/**
 * The life of an email as one function: what may happen to it, and what it is then. Whoever changes the status of an email asks `step`, and writes what comes
 * of it while the row has a status from which that may happen (`moves`; store/emails.ts): a race has one winner.
 *
 * Promises, proved of the same function in docs/model/Life.v: what is sent has the hash that its release names, with the approvals that its hold took, none of
 * them from whoever wrote it; an edit voids what was approved before; an end is an end (design promises 2, 3 and 7).
 *
 * Pure. It reads no clock and no bytes: hashes, `waits` and `isOver` are what whoever asks has found out.
 */
import { type Delivery, isTakenBackWhole } from './delivery-life.ts'
import type { EmailStatus, SpamVerdict } from './email.ts'
import { type Hold, type HoldEvent, type HoldWhy, type Release, type Who, isApproved, stepHold } from './hold-life.ts'

/** An email as its rows together say. */
export type Life = {
  /** null: it is not there yet */
  status: EmailStatus | null
  /** of what would leave, or of what arrived; null: it is not composed */
  hash: string | null
  writers: readonly Who[]
  /** the time at which it is to leave has not come */
  waits: boolean
  /** the newest */
  hold: Hold | null
  release: Release | null
}
export const unwritten: Life = { status: null, hash: null, writers: [], waits: false, hold: null, release: null }

/** What the gate says of an email that wants to leave. */
export type Gate = { outcome: 'allow' } | { outcome: 'hold'; people: number }
/** `isHeld`: a reviewer is to see it first. `spam` null: it was not asked. */
type Arrival = { isLetter: boolean; isHeld: boolean; spam: SpamVerdict | null }

export type LifeEvent =
  | { kind: 'draft'; by: Who }
  /** `atItsTime`: the gate's hold begins only when its time has come */
  | { kind: 'submit'; by: Who; hash: string; gate: Gate; waits: boolean; atItsTime: boolean }
  | { kind: 'edit'; by: Who; hash: string; waits: boolean }
  | { kind: 'come_due'; gate: Gate | { outcome: 'fail' } }
  | { kind: 'postpone' | 'discard' }
  | HoldEvent
  /** an approval is taken back */
  | { kind: 'undo'; waits: boolean }
  /** all of its deliveries */
  | { kind: 'take_back' | 'refuse'; deliveries: readonly Delivery[] }
  | ({ kind: 'arrive'; hash: string } & Arrival)
  | { kind: 'read' | 'report_spam' | 'clear_spam' }

export type Happening = LifeEvent['kind']
type Why =
  | HoldWhy
  | 'NOT_A_DRAFT'
  | 'NOT_SCHEDULED'
  | 'ALREADY_APPROVED'
  | 'NOT_UNDOABLE'
  | 'NOT_CANCELLABLE'
  | 'NOT_THE_LAST'
  | 'NOT_IN_INBOX'
type Move = { from: readonly Life['status'][]; otherwise: Why }

const pending = ['pending_send_approval', 'pending_inbound_approval'] as const
const inSight = ['unread', 'read', 'spam_flagged', 'spam_quarantined'] as const

/** From which statuses each may happen, and what is said of any other. */
export const moves = {
  draft: { from: [null], otherwise: 'NOT_A_DRAFT' },
  submit: { from: [null, 'draft'], otherwise: 'NOT_A_DRAFT' },
  edit: { from: ['scheduled'], otherwise: 'NOT_SCHEDULED' },
  come_due: { from: ['scheduled'], otherwise: 'NOT_SCHEDULED' },
  postpone: { from: ['scheduled'], otherwise: 'NOT_SCHEDULED' },
  discard: { from: ['draft', 'scheduled'], otherwise: 'NOT_CANCELLABLE' },
  approve: { from: pending, otherwise: 'NOT_PENDING' },
  reject: { from: pending, otherwise: 'NOT_PENDING' },
  reword: { from: ['pending_send_approval'], otherwise: 'NOT_PENDING' },
  expire: { from: pending, otherwise: 'NOT_PENDING' },
  withdraw: { from: pending, otherwise: 'NOT_CANCELLABLE' },
  undo: { from: ['scheduled'], otherwise: 'NOT_UNDOABLE' },
  take_back: { from: ['sent'], otherwise: 'NOT_CANCELLABLE' },
  // Of what was never sent as well: somebody has been at the store, and what they made to be delivered goes nowhere.
  refuse: { from: ['sent', 'draft', 'scheduled', 'pending_send_approval'], otherwise: 'NOT_CANCELLABLE' },
  arrive: { from: [null], otherwise: 'NOT_IN_INBOX' },
  read: { from: ['unread'], otherwise: 'NOT_IN_INBOX' },
  // What waits for a reviewer is the reviewer's.
  report_spam: { from: inSight, otherwise: 'NOT_IN_INBOX' },
  clear_spam: { from: inSight, otherwise: 'NOT_IN_INBOX' },
} as const satisfies Record<Happening, Move>

/** `by`: what happened, so that whoever writes it knows from which statuses it may. */
export type Moved = { kind: 'moved'; by: Happening; life: Life }
export type Step = Moved | { kind: 'refused'; why: Why }

/** True when its status allows this; more is asked of it when it happens. */
export const may = ({ status }: Pick<Life, 'status'>, what: Happening): boolean => (moves[what] as Move).from.includes(status)

export function step(life: Life, event: LifeEvent): Step {
  const after = may(life, event.kind) ? happen(life, event) : whyNot(life, event.kind)
  return typeof after === 'string' ? { kind: 'refused', why: after } : { kind: 'moved', by: event.kind, life: after }
}

const whyNot = ({ status }: Life, what: Happening): Why =>
  status === 'expired' && moves[what].otherwise === 'NOT_PENDING' ? 'HOLD_EXPIRED' : moves[what].otherwise

function happen(life: Life, event: LifeEvent): Life | Why {
  switch (event.kind) {
    case 'draft':
      return { ...life, status: 'draft', writers: [event.by] }
    case 'submit':
      return afterGate(written(life, event), event.gate, event.atItsTime)
    case 'edit':
      // Who only says when it leaves has written nothing.
      if (event.hash === life.hash) return { ...life, waits: event.waits }
      return isApproved(life) ? 'ALREADY_APPROVED' : written(life, event)
    case 'come_due':
      return comeDue(life, event.gate)
    case 'postpone':
      return life
    case 'approve':
    case 'reject':
    case 'reword':
    case 'expire':
    case 'withdraw':
      return afterHold(life, stepHold(life.hold, life, event))
    case 'undo':
      return heldAgain({ ...life, waits: event.waits })
    case 'discard':
      return { ...life, status: 'cancelled' }
    case 'take_back':
      return isTakenBackWhole(event.deliveries) ? { ...life, status: 'cancelled' } : 'NOT_THE_LAST'
    case 'refuse':
      return event.deliveries.every(({ state }) => state === 'cancelled') ? { ...life, status: 'send_failed' } : 'NOT_THE_LAST'
    case 'arrive':
      return arrived({ ...life, hash: event.hash }, statusOnArrival(event))
    case 'read':
      return { ...life, status: 'read' }
    case 'report_spam':
      return { ...life, status: 'spam_quarantined' }
    case 'clear_spam':
      return life.status === 'read' ? life : { ...life, status: 'unread' }
  }
}

const written = (life: Life, { by, hash, waits }: { by: Who; hash: string; waits: boolean }): Life => ({
  ...life,
  hash,
  waits,
  writers: [...life.writers, by],
})

const heldFor = (life: Life, people: number, status: 'pending_send_approval' | 'pending_inbound_approval'): Life =>
  life.hash === null ? life : { ...life, status, hold: { state: 'open', hash: life.hash, people, yes: [], editors: [], isOver: false } }
const released = (life: Life, grounds: Release['grounds']): Life =>
  life.hash === null ? life : { ...life, status: 'sent', release: { hash: life.hash, grounds } }

function afterGate(life: Life, gate: Gate, atItsTime: boolean): Life {
  if (gate.outcome === 'hold' && !(life.waits && atItsTime)) return heldFor(life, gate.people, 'pending_send_approval')
  return life.waits ? { ...life, status: 'scheduled' } : released(life, 'policy')
}

/** The same content, for which every approval is needed anew. */
const heldAgain = (life: Life): Life | Why =>
  isApproved(life) && life.hold !== null
    ? { ...life, status: 'pending_send_approval', hold: { ...life.hold, state: 'open', yes: [] } }
    : 'NOT_UNDOABLE'

/** True when its time has come. */
export const isDue = (life: Life): boolean => may(life, 'come_due') && !life.waits && life.hash !== null

function comeDue(life: Life, gate: Gate | { outcome: 'fail' }): Life | Why {
  if (!isDue(life)) return 'NOT_SCHEDULED'
  if (gate.outcome === 'fail') return { ...life, status: 'send_failed' }
  return isApproved(life) ? released(life, 'approval') : afterGate(life, gate, false)
}

function afterHold(life: Life, hold: Hold | HoldWhy): Life | Why {
  if (typeof hold === 'string') return hold
  if (hold.state === 'open') return { ...life, hash: hold.hash, hold }
  if (hold.state !== 'approved') return { ...life, hold, status: hold.state }
  if (life.status === 'pending_inbound_approval') return { ...life, hold, status: 'unread' }
  // It is released at its time.
  return life.waits ? { ...life, hold, status: 'scheduled' } : released({ ...life, hold }, 'approval')
}

const arrivedAs = { clean: 'unread', flagged: 'spam_flagged', quarantined: 'spam_quarantined' } as const satisfies Record<
  SpamVerdict,
  EmailStatus
>

/** Held before anything else: an agent may ask for what is quarantined, so a policy of `quarantine`, which anybody can publish for a domain and then
 *  fail, must be no way around a reviewer. What is no letter is kept for the record, out of sight. */
export const statusOnArrival = ({ isLetter, isHeld, spam }: Arrival): EmailStatus =>
  isLetter ? (isHeld ? 'pending_inbound_approval' : arrivedAs[spam ?? 'clean']) : 'cancelled'

const arrived = (life: Life, status: EmailStatus): Life =>
  status === 'pending_inbound_approval' ? heldFor(life, 1, status) : { ...life, status }
