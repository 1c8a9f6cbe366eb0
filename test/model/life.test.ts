import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { stepAutonomy } from '../../server/model/autonomy.ts'
import { attemptEnds, queued, stepDelivery } from '../../server/model/delivery-life.ts'
import { emailStatuses, isHigher, oversightModes } from '../../server/model/email.ts'
import { type Life, type LifeEvent, moves, step, unwritten } from '../../server/model/life.ts'

const agent = { key: 'key_agent', person: 'person_owner' }
const ann = { key: 'key_ann', person: null }
const ben = { key: null, person: 'person_ben' }

const after = (...events: LifeEvent[]): Life =>
  events.reduce((life, event) => {
    const next = step(life, event)
    if (next.kind === 'refused') throw new Error(`${event.kind}: ${next.why}`)
    return next.life
  }, unwritten)
const whyNot = (life: Life, event: LifeEvent): string => {
  const next = step(life, event)
  return next.kind === 'refused' ? next.why : 'moved'
}
const decision = { hash: 'first', playsBoth: false }
const submitted = (people: number, waits = false): LifeEvent => ({
  kind: 'submit',
  by: agent,
  hash: 'first',
  gate: people === 0 ? { outcome: 'allow' } : { outcome: 'hold', people },
  waits,
  atItsTime: false,
})

describe('the life of an email', () => {
  it('is sent by the gate alone, with a release that names its hash', () => {
    expect(after(submitted(0))).toMatchObject({ status: 'sent', release: { hash: 'first', grounds: 'policy' } })
  })

  it('waits for as many people as its hold takes, each once', () => {
    const first = after(submitted(2), { kind: 'approve', by: ann, ...decision })
    expect(first).toMatchObject({ status: 'pending_send_approval', release: null, hold: { state: 'open', yes: ['key_ann'] } })
    expect(whyNot(first, { kind: 'approve', by: ann, ...decision })).toBe('SAME_REVIEWER')
    expect(step(first, { kind: 'approve', by: ben, ...decision })).toMatchObject({
      life: { status: 'sent', release: { hash: 'first', grounds: 'approval' }, hold: { state: 'approved' } },
    })
  })

  it('worded anew by a reviewer is let go by them only where one is enough, and signed in', () => {
    const worded = (people: number, by: typeof ann | typeof ben, takes = 1) =>
      after(submitted(people), { kind: 'reword', by, hash: 'second', people: takes })
    const yes = { kind: 'approve', hash: 'second', playsBoth: false } as const
    expect(step(worded(1, ben), { ...yes, by: ben })).toMatchObject({ life: { status: 'sent', release: { hash: 'second' } } })
    expect(whyNot(worded(1, ann), { ...yes, by: ann })).toBe('SELF_APPROVAL')
    expect(whyNot(worded(1, ann), { ...yes, by: ben })).toBe('moved')
    // A key of the person's is not their signing in.
    expect(whyNot(worded(1, ben), { ...yes, by: { key: 'key_ben', person: 'person_ben' } })).toBe('SELF_APPROVAL')
    expect(whyNot(worded(2, ben), { ...yes, by: ben })).toBe('SELF_APPROVAL')
    expect(whyNot(worded(1, ben, 2), { ...yes, by: ben })).toBe('SELF_APPROVAL')
    expect(whyNot(worded(2, ben), { ...yes, kind: 'reject', by: ben })).toBe('moved')
  })

  it('is held again when its approval is taken back, and takes every approval anew', () => {
    const yes: LifeEvent[] = [ann, ben].map((by) => ({ kind: 'approve', by, ...decision }))
    const approved = after(submitted(2, true), ...yes)
    expect(approved.status).toBe('scheduled')
    const back = after(submitted(2, true), ...yes, { kind: 'undo', waits: false })
    expect(back).toMatchObject({
      status: 'pending_send_approval',
      release: null,
      waits: false,
      hold: { state: 'open', hash: 'first', yes: [] },
    })
    expect(whyNot(back, { kind: 'undo', waits: false })).toBe('NOT_UNDOABLE')
    expect(whyNot(after(submitted(0, true)), { kind: 'undo', waits: true })).toBe('NOT_UNDOABLE')
    expect(whyNot(after(submitted(0)), { kind: 'undo', waits: false })).toBe('NOT_UNDOABLE')
  })

  it('is not decided on by whoever wrote it, by whatever key or sign-in', () => {
    const held = after(submitted(1))
    for (const by of [
      agent,
      { key: 'key_agent', person: null },
      { key: 'key_other', person: 'person_owner' },
      { key: null, person: 'person_owner' },
    ])
      for (const kind of ['approve', 'reject'] as const) expect(whyNot(held, { kind, by, ...decision })).toBe('SELF_APPROVAL')
    // But a test key may, where one is enough.
    const playsBoth = { ...decision, by: agent, playsBoth: true }
    expect(whyNot(held, { kind: 'approve', ...playsBoth })).toBe('moved')
    expect(whyNot(after(submitted(2)), { kind: 'approve', ...playsBoth })).toBe('SELF_APPROVAL')
  })

  it('counts no approval of what it said before', () => {
    const reworded = after(submitted(2), { kind: 'approve', by: ann, ...decision }, { kind: 'reword', by: ben, hash: 'second', people: 1 })
    expect(reworded.hold).toMatchObject({ hash: 'second', yes: [] })
    expect(whyNot(reworded, { kind: 'approve', by: ann, ...decision })).toBe('CONTENT_CHANGED')
  })

  it('is not edited any more once people have let it go', () => {
    const approved = after(submitted(1, true), { kind: 'approve', by: ann, ...decision })
    expect(approved).toMatchObject({ status: 'scheduled', release: null })
    expect(whyNot(approved, { kind: 'edit', by: agent, hash: 'second', waits: true })).toBe('ALREADY_APPROVED')
    expect(whyNot(approved, { kind: 'edit', by: agent, hash: 'first', waits: false })).toBe('moved')
  })

  it('silence ends it, and not as approved; nothing is decided after its time, nor run out before', () => {
    const held = after(submitted(1))
    const late: Life = { ...held, hold: held.hold && { ...held.hold, isOver: true } }
    expect(whyNot(held, { kind: 'expire' })).toBe('HOLD_NOT_EXPIRED')
    expect(whyNot(late, { kind: 'approve', by: ann, ...decision })).toBe('HOLD_EXPIRED')
    expect(step(late, { kind: 'expire' })).toMatchObject({ life: { status: 'expired', hold: { state: 'expired' }, release: null } })
  })

  it('an end is an end', () => {
    for (const status of ['rejected', 'expired', 'cancelled', 'send_failed'] as const)
      for (const [what, { from }] of Object.entries(moves))
        expect([what, (from as readonly unknown[]).includes(status)]).toEqual([what, false])
  })

  it('every status but those of drafts has something that leads to it, and each word of the table is a status', () => {
    const named = new Set(Object.values(moves).flatMap(({ from }): readonly unknown[] => from))
    expect([...named].filter((status) => status !== null && !emailStatuses.some((one) => one === status))).toEqual([])
  })
})

describe('the life of a delivery', () => {
  const claimed = stepDelivery(queued, { kind: 'claim', lease: 'ours', isStopped: false })
  const underWay = claimed.kind === 'moved' ? claimed.delivery : queued

  it('goes on being queued until it ends, and ends once', () => {
    for (const end of attemptEnds) {
      const settle = { kind: 'settle', lease: 'ours', end, mayBeAccepted: false } as const
      const settled = stepDelivery(underWay, settle)
      if (settled.kind === 'refused') throw new Error(settled.why)
      if (settled.delivery.state !== 'queued') expect(stepDelivery(settled.delivery, settle)).toEqual({ kind: 'refused', why: 'ENDED' })
      expect(stepDelivery(underWay, { ...settle, lease: 'theirs' })).toEqual({ kind: 'refused', why: 'LEASE_LOST' })
    }
  })

  it('that was taken back under way ends as cancelled, unless the remote has said its last word', () => {
    const ends = attemptEnds.map((end) => {
      const settled = stepDelivery({ ...underWay, isTakenBack: true }, { kind: 'settle', lease: 'ours', end, mayBeAccepted: false })
      return [end, settled.kind === 'moved' && settled.delivery.state]
    })
    expect(Object.fromEntries(ends)).toEqual({
      accepted: 'delivered',
      refused: 'bounced',
      deferred: 'cancelled',
      given_up: 'cancelled',
      unreleased: 'cancelled',
    })
  })

  it('whose attempt nobody has heard of again may have been accepted', () => {
    const claim = { kind: 'claim', lease: 'next', isStopped: false } as const
    expect(stepDelivery(underWay, claim)).toEqual({ kind: 'refused', why: 'UNDER_WAY' })
    expect(stepDelivery({ ...underWay, hasLapsed: true }, claim)).toMatchObject({ delivery: { lease: 'next', mayBeAccepted: true } })
    expect(stepDelivery(queued, { ...claim, isStopped: true })).toEqual({ kind: 'refused', why: 'STOPPED' })
  })
})

it('a mode goes up only by a code that fits, or on the host', () => {
  const mode = fc.constantFrom(...oversightModes)
  const asked = fc.option(fc.record({ from: mode, to: mode, tries: fc.nat(4), isOver: fc.boolean() }))
  const event = fc.oneof(
    fc.record({ kind: fc.constantFrom('set' as const, 'ask' as const, 'restore' as const), to: mode }),
    fc.record({ kind: fc.constant('present' as const), fits: fc.boolean() }),
  )
  fc.assert(
    fc.property(fc.record({ mode, asked }), event, (before, what) => {
      const next = stepAutonomy(before, what)
      if (next.kind === 'refused' || !isHigher(next.autonomy.mode, before.mode)) return
      expect(what.kind === 'restore' || (what.kind === 'present' && what.fits)).toBe(true)
    }),
  )
})
