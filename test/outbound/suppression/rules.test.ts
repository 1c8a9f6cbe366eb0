import { describe, expect, it } from 'vitest'
import { expiryOf, isEnough, memoryMs } from '../../../server/outbound/suppression/rules.ts'

const day = 24 * 60 * 60_000

describe('when failures are enough', () => {
  const cases: readonly [rule: Parameters<typeof isEnough>[0], days: readonly number[], enough: boolean][] = [
    ['never', [0, 1, 2, 3, 20], false],
    ['at-once', [0], true],
    ['second-in-30-days', [0], false],
    ['second-in-30-days', [0, 0], true],
    ['second-in-30-days', [0, 29], true],
    ['third-over-7-days', [0, 8], false],
    ['third-over-7-days', [0, 3, 6.9], false],
    ['third-over-7-days', [0, 3, 7], true],
    ['third-over-7-days', [0, 10, 20, 29], true],
  ]
  it.each(cases)('%s: failures on days %j: %s', (rule, days, enough) => {
    expect(
      isEnough(
        rule,
        days.map((at) => at * day),
      ),
    ).toBe(enough)
  })

  it('looks back thirty days where earlier failures count, and nowhere else', () => {
    expect(memoryMs).toEqual({
      never: null,
      'at-once': null,
      'second-in-30-days': 30 * day,
      'third-over-7-days': 30 * day,
    })
  })

  it('what may mend by itself runs out; a mailbox that does not exist stays', () => {
    expect(expiryOf('domain', 1_000)).toBe(1_000 + 7 * day)
    expect(expiryOf('mailbox-full', 1_000)).toBe(1_000 + 30 * day)
    expect(expiryOf('recipient', 1_000)).toBeNull()
    expect(expiryOf('inactive', 1_000)).toBeNull()
  })
})
