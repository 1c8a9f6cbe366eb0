import { describe, expect, it } from 'vitest'
import { createIntake } from '../../../server/inbound/smtp/intake.ts'
import { type MemoryRoom, createMemoryBudget } from '../../../server/inbound/smtp/memory-budget.ts'

const KiB = 1024
const take = (size: number, budget: MemoryRoom = createMemoryBudget(1_000 * KiB), maxBytes = 500 * KiB, announced = 0) => {
  const intake = createIntake({ maxBytes, announced, budget })
  const chunk = Buffer.alloc(KiB, 'x')
  for (let at = 0; at < size; at += KiB) intake.add(chunk, 0, Math.min(KiB, size - at))
  return intake
}

describe('a message on its way in', () => {
  it.each([0, 1, 4 * KiB, 4 * KiB + 1, 100_000])('of %i octets comes out as it was, in memory of exactly its size', (size) => {
    const bytes = take(size).bytes()
    expect([bytes.length, bytes.buffer.byteLength]).toEqual([size, size])
    expect(bytes.equals(Buffer.alloc(size, 'x'))).toBe(true)
  })

  it('keeps the pieces it is given in their order', () => {
    const intake = take(0)
    intake.add(Buffer.from('..abc'), 2, 4)
    intake.add(Buffer.from('cd'), 0, 2)
    expect(intake.bytes().toString()).toBe('abcd')
  })

  it('is refused beyond the limit and not before, and is counted on', () => {
    expect(take(KiB, undefined, KiB).refusal).toBeNull()
    const intake = take(3 * KiB, undefined, 2 * KiB)
    expect(intake).toMatchObject({ size: 3 * KiB, refusal: { code: 552, status: '5.3.4' } })
  })

  it('is refused once for good: the first reason stays', () => {
    const intake = take(KiB, undefined, 2 * KiB)
    intake.stray()
    intake.add(Buffer.alloc(8 * KiB), 0, 8 * KiB)
    expect(intake.refusal).toMatchObject({ code: 550, status: '5.6.11' })
  })

  it('sets no more aside than was announced and no more than 64 KiB on the word of a sender', () => {
    const held = (announced: number): number => {
      let reserved = 0
      const intake = createIntake({
        maxBytes: 500 * KiB,
        announced,
        budget: { reserve: (bytes) => ((reserved += bytes), true), release: () => {}, hasRoom: () => true },
      })
      intake.add(Buffer.of(1), 0, 1)
      return reserved
    }
    expect([held(0), held(20 * KiB), held(400 * KiB)]).toEqual([4 * KiB, 20 * KiB, 64 * KiB])
  })
})

describe('the memory for all of them', () => {
  it('is given back when a message is dealt with, once, and when one is refused', () => {
    const budget = createMemoryBudget(100 * KiB)
    const one = take(60 * KiB, budget)
    expect(budget.share()).toBeGreaterThan(0.6)
    expect(take(60 * KiB, budget).refusal).toMatchObject({ code: 452, status: '4.3.1' })
    one.release()
    one.release()
    expect(budget.share()).toBe(0)
    take(60 * KiB, budget).stray()
    expect(budget.share()).toBe(0)
  })

  it('is not all for one network: half of it is the most that its large messages get', () => {
    const budget = createMemoryBudget(4_096 * KiB)
    const [one, other, own] = [budget.of('203.0.113.1'), budget.of('203.0.113.2'), budget.of('10.0.0.1')]
    const first = take(2_000 * KiB, one, 4_096 * KiB)
    expect(first.refusal).toBeNull()
    expect([one, other, own].map((room) => room.hasRoom(300 * KiB))).toEqual([false, true, true])
    expect(take(300 * KiB, one).refusal).toMatchObject({ code: 452 })
    expect(take(100 * KiB, one).refusal).toBeNull()
    first.release()
    expect(one.hasRoom(300 * KiB)).toBe(true)
  })

  it('keeps a quarter for small messages, so that a few huge ones do not keep the letters out', () => {
    const budget = createMemoryBudget(4_096 * KiB)
    const large = Array.from({ length: 40 }, () => take(257 * KiB, budget))
    expect(large.some(({ refusal }) => refusal !== null)).toBe(true)
    expect(budget.share()).toBeLessThanOrEqual(0.75)
    expect(budget.hasRoom(300 * KiB)).toBe(false)
    expect(budget.hasRoom(0)).toBe(true)
    expect(take(20 * KiB, budget).refusal).toBeNull()
  })
})
