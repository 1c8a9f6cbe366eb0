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

  it('gives a newcomer the place of the one with the least to say, and of nobody who may not be forgotten', () => {
    type Weighed = { weight: number | null }
    const memory = createBounded<Weighed>({ most: 3, isLive: () => true, weightOf: ({ weight }) => weight })
    const place = (key: string, weight: number | null) => memory.place(key, 0, () => ({ weight }))
    for (const [key, weight] of [
      ['a', 3],
      ['b', 1],
      ['c', null],
    ] as const)
      place(key, weight)
    expect(place('d', null)).not.toBeNull()
    expect(['a', 'b', 'c', 'd'].filter((key) => memory.get(key) !== undefined)).toEqual(['a', 'c', 'd'])
    expect(place('e', null)).not.toBeNull()
    expect(place('f', 0)).toBeNull()
    expect(['c', 'd', 'e'].filter((key) => memory.get(key) !== undefined)).toEqual(['c', 'd', 'e'])
  })
})
