import { describe, expect, it } from 'vitest'
import { createPatience } from '../../server/inbound/verdict/patience.ts'
import { createRates } from '../../server/inbound/verdict/rates.ts'
import { createVirtualClock } from '../support/virtual-clock.ts'

const noon = Date.UTC(2026, 10, 22, 12)
const minute = 60_000

describe('what a sender sent to a mailbox', () => {
  it('is counted over the last hour', () => {
    let now = noon
    const rates = createRates({ now: () => now })
    for (let n = 1; n <= 20; n++) expect(rates.count('remote.test', 'ann')).toBe(n)
    now += 30 * minute
    expect(rates.count('remote.test', 'ann')).toBe(21)
    // Half of the hour before still counts: 10 of 21.
    now += 60 * minute
    expect(rates.count('remote.test', 'ann')).toBe(11)
    now += 120 * minute
    expect(rates.count('remote.test', 'ann')).toBe(1)
  })

  it('is counted for each pair of them', () => {
    const rates = createRates({ now: () => noon })
    rates.count('remote.test', 'ann')
    expect(rates.count('remote.test', 'bea')).toBe(1)
    expect(rates.count('other.test', 'ann')).toBe(1)
    expect(rates.count('remote.test', 'ann')).toBe(2)
  })

  it('takes no more memory however many names a sender has', () => {
    const rates = createRates({ now: () => noon }, 3)
    for (const sender of ['a', 'b', 'c', 'a', 'd']) rates.count(sender, 'ann')
    // b was heard of least lately.
    expect(rates.count('a', 'ann')).toBe(3)
    expect(rates.count('b', 'ann')).toBe(1)
  })
})

describe('senders that wait', () => {
  const setUp = (limit?: number) => {
    const clock = createVirtualClock(noon)
    const patience = createPatience(clock, limit)
    const done: string[] = []
    return { clock, patience, done, wait: (name: string, ms: number) => void patience.wait(ms).then(() => done.push(name)) }
  }

  it('wait as long as they are told, and some not at all', async () => {
    const { clock, done, wait } = setUp()
    wait('long', 15_000)
    wait('not', 0)
    await clock.advance(14_999)
    expect(done).toEqual(['not'])
    await clock.advance(1)
    expect(done).toEqual(['not', 'long'])
  })

  it('are few: the others go on at once', async () => {
    const { clock, done, wait } = setUp(2)
    for (const name of ['a', 'b', 'c']) wait(name, 1_000)
    await clock.advance(0)
    expect(done).toEqual(['c'])
    await clock.advance(1_000)
    wait('d', 1_000)
    await clock.advance(0)
    expect(done).toEqual(['c', 'a', 'b'])
  })

  it('are let go when the server stops', async () => {
    const { clock, patience, done, wait } = setUp()
    wait('a', 15_000)
    patience.end()
    wait('b', 15_000)
    await clock.advance(0)
    expect(done).toEqual(['a', 'b'])
  })
})
