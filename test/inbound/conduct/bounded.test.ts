import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createBounded } from '../../../server/inbound/conduct/bounded.ts'

type Until = { until: number }
const bounded = (most: number) => createBounded<Until>({ most, isLive: ({ until }, now) => until > now })

describe('a bounded memory', () => {
  it('gives a newcomer no place while everything in it is live, and one when something is not', () => {
    const memory = bounded(2)
    for (const key of ['a', 'b']) memory.place(key, 0, () => ({ until: 10 }))
    expect(memory.place('c', 9, () => ({ until: 99 }))).toBeNull()
    expect(memory.place('a', 9, () => ({ until: 99 }))).toEqual({ until: 10 })
    expect(memory.place('c', 10, () => ({ until: 99 }))).toEqual({ until: 99 })
  })

  it('never grows beyond its bound and never loses what is live, whatever comes in what order', () => {
    const visit = fc.record({ key: fc.nat(40), lasts: fc.nat(20), passes: fc.nat(5) })
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 12 }), fc.array(visit, { maxLength: 200 }), (most, visits) => {
        const memory = bounded(most)
        const live = new Map<string, number>()
        let now = 0
        for (const { key, lasts, passes } of visits) {
          now += passes
          const until = now + lasts
          const value = memory.place(`${key}`, now, () => ({ until }))
          if (value !== null) live.set(`${key}`, value.until)
          expect(memory.size()).toBeLessThanOrEqual(most)
          for (const [one, end] of live) if (end > now) expect(memory.get(one)).toEqual({ until: end })
        }
      }),
    )
  })

  it('goes on finding room: in the long run all that is dead goes', () => {
    const memory = bounded(100)
    for (let n = 0; n < 5_000; n++) expect(memory.place(`${n}`, n, () => ({ until: n + 50 }))).not.toBeNull()
    expect(memory.size()).toBeLessThanOrEqual(100)
  })
})
