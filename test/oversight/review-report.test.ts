import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { PersonId } from '../../server/model/ids.ts'
import { hastyMs, reportOf, reportWeeks } from '../../server/oversight/reviewers/report.ts'
import type { ReviewTime } from '../../server/store/review-times.ts'

const day = 24 * 3_600_000
const now = Date.UTC(2026, 10, 23)
const ann = 'per_ann' as PersonId

const times = (count: number, change: Partial<ReviewTime> = {}): ReviewTime[] =>
  Array.from({ length: count }, () => ({
    person_id: ann,
    action: 'approve',
    is_canary: 0,
    time_ms: 8_000,
    decided_at: now - day,
    ...change,
  }))
const warningsOf = (all: readonly ReviewTime[]) => reportOf(all, now).reviewers[0]?.warnings ?? []

describe('what is said of how somebody decides', () => {
  it('has a median, the share of approvals by week, and what was not looked at', () => {
    const { all, reviewers } = reportOf(
      [
        ...times(2, { time_ms: 1_000 }),
        ...times(1, { time_ms: 4_000 }),
        ...times(1, { time_ms: null, action: 'reject', decided_at: now - 10 * day }),
        ...times(1, { person_id: 'per_bo' as PersonId, time_ms: 60_000 }),
        ...times(1, { is_canary: 1 }),
        ...times(2, { is_canary: 1, action: 'reject' }),
      ],
      now,
    )
    expect(all).toMatchObject({
      decided: 5,
      approved: 4,
      rate: 0.8,
      medianMs: 2_500,
      hasty: 2,
      unseen: 1,
      canaries: { rejected: 2, missed: 1 },
      warnings: [],
    })
    expect(reviewers.map(({ personId, decided }) => [personId, decided])).toEqual([
      [ann, 4],
      ['per_bo', 1],
    ])
    expect(reviewers[0]?.weeks.slice(-2).map(({ decided, rate }) => [decided, rate])).toEqual([
      [1, 0],
      [3, 1],
    ])
    expect(reviewers[0]?.warnings).toEqual(['1 of 3 test emails were approved.'])
  })

  it.each<[string, ReviewTime[], string[]]>([
    ['few hasty ones', times(19, { time_ms: 500 }), []],
    [
      'hasty ones',
      [...times(12, { time_ms: 500 }), ...times(10), ...times(2, { action: 'reject', time_ms: 1 })],
      ['12 of 22 approvals came within 2 seconds.'],
    ],
    ['a yes to everything', times(50), ['All of 50 emails were approved.']],
    ['one no', [...times(50), ...times(1, { action: 'reject' })], []],
    [
      'more and more of a yes',
      [...times(20), ...times(15, { decided_at: now - 20 * day }), ...times(5, { decided_at: now - 20 * day, action: 'reject' })],
      ['25 more of a hundred are approved than before the last 2 weeks.'],
    ],
    [
      'less and less of a look',
      [
        ...times(19, { time_ms: 2_100 }),
        ...times(1, { action: 'reject', time_ms: 2_100 }),
        ...times(19, { decided_at: now - 20 * day, time_ms: 8_400 }),
        ...times(1, { decided_at: now - 20 * day, time_ms: 8_400, action: 'reject' }),
      ],
      ['An email is looked at for 2.1 seconds in the last 2 weeks, and was for 8.4 seconds before.'],
    ],
  ])('warns of %s', (_what, all, warnings) => {
    expect(warningsOf(all)).toEqual(warnings)
  })

  it('counts each decision once, in all, in its week and in the figures of whoever made it', () => {
    const any = fc.record({
      person_id: fc.constantFrom(ann, 'per_bo' as PersonId),
      action: fc.constantFrom('approve' as const, 'reject' as const),
      is_canary: fc.constantFrom(0 as const, 1 as const),
      time_ms: fc.option(fc.nat({ max: 60_000 })),
      decided_at: fc.integer({ min: now - reportWeeks * 7 * day, max: now }),
    })
    fc.assert(
      fc.property(fc.array(any, { maxLength: 80 }), (given) => {
        const { all, reviewers } = reportOf(given, now)
        const sum = (figure: (of: typeof all) => number) => reviewers.reduce((total, one) => total + figure(one), 0)
        for (const figure of [
          ({ decided }: typeof all) => decided,
          ({ approved }: typeof all) => approved,
          ({ hasty }: typeof all) => hasty,
          ({ unseen }: typeof all) => unseen,
          ({ canaries }: typeof all) => canaries.missed + canaries.rejected,
        ])
          expect(sum(figure)).toBe(figure(all))
        expect(all.weeks.reduce((total, { decided }) => total + decided, 0)).toBe(all.decided)
        expect(all.decided + all.canaries.missed + all.canaries.rejected).toBe(given.length)
        expect(all.hasty).toBe(
          given.filter((one) => one.is_canary === 0 && one.action === 'approve' && one.time_ms !== null && one.time_ms < hastyMs).length,
        )
        const known = given.flatMap(({ is_canary, time_ms }) => (is_canary === 1 || time_ms === null ? [] : [time_ms]))
        if (known.length > 0) {
          expect(all.medianMs).toBeGreaterThanOrEqual(Math.min(...known))
          expect(all.medianMs).toBeLessThanOrEqual(Math.max(...known))
        } else expect(all.medianMs).toBeNull()
      }),
    )
  })
})
