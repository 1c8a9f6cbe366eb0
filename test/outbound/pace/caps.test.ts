import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { countedFrom, excess, excessWords, spanMs, windowMs, windowOf } from '../../../server/outbound/pace/caps.ts'

const minute = 60_000
const now = Date.UTC(2026, 10, 22, 12, 3)

describe('a cap', () => {
  it('lets through up to its number, and then says when there is room again', () => {
    const counted = [
      { start: windowOf(now - 50 * minute), count: 3 },
      { start: windowOf(now - 10 * minute), count: 2 },
    ]
    expect(excess('hour', 6, 1, counted, now)).toBeNull()
    expect(excess('hour', 5, 1, counted, now)).toEqual({ kind: 'hour', most: 5, used: 5, at: windowOf(now - 50 * minute) + 65 * minute })
    expect(excess('hour', 5, 4, counted, now)?.at).toBe(windowOf(now - 10 * minute) + 65 * minute)
  })

  it('counts nothing that is older than its span', () => {
    const old = [{ start: countedFrom('hour', now) - windowMs, count: 99 }]
    expect(excess('hour', 1, 1, old, now)).toBeNull()
    expect(excess('day', 1, 1, old, now)).toMatchObject({ used: 99 })
  })

  it('is none when it is null, allows nothing at 0, and always allows nothing asked', () => {
    expect(excess('day', null, 1_000_000, [], now)).toBeNull()
    expect(excess('day', 0, 1, [], now)).toEqual({ kind: 'day', most: 0, used: 0, at: now + spanMs.day })
    expect(excess('new', 0, 0, [], now)).toBeNull()
  })

  it('says what it is in words that no client takes for a monthly allowance', () => {
    for (const kind of ['hour', 'day', 'new'] as const) {
      const words = excessWords({ kind, most: 20, used: 19, at: now })
      expect(words).toMatch(/at most 20 .*; 19 are used$/)
      expect(words.toLowerCase()).not.toContain('quota')
    }
  })

  const aCount = fc.record({
    start: fc.integer({ min: -30 * 60, max: 0 }).map((minutes) => windowOf(now + minutes * minute)),
    count: fc.nat(50),
  })

  it('is never passed in any span, and whoever waits as long as it says gets through', () => {
    fc.assert(
      fc.property(
        fc.array(aCount, { maxLength: 30 }),
        fc.integer({ min: 1, max: 60 }),
        fc.integer({ min: 1, max: 60 }),
        (made, most, asked) => {
          const counted = made.toSorted((one, other) => one.start - other.start)
          const over = excess('day', most, asked, counted, now)
          const used = counted.filter(({ start }) => start + windowMs > now - spanMs.day).reduce((sum, { count }) => sum + count, 0)
          expect(over === null).toBe(used + asked <= most)
          if (over === null) return
          expect(over.at).toBeGreaterThan(now)
          expect(over.at - now).toBeLessThanOrEqual(spanMs.day + windowMs)
          if (asked <= most) expect(excess('day', most, asked, counted, over.at)).toBeNull()
        },
      ),
    )
  })
})
