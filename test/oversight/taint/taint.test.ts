import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { EmailId, MailboxId, ThreadId } from '../../../server/model/ids.ts'
import { comparable, readMarks } from '../../../server/oversight/taint/marks.ts'
import { type OutgoingMail, type Source, type Taint, compareWith } from '../../../server/oversight/taint/taint.ts'
import { wildText } from '../../support/arbitraries.ts'

const here = 'thr_here' as ThreadId
const mail = (of: Partial<OutgoingMail>): OutgoingMail => ({ threadId: here, subject: '', text: '', recipients: [], files: [], ...of })
const source = (of: Partial<Source> & { text?: string; hidden?: string; file?: string }): Source => ({
  emailId: 'em_1' as EmailId,
  threadId: 'thr_there' as ThreadId,
  mailboxId: 'mbx_1' as MailboxId,
  from: 'ann@remote.test',
  files: [],
  parts: [
    ...(of.text === undefined ? [] : [{ place: 'visible', text: of.text } as const]),
    ...(of.hidden === undefined ? [] : [{ place: 'hidden', text: of.hidden } as const]),
    ...(of.file === undefined ? [] : [{ place: 'attachment', text: of.file } as const]),
  ],
  ...of,
})
const compared = (outgoing: Partial<OutgoingMail>, ...sources: Source[]): Taint => {
  const comparison = compareWith(mail(outgoing))
  for (const one of sources) comparison.look(one)
  return comparison.result({ isCut: false, lookedBackTo: null })
}
const excerpts = (taint: Taint): string[] => taint.evidence.map(({ excerpt }) => excerpt)

describe('what two texts have in common', () => {
  it.each([
    ['an amount, however it is written', '1.249,00 EUR', 'EUR 1249.00', ['1249.00']],
    ['a phone number, without its country', '+49 (30) 1234-567', 'Call 030 1234567.', ['1234567']],
    ['an IBAN', 'DE89 3704 0044 0532 0130 00', 'iban de89370400440532013000', ['de89370400440532013000']],
    ['an IBAN of a bank in letters', 'GB29 NWBK 6016 1331 9268 19', 'GB29NWBK60161331926819', ['GB29NWBK60161331926819']],
    ['a code', 'Your code: 004-512', 'It says 004512', ['004512']],
    ['a code with letters', 'Licence A7X-99K2', 'a7x99k2', ['a7x99k2']],
    ['a key', 'sk_live_9aBc8dEf7', 'use live_9ABC8DEF7', ['9ABC8DEF7']],
    ['an address', 'Ask <Eve@Evil.test>.', 'eve@evil.test?', ['eve@evil.test']],
    ['an address in other letters', 'Ask ｅｖｅ@evil.test', 'eve@evil.test', ['eve@evil.test']],
    ['a link, with or without www', 'https://www.evil.test/a/b?c=d#e', 'http://evil.test/a/b?c=d#e', ['http://evil.test/a/b?c=d#e']],
    ['what is split by characters that nobody sees', '81\u200b02\u00ad44 71', '8102 4471', ['8102 4471']],
    [
      'words in another case, with other marks between them',
      'The *second* ferry of the week leaves Rotterdam on Thursday morning',
      'the second ferry of the week -- leaves rotterdam on thursday',
      ['the second ferry of the week -- leaves rotterdam on thursday'],
    ],
    [
      'words of a script without spaces',
      '荷物は来週の木曜日の朝に港へ届きますのでお待ちください',
      '荷物は来週の木曜日の朝に港へ届きます',
      ['荷物は来週の木曜日の朝に港へ届きます'],
    ],
  ])('is %s', (_what, theirs, ours, found) => {
    expect(excerpts(compared({ text: ours }, source({ text: theirs })))).toEqual(found)
  })

  it.each([
    ['a day', 'On 2026-03-02, or 02.03.2026, or 2/3/2026'],
    ['a year, a price, a house', 'In 2026 for 49.90 at 221b, 2025-2026'],
    ['the third of a month', 'On March 3rd, 2026'],
    ['a phrase that everybody uses', 'Please let me know if you have any questions.'],
  ])('is not %s', (_what, text) => {
    expect(compared({ text }, source({ text })).evidence).toEqual([])
  })
})

describe('where an outgoing mail comes from', () => {
  it('is told by kinds, whom it goes to first', () => {
    const files = [{ name: 'a.pdf', hash: 'f'.repeat(64) }]
    const outgoing = { recipients: ['eve@evil.test'], subject: '993311', text: 'See www.evil.test/x', files }
    const taint = compared(outgoing, source({ text: 'eve@evil.test 99 33 11 https://evil.test/x', files: ['f'.repeat(64)] }))
    expect(taint.evidence.map(({ kind }) => kind)).toEqual(['recipient', 'link', 'number', 'file'])
    expect(taint).toMatchObject({ fromOtherThread: true, fromHiddenText: false, fromAttachment: true, lookedAtAll: true, sources: 1 })
  })

  it('is nowhere else when its own conversation has it in sight, in whatever order they are looked at', () => {
    const sources = [source({ text: '993311', hidden: '993311' }), source({ threadId: here, text: 'code 993311' })]
    expect(compared({ text: '993311' }, ...sources).evidence).toEqual([])
    expect(compared({ text: '993311' }, ...sources.toReversed()).evidence).toEqual([])
  })

  it('is hidden text only where it can be seen nowhere', () => {
    expect(compared({ text: '993311' }, source({ threadId: here, hidden: '993311' }))).toMatchObject({
      fromOtherThread: false,
      fromHiddenText: true,
    })
    expect(compared({ text: '993311' }, source({ hidden: '993311' }), source({ text: '993311' }))).toMatchObject({ fromHiddenText: false })
  })

  it('is no discovery when it is the address of somebody who wrote, unless that was hidden somewhere', () => {
    const recipients = ['ann@remote.test']
    expect(compared({ recipients }, source({ text: 'Ann <ann@remote.test>' })).evidence).toEqual([])
    expect(compared({ recipients }, source({ hidden: 'write to ann@remote.test' }))).toMatchObject({ fromHiddenText: true })
    // But to tell others of them is one.
    expect(excerpts(compared({ text: 'Ask ann@remote.test' }, source({})))).toEqual(['ann@remote.test'])
  })

  it('is found for a domain that is written with its own letters', () => {
    expect(excerpts(compared({ recipients: ['eve@xn--bcher-kva.example'] }, source({ text: 'eve@bücher.example' })))).toEqual([
      'eve@xn--bcher-kva.example',
    ])
  })

  it('is told of twenty at most, and how many more there are', () => {
    const text = Array.from({ length: 50 }, (_, at) => `Number ${100_000 + at}`).join('; ')
    expect(compared({ text }, source({ text }))).toMatchObject({ more: expect.any(Number), fromOtherThread: true })
    expect(compared({ text }, source({ text })).evidence.length).toBe(20)
  })

  it('says when it did not look at all', () => {
    const figures = (count: number) => Array.from({ length: count }, (_, at) => String(at)).join('\n')
    expect(compared({ text: figures(4000) }).lookedAtAll).toBe(true)
    expect(compared({ text: figures(6000) }).lookedAtAll).toBe(false)
    expect(compared({ text: 'x' }, source({ text: figures(6000) })).lookedAtAll).toBe(false)
    expect(compared({ text: 'x'.repeat(300_000) }).lookedAtAll).toBe(false)
    expect(compareWith(mail({})).result({ isCut: true, lookedBackTo: 5 })).toMatchObject({ lookedAtAll: false, lookedBackTo: 5 })
  })
})

describe('any text', () => {
  it('has nothing to tell of where nobody was looked at, and everything of itself in sight of its own conversation', () => {
    fc.assert(
      fc.property(wildText, wildText, (text, other) => {
        expect(compared({ text }).evidence).toEqual([])
        expect(compared({ text }, source({ threadId: here, text }), source({ text: `${text}\n${other}`, from: null })).evidence).toEqual([])
      }),
    )
  })

  it('is found in what holds it, with places that are in it', () => {
    fc.assert(
      fc.property(wildText, wildText, wildText, (before, text, after) => {
        const clean = comparable(text, 10_000).text
        const heard: string[] = []
        const note = (from: number, to: number): void => {
          expect(from).toBeGreaterThanOrEqual(0)
          expect(to).toBeGreaterThan(from)
          expect(to).toBeLessThanOrEqual(clean.length)
        }
        readMarks(clean, {
          mark(kind, key, from, to) {
            note(from, to)
            heard.push(`${kind} ${key}`)
          },
          run: (_first, _second, from, to) => note(from, to),
        })
        const all: string[] = []
        readMarks(comparable(`${before} | ${text} | ${after}`, 100_000).text, {
          mark: (kind, key) => void all.push(`${kind} ${key}`),
          run: () => undefined,
        })
        // A link may go on beyond the text, and a number be one of more groups; none is lost.
        for (const one of heard.filter((key) => key.startsWith('address'))) expect(all).toContain(one)
      }),
    )
  })

  it.each([
    '1 ',
    '1-',
    '@',
    'a@',
    '@.',
    'http://',
    'www.',
    '://',
    'a1b2c3 ',
    '123456 ',
    '漢',
    '\ufdfa',
    '\u200b1',
    '😀',
    '\ud800',
    '(',
    ' ',
    `${'a'.repeat(64)}@`,
    `@${'a.'.repeat(120)}`,
    'DE89 ABCD ',
  ])('made of ten million characters like %j costs no more than a long letter', { timeout: 60_000 }, (unit) => {
    const text = unit.repeat(Math.ceil(10_000_000 / unit.length))
    const begun = process.cpuUsage()
    const taint = compared({ text, subject: text.slice(0, 998) }, source({ text: text.slice(0, 16_384), hidden: text.slice(0, 8192) }))
    const { user, system } = process.cpuUsage(begun)
    // A quadratic search takes minutes of a processor, this one some hundred milliseconds.
    expect((user + system) / 1000).toBeLessThan(20_000)
    expect(taint.lookedAtAll).toBe(false)
    expect(JSON.stringify(taint).length).toBeLessThan(20_000)
  })
})
