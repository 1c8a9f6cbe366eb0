import { describe, expect, it } from 'vitest'
import { createMemory } from '../../../server/inbound/conduct/memory.ts'
import { type Offence, fullCup, offences } from '../../../server/inbound/conduct/offences.ts'

const hour = 3_600_000
const day = 24 * hour
const net = '192.0.2.1/32'

describe('what is remembered of a network', () => {
  it('is for a day that it behaved', () => {
    const memory = createMemory()
    memory.behaved(net, 0)
    expect(memory.isKnown(net, day - 1)).toBe(true)
    expect(memory.isKnown(net, day)).toBe(false)
    memory.behaved(net, day)
    expect(memory.isKnown(net, day + hour)).toBe(true)
    expect(memory.isKnown('192.0.2.2/32', day)).toBe(false)
  })

  it('is not that it behaved once it has talked early', () => {
    const memory = createMemory()
    memory.behaved(net, 0)
    memory.offended(net, 'errors', 1)
    expect(memory.isKnown(net, 1)).toBe(true)
    memory.offended(net, 'early-talk', 1)
    expect(memory.isKnown(net, 1)).toBe(false)
  })

  it.each<[Offence, number]>([
    ['early-talk', 7],
    ['not-smtp', 7],
    ['guessing', 7],
    ['errors', 18],
    ['junk', 18],
    ['bad-transactions', 18],
    ['loitering', 150],
  ])('is each %s: %d of them at once keep it out for ten minutes', (offence, most) => {
    const memory = createMemory()
    for (let n = 1; n < most; n++) expect(memory.offended(net, offence, 0)).toBe(false)
    expect(memory.isKeptOut(net, 0)).toBe(false)
    expect(memory.offended(net, offence, 0)).toBe(true)
    expect(memory.isKeptOut(net, 10 * 60_000 - 1)).toBe(true)
    expect(memory.isKeptOut(net, 10 * 60_000)).toBe(false)
    expect(memory.isKeptOut('192.0.2.2/32', 0)).toBe(false)
  })

  it('is forgiven evenly in a day', () => {
    const memory = createMemory()
    for (let n = 0; n < 6; n++) memory.offended(net, 'guessing', 0)
    // Thirty of thirty-five; half a day takes seventeen and a half.
    const more = Math.ceil((fullCup - 12.5) / offences.guessing.points)
    for (let n = 1; n < more; n++) expect(memory.offended(net, 'guessing', day / 2)).toBe(false)
    expect(memory.offended(net, 'guessing', day / 2)).toBe(true)
  })

  it('is bounded, and a newcomer does not push out whoever is kept out', () => {
    const memory = createMemory(10)
    for (let n = 0; n < 7; n++) memory.offended(net, 'early-talk', 0)
    for (let n = 0; n < 1_000; n++) {
      memory.offended(`198.51.100.${n}/32`, 'early-talk', 1)
      memory.behaved(`198.51.100.${n}/32`, 1)
    }
    expect(memory.size()).toBeLessThanOrEqual(20)
    expect(memory.isKeptOut(net, 1)).toBe(true)
  })

  it('is remembered as a newcomer too when small offences fill all places', () => {
    const memory = createMemory(10)
    for (let n = 0; n < 100; n++) memory.offended(`198.51.100.${n}/32`, 'guessing', 0)
    for (let n = 0; n < 10; n++) memory.offended(net, 'early-talk', 0)
    expect(memory.isKeptOut(net, 0)).toBe(true)
    expect(memory.size()).toBe(10)
  })
})
