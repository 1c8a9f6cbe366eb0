import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Address } from '../../server/model/address.ts'
import { judgeForMailbox, judgeMessage } from '../../server/inbound/verdict.ts'
import type { Authentication, MailboxFacts, MessageFacts } from '../../server/inbound/verdict/message-facts.ts'
import { withoutAddress } from '../../server/inbound/verdict/proof.ts'
import { domain, mailbox, message, said, signedBy } from './known-facts.ts'

/** `refuse 550 dmarc-reject`, or what one mailbox makes of it: `clean 0`, `quarantined 12`. */
function verdictOn(facts: MessageFacts, ofMailbox: MailboxFacts = mailbox()): string {
  const verdict = judgeMessage(facts)
  if (verdict.kind === 'refuse') return `refuse ${verdict.reply.code} ${verdict.reasons.map(({ code }) => code).join(' ')}`
  const { spam, score } = judgeForMailbox(verdict, ofMailbox)
  return `${spam} ${score}`
}

const codes = (facts: MessageFacts, ofMailbox: MailboxFacts = mailbox()): string[] => {
  const verdict = judgeMessage(facts)
  return (verdict.kind === 'refuse' ? verdict.reasons : judgeForMailbox(verdict, ofMailbox).reasons).map(({ code }) => code)
}

const passed = said({ result: 'pass', policy: 'reject' }, { spf: { result: 'pass', domain } })
const failed = (policy: 'none' | 'quarantine' | 'reject', more: Parameters<typeof said>[1] = {}) =>
  said({ result: 'fail', policy }, { spf: { result: 'pass', domain: 'forwarder.test' }, ...more })
const list = { kind: 'list', by: 'friends.forwarder.test' } as const

describe('DMARC', () => {
  it.each<[what: string, input: Authentication, verdict: string]>([
    ['passed', passed, 'clean 0'],
    ['no record, nothing proved', said({}), 'clean 3'],
    ['no record, the author’s own domain signed', said({}, { dkim: signedBy(domain) }), 'clean 0'],
    ['a broken record', said({ result: 'permerror' }), 'clean 3'],
    ['failed, p=none', failed('none'), 'clean 2'],
    ['failed, p=quarantine', failed('quarantine'), 'quarantined 12'],
    ['failed, p=reject', failed('reject'), 'refuse 550 dmarc-reject'],
    ['failed, p=reject, and a look-up failed', failed('reject', { unsure: true }), 'refuse 451 dmarc-unsure'],
    ['failed, p=quarantine, and a look-up failed', failed('quarantine', { unsure: true }), 'refuse 451 dmarc-unsure'],
    ['failed, p=none, and a look-up failed', failed('none', { unsure: true }), 'clean 2'],
    ['policy unknown for now', said({ result: 'temperror' }), 'refuse 451 dmarc-temperror'],
    ['policy unknown, the author’s own domain passed SPF', said({ result: 'temperror' }, { spf: { result: 'pass', domain } }), 'clean 0'],
    ['policy unknown, the author’s own domain signed', said({ result: 'temperror' }, { dkim: signedBy(domain) }), 'clean 0'],
    [
      'policy unknown, a subdomain passed SPF',
      said({ result: 'temperror' }, { spf: { result: 'pass', domain: `mail.${domain}` } }),
      'refuse 451 dmarc-temperror',
    ],
    [
      'nothing known at all',
      said({ result: 'temperror', domain: null }, { spf: { result: 'temperror', domain: null } }),
      'refuse 451 dmarc-temperror',
    ],
    ['several authors', said({ domain: null }, { author: 'many' }), 'refuse 550 author-many'],
  ])('%s', (_what, input, verdict) => {
    expect(verdictOn(message(input))).toBe(verdict)
  })

  it('marks what names no author', () => {
    expect(verdictOn(message(said({ domain: null }, { author: 'none', spf: { result: 'pass', domain } }), { shownAuthor: null }))).toBe(
      'flagged 5',
    )
  })

  it.each<[what: string, input: Authentication]>([
    ['another domain than the one it judged', passed],
    ['an author where it found none', said({ domain: null }, { author: 'none' })],
  ])('quarantines what shows %s', (_what, input) => {
    const facts = message(input, { shownAuthor: 'ceo@bank.test' as Address })
    expect(verdictOn(facts)).toMatch(/^quarantined/)
    expect(codes(facts)).toContain('author-ambiguous')
    expect(judgeMessage(facts)).toMatchObject({ proven: false })
  })
})

describe('mail that somebody passed on (RFC 9989 §7.4)', () => {
  it.each<[kind: string, facts: MessageFacts, verdict: string]>([
    ['by a list', message(failed('reject'), { detour: list }), 'quarantined 12'],
    ['sealed by a stranger', message(failed('reject'), { detour: { kind: 'sealed', by: 'evil.test' } }), 'quarantined 12'],
    [
      'by whom the mailbox writes to',
      message(failed('reject'), { detour: { kind: 'correspondent', by: 'forwarder.test' } }),
      'quarantined 12',
    ],
    ['sealed by whom the operator trusts', message(failed('reject'), { detour: { kind: 'trusted', by: 'forwarder.test' } }), 'clean 1'],
    [
      'sealed by whom the operator trusts, p=quarantine',
      message(failed('quarantine'), { detour: { kind: 'trusted', by: 'f.test' } }),
      'clean 1',
    ],
  ])('%s', (_kind, facts, verdict) => {
    expect(verdictOn(facts)).toBe(verdict)
  })

  it('is out of the agent’s sight however well known its author is', () => {
    const known = mailbox({
      history: { received: 9, verified: 9, sent: 9 },
      learned: { code: 'learned-not-spam', points: -3, words: '', detail: null },
    })
    expect(verdictOn(message(failed('reject'), { detour: list }), known)).toMatch(/^quarantined/)
    expect(verdictOn(message(failed('quarantine')), known)).toMatch(/^quarantined/)
  })
})

describe('a client whose address is not known', () => {
  const hidden = (results: Authentication): MessageFacts =>
    message(
      { ...results, results: withoutAddress(results.results) },
      { judgesByIp: false, client: { isStranger: false, reverse: 'unknown', helo: 'plausible', listings: [] } },
    )

  it('proves nothing by SPF, and DMARC passes by a signature alone', () => {
    expect(codes(hidden(passed))).toContain('dmarc-address-hidden')
    expect(verdictOn(hidden(said({ result: 'pass', policy: 'reject' }, { spf: { result: 'pass', domain }, dkim: signedBy(domain) })))).toBe(
      'clean 0',
    )
  })

  it('is not refused for it either: what may be honest is quarantined, and never waits', () => {
    const verdict = judgeMessage(hidden(failed('reject')))
    expect(verdict).toMatchObject({ kind: 'accept', delayMs: 0 })
    expect(verdictOn(hidden(failed('reject')))).toBe('quarantined 12')
    expect(verdictOn(hidden(failed('none', { spf: { result: 'fail', domain } })))).toBe('clean 2')
  })
})

describe('the client', () => {
  const from = (client: Partial<MessageFacts['client']>, more: Partial<MessageFacts> = {}) => {
    const facts = message(said({}), more)
    return { ...facts, client: { ...facts.client, ...client } }
  }
  it.each<[what: string, facts: MessageFacts, verdict: string]>([
    ['that calls itself by our name', from({ helo: 'ours' }), 'refuse 550 helo-ours'],
    ['without a name', from({ reverse: 'none' }), 'flagged 6'],
    ['whose name leads elsewhere', from({ reverse: 'mismatch' }), 'flagged 5'],
    ['whose name the DNS did not say', from({ reverse: 'unknown' }), 'clean 3'],
    ['without a name of its own to greet with', from({ helo: 'no-name' }), 'clean 4'],
    [
      'on block lists',
      from({
        listings: [
          { list: 'a.test', points: 4 },
          { list: 'b.test', points: 6 },
        ],
      }),
      'quarantined 13',
    ],
    [
      'of which nothing is right',
      from({ reverse: 'none', helo: 'no-name' }, { authentication: said({}, { spf: { result: 'fail', domain } }) }),
      'flagged 10',
    ],
  ])('%s', (_what, facts, verdict) => {
    expect(verdictOn(facts)).toBe(verdict)
  })

  it('names the lists', () => {
    const verdict = judgeMessage(from({ listings: [{ list: 'a.test', points: 4 }] }))
    expect(verdict).toMatchObject({
      doubts: expect.arrayContaining([expect.objectContaining({ code: 'blocklist', points: 4, detail: 'a.test' })]),
    })
  })
})

describe('who wrote before', () => {
  const fresh = { received: 0, verified: 0, sent: 0 }
  it.each<[what: string, facts: MessageFacts, history: MailboxFacts['history'], verdict: string, code: string]>([
    ['nobody, proved', message(passed), fresh, 'clean 0', 'sender-new'],
    ['nobody, not proved', message(said({})), fresh, 'clean 4', 'sender-new-unproven'],
    [
      'the author, proved',
      message(passed, { client: { isStranger: true, reverse: 'none', helo: 'plausible', listings: [] } }),
      { received: 3, verified: 2, sent: 0 },
      'clean 1',
      'sender-known',
    ],
    [
      'we did',
      message(passed, { client: { isStranger: true, reverse: 'none', helo: 'plausible', listings: [] } }),
      { received: 3, verified: 2, sent: 1 },
      'clean 0',
      'sender-correspondent',
    ],
    ['we did, and nothing proves that this is theirs', message(said({})), { received: 3, verified: 0, sent: 1 }, 'clean 3', 'dmarc-none'],
    [
      'the author, with proof that this lacks',
      message(said({})),
      { received: 3, verified: 2, sent: 1 },
      'flagged 7',
      'sender-proof-missing',
    ],
  ])('%s', (_what, facts, history, verdict, code) => {
    expect(verdictOn(facts, mailbox({ history }))).toBe(verdict)
    expect(codes(facts, mailbox({ history }))).toContain(code)
  })

  it('lets somebody new whom nothing proves wait for the answer, unless all is well', () => {
    const delay = (facts: MessageFacts): unknown => ({ delayMs: 0, ...judgeMessage(facts) }).delayMs
    expect(delay(message(said({}), { firstTime: true }))).toBe(15_000)
    expect(delay(message(said({}), { firstTime: false }))).toBe(0)
    expect(delay(message(passed, { firstTime: true, client: { isStranger: true, reverse: 'none', helo: 'no-name', listings: [] } }))).toBe(
      0,
    )
    expect(delay(message(said({}, { dkim: signedBy(domain) }), { firstTime: true }))).toBe(0)
  })
})

describe('content', () => {
  const injection = { code: 'hidden-text', points: 7, words: 'Text is hidden in it.', detail: null }

  it('counts, and no trust in the sender outweighs it', () => {
    expect(verdictOn(message(passed, { content: [injection] }), mailbox({ history: { received: 9, verified: 9, sent: 9 } }))).toBe(
      'flagged 7',
    )
    expect(verdictOn(message(passed, { content: [injection, injection] }))).toBe('quarantined 14')
  })

  it('adds up with what the thread, the filter of the account and other programs say', () => {
    const facts = message(said({}), {
      scan: { reasons: [{ code: 'rspamd', points: 6, words: '', detail: null }], malware: null, missing: null },
    })
    const learned = { code: 'learned-spam', points: 5, words: '', detail: null }
    expect(verdictOn(facts)).toBe('flagged 9')
    expect(verdictOn(facts, mailbox({ learned }))).toBe('quarantined 14')
    expect(verdictOn(facts, mailbox({ learned, conversation: [injection] }))).toBe('quarantined 21')
  })

  it('that nobody could read is not called clean', () => {
    expect(verdictOn(message(passed, { examined: false }))).toBe('null 0')
    expect(verdictOn(message(failed('quarantine'), { examined: false }))).toBe('quarantined 12')
  })

  it('with malware is refused, and waits for a scanner that has to see it', () => {
    expect(verdictOn(message(passed, { scan: { reasons: [], malware: 'Eicar', missing: null } }))).toBe('refuse 550 malware')
    expect(verdictOn(message(passed, { scan: { reasons: [], malware: null, missing: 'clamav' } }))).toBe('refuse 451 scanner-missing')
  })
})

it('asks a sender of too many messages to come later', () => {
  expect(verdictOn(message(passed, { rate: { lastHour: 25, limit: 25 } }))).toBe('clean 0')
  expect(verdictOn(message(passed, { rate: { lastHour: 26, limit: 25 } }))).toBe('refuse 451 rate')
  expect(verdictOn(message(passed, { rate: { lastHour: 26, limit: null } }))).toBe('clean 0')
})

describe('whatever is known', () => {
  const dmarcResult = fc.constantFrom('pass', 'fail', 'none', 'temperror', 'permerror')
  const policy = fc.constantFrom(null, 'none', 'quarantine', 'reject')
  const spf = fc.record({
    result: fc.constantFrom('pass', 'fail', 'softfail', 'neutral', 'none', 'temperror', 'permerror'),
    domain: fc.constantFrom(null, domain, 'forwarder.test', 'evil.test'),
  })
  const dkim = fc.array(
    fc.record({
      result: fc.constantFrom('pass', 'fail', 'policy', 'temperror'),
      domain: fc.constantFrom('evil.test', 'forwarder.test'),
      selector: fc.constant('s'),
      aligned: fc.constant(false),
    }),
    { maxLength: 3 },
  )
  const found = fc.array(
    fc.record({ code: fc.constant('any'), points: fc.integer({ min: -20, max: 20 }), words: fc.string(), detail: fc.option(fc.string()) }),
    { maxLength: 4 },
  )
  const facts: fc.Arbitrary<MessageFacts> = fc
    .record({
      dmarc: fc.record({ result: dmarcResult, policy }),
      spf,
      dkim,
      author: fc.constantFrom('one', 'none', 'many'),
      unsure: fc.boolean(),
      client: fc.record({
        isStranger: fc.boolean(),
        reverse: fc.constantFrom('confirmed', 'mismatch', 'none', 'unknown'),
        helo: fc.constantFrom('plausible', 'no-name', 'ours'),
        listings: fc.array(fc.record({ list: fc.string(), points: fc.integer({ min: 0, max: 20 }) }), { maxLength: 3 }),
      }),
      detour: fc.constantFrom(null, list, { kind: 'sealed', by: 'x' } as const, { kind: 'trusted', by: 'y' } as const),
      judgesByIp: fc.boolean(),
      firstTime: fc.boolean(),
      content: found,
      examined: fc.boolean(),
      scanned: found,
    })
    .map(({ dmarc, spf: bySpf, dkim: byDkim, author, unsure, scanned, ...more }) =>
      message(said(dmarc, { spf: bySpf, dkim: byDkim, author, unsure }), {
        ...more,
        scan: { reasons: scanned, malware: null, missing: null },
      }),
    )
  const ofMailbox: fc.Arbitrary<MailboxFacts> = fc.record({
    history: fc.record({ received: fc.nat(9), verified: fc.nat(9), sent: fc.nat(9) }),
    learned: fc.option(
      fc.record({ code: fc.constant('learned'), points: fc.integer({ min: -9, max: 9 }), words: fc.string(), detail: fc.constant(null) }),
    ),
    conversation: found,
  })

  const fails = ({ authentication: { results } }: MessageFacts, asked: string): boolean =>
    results.dmarc.result === 'fail' && results.dmarc.policy === asked

  it('what a policy asks to reject, and nobody seems to have passed on, is not let in', () => {
    fc.assert(
      fc.property(facts, (known) => {
        if (fails(known, 'reject') && known.judgesByIp && known.detour === null) expect(judgeMessage(known).kind).toBe('refuse')
      }),
    )
  })

  it('what fails a policy reaches no agent, however well its author is known, unless the operator trusts who passed it on', () => {
    fc.assert(
      fc.property(facts, ofMailbox, (known, box) => {
        const verdict = judgeMessage(known)
        if (verdict.kind === 'refuse' || known.detour?.kind === 'trusted') return
        if (!fails(known, 'reject') && !fails(known, 'quarantine')) return
        expect(judgeForMailbox(verdict, box).spam).toBe('quarantined')
      }),
    )
  })

  it('the score is a whole number and not below 0, and decides', () => {
    fc.assert(
      fc.property(facts, ofMailbox, (known, box) => {
        const verdict = judgeMessage(known)
        if (verdict.kind === 'refuse') return
        const { score, spam } = judgeForMailbox(verdict, box)
        expect(Number.isInteger(score) && score >= 0).toBe(true)
        expect([spam === 'quarantined', spam === 'flagged']).toEqual([score >= 12, score >= 5 && score < 12])
      }),
    )
  })

  it('nobody is called proven whom nothing proves', () => {
    fc.assert(
      fc.property(facts, (known) => {
        const verdict = judgeMessage(known)
        const { dmarc, spf: bySpf } = known.authentication.results
        if (verdict.kind === 'accept' && verdict.proven)
          expect(dmarc.result === 'pass' || (bySpf.result === 'pass' && bySpf.domain === domain)).toBe(true)
      }),
    )
  })
})
