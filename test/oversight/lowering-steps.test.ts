import fc from 'fast-check'
import { expect, it } from 'vitest'
import { signals } from '../../server/inbound/content/signals.ts'
import { flaggedFrom } from '../../server/inbound/verdict/doubts.ts'
import { type OversightMode, isHigher, oversightModes } from '../../server/model/email.ts'
import { hasOrders, injectionSigns } from '../../server/model/injection-signs.ts'
import { loweringCauses } from '../../server/model/lowering.ts'
import { isBounceRun } from '../../server/outbound/standing/bounce-run.ts'
import { loweringLetter } from '../../server/oversight/lowering/letter.ts'
import { modeAfter } from '../../server/oversight/lowering/steps.ts'

const anyMode = fc.constantFrom(...oversightModes)
const anyCause = fc.constantFrom(...loweringCauses)
const anyCauses = fc.subarray([...loweringCauses])

it('no finding raises a mode, and none changes one in which a person decides anyway', () => {
  fc.assert(
    fc.property(anyMode, anyCause, anyCauses, (mode, cause, causes) => {
      const after = modeAfter(mode, cause, causes)
      if (after === null) return
      expect(isHigher(after, mode) || after === mode).toBe(false)
      // Never below the step at which each email is looked at.
      expect(isHigher('gated_send', after)).toBe(false)
      expect(isHigher(mode, 'gated_send')).toBe(true)
    }),
  )
})

it('only what was chosen lowers, and whatever comes in whatever order ends at gated_send', () => {
  fc.assert(
    fc.property(anyMode, anyCause, anyCauses, (mode, cause, causes) => {
      if (!causes.includes(cause)) expect(modeAfter(mode, cause, causes)).toBeNull()
    }),
  )
  fc.assert(
    fc.property(anyMode, fc.array(anyCause, { maxLength: 12 }), (mode, found) => {
      let at: OversightMode = mode
      for (const cause of found) at = modeAfter(at, cause, loweringCauses) ?? at
      expect(isHigher(at, mode)).toBe(false)
      if (found.length >= 3 && isHigher(mode, 'gated_send')) expect(at).toBe('gated_send')
    }),
  )
})

it('a run of bounces is five and more than one of twenty, and more deliveries never make one', () => {
  const counts = (delivered: number, bounced: number) => ({ delivered, bounced, complained: 0 })
  expect([counts(0, 4), counts(0, 5), counts(95, 5), counts(94, 5), counts(95, 6)].map(isBounceRun)).toEqual([
    false,
    true,
    false,
    true,
    true,
  ])
  const count = fc.nat({ max: 5_000 })
  fc.assert(
    fc.property(count, count, (delivered, bounced) => {
      if (isBounceRun(counts(delivered + 1, bounced))) expect(isBounceRun(counts(delivered, bounced))).toBe(true)
    }),
  )
})

it('orders are what would mark an email by itself, in the words of the scan', () => {
  expect([...injectionSigns].filter((code) => !Object.hasOwn(signals, code))).toEqual([])
  const reason = (code: string, points: number) => ({ code, points })
  expect(hasOrders([reason('instruction-override', flaggedFrom)])).toBe(true)
  expect(hasOrders([reason('instruction-override', flaggedFrom - 1)])).toBe(false)
  expect(hasOrders([reason('secrecy', 3), reason('exfiltration', 4)])).toBe(true)
  expect(hasOrders([reason('hidden-letter', 9), reason('link-mismatch', 9)])).toBe(false)
  expect(hasOrders([])).toBe(false)
})

it('the letter says what was found, what is so now and how it is raised, in words of ours', () => {
  const { subject, body } = loweringLetter({
    address: 'robot@ours.test',
    from: 'autonomous',
    to: 'monitored',
    words: 'Somebody who got an email of it called that spam (em_1).',
    hasPolicy: true,
  })
  expect(subject).toBe('Less freedom for an agent: robot@ours.test is monitored now')
  for (const part of [
    'called that spam (em_1)',
    'Before: autonomous.',
    'Now: monitored.',
    'request_upgrade',
    'what those allow leaves as before',
  ])
    expect(body).toContain(part)
})
