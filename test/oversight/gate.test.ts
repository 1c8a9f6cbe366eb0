import { describe, expect, it } from 'vitest'
import { type OversightMode, defaultMode, oversightModes } from '../../server/model/email.ts'
import {
  type AgentAction,
  type SendFacts,
  type Verdict,
  agentActions,
  agentVerdict,
  arrivalVerdict,
  sendVerdict,
} from '../../server/oversight/gate.ts'

const nothing: SendFacts = { areAllListed: false, mustAsk: false }
const verdictOn = (mode: OversightMode, action: AgentAction): Verdict =>
  action === 'send' ? sendVerdict(mode, nothing) : agentVerdict(mode, action)

describe('what an agent may do alone', () => {
  it.each([
    ['read_only', 'read', 'allow'],
    ['read_only', 'draft', 'refuse'],
    ['read_only', 'send', 'refuse'],
    ['gated_all', 'read', 'allow'],
    ['gated_all', 'draft', 'allow'],
    ['gated_all', 'send', 'hold'],
    ['gated_send', 'read', 'allow'],
    ['gated_send', 'draft', 'allow'],
    ['gated_send', 'send', 'hold'],
    ['monitored', 'read', 'allow'],
    ['monitored', 'draft', 'allow'],
    ['monitored', 'send', 'allow'],
    ['autonomous', 'read', 'allow'],
    ['autonomous', 'draft', 'allow'],
    ['autonomous', 'send', 'allow'],
  ] as const)('in %s mode: %s → %s', (mode, action, outcome) => {
    expect(verdictOn(mode, action).outcome).toBe(outcome)
  })

  it('a refusal carries a code', () => {
    expect(sendVerdict('read_only', nothing)).toMatchObject({ outcome: 'refuse', code: 'READ_ONLY_MAILBOX' })
  })
})

describe('what an allow-list and a bad standing change', () => {
  it.each([
    ['read_only', 'refuse', 'refuse'],
    ['gated_all', 'hold', 'hold'],
    ['gated_send', 'allow', 'hold'],
    ['monitored', 'allow', 'hold'],
    ['autonomous', 'allow', 'hold'],
  ] as const)('in %s mode: all listed → %s, and with a bad standing → %s', (mode, listed, restricted) => {
    expect(sendVerdict(mode, { areAllListed: true, mustAsk: false }).outcome).toBe(listed)
    for (const areAllListed of [true, false]) expect(sendVerdict(mode, { areAllListed, mustAsk: true }).outcome).toBe(restricted)
  })
})

describe('what happens to arriving mail', () => {
  it.each([
    ['read_only', 'deliver'],
    ['gated_all', 'hold'],
    ['gated_send', 'deliver'],
    ['monitored', 'deliver'],
    ['autonomous', 'deliver'],
  ] as const)('in %s mode: %s', (mode, outcome) => {
    expect(arrivalVerdict(mode).outcome).toBe(outcome)
  })
})

it('every verdict says its rule in words that name the mode', () => {
  for (const mode of oversightModes) {
    for (const verdict of [...agentActions.map((action) => verdictOn(mode, action)), arrivalVerdict(mode)]) {
      expect(verdict.rule).toContain(mode)
      expect(verdict.rule).toMatch(/\.$/)
    }
  }
})

it('a new mailbox is gated_send', () => {
  expect(defaultMode).toBe('gated_send')
})
