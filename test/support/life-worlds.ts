/**
 * Small worlds in which the functions of server/model are all that decides: an email between agents and reviewers, its deliveries between two relays, the mode
 * of a mailbox. Each says of every turn whether a design promise was broken, from what it has seen itself and not from what the functions say of it.
 *
 * Two nodes work at once. A node reads, and later writes what it makes of that, as the rooms do: in one transaction, under the condition of the update. It can
 * die between the two, and the other can do anything meanwhile. A transaction is one turn: what the store promises is not asked here.
 */
import { type Autonomy, type AutonomyEvent, stepAutonomy } from '../../server/model/autonomy.ts'
import { type Delivery, type DeliveryEvent, attemptEnds, queued, stepDelivery } from '../../server/model/delivery-life.ts'
import { type OversightMode, oversightModes } from '../../server/model/email.ts'
import type { Who } from '../../server/model/hold-life.ts'
import { type Gate, type Life, type LifeEvent, may, step, unwritten } from '../../server/model/life.ts'
import type { Turn, World } from './explored.ts'

/** What decides; a test breaks one of them and looks whether it is noticed. */
export type Rules = { step: typeof step; may: typeof may; stepDelivery: typeof stepDelivery; stepAutonomy: typeof stepAutonomy }
export const rules: Rules = { step, may, stepDelivery, stepAutonomy }

const ann: Who = { key: 'k-ann', person: 'olga' }
const bot: Who = { key: 'k-bot', person: null }
const ruth: Who = { key: 'k-ruth', person: null }
const sam: Who = { key: null, person: 'sam' }
const olga: Who = { key: null, person: 'olga' }
const agents = [ann, bot]
const deciders = [ruth, sam, olga, bot]
const nameOf = ({ key, person }: Who): string => person ?? key ?? ''
/** As one person or key, whichever is known. */
const isSame = (one: Who, other: Who): boolean => (one.key ?? '-') === other.key || (one.person ?? '-') === other.person

/** What a node read, and what it means to make of it. */
type Work = { event: LifeEvent; status: Life['status']; hash: string | null } | null
type Desk = {
  life: Life
  nodes: [Work, Work]
  gate: Gate
  /** what the world itself remembers of the content as it is: who wrote it, who said yes to it, and whether the gate allowed it */
  wrote: Who[]
  yes: Who[]
  /** who worded it anew */
  worded: Who[]
  allowed: boolean
  /** as how many have to say yes to it, the gate had said */
  needs: number
  /** what has left, by its hash */
  left: string[]
}

/** `reword`: it may be worded anew, and takes so many then; left out: it is not. */
export type DeskOptions = { gate: Gate; /** is there a time at which it is to leave? */ later: boolean; reword?: number }

/** One email, two contents, two agents of whom one belongs to a person, and four who try to decide: two may, that person and the other agent may not. */
export function deskWorld({ gate, later, reword }: DeskOptions, { step, may }: Rules = rules): World<Desk> {
  const start: Desk = { life: unwritten, nodes: [null, null], gate, wrote: [], yes: [], worded: [], allowed: false, needs: 0, left: [] }
  const offers = ({ life }: Desk): LifeEvent[] => [
    ...(life.status === null ? [{ kind: 'draft', by: ann } as const] : []),
    ...agents.flatMap((by): LifeEvent[] =>
      life.status === null || life.status === 'draft'
        ? [true, false].map((atItsTime) => ({ kind: 'submit', by, hash: 'one', gate, waits: later, atItsTime: later && atItsTime }))
        : later
          ? ['one', 'two'].map((hash) => ({ kind: 'edit', by, hash, waits: later }))
          : [],
    ),
    { kind: 'come_due', gate },
    ...deciders.flatMap((by): LifeEvent[] =>
      (['approve', 'reject'] as const).map((kind) => ({ kind, by, hash: life.hold?.hash ?? '', playsBoth: false })),
    ),
    ...(reword === undefined ? [] : [ruth, sam].map((by) => ({ kind: 'reword', by, hash: 'two', people: reword }) as const)),
    { kind: 'expire' },
    { kind: 'withdraw' },
    { kind: 'discard' },
    { kind: 'undo', waits: life.waits },
  ]

  /** What the rooms do when they write: the row as it is now, what was seen of it, and the condition of the update. */
  const commit = (desk: Desk, work: NonNullable<Work>): Desk | null => {
    const { life } = desk
    // The gate is asked in the transaction, and a time that nobody changed is the one that stands.
    const event = asItStands(work.event, desk)
    // Decided or edited is only what was seen (oversight/decide.ts, outbound/edit.ts).
    if ((event.kind === 'approve' || event.kind === 'reject' || event.kind === 'edit') && work.hash !== life.hash) return null
    // These two trust what they read, and the condition of the update (outbound/cancel.ts, oversight/holds.ts).
    const trusts = event.kind === 'discard' || event.kind === 'withdraw'
    const next = step(trusts ? { ...life, status: work.status } : life, event)
    return next.kind === 'moved' && may(life, next.by)
      ? remember({ ...desk, life: { ...next.life, writers: eachOnce(next.life.writers) } }, desk, event)
      : null
  }

  const turns = (desk: Desk): Turn<Desk>[] => {
    const { life, nodes } = desk
    const fine = (what: string, state: Desk): Turn<Desk> => ({ what, state, fault: null })
    const found: Turn<Desk>[] = []
    // Of two nodes with nothing to do it does not matter which begins.
    const idle = nodes.indexOf(null)
    if (idle >= 0)
      for (const event of offers(desk)) {
        const work: Work = { event, status: life.status, hash: life.hash }
        // What would be refused now is not begun: it is refused before anything is written.
        if (step(life, asItStands(event, desk)).kind === 'moved')
          found.push(fine(`${sayOf(event)}: read`, { ...desk, nodes: put(nodes, idle, work) }))
      }
    for (const [at, work] of nodes.entries()) {
      if (work === null) continue
      const rest = put(nodes, at, null)
      found.push(fine('a node dies', { ...desk, nodes: rest }))
      const after = commit({ ...desk, nodes: rest }, work)
      if (after !== null) found.push({ what: `${sayOf(work.event)}: written`, state: after, fault: faultOf(desk, after, work.event) })
    }
    if (life.waits) found.push(fine('its time comes', { ...desk, life: { ...life, waits: false } }))
    if (life.hold?.state === 'open') {
      const hold = { ...life.hold, isOver: !life.hold.isOver }
      found.push(fine('the clock', { ...desk, life: { ...life, hold } }))
    }
    if (desk.gate.outcome === 'allow') found.push(fine('somebody lowers the mode', { ...desk, gate: { outcome: 'hold', people: 1 } }))
    // A relay asks the rows again, and sends what they hold.
    if (life.status === 'sent' && life.release?.hash === life.hash && life.hash !== null && !desk.left.includes(life.hash))
      found.push({ what: 'it leaves', state: { ...desk, left: [...desk.left, life.hash].toSorted() }, fault: leavingFault(desk) })
    return found
  }
  return {
    start,
    turns,
    isOver: ({ life, nodes }) =>
      nodes.every((one) => one === null) && !['draft', 'scheduled', 'pending_send_approval', null].includes(life.status),
  }
}

const asItStands = (event: LifeEvent, { gate, life }: Desk): LifeEvent => {
  if (event.kind === 'edit' || event.kind === 'undo') return { ...event, waits: life.waits }
  return event.kind === 'submit' || event.kind === 'come_due' ? { ...event, gate } : event
}

const put = (nodes: Desk['nodes'], at: number, work: Work): Desk['nodes'] =>
  (at === 0 ? [work, nodes[1]] : [nodes[0], work]).toSorted((one, other) =>
    JSON.stringify(one) < JSON.stringify(other) ? -1 : 1,
  ) as Desk['nodes']
const sayOf = (event: LifeEvent): string =>
  `${event.kind}${'by' in event ? ` by ${nameOf(event.by)}` : ''}${'hash' in event ? ` of ${event.hash}` : ''}`

const everybody = [ann, bot, ruth, sam, olga]
const eachOnce = (all: readonly Who[]): Who[] =>
  everybody.filter((each) => all.some((one) => one.key === each.key && one.person === each.person))

/** What the world has seen happen. */
function remember(after: Desk, before: Desk, event: LifeEvent): Desk {
  const isChanged = after.life.hash !== before.life.hash
  const kept = isChanged ? { ...after, yes: [], allowed: false } : event.kind === 'undo' ? { ...after, yes: [] } : after
  const writes = event.kind === 'draft' || event.kind === 'submit' || (event.kind === 'edit' && isChanged)
  const wrote = writes ? eachOnce([...before.wrote, event.by]) : before.wrote
  const yes = event.kind === 'approve' ? eachOnce([...kept.yes, event.by]) : kept.yes
  const worded = event.kind === 'reword' ? eachOnce([...before.worded, event.by]) : before.worded
  const gate = event.kind === 'submit' || event.kind === 'come_due' ? event.gate : null
  const isAllowed = gate?.outcome === 'allow'
  const isHeld = gate?.outcome === 'hold' && after.life.status === 'pending_send_approval'
  const needs = isHeld ? gate.people : event.kind === 'reword' ? Math.max(before.needs, event.people) : before.needs
  return { ...kept, wrote, yes, worded, needs, allowed: kept.allowed || isAllowed }
}

const ends: readonly unknown[] = ['rejected', 'expired', 'cancelled', 'send_failed']

/** What of promises 2, 3 and 7 this turn broke. */
function faultOf(before: Desk, after: Desk, event: LifeEvent): string | null {
  const decides = event.kind === 'approve' || event.kind === 'reject' || event.kind === 'reword'
  if (decides && before.wrote.some((one) => isSame(one, event.by))) return 'decided by whoever wrote it'
  if (decides && before.life.hold?.isOver === true) return 'decided after its time'
  if (event.kind === 'expire' && before.life.hold?.isOver === false) return 'run out before its time'
  if (event.kind === 'expire' && after.life.status !== 'expired') return 'silence has decided'
  if (ends.includes(before.life.status)) return 'an end was no end'
  if (before.life.status === 'sent') return 'what was sent has become something else'
  if (after.life.status === 'sent') return leavingFault(after)
  return null
}

/** Why this may not leave, by what the world itself remembers. */
function leavingFault({ life, wrote, yes, worded, allowed, needs }: Desk): string | null {
  if (life.release === null || life.release.hash !== life.hash) return 'no release names it'
  if (life.release.grounds === 'policy') return allowed ? null : 'released by a rule that did not say so'
  const others = yes.filter((one) => {
    const isOwnWording = worded.some((editor) => isSame(editor, one)) && !(needs === 1 && one.key === null)
    return !isOwnWording && !wrote.some((writer) => isSame(writer, one))
  })
  return new Set(others.map(nameOf)).size >= needs && needs > 0 ? null : 'not enough others said yes to what it says now'
}

// ---- Deliveries ----

type Attempt = { of: number; isTaken: boolean } | null
type Relay = { deliveries: Delivery[]; attempts: [Attempt, Attempt]; isStopped: boolean; accepted: boolean[]; status: Life['status'] }
const relays = ['n1', 'n2'] as const

/** A message to some recipients, two relays that die and come back, a switch, and somebody who takes it back. */
export function relayWorld(recipients: number, { stepDelivery, step }: Rules = rules): World<Relay> {
  const deliveries = Array.from({ length: recipients }, () => queued)
  const start: Relay = { deliveries, attempts: [null, null], isStopped: false, accepted: deliveries.map(() => false), status: 'sent' }
  const change = (relay: Relay, of: number, event: DeliveryEvent): Relay | null => {
    const one = relay.deliveries[of]
    const next = one === undefined ? null : stepDelivery(one, event)
    if (next?.kind !== 'moved') return null
    const after = relay.deliveries.with(of, next.delivery)
    // Whether it ends the email is asked when one of its deliveries was cancelled (outbound/outcomes.ts, outbound/control/deliveries.ts).
    const isCancelled = next.delivery.state === 'cancelled'
    const kind = event.kind === 'settle' && event.end === 'unreleased' && one?.isTakenBack === false ? 'refuse' : 'take_back'
    const email = isCancelled ? step({ ...unwritten, status: relay.status }, { kind, deliveries: after }) : null
    return { ...relay, deliveries: after, status: email?.kind === 'moved' ? email.life.status : relay.status }
  }
  const turns = (relay: Relay): Turn<Relay>[] => {
    const found: Turn<Relay>[] = [{ what: 'the switch', state: { ...relay, isStopped: !relay.isStopped }, fault: null }]
    const add = (what: string, state: Relay | null, of: number): void => {
      if (state !== null) found.push({ what: `${of}: ${what}`, state, fault: relayFault(relay, state, of) })
    }
    for (const of of relay.deliveries.keys()) {
      add('taken back', change(relay, of, { kind: 'take_back' }), of)
      for (const [at, lease] of relays.entries()) {
        const attempt = relay.attempts[at] ?? null
        const put = (one: Attempt, to: Relay | null): Relay | null =>
          to === null ? null : { ...to, attempts: at === 0 ? [one, to.attempts[1]] : [to.attempts[0], one] }
        if (attempt === null) {
          const claimed = change(relay, of, { kind: 'claim', lease, isStopped: relay.isStopped })
          if (claimed !== null && relay.isStopped)
            found.push({ what: 'claimed', state: claimed, fault: 'an attempt began in spite of the stop' })
          add(`claimed by ${lease}`, put({ of, isTaken: false }, claimed), of)
          continue
        }
        if (attempt.of !== of) continue
        add(`${lease} dies`, put(null, relay), of)
        // A lease lapses whether its holder is dead or only slow.
        const one = relay.deliveries[of] ?? queued
        if (one.lease === lease && !one.hasLapsed) add('the lease lapses', change(relay, of, { kind: 'lapse' }), of)
        if (!attempt.isTaken)
          add('the remote takes it', put({ of, isTaken: true }, { ...relay, accepted: relay.accepted.with(of, true) }), of)
        add('put back', attempt.isTaken ? null : put(null, change(relay, of, { kind: 'put_back', lease })), of)
        for (const end of attemptEnds) {
          if ((end === 'accepted') !== attempt.isTaken && end !== 'deferred') continue
          // An answer that did not come leaves it open whether the remote has it.
          const settled = change(relay, of, { kind: 'settle', lease, end, mayBeAccepted: end === 'deferred' && attempt.isTaken })
          add(`${lease} says ${end}`, put(null, settled ?? relay), of)
        }
      }
      // The lease of a relay that died lapses, too.
      const { lease, hasLapsed } = relay.deliveries[of] ?? queued
      if (lease !== null && !hasLapsed && relay.attempts.every((one) => one?.of !== of))
        add('the lease lapses', change(relay, of, { kind: 'lapse' }), of)
    }
    return found
  }
  return { start, turns, isOver: ({ deliveries: all }) => all.every(({ state }) => state !== 'queued') }
}

function relayFault(before: Relay, after: Relay, of: number): string | null {
  const [was, is] = [before.deliveries[of] ?? queued, after.deliveries[of] ?? queued]
  if (was.state !== 'queued' && JSON.stringify(was) !== JSON.stringify(is)) return 'an end was no end'
  if (is.state === 'delivered' && after.accepted[of] === false) return 'said to be delivered, and nobody took it'
  const isSilent = is.state !== 'queued' && is.state !== 'delivered' && !is.mayBeAccepted
  if (isSilent && after.accepted[of] === true) return 'the remote may have it, and nobody says so'
  const left = after.deliveries.filter(({ state }) => state !== 'cancelled')
  if (after.status !== 'sent' && left.length > 0) return 'the email has ended before its deliveries'
  return null
}

// ---- Modes ----

type Freedom = { autonomy: Autonomy; /** what the person was mailed a code for */ mailed: OversightMode | null }

/** A mailbox whose agent asks for more, guesses, and is lowered by anybody at any time. */
export function autonomyWorld(begins: OversightMode, { stepAutonomy }: Rules = rules): World<Freedom> {
  const modes = oversightModes.filter((mode) => mode !== 'gated_all' && mode !== 'monitored')
  const events: AutonomyEvent[] = [
    ...modes.flatMap((to): AutonomyEvent[] => [
      { kind: 'set', to },
      { kind: 'ask', to },
    ]),
    { kind: 'present', fits: true },
    { kind: 'present', fits: false },
  ]
  const rankOf = (mode: OversightMode): number => oversightModes.indexOf(mode)
  const turns = (state: Freedom): Turn<Freedom>[] => {
    const { autonomy, mailed } = state
    const moved = events.flatMap((event): Turn<Freedom>[] => {
      const next = stepAutonomy(autonomy, event)
      if (next.kind === 'refused') return []
      const rises = rankOf(next.autonomy.mode) > rankOf(autonomy.mode)
      const byHand = event.kind === 'present' && event.fits && mailed === next.autonomy.mode && autonomy.asked?.isOver === false
      const after = { autonomy: next.autonomy, mailed: event.kind === 'ask' ? event.to : next.autonomy.asked === null ? null : mailed }
      const fault = rises && !byHand ? 'more autonomy without a code' : (next.autonomy.asked?.tries ?? 0) > 4 ? 'a sixth guess' : null
      return [{ what: `${event.kind} ${'to' in event ? event.to : event.fits}`, state: after, fault }]
    })
    const { asked } = autonomy
    if (asked === null) return moved
    const later = { ...state, autonomy: { ...autonomy, asked: { ...asked, isOver: true } } }
    return [...moved, { what: 'its time runs out', state: later, fault: null }]
  }
  return {
    start: { autonomy: { mode: begins, asked: null }, mailed: null },
    turns,
    isOver: ({ autonomy }) => autonomy.mode === 'read_only',
  }
}
