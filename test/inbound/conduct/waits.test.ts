import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Silent, createSilent } from '../../../server/inbound/conduct/silent.ts'
import { createWaits } from '../../../server/inbound/conduct/waits.ts'

describe('the sessions that wait', () => {
  it('are so many at one time and no more; one that is over makes room', () => {
    const waits = createWaits(2)
    const [one, two, three] = [{}, {}, {}]
    expect([one, two, three].map((who) => waits.begin(who, 5_000, 0))).toEqual([true, true, false])
    expect(waits.begin(one, 6_000, 1)).toBe(true)
    waits.end(one)
    expect(waits.begin(three, 9_000, 1)).toBe(true)
    expect(waits.begin(one, 9_000, 4_999)).toBe(false)
    expect(waits.begin(one, 9_000, 5_000)).toBe(true)
    expect(waits.waiting(9_000)).toBe(0)
  })

  it('are never more than there is room for', () => {
    const act = fc.record({ who: fc.nat(9), ms: fc.nat(5_000), passes: fc.nat(3_000), ends: fc.boolean() })
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 }), fc.array(act), (most, acts) => {
        const waits = createWaits(most)
        const people = Array.from({ length: 10 }, () => ({}))
        let now = 0
        for (const { who, ms, passes, ends } of acts) {
          now += passes
          if (ends) waits.end(people[who] ?? {})
          else waits.begin(people[who] ?? {}, now + ms, now)
          expect(waits.waiting(now)).toBeLessThanOrEqual(most)
        }
      }),
    )
  })
})

/** Asks the one that has been silent the longest, once. */
const leaving = (silent: Silent) => (now: number) => {
  const longest = silent.longest(now)
  if (longest !== undefined) silent.remove(longest)
  return longest
}

describe('the silent sessions', () => {
  it('are asked to leave in the order of their silence, once, after a second of it', () => {
    const silent = createSilent()
    const leaves = leaving(silent)
    silent.heard('a', 0, 'stranger')
    silent.heard('b', 100, 'stranger')
    silent.heard('c', 200, 'stranger')
    silent.heard('a', 300, 'stranger')
    silent.remove('c')
    expect(leaves(1_099)).toBeUndefined()
    expect(leaves(2_000)).toBe('b')
    expect(leaves(2_000)).toBe('a')
    expect(leaves(99_000)).toBeUndefined()
  })

  it('are strangers before those who are handing something over, who have five seconds', () => {
    const silent = createSilent()
    const leaves = leaving(silent)
    silent.heard('engaged', 0, 'stranger')
    silent.heard('engaged', 0, 'engaged')
    silent.heard('stranger', 4_000, 'stranger')
    expect(leaves(4_999)).toBeUndefined()
    expect(leaves(6_000)).toBe('stranger')
    expect(leaves(6_000)).toBe('engaged')
  })
})
