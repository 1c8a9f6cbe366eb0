import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readSimply, readText } from '../../server/inbound/content/readable-text.ts'
import { htmlToText } from '../../server/inbound/html/plain-words.ts'
import { readHtml } from '../../server/inbound/html/read-html.ts'

const markdownOf = (html: string): string => readHtml(html).markdown

describe('HTML as Markdown', () => {
  it.each([
    ['<p>Hello <b>you</b> and <i>me</i></p><ul><li>one<li>two</ul>', 'Hello **you** and *me*\n\n-   one\n-   two'],
    ['<h1>News</h1><p>a<br>b</p>', '# News\n\na  \nb'],
    ['<blockquote><p>old</p></blockquote>', '> old'],
    ['<a href="https://remote.test/a b">read</a>', '[read](https://remote.test/a%20b)'],
    ['<a href="https://remote.test/">https://remote.test/</a>', 'https://remote.test/'],
    ['<a href="https://remote.test/a_b">https://remote.test/a_b</a>', 'https://remote.test/a_b'],
    ['<a href="mailto:bo@remote.test">bo@remote.test</a>', 'bo@remote.test'],
    ['<a href="javascript:alert(1)">click</a> <a href="data:text/html,x">here</a>', 'click here'],
    ['<a href="https://remote.test/"><div>Buy</div><div>now</div></a>', '[Buy](https://remote.test/)\n\n[now](https://remote.test/)'],
    ['<img src="https://remote.test/pixel.gif"><img src="cid:1" alt="A cat">', 'A cat'],
    ['<img src="https://remote.test/pixel.gif" width=1 height=1 alt="A spy">Visible', 'Visible'],
    ['<script>x()</script><style>p{}</style><title>t</title><svg><text>s</text></svg>Visible', 'Visible'],
    ['<ul><li>a<ol start=3><li>b<li>c</ol><li><p>d<p>e</ul>f', '-   a\n    3.  b\n    4.  c\n-   d\n\n    e\n\nf'],
    ['<blockquote>a<blockquote>b</blockquote>c</blockquote>d', '> a\n>\n> > b\n>\n> c\n\nd'],
    ['<pre><code>a = `1`\n  b\n</code></pre>', '```\na = `1`\n  b\n```'],
    ['<pre><code>```</code></pre>', '````\n```\n````'],
    ['<div style="white-space:pre-wrap">one\ntwo</div>', 'one\ntwo'],
    ['<b>a <p>b</p></b> c<i></i>', '**a**\n\n**b**\n\nc'],
    ['1. a*b_c [d]<br># e<br>- f', '1\\. a\\*b\\_c \\[d\\]  \n\\# e  \n\\- f'],
    ['<table><tr><td>a<td>b<tr><td>c</table>', 'a\n\nb\n\nc'],
    ['a<br><br>b<hr>c', 'a\n\nb\n\n* * *\n\nc'],
    ['<h2></h2><li></li><b></b>a', 'a'],
    ['&lt;b&gt; &amp;amp; &#x41;&nosuch;', '<b> &amp; A&nosuch;'],
    ['a<!-- b --><![CDATA[>c]]>', 'ac'],
  ])('%s', (html, markdown) => {
    expect(readHtml(html)).toMatchObject({ markdown, hidden: { characters: 0 } })
  })

  it('reads a document that is nested 100,000 deep', () => {
    expect(markdownOf(`${'<div>'.repeat(100_000)}Hello &amp; <b>welcome</b>`)).toBe('Hello & **welcome**')
    const quoted = markdownOf(`${'<blockquote>'.repeat(100_000)}Hello`)
    expect(quoted).toBe(`${'> '.repeat(10)}Hello`)
  })

  it('never throws, whatever the tags', () => {
    const tags = 'p div b a ul li ol blockquote pre code table td tr h1 br img style script title svg'.split(' ')
    const part = fc.oneof(
      fc.constantFrom(...tags.flatMap((tag) => [`<${tag}>`, `</${tag}>`, `<${tag} style="display:none" class=x href=https://a.test>`])),
      fc.constantFrom(
        '<',
        '>',
        '<!--',
        '-->',
        '<![CDATA[',
        '&#0;',
        '&#x110000;',
        '&amp',
        '"',
        "'",
        '=',
        '\n',
        ' ',
        'word',
        '.x{color:#fff}',
        '<style>*{',
      ),
      fc.string({ maxLength: 5 }),
    )
    fc.assert(
      fc.property(fc.array(part, { maxLength: 80 }), (parts) => {
        const reading = readHtml(parts.join(''))
        expect(reading.markdown.length).toBeLessThan(100_000)
      }),
    )
  })
})

describe('the words of a document, when there is no time for more', () => {
  it('are there, hidden ones too', () => {
    const html = `${'<div>'.repeat(50)}Hello &amp; <b>welcome</b>&#33;&#x21;&bogus;<script>x</script>`
    expect(readSimply({ plain: '', html, forwarded: false })).toMatchObject({
      markdown: 'Hello & welcome!!&bogus;',
      flags: ['html-simplified'],
    })
  })

  it('are read from anything', () => {
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
  ])('%s', (_what, plain, html, from) => {
    expect(readText({ plain, html, forwarded: false })).toMatchObject({ from })
  })

  it('is cut at a limit, cleaned of what is not shown, and flagged for both', () => {
    const read = (plain: string) => readText({ plain, html: '', forwarded: false })
    expect(read('a'.repeat(300_000))).toMatchObject({ markdown: 'a'.repeat(262_144), flags: ['text-truncated'] })
    expect(read('pay\u202e001\u{e0041}\u200b now\0\r\n')).toMatchObject({ markdown: 'pay001 now\n', flags: ['invisible-characters'] })
    expect(read('soft\u00adhyphen').flags).toEqual([])
  })
})
