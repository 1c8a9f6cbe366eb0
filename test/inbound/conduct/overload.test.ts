import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Load, type Mode, nextPhase, regimes } from '../../../server/inbound/conduct/overload.ts'

const load = (some: Partial<Load>): Load => ({ connections: 0, memory: 0, work: 0, ...some })

const later = 10_000
const nextMode = (mode: Mode, some: Load, after = later): Mode => nextPhase({ mode, since: 0 }, some, after).mode

describe('overload', () => {
  it.each<[string, Mode, Partial<Load>, Mode]>([
    ['begins above 80 % of the connections', 'calm', { connections: 0.81 }, 'overload'],
    ['does not begin at 80 %', 'calm', { connections: 0.8 }, 'calm'],
    ['begins when the memory for messages is nearly used up', 'calm', { memory: 0.9 }, 'overload'],
    ['begins when workers are behind', 'calm', { work: 1 }, 'overload'],
    ['goes on until there is room again', 'overload', { connections: 0.61 }, 'overload'],
    ['ends at 60 % of the connections', 'overload', { connections: 0.6 }, 'calm'],
    ['goes on while one thing is behind and another is well', 'overload', { connections: 0.1, memory: 0.51 }, 'overload'],
    ['ends when all is well', 'overload', { memory: 0.5, work: 0.5 }, 'calm'],
  ])('%s', (_what, before, some, after) => {
    expect(nextMode(before, load(some))).toBe(after)
  })

  it('lasts ten seconds at least, and ends at once when the host clock was set back', () => {
    expect(nextMode('overload', load({}), later - 1)).toBe('overload')
    expect(nextMode('overload', load({}), -1)).toBe('calm')
  })

  it('does not come and go: a load that ended it does not begin it', () => {
    const share = fc.double({ min: 0, max: 1.2, noNaN: true })
    fc.assert(
      fc.property(fc.record({ connections: share, memory: share, work: share }), (some) => {
        if (nextMode('overload', some) === 'calm') expect(nextMode('calm', some)).toBe('calm')
      }),
    )
  })

  it('is Postfix’s stress: ten seconds of silence, one error, two seconds before the greeting', () => {
    expect(regimes.overload).toMatchObject({ limits: { idleMs: 10_000 }, greetWaitMs: 2_000, tolerance: { errors: { most: 1 } } })
    // RFC 5321 §4.5.3.2.7
    expect(regimes.calm).toMatchObject({ limits: { idleMs: 300_000 }, greetWaitMs: 100, tolerance: { errors: { most: 20 } } })
  })
})
