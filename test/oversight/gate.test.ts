import { describe, expect, it } from 'vitest'
import { type OversightMode, defaultMode, oversightModes } from '../../server/model/email.ts'
import { findingKinds, findings } from '../../server/model/finding.ts'
import {
  type AgentAction,
  type SendFacts,
  type Verdict,
  agentActions,
  agentVerdict,
  arrivalVerdict,
  sendVerdict,
} from '../../server/oversight/gate.ts'

const nothing: SendFacts = { areAllListed: false, mustAsk: false, newcomer: 'first_contact', findings: [], policy: null }
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
    ['gated_new', 'read', 'allow'],
    ['gated_new', 'draft', 'allow'],
    ['gated_new', 'send', 'hold'],
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
    ['gated_new', 'allow', 'hold'],
    ['monitored', 'allow', 'hold'],
    ['autonomous', 'allow', 'hold'],
  ] as const)('in %s mode: all listed → %s, and with a bad standing → %s', (mode, listed, restricted) => {
    expect(sendVerdict(mode, { ...nothing, areAllListed: true }).outcome).toBe(listed)
    // What may have been ordered is judged as if nobody were listed.
    expect(sendVerdict(mode, { ...nothing, areAllListed: true, mayBeOrdered: true })).toEqual(sendVerdict(mode, nothing))
    for (const areAllListed of [true, false])
      expect(sendVerdict(mode, { ...nothing, areAllListed, mustAsk: true }).outcome).toBe(restricted)
  })
})

describe('whom a gated_new mailbox may write to without asking', () => {
  it.each([
    [null, 'allow', 'had mail with every recipient'],
    ['first_contact', 'hold', 'no mail before'],
    ['outsider', 'hold', 'no part in the conversation'],
  ] as const)('newcomer %s → %s', (newcomer, outcome, words) => {
    const verdict = sendVerdict('gated_new', { ...nothing, newcomer })
    expect(verdict.outcome).toBe(outcome)
    expect(verdict.rule).toContain(words)
    expect(sendVerdict('gated_send', { ...nothing, newcomer }).outcome).toBe('hold')
    expect(sendVerdict('gated_new', { ...nothing, newcomer, mustAsk: true }).outcome).toBe('hold')
  })
})

describe('what the outgoing checks found', () => {
  const everyFact = oversightModes.flatMap((mode) =>
    ([null, 'first_contact', 'outsider'] as const).flatMap((newcomer) =>
      [true, false].flatMap((areAllListed) =>
        [true, false].map((mustAsk) => [mode, { newcomer, areAllListed, mustAsk, policy: null }] as const),
      ),
    ),
  )
  it.each(findingKinds)('%s is never let go without a person, whatever the mode and the other facts', (kind) => {
    for (const [mode, facts] of everyFact) {
      const { outcome, rule } = sendVerdict(mode, { ...facts, findings: [kind] })
      const usual = sendVerdict(mode, { ...facts, findings: [] }).outcome
      expect([mode, outcome]).toEqual([mode, usual === 'refuse' || findings[kind].means === 'block' ? 'refuse' : 'hold'])
      if (usual === 'allow' || (outcome === 'refuse' && mode !== 'read_only')) expect(rule).toContain(findings[kind].words)
    }
  })

  it('a block is one however much else was found', () => {
    expect(sendVerdict('autonomous', { ...nothing, findings: ['bank_account', 'private_key', 'access_token'] })).toEqual({
      outcome: 'refuse',
      code: 'CONTENT_BLOCKED',
      rule: 'An outgoing check found a private key and an access token or API key: this is never sent.',
    })
  })
})

describe('what happens to arriving mail', () => {
  it.each([
    ['read_only', 'deliver'],
    ['gated_all', 'hold'],
    ['gated_send', 'deliver'],
    ['gated_new', 'deliver'],
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
