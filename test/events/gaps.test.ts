import fc from 'fast-check'
import { expect, it } from 'vitest'
import { advance, forgetOld, positionOf, positionText, progressFrom, readPosition } from '../../server/events/gaps.ts'

it('a position is read as it was written, and nothing else is one', () => {
  const place = fc.record({ high: fc.nat(), missing: fc.uniqueArray(fc.nat(), { maxLength: 20 }) })
  fc.assert(
    fc.property(place, (one) => {
      expect(readPosition(positionText(one))).toEqual(one)
    }),
  )
  for (const text of ['', '-', '1-', '1-2.', 'x', '1 ', '-1', '9'.repeat(16), `1-${Array(21).fill(2).join('.')}`])
    expect([text, readPosition(text)]).toEqual([text, null])
})

it('whatever the order in which numbers come, each that was not seen is behind the position or named as missing in it', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer({ min: 1, max: 300 }), { maxLength: 300 }), (order) => {
      const progress = progressFrom(0, [], 0)
      const seen = new Set<number>()
      for (const seq of order) {
        advance(progress, seq, 0)
        seen.add(seq)
        const { high, missing } = positionOf({ high: progress.high, missing: progress.missing.keys() })
        for (let any = 1; any <= high; any++) expect(seen.has(any) || missing.includes(any)).toBe(true)
        expect(missing.length).toBeLessThanOrEqual(20)
      }
    }),
  )
})

it('a number that does not come is waited for no longer than a transaction can take, and never too many', () => {
  const progress = progressFrom(10, [10, 8], 0)
  expect([...progress.missing.keys()]).toEqual([9])
  advance(progress, 12, 30_000)
  forgetOld(progress, 60_000)
  expect([...progress.missing.keys()]).toEqual([11])
  forgetOld(progress, 90_000)
  advance(progress, 1_000_000, 90_000)
  forgetOld(progress, 90_000)
  expect(progress.missing.size).toBeLessThanOrEqual(2_000)
})
