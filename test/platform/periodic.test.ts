import fc from 'fast-check'
import { describe, expect, it, onTestFinished } from 'vitest'
import { silentLog } from '../../server/platform/log.ts'
import { type Job, createPeriodic, timesOf } from '../../server/platform/periodic.ts'
import { createVirtualClock } from '../support/virtual-clock.ts'

const start = Date.UTC(2026, 10, 22, 12)
const hour = 3_600_000

describe('a schedule', () => {
  it.each([
    ['17 */6 * * *', '2026-11-22T12:00:00Z', '2026-11-22T12:17:00Z'],
    ['17 */6 * * *', '2026-11-22T12:17:00Z', '2026-11-22T18:17:00Z'],
    ['0 3 * * *', '2026-12-31T23:59:59.999Z', '2027-01-01T03:00:00Z'],
    ['0 0 * * mon', '2026-11-22T12:00:00Z', '2026-11-23T00:00:00Z'],
    ['0 0 29 2 *', '2097-01-01T00:00:00Z', '2104-02-29T00:00:00Z'],
    ['*/20,5 1 1 * *', '2026-11-01T01:06:00Z', '2026-11-01T01:20:00Z'],
  ])('%s comes after %s at %s', (schedule, after, next) => {
    expect(new Date(timesOf(schedule)(Date.parse(after)))).toEqual(new Date(next))
  })

  it('always comes later than it was asked', () => {
    const next = timesOf('17 */6 * * *')
    const later = fc.property(fc.integer({ min: 0, max: 4_102_444_800_000 }), (time) => {
      const at = next(time)
      expect(at).toBeGreaterThan(time)
      expect(at - time).toBeLessThanOrEqual(6 * hour)
    })
    fc.assert(later)
  })

  it.each(['61 * * * *', 'soon', '0 0 L * *'])('that says %j is refused', (schedule) => {
    expect(() => timesOf(schedule)).toThrow()
  })

  it('that never comes is refused rather than looked for without end', () => {
    expect(() => timesOf('0 0 31 2 *')(start)).toThrow(/impossible day/)
  })
})

describe('periodic work', () => {
  const open = (...jobs: Omit<Job, 'name'>[]) => {
    const clock = createVirtualClock(start)
    const periodic = createPeriodic({ jobs: jobs.map((job) => ({ name: 'job', ...job })), clock, log: silentLog })
    periodic.start()
    onTestFinished(() => periodic.stop())
    return { clock, periodic }
  }

  it('is done at its times, each job at its own, also after it failed', async () => {
    const [often, daily]: [number[], number[]] = [[], []]
    const failing = (times: number[]) => (now: number) => (times.push(now), Promise.reject(new Error('no')))
    const { clock } = open({ schedule: '0 */6 * * *', work: failing(often) }, { schedule: '30 3 * * *', work: failing(daily) })
    await clock.advance(24 * hour)
    expect(often).toEqual([6, 12, 18, 24].map((hours) => start + hours * hour))
    expect(daily).toEqual([start + 15.5 * hour])
  })

  it('does not begin again while it is at work, and is waited for at the end', async () => {
    let end = (): void => undefined
    let begun = 0
    const { clock, periodic } = open({ schedule: '0 * * * *', work: () => ((begun += 1), new Promise<void>((resolve) => (end = resolve))) })
    await clock.advance(5 * hour)
    expect(begun).toBe(1)
    const stopped = periodic.stop()
    end()
    await stopped
    await clock.advance(5 * hour)
    expect(begun).toBe(1)
  })
})
