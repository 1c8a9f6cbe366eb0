import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { DeliveryId, MailboxId } from '../../server/model/ids.ts'
import type { Priority } from '../../server/model/email.ts'
import { type Contender, type Slots, createTurns, slotsOf, takeTurns } from '../../server/outbound/turns.ts'

let count = 0
const waiting = (mailbox: string, domain: string, facts: Partial<Contender> = {}): Contender => ({
  id: `dlv_${(count += 1)}` as DeliveryId,
  mailbox_id: mailbox as MailboxId,
  domain,
  priority: 1,
  next_attempt_at: count,
  ...facts,
})
const many = (n: number, mailbox: string, domain: string): Contender[] => Array.from({ length: n }, () => waiting(mailbox, domain))
const unlimited: Slots = { free: 1, perMailbox: 1_000, perDomain: 1_000 }
const yes = (): boolean => true

/** Each slot becomes free when the one before has ended, as with one delivery at a time. */
function inOrder(contenders: readonly Contender[], turns = createTurns()): Contender[] {
  const order: Contender[] = []
  for (let left = contenders; left.length > 0; left = left.filter((one) => !order.includes(one)))
    order.push(...takeTurns(left, [], unlimited, turns, yes))
  return order
}

describe('turns', () => {
  it('a thousand messages of one mailbox delay another’s one by one turn', () => {
    const order = inOrder([...many(200, 'a', 'x.test'), waiting('b', 'x.test')])
    expect(order.findIndex((one) => one.mailbox_id === 'b')).toBeLessThanOrEqual(1)
  })

  it('a thousand messages of one mailbox to one domain delay its one to another by one turn', () => {
    const order = inOrder([...many(200, 'a', 'x.test'), waiting('a', 'y.test')])
    expect(order.findIndex((one) => one.domain === 'y.test')).toBeLessThanOrEqual(1)
  })

  it('a slow domain has half of the slots at most, and a mailbox three quarters', () => {
    const slots = { free: 20, ...slotsOf(20) }
    expect(takeTurns(many(100, 'a', 'slow.test'), [], slots, createTurns(), yes)).toHaveLength(10)
    const everywhere = Array.from({ length: 100 }, (_, at) => waiting('a', `d${at}.test`))
    expect(takeTurns(everywhere, [], slots, createTurns(), yes)).toHaveLength(15)
  })

  it('what is under way counts', () => {
    const slots = { free: 20, perMailbox: 3, perDomain: 2 }
    const underWay = [{ mailbox_id: 'a' as MailboxId, domain: 'x.test' }]
    expect(takeTurns(many(9, 'a', 'x.test'), underWay, slots, createTurns(), yes)).toHaveLength(1)
    expect(takeTurns(many(9, 'a', 'y.test'), underWay, slots, createTurns(), yes)).toHaveLength(2)
    // A slow one has left its mailbox's slot, not its domain's.
    const slow = [{ mailbox_id: null, domain: 'x.test' }]
    expect(takeTurns([...many(9, 'a', 'x.test'), ...many(9, 'a', 'y.test')], slow, slots, createTurns(), yes)).toHaveLength(3)
  })

  it('what is urgent goes first in its mailbox, and overtakes nobody else', () => {
    const high = { priority: 0 as Priority }
    const order = inOrder([
      ...many(5, 'b', 'x.test'),
      ...many(5, 'a', 'x.test'),
      waiting('a', 'x.test', high),
      waiting('a', 'x.test', high),
    ])
    expect(order.filter((one) => one.mailbox_id === 'a').map((one) => one.priority)).toEqual([0, 0, 1, 1, 1, 1, 1])
    expect(
      order
        .slice(0, 6)
        .map((one) => one.mailbox_id)
        .toSorted(),
    ).toEqual(['a', 'a', 'a', 'b', 'b', 'b'])
  })

  it('what is turned down stays, and nothing of its kind is asked about again', () => {
    const asked: string[] = []
    const taken = takeTurns(
      [...many(50, 'a', 'held.test'), ...many(2, 'a', 'y.test')],
      [],
      { ...unlimited, free: 10 },
      createTurns(),
      (one) => {
        asked.push(one.domain)
        return one.domain !== 'held.test'
      },
    )
    expect(taken.map((one) => one.domain)).toEqual(['y.test', 'y.test'])
    expect(asked.filter((domain) => domain === 'held.test')).toHaveLength(1)
  })

  it('property: nobody is passed over twice by a mailbox before having had a turn, and everybody is served', () => {
    const contender = fc.tuple(fc.constantFrom('a', 'b', 'c', 'd'), fc.constantFrom('x.test', 'y.test', 'z.test'), fc.constantFrom(0, 1, 2))
    fc.assert(
      fc.property(fc.array(contender, { maxLength: 60 }), (all) => {
        const contenders = all.map(([mailbox, domain, priority]) => waiting(mailbox, domain, { priority }))
        const order = inOrder(contenders)
        expect(new Set(order)).toEqual(new Set(contenders))
        order.forEach((one, at) => {
          const stillWaiting = new Set(order.slice(at).map((it) => it.mailbox_id))
          const round = order.slice(at, at + stillWaiting.size).map((it) => it.mailbox_id)
          if (stillWaiting.size > 1) expect(round.filter((it) => it === one.mailbox_id).length).toBeLessThanOrEqual(2)
        })
      }),
    )
  })

  it('property: no more are taken than are free, and no mailbox or domain has more than its share', () => {
    const contender = fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.constantFrom('x.test', 'y.test'))
    const slots = fc.record({ free: fc.nat(30), perMailbox: fc.integer({ min: 1, max: 20 }), perDomain: fc.integer({ min: 1, max: 20 }) })
    fc.assert(
      fc.property(fc.array(contender, { maxLength: 60 }), slots, (all, limits) => {
        const taken = takeTurns(
          all.map(([mailbox, domain]) => waiting(mailbox, domain)),
          [],
          limits,
          createTurns(),
          yes,
        )
        expect(taken.length).toBeLessThanOrEqual(limits.free)
        for (const of of Object.values(Object.groupBy(taken, (one) => one.mailbox_id)))
          expect(of?.length).toBeLessThanOrEqual(limits.perMailbox)
        for (const of of Object.values(Object.groupBy(taken, (one) => one.domain))) expect(of?.length).toBeLessThanOrEqual(limits.perDomain)
      }),
    )
  })
})
