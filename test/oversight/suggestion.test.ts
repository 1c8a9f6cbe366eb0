import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isHigher, oversightModes } from '../../server/model/email.ts'
import { enforcementTiers } from '../../server/model/standing.ts'
import { atLeast } from '../../server/model/wilson.ts'
import { type Decided, type Evidence, shareOf, suggestionFor } from '../../server/oversight/ladder/suggestion.ts'

const none: Decided = { approved: 0, changed: 0, rejected: 0, expired: 0 }
const evidence = (change: Partial<Evidence> & { outbound?: Partial<Decided>; inbound?: Partial<Decided> } = {}): Evidence => {
  const { outbound, inbound, ...rest } = change
  return {
    mode: 'gated_send',
    days: 30,
    decided: { inbound: { ...none, ...inbound }, outbound: { ...none, ...outbound } },
    sent: { delivered: 120, bounced: 0, complained: 0 },
    lowered: 0,
    standing: null,
    ...rest,
  }
}

describe('the lower end of a share', () => {
  it.each([
    [120, 122, 0.942],
    [119, 122, 0.93],
    [30, 30, 0.886],
    [29, 30, 0.833],
    [100, 100, 0.963],
    [3, 3, 0.438],
    [0, 10, 0],
    [0, 0, 0],
  ])('of %i of %i is %f', (hits, tries, expected) => {
    expect(atLeast(hits, tries)).toBeCloseTo(expected, 2)
  })

  it('is no more than the share, grows with it, and with more of the same', () => {
    const tries = fc.integer({ min: 1, max: 5_000 })
    fc.assert(
      fc.property(tries, fc.double({ min: 0, max: 1, noNaN: true }), (of, part) => {
        const hits = Math.floor(of * part)
        const low = atLeast(hits, of)
        expect(low).toBeGreaterThanOrEqual(0)
        expect(low).toBeLessThanOrEqual(hits / of)
        if (hits < of) expect(atLeast(hits + 1, of)).toBeGreaterThan(low)
        expect(atLeast(hits * 2, of * 2)).toBeGreaterThanOrEqual(low - 1e-12)
      }),
    )
  })
})

describe('what is suggested', () => {
  it('is a further step when enough was approved as it was, in words with the figures', () => {
    const { target, words, against, share } = suggestionFor(evidence({ outbound: { approved: 120, rejected: 2, expired: 40 } }))
    expect([target, words, against]).toEqual([
      'monitored',
      '120 of 122 were approved as they were in 30 days, with no complaints and no bounces. It may go to monitored.',
      [],
    ])
    expect(share).toMatchObject({ approved: 120, decided: 122 })
  })

  it('is the nearer step when there is not enough for the further one, and says so', () => {
    const { target, against } = suggestionFor(evidence({ outbound: { approved: 99 } }))
    expect([target, against]).toEqual(['gated_new', ['For monitored it takes 100 decisions in 30 days, and there were 99.']])
    expect(suggestionFor(evidence({ outbound: { approved: 119, changed: 3 } }))).toMatchObject({
      target: 'gated_new',
      against: [expect.stringContaining('has to be 94 %')],
    })
    expect(suggestionFor(evidence({ outbound: { approved: 29 } }))).toMatchObject({ target: null, against: expect.any(Array) })
    expect(suggestionFor(evidence({ outbound: { approved: 29, changed: 1 } })).target).toBeNull()
  })

  it.each<[string, Partial<Evidence>, string]>([
    ['a complaint', { sent: { delivered: 500, bounced: 0, complained: 1 } }, 'It drew 1 complaint in 30 days.'],
    ['bounces', { sent: { delivered: 97, bounced: 3, complained: 0 } }, '3 of 100 messages bounced; more than 2 % are too many.'],
    ['that it was lowered', { lowered: 2 }, 'It was lowered by itself 2 times in 30 days.'],
    ['a bad standing', { standing: 'warning' }, 'It does not stand well: warning.'],
  ])('is nothing after %s', (_what, change, said) => {
    const { target, against } = suggestionFor(evidence({ outbound: { approved: 500 }, ...change }))
    expect([target, against]).toEqual([null, [said]])
  })

  it('goes by arriving mail where that is what would no longer wait', () => {
    expect(suggestionFor(evidence({ mode: 'gated_all', outbound: { approved: 500 } })).target).toBeNull()
    expect(suggestionFor(evidence({ mode: 'gated_all', inbound: { approved: 40 } })).target).toBe('gated_send')
  })

  it('is never autonomous, never a step down, and never less for more that was approved', () => {
    const count = fc.nat({ max: 400 })
    const decided = fc.record({ approved: count, changed: count, rejected: count, expired: count })
    const any = fc.record({
      mode: fc.constantFrom(...oversightModes),
      days: fc.constant(30),
      decided: fc.record({ inbound: decided, outbound: decided }),
      sent: fc.record({ delivered: count, bounced: fc.nat({ max: 9 }), complained: fc.nat({ max: 1 }) }),
      lowered: fc.nat({ max: 1 }),
      standing: fc.constantFrom(null, null, null, ...enforcementTiers),
    })
    fc.assert(
      fc.property(any, (given) => {
        const { target, share } = suggestionFor(given)
        if (target === null) return
        expect(target).not.toBe('autonomous')
        expect(isHigher(target, given.mode)).toBe(true)
        expect([given.sent.complained, given.lowered, given.standing]).toEqual([0, 0, null])
        expect(share.decided).toBeGreaterThanOrEqual(30)
        const { inbound, outbound } = given.decided
        const better = {
          inbound: { ...inbound, approved: inbound.approved + 1 },
          outbound: { ...outbound, approved: outbound.approved + 1 },
        }
        const then = suggestionFor({ ...given, decided: better }).target
        expect(then !== null && !isHigher(target, then)).toBe(true)
      }),
    )
  })

  it('counts what was changed and rejected against, and what expired neither way', () => {
    expect(shareOf({ approved: 8, changed: 1, rejected: 1, expired: 90 })).toMatchObject({ decided: 10, approved: 8, share: 0.8 })
    expect(shareOf(none)).toEqual({ decided: 0, approved: 0, share: null, atLeast: 0 })
  })
})
