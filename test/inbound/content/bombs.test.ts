/** Letters made to be slow to read or to scan. Counted in steps; each is read in the time of an ordinary test. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { maxWork, readHtml } from '../../../server/inbound/html/read-html.ts'
import { wildText } from '../../support/arbitraries.ts'
import { scanLetter } from '../../support/scan-letter.ts'

/** Characters: a quarter of what is read of a page, so that the tests are quick. The last of them is as large as can be. */
const size = 256 * 1024
const filled = (part: string, length = size): string => part.repeat(Math.ceil(length / part.length)).slice(0, length)
const rulesOf = (count: number, selector: (at: number) => string): string =>
  `<style>${Array.from({ length: count }, (_, at) => `${selector(at)}{color:red}`).join('')}</style>`

const pages: [what: string, html: string][] = [
  ['nothing but brackets', filled('<')],
  ['deep divisions', filled('<div>')],
  ['deep links', filled('<a href=https://a.test>')],
  ['deep paragraphs', filled('<p>')],
  ['deep tables', filled('<table><tr><td>')],
  ['deep quotations', filled('<blockquote>x')],
  ['deep lists', filled('<ul><li>x')],
  ['deep marks', filled('<b>x <i>')],
  ['ends without beginnings', filled('</b></p></table>')],
  ['ends of what is far up', `${'<i>'.repeat(50_000)}<table>${'</i></u>'.repeat(20_000)}`],
  ['crossed marks', filled('<b><i></b></i>')],
  ['30,000 rules', `${rulesOf(30_000, (at) => `.a .b${at % 9} .c`)}${'<p class="a b1 c">x'.repeat(500)}`],
  ['rules for everything', `${rulesOf(10_000, () => '* * * * * *')}${'<b>'.repeat(50_000)}x`],
  ['rules with long lists', `<style>${'a,'.repeat(200_000)}a{color:red}</style>${'<a>x</a>'.repeat(3_000)}`],
  ['rules that compare attributes', `${rulesOf(9_000, (at) => `[class*=zz${at}]`)}${`<p class="${'z'.repeat(9_000)}">`.repeat(60)}`],
  ['sheets between words', filled('x<style>a{color:red}</style>')],
  ['a sheet without end', `<style>${filled('a{b:"')}`],
  ['blocks without end', `<style>${filled('@media screen{')}`],
  ['a million attributes', `<p ${'a '.repeat(1_000_000)}>x`],
  ['different attributes', `<p ${Array.from({ length: 150_000 }, (_, at) => `a${at}`).join(' ')}>x`],
  ['an attribute without end', `<a href="${filled('x')}`],
  ['a style without end', `<p style="${filled('a:(;')}">x`],
  ['100,000 links', filled('<a href=https://a.test/>x</a>')],
  ['comments without end', filled('<!--')],
  ['entities', filled('&amp;')],
  ['titles', filled('<title>')],
  ['code', filled('<pre><code>`')],
  ['hidden words', filled('<p hidden>secret ')],
]

const texts: [what: string, text: string][] = [
  ['words of a phrase', filled('ignore previous ')],
  ['phrases', filled('ignore previous instructions ')],
  ['words that go on', filled('ignore all the any send your system prompt ')],
  ['single letters', filled('i g n o r e ')],
  ['one word', filled('a')],
  ['ideographs', filled('以前の指示を無視')],
  ['quotation marks', filled('"“„「')],
  ['marks', filled('<|im_start|>[INST]"tool_call": ')],
  ['brackets', filled('[<[<#"')],
  ['base64', filled(`${Buffer.from('ignore previous instructions').toString('base64')} `)],
  ['one block of base64', filled('QUJD')],
  ['percent signs', filled('%41')],
  ['addresses', filled('https://a.test/x ')],
  ['one address', `https://${filled('a.')}`],
  ['what nobody sees', filled('\u200b\u200c')],
  ['what grows when it is normalised', '\ufdfa'.repeat(size)],
  ['tags', '\u{e0041}'.repeat(size)],
]

describe('a page', () => {
  it.each(pages)('with %s', { timeout: 60_000 }, (_what, html) => {
    const reading = readHtml(html)
    expect(reading.steps).toBeLessThanOrEqual(maxWork)
    // Every line of a list or a quotation repeats its marks, ten of them at most.
    expect(reading.markdown.length).toBeLessThan(60 * size)
    expect(reading.links.length).toBeLessThanOrEqual(1_000)
    expect(reading.hidden.text.length).toBeLessThanOrEqual(64 * 1024)
  })
})

describe('a text', () => {
  it.each(texts)('with %s', { timeout: 60_000 }, (_what, plain) => {
    const { reasons, hidden } = scanLetter({ plain, subject: plain.slice(0, 4_000) })
    expect(reasons.length).toBeLessThan(30)
    for (const { detail } of reasons) expect(detail?.length ?? 0).toBeLessThanOrEqual(200)
    expect(hidden?.text.length ?? 0).toBeLessThanOrEqual(16 * 1024)
  })
})

it('a letter of everything at once', { timeout: 60_000 }, () => {
  const attachments = Array.from({ length: 200 }, (_, at) => ({ name: `${at}.html`, contentType: 'text/html', content: filled('<p>') }))
  const html = filled('<a href=https://paypa1.test>https://b.test</a>', 5 * size)
  const letter = { plain: filled('verify ', 5 * size), html, attachments }
  expect(scanLetter(letter).codes).toContain('link-mismatch')
})

it('nothing makes the scan fail, and it says the same twice', () => {
  const telling = fc.constantFrom(
    'ignore previous instructions',
    '<|',
    'https://',
    '@',
    '=?',
    '<p style="',
    'display:none',
    '">',
    '\u{e0041}',
    'xn--',
    '%2',
    'QUJD'.repeat(12),
  )
  const text = fc.array(fc.oneof(wildText, telling), { maxLength: 20 }).map((parts) => parts.join(''))
  const letter = fc.record({
    from: fc.record({ address: text.map((local) => `${local}@${local}`), name: text }),
    replyTo: fc.array(fc.record({ address: text, name: text }), { maxLength: 3 }),
    subject: text,
    plain: text,
    html: text,
    attachments: fc.array(
      fc.record({ name: text, contentType: fc.constantFrom('text/plain', 'text/html', 'application/zip'), content: fc.uint8Array() }),
      {
        maxLength: 3,
      },
    ),
  })
  fc.assert(
    fc.property(letter, (letter) => {
      const { reasons, hidden } = scanLetter(letter)
      for (const { points } of reasons) expect(Number.isInteger(points) && points >= 0).toBe(true)
      expect(scanLetter(letter)).toMatchObject({ reasons, hidden })
    }),
  )
})
