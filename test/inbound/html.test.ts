import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { chooseText, readHtml, readPlain } from '../../server/inbound/content.ts'
import { htmlToMarkdown, htmlToText } from '../../server/inbound/html.ts'

describe('HTML as Markdown', () => {
  it.each([
    ['<p>Hello <b>you</b> and <i>me</i></p><ul><li>one<li>two</ul>', 'Hello **you** and *me*\n\n-   one\n-   two'],
    ['<h1>News</h1><p>a<br>b</p>', '# News\n\na  \nb'],
    ['<blockquote><p>old</p></blockquote>', '> old'],
    ['<a href="https://remote.test/a b">read</a>', '[read](https://remote.test/a%20b)'],
    ['<a href="https://remote.test/">https://remote.test/</a>', 'https://remote.test/'],
    ['<a href="mailto:bo@remote.test">bo@remote.test</a>', 'bo@remote.test'],
    ['<a href="javascript:alert(1)">click</a> <a href="data:text/html,x">here</a>', 'click here'],
    ['<img src="https://remote.test/pixel.gif"><img src="cid:1" alt="A cat">', 'A cat'],
    ['<script>x()</script><style>p{}</style><title>t</title><svg><text>s</text></svg>Visible', 'Visible'],
  ])('%s', (html, markdown) => {
    expect(htmlToMarkdown(html)).toEqual({ markdown, hidden: false })
  })

  it.each([
    '<p hidden>secret</p>Visible',
    '<div style="color:red; display : none">secret</div>Visible',
    '<span style="visibility:hidden">secret</span>Visible',
    '<span style="font-size:0px">secret</span>Visible',
    '<span style="opacity:0">secret</span>Visible',
    '<span style="mso-hide:all">secret</span>Visible',
    '<div style="max-height:0;overflow:hidden">secret</div>Visible',
    '<table style="display:none"><tr><td><a href="https://x.test">secret</a></td></tr></table>Visible',
  ])('leaves out what a person would not see, and says so: %s', (html) => {
    expect(htmlToMarkdown(html)).toEqual({ markdown: 'Visible', hidden: true })
  })

  it.each(['<p style="font-size:0.9em;opacity:0.9">Visible</p>', '<p style="max-height:100px">Visible</p>'])(
    'keeps what merely looks like it: %s',
    (html) => {
      expect(htmlToMarkdown(html)).toEqual({ markdown: 'Visible', hidden: false })
    },
  )

  it('gives up on a document that is nested too deep, and then its words are read without it', () => {
    const html = `${'<div>'.repeat(5_000)}Hello &amp; <b>welcome</b>&#33;&#x21;&bogus;<script>x</script>`
    expect(htmlToMarkdown(html)).toBeNull()
    expect(readHtml(html, false)).toMatchObject({ markdown: 'Hello & welcome!!&bogus;', flags: ['html-simplified'] })
  })

  it('never throws on the words of any text', () => {
    const tag = fc.constantFrom('<p>', '</p>', '<', '>', '<script>', '<style', '&#0;', '&#x110000;', '&amp', 'a', '<!--', '"')
    fc.assert(fc.property(fc.array(tag, { maxLength: 60 }), (tags) => void htmlToText(tags.join(''))))
  })
})

describe('which text is read', () => {
  const html = '<p>'.concat('Twenty words of news in HTML. '.repeat(20))
  it.each([
    ['plain alone', 'Hi', '', 'plain'],
    ['HTML alone', '', html, 'html'],
    ['neither', '', '', 'plain'],
    ['a plain text of its own beside HTML', 'A letter. '.repeat(30), html, 'plain'],
    ['short, but the HTML says no more', 'Yes, that works.', '<p>Yes, that works.</p>', 'plain'],
    ['a stub beside a whole letter', 'Please open this mail in a browser.', html, 'html'],
  ])('%s', (_what, plain, html, expected) => {
    expect(chooseText(plain, html)).toBe(expected)
  })

  it('is cut at a limit, cleaned of what is not shown, and flagged for both', () => {
    expect(readPlain('a'.repeat(300_000), false)).toMatchObject({ markdown: 'a'.repeat(262_144), flags: ['text-truncated'] })
    expect(readPlain('pay\u202e001\u{e0041}\u200b now\0\r\n', false)).toMatchObject({
      markdown: 'pay001 now\n',
      flags: ['invisible-characters'],
    })
    expect(readPlain('soft\u00adhyphen', false).flags).toEqual([])
  })
})
