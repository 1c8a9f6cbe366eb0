import { describe, expect, it, vi } from 'vitest'
import { systemClock } from '../../server/platform/clock.ts'
import { createVirtualClock } from '../support/virtual-clock.ts'

describe('the host’s clock', () => {
  it('does due work, but never within the call', async () => {
    const done = Promise.withResolvers<void>()
    let called = false
    systemClock.at(0, () => {
      called = true
      done.resolve()
    })
    expect(called).toBe(false)
    await done.promise
  })

  it('waits for a time longer away than a timer can count, notices a clock set forward within a minute, and forgets what is cancelled', () => {
    vi.useFakeTimers({ now: 0 })
    try {
      const done: string[] = []
      systemClock.at(3_000_000_000, () => done.push('in 35 days'))
      systemClock.at(500_000, () => done.push('cancelled')).cancel()
      vi.advanceTimersByTime(2_999_999_999)
      expect(done).toEqual([])
      vi.advanceTimersByTime(1)
      expect(done).toEqual(['in 35 days'])

      systemClock.at(9_000_000_000, () => done.push('tomorrow, and the clock jumps'))
      vi.setSystemTime(9_000_000_000)
      vi.advanceTimersByTime(60_000)
      expect(done.at(-1)).toBe('tomorrow, and the clock jumps')
    } finally {
      vi.useRealTimers()
    }
  })

  it('lets nobody wait for longer because it was set back, and does nothing early because of how it rounds', () => {
    vi.useFakeTimers({ now: 9_000_000 })
    try {
      const done: string[] = []
      systemClock.at(9_000_500, () => done.push('half a second'))
      vi.setSystemTime(0)
      vi.advanceTimersByTime(500)
      expect(done).toEqual([])
      vi.advanceTimersByTime(10)
      expect(done).toEqual(['half a second'])
      systemClock.at(86_400_000, () => done.push('tomorrow'))
      vi.setSystemTime(-86_400_000)
      vi.advanceTimersByTime(86_400_000)
      expect(done).toEqual(['half a second', 'tomorrow'])
    } finally {
      vi.useRealTimers()
    }
  })
})

describe('the virtual clock', () => {
  it('does work in order of time, also work that work sets, and stands where it was moved to', async () => {
    const clock = createVirtualClock(100)
    const done: string[] = []
    clock.at(130, () => done.push(`b ${clock.now()}`))
    clock.at(110, () => {
      done.push(`a ${clock.now()}`)
      clock.at(120, () => done.push(`in between ${clock.now()}`))
    })
    clock.at(115, () => done.push('cancelled')).cancel()
    clock.at(151, () => done.push('too late'))
    await clock.advance(50)
    expect([done, clock.now()]).toEqual([['a 110', 'in between 120', 'b 130'], 150])
  })

  it('that is set back lets what waits wait as long as before; set forward, does at once what its time has come for', async () => {
    const clock = createVirtualClock(1_000)
    const done: string[] = []
    const note = (name: string) => () => void done.push(`${name} ${clock.now()}`)
    clock.at(1_500, note('half a second'))
    await clock.setBy(-900)
    await clock.advance(499)
    expect([done, clock.now()]).toEqual([[], 599])
    clock.at(650, note('soon'))
    await clock.advance(1)
    expect(done).toEqual(['half a second 600'])
    await clock.setBy(10_000)
    expect(done).toEqual(['half a second 600', 'soon 10600'])
  })

  it('does at once, but never within the call, what is asked for a time that has passed', async () => {
    const clock = createVirtualClock(100)
    const done: number[] = []
    clock.at(100, () => done.push(100))
    clock.at(90, () => done.push(90))
    clock.at(100, () => done.push(-1)).cancel()
    expect(done).toEqual([])
    await new Promise((resolve) => void setImmediate(resolve))
    expect(done).toEqual([100, 90])
  })
})
