import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { asksFirst, isSendingDisabled, isWorse } from '../../../server/model/standing.ts'
import { standingFor } from '../../../server/outbound/standing/tiers.ts'

describe('how a mailbox stands', () => {
  const cases: readonly [what: string, delivered: number, bounced: number, complained: number, tier: string | null][] = [
    ['nothing was sent', 0, 0, 0, null],
    ['nine messages say nothing', 0, 9, 9, null],
    ['one bounce of ten restricts and does not suspend', 9, 1, 0, 'restriction'],
    ['two bounces of ten', 8, 2, 0, 'suspension'],
    ['two of a hundred are on the line', 98, 2, 0, null],
    ['three of a hundred', 97, 3, 0, 'warning'],
    ['five of a hundred are on the line', 95, 5, 0, 'warning'],
    ['six of a hundred', 94, 6, 0, 'suspension'],
    ['one complaint of ten restricts and does not suspend', 10, 0, 1, 'restriction'],
    ['two complaints of a hundred', 100, 0, 2, 'suspension'],
    ['three complaints of a thousand are on the line', 1_000, 0, 3, null],
    ['four complaints of a thousand', 1_000, 0, 4, 'suspension'],
    ['one complaint of a thousand', 1_000, 0, 1, null],
  ]
  it.each(cases)('%s', (_what, delivered, bounced, complained, tier) => {
    const standing = standingFor({ delivered, bounced, complained })
    expect(standing?.tier ?? null).toBe(tier)
    if (standing !== null) expect(standing.reason).toContain(`${bounced} of ${delivered + bounced} messages bounced`)
  })

  it('gets no better by one more bounce or complaint, once there is more than one of either, and no rate terminates', () => {
    const count = fc.nat({ max: 2_000 })
    fc.assert(
      fc.property(count, count, count, (delivered, bounced, complained) => {
        const tier = standingFor({ delivered, bounced, complained })?.tier ?? null
        const after = standingFor({ delivered, bounced, complained: complained + 1 })?.tier ?? null
        expect(tier).not.toBe('termination')
        if (complained > 0 && tier !== null) expect(after !== null && !isWorse(tier, after)).toBe(true)
      }),
    )
  })

  it('asks first from restriction on, and sends nothing from suspension on', () => {
    expect(
      (['warning', 'restriction', 'suspension', 'termination'] as const).map((tier) => [asksFirst(tier), isSendingDisabled(tier)]),
    ).toEqual([
      [false, false],
      [true, false],
      [true, true],
      [true, true],
    ])
  })
})
