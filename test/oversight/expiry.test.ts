import { describe, expect, it } from 'vitest'
import { createExpirySweeper } from '../../server/oversight/expiry.ts'
import { silentLog } from '../../server/platform/log.ts'
import { createVirtualClock } from '../support/virtual-clock.ts'

const minute = 60_000

/** Answers in turn, the last one for ever after. */
function sweeps(answers: (() => Promise<{ expired: number; nextDueAt: number | null }>)[]) {
  const clock = createVirtualClock(0)
  const at: number[] = []
  const approvals = {
    expireDue: (now: number) => {
      at.push(now)
      const answer = answers[Math.min(at.length, answers.length) - 1]
      if (answer === undefined) throw new Error('no answer')
      return answer()
    },
  }
  return { clock, at, sweeper: createExpirySweeper({ approvals, clock, log: silentLog }) }
}
const found = (expired: number, nextDueAt: number | null) => () => Promise.resolve({ expired, nextDueAt })

describe('the expiry sweeper', () => {
  it('comes at once, when the next hold is due, and every minute at least', async () => {
    const { clock, at, sweeper } = sweeps([found(0, 5_000), found(1, 10 * minute), found(0, null)])
    sweeper.start()
    await clock.advance(5_000)
    expect(at).toEqual([0, 5_000])
    await clock.advance(2 * minute)
    expect(at).toEqual([0, 5_000, 5_000 + minute, 5_000 + 2 * minute])
    await sweeper.stop()
  })

  it('goes on at once while there is more than one batch', async () => {
    const { clock, at, sweeper } = sweeps([found(100, -1), found(7, null)])
    sweeper.start()
    await clock.advance(1)
    expect(at).toEqual([0, 0])
    await sweeper.stop()
  })

  it('does not spin on what it cannot end', async () => {
    const { clock, at, sweeper } = sweeps([found(0, -1)])
    sweeper.start()
    await clock.advance(minute)
    expect(at).toEqual([0, minute])
    await sweeper.stop()
  })

  it('comes at once when it is woken, once for those who wake it while it looks', async () => {
    const { clock, at, sweeper } = sweeps([found(0, 50_000), found(0, null)])
    sweeper.wake()
    await clock.advance(1)
    expect(at).toEqual([])
    sweeper.start()
    await clock.advance(10_000)
    for (let n = 0; n < 3; n += 1) sweeper.wake()
    await clock.advance(1)
    expect(at).toEqual([1, 10_001, 10_001])
    await clock.advance(minute - 2)
    expect(at).toHaveLength(3)
    await clock.advance(1)
    expect(at).toHaveLength(4)
    await sweeper.stop()
  })

  it('outlives a failure of the store', async () => {
    const { clock, at, sweeper } = sweeps([() => Promise.reject(new Error('disk full')), found(0, null)])
    sweeper.start()
    await clock.advance(minute)
    expect(at).toEqual([0, minute])
    await sweeper.stop()
  })

  it('stops', async () => {
    const { clock, at, sweeper } = sweeps([found(0, null)])
    sweeper.start()
    await clock.advance(1)
    await sweeper.stop()
    await clock.advance(10 * minute)
    expect(at).toEqual([0])
  })
})
