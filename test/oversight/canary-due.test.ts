import fc from 'fast-check'
import { expect, it } from 'vitest'
import { domainOf, parseAddress } from '../../server/model/address.ts'
import { mostCanariesPerWeek } from '../../server/model/canary.ts'
import { faults, faultyContent } from '../../server/outbound/canaries/faults.ts'
import { isDue } from '../../server/oversight/canaries/due.ts'

const hour = 3_600_000
const week = 7 * 24 * hour
const start = Date.UTC(2026, 10, 23)

/** When test emails are put down, asked every hour, with these chances in turn. */
function run(perWeek: number, hours: number, chances: readonly number[]): number[] {
  const placed: number[] = []
  for (let turn = 0; turn < hours; turn += 1) {
    const now = start + turn * hour
    if (isDue({ perWeek, placed, now }, chances[turn % chances.length] ?? 0)) placed.push(now)
  }
  return placed
}

const anyPerWeek = fc.integer({ min: 0, max: mostCanariesPerWeek })
const anyChances = fc.array(fc.double({ min: 0, max: 0.999, noNaN: true }), { minLength: 1, maxLength: 50 })

it('no week has more than were wanted, whatever chance says, and no two come close together', () => {
  fc.assert(
    fc.property(anyPerWeek, anyChances, (perWeek, chances) => {
      const placed = run(perWeek, 24 * 21, chances)
      for (const at of placed) expect(placed.filter((other) => other > at - week && other <= at).length).toBeLessThanOrEqual(perWeek)
      for (const [turn, at] of placed.entries()) {
        const before = placed[turn - 1]
        if (before !== undefined) expect(at - before).toBeGreaterThanOrEqual(week / perWeek / 2)
      }
    }),
  )
})

it('none comes where none is wanted, and all that are wanted when chance will have it', () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 0.999, noNaN: true }), (chance) => {
      expect(isDue({ perWeek: 0, placed: [], now: start }, chance)).toBe(false)
    }),
  )
  expect(run(7, 24 * 7, [0]).length).toBe(7)
  expect(run(1, 24 * 7, [0.999])).toEqual([])
})

it('each has a fault that stands out, and goes to nobody who is there when it goes to the wrong one', () => {
  const to = parseAddress('Bo.Jones@sales.remote.test') ?? expect.fail('no address')
  for (const fault of faults)
    for (const chance of [0, 0.5, 0.99]) {
      const content = faultyContent(fault, { subject: 'An order', to }, () => chance)
      expect(content?.subject).toBe('An order')
      const recipient = content?.to[0] ?? expect.fail('nobody')
      if (fault === 'wrong_recipient') expect(recipient).toBe('Bo.Jones@sales-remote-test.example')
      else expect(domainOf(recipient)).toBe('sales.remote.test')
      if (fault === 'secret') expect(content?.markdown).toMatch(/password: \S+/)
      if (fault === 'bank_account') expect(content?.markdown).toContain('DE89 3704 0044 0532 0130 00')
    }
})
