import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { oversightModes } from '../../../server/model/email.ts'
import { type FindingKind, findingKinds, findings } from '../../../server/model/finding.ts'
import {
  type MailFacts,
  type Policy,
  type RecipientFacts,
  type Rule,
  countedOf,
  policyOutcomes,
  recipientGroups,
} from '../../../server/model/policy.ts'
import { type Verdict, sendVerdict } from '../../../server/oversight/gate.ts'
import { mayLoosen } from '../../../server/oversight/policy/compare.ts'
import { judge } from '../../../server/oversight/policy/match.ts'
import { textFacts } from '../../../server/oversight/policy/text-facts.ts'
import { inWords } from '../../../server/oversight/policy/words.ts'

const bo: RecipientFacts = { address: 'bo@remote.test', known: true, inThread: null, listed: false }
const cy: RecipientFacts = { address: 'cy@else.test', known: false, inThread: null, listed: false }
const one = { hour: 1, day: 1 }
const plain: MailFacts = {
  recipients: [bo],
  hasAttachments: false,
  hasLinks: false,
  largestAmount: null,
  findings: [],
  tainted: { fromOtherThread: false, fromHiddenText: false, fromAttachment: false },
  counts: { mailbox: one, recipient: one, thread: one },
}
const outcomeOf = (policy: Policy, facts: Partial<MailFacts> = {}) => judge(policy, { ...plain, ...facts })?.outcome ?? null

describe('a rule', () => {
  it('that comes first decides', () => {
    const rules: Policy = [
      { who: ['first_contact'], outcome: 'hold' },
      { who: '*', outcome: 'allow' },
      { who: '*', outcome: 'block' },
    ]
    expect(outcomeOf(rules)).toBe('allow')
    expect(outcomeOf(rules, { recipients: [cy] })).toBe('hold')
    expect(judge(rules, plain)).toEqual({
      outcome: 'allow',
      rule: 1,
      covers: [],
      words: 'Rule 2 of the policy of this mailbox: an email of any kind is sent.',
    })
    expect(outcomeOf([])).toBe(null)
    expect(outcomeOf([{ who: ['first_contact'], outcome: 'hold' }])).toBe(null)
  })

  it('allows what is for these only, and holds or blocks what is for one of these', () => {
    const both = { recipients: [bo, cy] }
    for (const who of [['known'], ['bo@remote.test'], ['*@remote.test']]) {
      expect(
        outcomeOf(
          [
            { who, outcome: 'allow' },
            { who: '*', outcome: 'hold' },
          ],
          both,
        ),
      ).toBe('hold')
      expect(outcomeOf([{ who, outcome: 'hold' }], both)).toBe('hold')
      expect(outcomeOf([{ who, outcome: 'block' }], both)).toBe('block')
      expect(outcomeOf([{ who, outcome: 'allow' }])).toBe('allow')
    }
    expect(outcomeOf([{ who: ['known', 'cy@else.test'], outcome: 'allow' }], both)).toBe('allow')
    expect(outcomeOf([{ who: ['known'], outcome: 'allow' }], { recipients: [] })).toBe(null)
  })

  it('names nobody else by a part of an address', () => {
    for (const who of [['*@remote.tes'], ['*@sub.remote.test'], ['o@remote.test'], ['*@mote.test']])
      expect(outcomeOf([{ who, outcome: 'hold' }])).toBe(null)
  })

  it('knows who has a part in a conversation, when there is one', () => {
    const outsider = { recipients: [bo, { ...cy, inThread: false }] }
    expect(outcomeOf([{ who: ['outsider'], outcome: 'hold' }], outsider)).toBe('hold')
    expect(outcomeOf([{ who: ['outsider'], outcome: 'hold' }])).toBe(null)
    expect(outcomeOf([{ who: ['in_thread'], outcome: 'allow' }], { recipients: [{ ...bo, inThread: true }] })).toBe('allow')
    expect(outcomeOf([{ who: ['listed'], outcome: 'allow' }], { recipients: [{ ...bo, listed: true }] })).toBe('allow')
  })

  it.each<[NonNullable<Rule['what']>, Partial<MailFacts>, boolean]>([
    [{ attachments: true }, { hasAttachments: true }, true],
    [{ attachments: false }, { hasAttachments: true }, false],
    [{ links: true }, {}, false],
    [{ links: false }, {}, true],
    [{ amount_over: 100 }, { largestAmount: 100 }, false],
    [{ amount_over: 100 }, { largestAmount: 100.01 }, true],
    [{ amount_over: 0 }, {}, false],
    [{ amount_up_to: 100 }, {}, true],
    [{ amount_up_to: 100 }, { largestAmount: 101 }, false],
    [{ found: ['bank_account', 'card_number'] }, { findings: ['card_number'] }, true],
    [{ found: ['bank_account'] }, { findings: ['card_number'] }, false],
    [{ tainted: true }, {}, false],
    [{ tainted: false }, {}, true],
    [{ tainted: true }, { tainted: { fromOtherThread: false, fromHiddenText: true, fromAttachment: false } }, true],
    // What was not looked at counts as tainted, whichever way it is asked.
    [{ tainted: true }, { tainted: null }, true],
    [{ tainted: false }, { tainted: null }, false],
    [{ attachments: true, links: true }, { hasAttachments: true }, false],
  ])('about %j of %j: %s', (what, facts, is) => {
    for (const outcome of policyOutcomes) expect(outcomeOf([{ who: '*', what, outcome }], facts)).toBe(is ? outcome : null)
  })

  it.each(countedOf)('counts messages of the %s, and what is not counted is too many', (of) => {
    const counted = (hour: number, day: number) => ({ counts: { ...plain.counts!, [of]: { hour, day } } })
    const tooMany: Policy = [{ who: '*', how_many: { more_than: 5, per: 'hour', of }, outcome: 'hold' }]
    expect(outcomeOf(tooMany, counted(5, 100))).toBe(null)
    expect(outcomeOf(tooMany, counted(6, 100))).toBe('hold')
    expect(outcomeOf(tooMany, { counts: null })).toBe('hold')
    const few: Policy = [{ who: '*', how_many: { at_most: 5, per: 'day', of }, outcome: 'allow' }]
    expect(outcomeOf(few, counted(1, 5))).toBe('allow')
    expect(outcomeOf(few, counted(1, 6))).toBe(null)
    expect(outcomeOf(few, { counts: null })).toBe(null)
  })
})

describe('a list', () => {
  it('denies whoever is not on it, unless everybody is written', () => {
    const list: Rule = { who: ['*@else.test'], outcome: 'allow' }
    expect(outcomeOf([list])).toBe('block')
    expect(judge([list], plain)?.words).toContain('no rule of it is about this email')
    expect(outcomeOf([list, { who: '*', outcome: 'hold' }])).toBe('hold')
  })
  it('is one only where it allows, and of addresses', () => {
    expect(outcomeOf([{ who: ['*@else.test'], outcome: 'block' }])).toBe(null)
    expect(outcomeOf([{ who: ['first_contact'], outcome: 'allow' }])).toBe(null)
  })
})

describe('the gate with a policy', () => {
  const facts = { areAllListed: false, mustAsk: false, newcomer: null, findings: [] }
  const verdictOf = (mode: (typeof oversightModes)[number], rules: Policy, more: { findings?: FindingKind[]; mustAsk?: boolean } = {}) =>
    sendVerdict(mode, { ...facts, ...more, policy: judge(rules, { ...plain, findings: more.findings ?? [] }) }).outcome
  const all = (outcome: Rule['outcome']): Policy => [{ who: '*', outcome }]

  it.each([
    ['read_only', 'refuse', 'refuse', 'refuse'],
    ['gated_all', 'hold', 'hold', 'refuse'],
    ['gated_send', 'allow', 'hold', 'refuse'],
    ['gated_new', 'allow', 'hold', 'refuse'],
    ['monitored', 'allow', 'hold', 'refuse'],
    ['autonomous', 'allow', 'hold', 'refuse'],
  ] as const)('in %s mode: allow → %s, hold → %s, block → %s', (mode, allowed, held, blocked) => {
    expect([verdictOf(mode, all('allow')), verdictOf(mode, all('hold')), verdictOf(mode, all('block'))]).toEqual([allowed, held, blocked])
  })

  it('overrules neither a bad standing nor what the checks found, but for what a rule names', () => {
    const found: FindingKind[] = ['bank_account']
    const covers: Policy = [{ who: '*', what: { found }, outcome: 'allow' }]
    expect(verdictOf('autonomous', all('allow'), { mustAsk: true })).toBe('hold')
    expect(verdictOf('autonomous', all('allow'), { findings: found })).toBe('hold')
    expect(verdictOf('gated_send', covers, { findings: found })).toBe('allow')
    expect(verdictOf('gated_send', covers, { findings: ['bank_account', 'card_number'] })).toBe('hold')
    expect(verdictOf('gated_send', covers, { findings: ['bank_account', 'private_key'] })).toBe('refuse')
    expect(verdictOf('gated_send', covers, { findings: found, mustAsk: true })).toBe('hold')
  })
})

describe('what a text says', () => {
  it.each<[string, number | null]>([
    ['It costs €1,234.56', 1234.56],
    ['It costs 1.234,56 EUR', 1234.56],
    ['$1500', 1500],
    ['1.500 Euro', 1500],
    ['USD 2k or 3 thousand dollars', 3000],
    ['2.5 million dollars', 2_500_000],
    ["CHF 1'000.–", 1000],
    ['£9', 9],
    ['＄５００', 500],
    ['room 1500, at 12:30 on 2026-03-02', null],
    ['100 eurosceptics', null],
    ['€5 and then €70 and €6', 70],
  ])('%j names %s', (text, amount) => {
    expect(textFacts('', text).largestAmount).toBe(amount)
    expect(textFacts(text, '').largestAmount).toBe(amount)
  })
  it.each<[string, boolean]>([
    ['see https://shop.test', true],
    ['[here](HTTP://shop.test)', true],
    ['www.shop.test', true],
    ['mail mailto:bo@remote.test', true],
    ['nothing at all', false],
  ])('%j: a link is %s', (text, is) => {
    expect(textFacts('', text).hasLinks).toBe(is)
  })
  it.each(['1', '€', '€1', '1,', '1 k', "1'", '1 million '])('takes linear time over a megabyte of %j', (piece) => {
    const begun = process.cpuUsage()
    textFacts('', piece.repeat(1_000_000 / piece.length))
    const { user } = process.cpuUsage(begun)
    expect(user / 1000).toBeLessThan(4_000)
  })
})

describe('the words of a rule', () => {
  it('say what it asks, and name no address', () => {
    const rule: Rule = {
      who: ['known', '*@secret.test', 'bo@secret.test'],
      what: { attachments: false, links: true, tainted: true, amount_over: 5, amount_up_to: 10, found: ['bank_account'] },
      how_many: { more_than: 3, per: 'day', of: 'recipient' },
      outcome: 'hold',
    }
    expect(inWords(rule)).toBe(
      'an email with a recipient who is known to it or on the list of the rule, without attachments, with links, with anything from another conversation, from hidden text or from an attachment, ' +
        'that names an amount over 5, that names no amount over 10, in which a check found an IBAN, beyond 3 messages in a day of one recipient waits for a person',
    )
    expect(inWords({ who: ['in_thread'], outcome: 'allow' })).toBe('an email whose recipients are all in the conversation is sent')
  })
})

// ---- whether one policy is looser than another ---------------------------------------------------------------------------------

const addresses = ['bo@remote.test', 'cy@else.test', 'dee@remote.test']
const kinds = findingKinds.filter((kind) => findings[kind].means === 'hold').slice(0, 3)
const bool = fc.boolean()
const optional = <T>(of: fc.Arbitrary<T>) => fc.option(of, { nil: undefined, freq: 2 })
const defined = <T extends object>(given: T): T => Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as T
const anyWhat = fc
  .record({
    attachments: optional(bool),
    links: optional(bool),
    tainted: optional(bool),
    amount_over: optional(fc.constantFrom(1, 5)),
    amount_up_to: optional(fc.constantFrom(1, 5)),
    found: optional(fc.subarray(kinds, { minLength: 1 })),
  })
  .map((what) => defined(what) as NonNullable<Rule['what']>)
const anyCount = fc
  .record({
    kind: fc.constantFrom('more_than', 'at_most'),
    most: fc.constantFrom(1, 3),
    per: fc.constantFrom('hour' as const, 'day' as const),
    of: fc.constantFrom(...countedOf),
  })
  .map(({ kind, most, per, of }) => ({ [kind]: most, per, of }))
const anyRule: fc.Arbitrary<Rule> = fc
  .record({
    who: fc.oneof(
      fc.constant('*' as const),
      fc.subarray([...recipientGroups, ...addresses, '*@remote.test'], { minLength: 1, maxLength: 3 }),
    ),
    what: optional(anyWhat),
    how_many: fc.option(anyCount, { nil: undefined, freq: 4 }),
    outcome: fc.constantFrom(...policyOutcomes),
  })
  .map((rule) => defined(rule) as Rule)
const anyPolicy = fc.array(anyRule, { maxLength: 4 })
const anyPeriods = fc.record({ hour: fc.constantFrom(1, 3, 4), day: fc.constantFrom(1, 3, 4) })
const anyFacts: fc.Arbitrary<MailFacts> = fc.record({
  recipients: fc.array(
    fc.record({ address: fc.constantFrom(...addresses), known: bool, inThread: fc.constantFrom(null, true, false), listed: bool }),
    { minLength: 1, maxLength: 3 },
  ),
  hasAttachments: bool,
  hasLinks: bool,
  largestAmount: fc.constantFrom(null, 1, 3, 9),
  findings: fc.subarray(kinds),
  tainted: fc.constantFrom(null, { fromOtherThread: true, fromHiddenText: false, fromAttachment: false }, plain.tainted),
  counts: fc.option(fc.record({ mailbox: anyPeriods, recipient: anyPeriods, thread: anyPeriods })),
})
/** A policy and one that somebody made of it. */
const edited = anyPolicy.chain((from) =>
  fc
    .record({
      from: fc.constant(from),
      rule: anyRule,
      at: fc.nat({ max: from.length }),
      how: fc.constantFrom('insert', 'remove', 'replace', 'swap'),
    })
    .map(({ rule, at, how }) => {
      const to = [...from]
      if (how === 'insert') to.splice(at, 0, rule)
      if (how === 'remove') to.splice(at, 1)
      if (how === 'replace') to.splice(at, 1, rule)
      if (how === 'swap') to.reverse()
      return { from, to }
    }),
)
/** Two people are more than one. */
const freedomOf = (verdict: Verdict): number =>
  verdict.outcome === 'hold' ? (verdict.forTwo === true ? 1 : 2) : verdict.outcome === 'allow' ? 3 : 0

describe('a change that is called no loosening', () => {
  it('lets nothing go that was held or refused, in any mode, whatever the email', () => {
    let strict = 0
    fc.assert(
      fc.property(
        fc.oneof(edited, fc.record({ from: anyPolicy, to: anyPolicy })),
        fc.array(anyFacts, { minLength: 15, maxLength: 15 }),
        fc.constantFrom(...oversightModes),
        bool,
        ({ from, to }, emails, mode, mustAsk) => {
          if (mayLoosen(from, to)) return
          strict += 1
          for (const facts of emails) {
            const of = (policy: Policy) =>
              sendVerdict(mode, {
                mustAsk,
                areAllListed: facts.recipients.every(({ listed }) => listed),
                newcomer: facts.recipients.every(({ known }) => known) ? null : 'first_contact',
                findings: facts.findings,
                policy: judge(policy, facts),
              })
            const [before, after] = [of(from), of(to)]
            if (freedomOf(after) > freedomOf(before)) throw new Error(JSON.stringify({ from, to, facts, mode, before, after }))
          }
        },
      ),
      { numRuns: 6_000 },
    )
    // It says so often enough to be of use.
    expect(strict).toBeGreaterThan(500)
  })

  it.each<[string, Policy, Policy]>([
    ['the same again', [{ who: ['known'], outcome: 'allow' }], [{ who: ['known'], outcome: 'allow' }]],
    ['a first hold', [], [{ who: '*', outcome: 'hold' }]],
    ['a first block', [], [{ who: ['*@rival.test'], outcome: 'block' }]],
    [
      'one block more, in front',
      [{ who: ['known'], outcome: 'allow' }],
      [
        { who: ['first_contact'], outcome: 'block' },
        { who: ['known'], outcome: 'allow' },
      ],
    ],
    [
      'one hold more, in front',
      [{ who: ['known'], outcome: 'allow' }],
      [
        { who: '*', what: { links: true }, outcome: 'hold' },
        { who: ['known'], outcome: 'allow' },
      ],
    ],
    ['an allow less', [{ who: ['known'], outcome: 'allow' }], []],
    [
      'an allow for fewer',
      [
        { who: ['known', 'in_thread'], outcome: 'allow' },
        { who: '*', outcome: 'hold' },
      ],
      [
        { who: ['known'], outcome: 'allow' },
        { who: '*', outcome: 'hold' },
      ],
    ],
    ['a hold made a block', [{ who: ['first_contact'], outcome: 'hold' }], [{ who: ['first_contact'], outcome: 'block' }]],
    [
      'a hold for more',
      [{ who: '*', what: { amount_over: 100 }, outcome: 'hold' }],
      [{ who: '*', what: { amount_over: 50 }, outcome: 'hold' }],
    ],
    [
      'a lower limit',
      [{ who: '*', how_many: { more_than: 9, per: 'day', of: 'mailbox' }, outcome: 'hold' }],
      [{ who: '*', how_many: { more_than: 5, per: 'day', of: 'mailbox' }, outcome: 'hold' }],
    ],
  ])('is %s', (_, from, to) => {
    expect(mayLoosen(from, to)).toBe(false)
  })

  it.each<[string, Policy, Policy]>([
    ['a first allow', [], [{ who: ['known'], outcome: 'allow' }]],
    ['a hold less', [{ who: ['first_contact'], outcome: 'hold' }], []],
    ['a block made a hold', [{ who: ['first_contact'], outcome: 'block' }], [{ who: ['first_contact'], outcome: 'hold' }]],
    [
      'a block that comes later',
      [
        { who: ['outsider'], outcome: 'block' },
        { who: '*', outcome: 'allow' },
      ],
      [
        { who: '*', outcome: 'allow' },
        { who: ['outsider'], outcome: 'block' },
      ],
    ],
    [
      'a hold in front of a block',
      [{ who: ['outsider'], outcome: 'block' }],
      [
        { who: '*', outcome: 'hold' },
        { who: ['outsider'], outcome: 'block' },
      ],
    ],
    ['a list less', [{ who: ['*@ours.test'], outcome: 'allow' }], []],
    ['a longer list', [{ who: ['*@ours.test'], outcome: 'allow' }], [{ who: ['*@ours.test', '*@else.test'], outcome: 'allow' }]],
    [
      'everybody behind a list',
      [{ who: ['*@ours.test'], outcome: 'allow' }],
      [
        { who: ['*@ours.test'], outcome: 'allow' },
        { who: '*', outcome: 'hold' },
      ],
    ],
    [
      'a finding that is let go',
      [{ who: '*', outcome: 'allow' }],
      [
        { who: '*', what: { found: ['bank_account'] }, outcome: 'allow' },
        { who: '*', outcome: 'allow' },
      ],
    ],
    [
      'a higher limit',
      [{ who: '*', how_many: { more_than: 5, per: 'day', of: 'mailbox' }, outcome: 'hold' }],
      [{ who: '*', how_many: { more_than: 9, per: 'day', of: 'mailbox' }, outcome: 'hold' }],
    ],
  ])('is not %s', (_, from, to) => {
    expect(mayLoosen(from, to)).toBe(true)
  })
})
