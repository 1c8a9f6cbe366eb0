import { afterAll, describe, expect, it } from 'vitest'
import { stepAutonomy } from '../../server/model/autonomy.ts'
import { stepDelivery } from '../../server/model/delivery-life.ts'
import type { Gate, Life, LifeEvent } from '../../server/model/life.ts'
import { step } from '../../server/model/life.ts'
import { type World, explore } from '../support/explored.ts'
import { type Rules, autonomyWorld, deskWorld, relayWorld, rules } from '../support/life-worlds.ts'

const gates: Record<string, Gate> = {
  'that may send alone': { outcome: 'allow' },
  'that asks one': { outcome: 'hold', people: 1 },
  'that asks two': { outcome: 'hold', people: 2 },
}

type Named = [string, () => World<unknown>]
/** The worlds in which each rule has a say, the small ones first. */
const emails = (by: Rules): Named[] => [
  ...[false, true].flatMap((later) =>
    Object.entries(gates).map(([who, gate]): Named => [
      `an agent ${who}, mail that leaves ${later ? 'later' : 'at once'}`,
      () => deskWorld({ gate, later }, by),
    ]),
  ),
  ['one reviewer, who words it anew', () => deskWorld({ gate: { outcome: 'hold', people: 1 }, later: false, reword: 1 }, by)],
  ['one who words it so that it takes two', () => deskWorld({ gate: { outcome: 'hold', people: 1 }, later: false, reword: 2 }, by)],
  ['two reviewers, of whom one words it anew', () => deskWorld({ gate: { outcome: 'hold', people: 2 }, later: false, reword: 1 }, by)],
]
const deliveries = (by: Rules): Named[] => [
  ['one recipient and two relays', () => relayWorld(1, by)],
  ['two recipients and two relays', () => relayWorld(2, by)],
]
const modes = (by: Rules): Named[] => [['a mailbox whose agent wants more', () => autonomyWorld('gated_send', by)]]

describe('in every state that a small world can come to, the promises hold', () => {
  let total = 0
  // oxlint-disable-next-line no-console -- how small the worlds are is worth knowing
  afterAll(() => console.warn(`${total} states explored`))
  it.each([...emails(rules), ...deliveries(rules), ...modes(rules)])('%s', (_name, world) => {
    const { states, fault, stuck } = explore(world())
    total += states
    expect([fault, stuck]).toEqual([null, null])
    expect(states).toBeGreaterThan(100)
  })
})

const hasHold = (life: Life, change: Partial<NonNullable<Life['hold']>>): Life =>
  life.hold === null ? life : { ...life, hold: { ...life.hold, ...change } }
const decides = ({ kind }: LifeEvent): boolean => kind === 'approve' || kind === 'reject'

/** One guard is taken away from each. */
const broken: Record<string, Partial<Rules>> = {
  'whoever wrote it may decide': { step: (life, event) => step(decides(event) ? { ...life, writers: [] } : life, event) },
  'only the key is asked, not the person': {
    step: (life, event) => step({ ...life, writers: life.writers.map(({ key }) => ({ key, person: null })) }, event),
  },
  'one may approve twice': {
    step(life, event) {
      const again = life.hold?.yes.map((one) => `${one} again`) ?? []
      return step(event.kind === 'approve' ? hasHold(life, { yes: again }) : life, event)
    },
  },
  'one is enough': { step: (life, event) => step(event.kind === 'approve' ? hasHold(life, { people: 1 }) : life, event) },
  'an edit leaves the approval': {
    step(life, event) {
      const next = step(event.kind === 'edit' ? { ...life, hold: null } : life, event)
      if (event.kind !== 'edit' || next.kind === 'refused' || life.hold === null) return next
      return { ...next, life: { ...next.life, hold: { ...life.hold, hash: event.hash } } }
    },
  },
  'a new wording leaves the approvals': {
    step(life, event) {
      const next = step(life, event)
      return event.kind === 'reword' && next.kind === 'moved' ? { ...next, life: hasHold(next.life, { yes: life.hold?.yes ?? [] }) } : next
    },
  },
  'what was taken back still counts': {
    step(life, event) {
      const next = step(life, event)
      return event.kind === 'undo' && next.kind === 'moved' ? { ...next, life: hasHold(next.life, { yes: life.hold?.yes ?? [] }) } : next
    },
  },
  'taking back is forgotten': {
    step(life, event) {
      const next = step(life, event)
      return event.kind === 'undo' && next.kind === 'moved' ? { ...next, life: hasHold(next.life, { state: 'approved' }) } : next
    },
  },
  'whoever worded it lets it go': {
    step: (life, event) => step(event.kind === 'approve' ? hasHold(life, { editors: [] }) : life, event),
  },
  'a new wording takes as many as the old': {
    step: (life, event) => step(life, event.kind === 'reword' ? { ...event, people: 1 } : event),
  },
  'its time may be over': { step: (life, event) => step(decides(event) ? hasHold(life, { isOver: false }) : life, event) },
  'it runs out before its time': { step: (life, event) => step(event.kind === 'expire' ? hasHold(life, { isOver: true }) : life, event) },
  'silence approves': {
    step(life, event) {
      const next = step(life, event)
      if (event.kind !== 'expire' || next.kind === 'refused' || life.hash === null) return next
      return { ...next, life: { ...life, status: 'sent', release: { hash: life.hash, grounds: 'approval' } } }
    },
  },
  'the gate is not asked again at its time': {
    step: (life, event) => step(life, event.kind === 'come_due' ? { ...event, gate: { outcome: 'allow' } } : event),
  },
  'a write asks for no status': { may: () => true },
  'the stop stops nothing': {
    stepDelivery: (delivery, event) => stepDelivery(delivery, event.kind === 'claim' ? { ...event, isStopped: false } : event),
  },
  'a lost answer is forgotten': {
    stepDelivery: (delivery, event) => stepDelivery(delivery, event.kind === 'settle' ? { ...event, mayBeAccepted: false } : event),
  },
  'an end can be left': {
    stepDelivery: (delivery, event) => stepDelivery(event.kind === 'claim' ? { ...delivery, state: 'queued' } : delivery, event),
  },
  'a crash is forgotten': {
    stepDelivery(delivery, event) {
      const next = stepDelivery(delivery, event)
      return event.kind === 'claim' && next.kind === 'moved' ? { ...next, delivery: { ...next.delivery, mayBeAccepted: false } } : next
    },
  },
  'a lease never lapses': {
    stepDelivery: (delivery, event) => (event.kind === 'lapse' ? { kind: 'refused', why: 'LEASE_LOST' } : stepDelivery(delivery, event)),
  },
  'the email ends with one of its deliveries': {
    step(life, event) {
      if (event.kind !== 'take_back') return step(life, event)
      return step(life, { ...event, deliveries: event.deliveries.filter(({ state }) => state === 'cancelled') })
    },
  },
  'anybody may raise a mode': {
    stepAutonomy: ({ mode, asked }, event) =>
      event.kind === 'set' ? { kind: 'moved', autonomy: { mode: event.to, asked } } : stepAutonomy({ mode, asked }, event),
  },
  'any code fits': { stepAutonomy: (state, event) => stepAutonomy(state, event.kind === 'present' ? { ...event, fits: true } : event) },
  'a code outlives its time': {
    stepAutonomy: ({ mode, asked }, event) => stepAutonomy({ mode, asked: asked && { ...asked, isOver: false } }, event),
  },
}

const worldsOf = (rule: Partial<Rules>): Named[] => {
  const by = { ...rules, ...rule }
  if (rule.stepAutonomy !== undefined) return modes(by)
  return rule.stepDelivery === undefined ? [...emails(by), ...deliveries(by)] : deliveries(by)
}

describe('the same worlds notice a guard that is missing', () => {
  it.each(Object.entries(broken))('%s', (_name, rule) => {
    const noticed = worldsOf(rule).find(([, world]) => {
      const { fault, stuck } = explore(world())
      return fault !== null || stuck !== null
    })
    expect(noticed).toBeDefined()
  })
})
