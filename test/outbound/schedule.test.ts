import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Deferral, afterDeferral, retryHint, retryPolicy } from '../../server/outbound/schedule.ts'

const minute = 60_000
const hour = 60 * minute
const deferral = (over: Partial<Deferral> = {}): Deferral => ({
  now: 0,
  attempts: 1,
  giveUpAt: 72 * hour,
  greylisted: false,
  text: '',
  random: 0.5,
  ...over,
})
const wait = (over: Partial<Deferral>): number => {
  const retry = afterDeferral(deferral(over))
  return retry.kind === 'retry' ? retry.at - (over.now ?? 0) : NaN
}

describe('the wait after a deferral', () => {
  it.each([
    [1, 5 * minute],
    [2, 10 * minute],
    [3, 20 * minute],
    [4, 40 * minute],
    [5, 80 * minute],
    [6, 160 * minute],
    [7, 4 * hour],
    [8, 4 * hour],
    [23, 4 * hour],
  ])('is, after attempt %i, %i ms', (attempts, expected) => {
    expect(wait({ attempts })).toBe(expected)
  })

  it('is shortened or lengthened by a tenth at most', () => {
    expect(wait({ random: 0 })).toBe(4.5 * minute)
    expect(wait({ random: 1 })).toBe(5.5 * minute)
    const property = fc.property(
      fc.integer({ min: 1, max: 30 }),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      (attempts, random) => {
        const middle = wait({ attempts })
        expect(Math.abs(wait({ attempts, random }) - middle)).toBeLessThanOrEqual(0.1 * middle + 1)
      },
    )
    fc.assert(property)
  })

  it('is five minutes and a second after a first greylisting, whatever chance says', () => {
    expect([0, 0.5, 0.99].map((random) => wait({ greylisted: true, random }))).toEqual([301_000, 301_000, 301_000])
    expect(wait({ greylisted: true, attempts: 2 })).toBe(10 * minute)
  })

  it('never reaches beyond the end, where the last attempt falls', () => {
    expect(wait({ now: 70 * hour, attempts: 20 })).toBe(2 * hour)
    expect(afterDeferral(deferral({ now: 72 * hour }))).toEqual({ kind: 'give-up' })
    expect(afterDeferral(deferral({ now: 72 * hour - 1 }))).toEqual({ kind: 'retry', at: 72 * hour })
  })

  it('brings a delivery to the end of its 72 hours in a bounded number of attempts', () => {
    let [now, attempts] = [0, 1]
    for (let retry = afterDeferral(deferral()); retry.kind === 'retry'; retry = afterDeferral(deferral({ now, attempts })))
      [now, attempts] = [retry.at, attempts + 1]
    expect({ now, attempts }).toEqual({ now: 72 * hour, attempts: 24 })
  })
})

describe('“try again in …”', () => {
  it.each([
    ['450 4.2.0 Greylisted, please try again in 300 seconds', 300_000],
    ['451 4.7.1 Try again after 5 minutes', 5 * minute],
    ['451 4.7.1 please retry in 7 min.', 7 * minute],
    ['421 4.7.0 Try again in 2 hours', 2 * hour],
    ['451 try again in 90s', 90_000],
    ['451 try again later, in a while', null],
    ['451 4.7.1 try again in 5 parsecs', null],
    ['try again in 3 seconds', minute],
    ['try again in 999999 hours', 6 * hour],
    ['try again in 0 minutes', minute],
    ['try again in 99999999999999999999 minutes', null],
    ['550 5.1.1 no such user', null],
  ])('%s', (text, expected) => {
    expect(retryHint(text)).toBe(expected)
  })

  it('is kept exactly, and beats greylisting', () => {
    expect(wait({ text: '450 greylisted, try again in 10 minutes', greylisted: true, random: 0 })).toBe(10 * minute)
  })

  it('takes no time to look for in a hostile text', () => {
    const started = performance.now()
    retryHint('try again in '.repeat(40_000))
    expect(performance.now() - started).toBeLessThan(500)
  })

  it('always lies within the policy’s bounds', () => {
    const property = fc.property(fc.string(), (text) => {
      const hint = retryHint(`try again in ${text}`)
      expect(hint === null || (hint >= retryPolicy.hintMs.least && hint <= retryPolicy.hintMs.most)).toBe(true)
    })
    fc.assert(property)
  })
})
