import { setImmediate as nextTurn } from 'node:timers/promises'
import fc from 'fast-check'
import PostalMime, { type Email } from 'postal-mime'
import { describe, expect, it } from 'vitest'
import { headerFields, splitMessage } from '../../server/model/headers.ts'
import { type Letter, compose as composeWith, newMessageId } from '../../server/outbound/compose.ts'
import { type Content, type ContentInput, checkContent } from '../../server/outbound/content.ts'
import { htmlFromMarkdown } from '../../server/outbound/markdown.ts'
import { ok } from '../../server/model/result.ts'
import { createRender } from '../../server/outbound/render.ts'
import { address } from '../support/offices.ts'
import { createVirtualClock } from '../support/virtual-clock.ts'

const bo = address('bo@remote.test')

const content = (input: Partial<ContentInput> = {}): Content => {
  const checked = checkContent({ to: [bo], subject: 'Hello', markdown: 'Hi **Bo**', ...input })
  if (!checked.ok) throw new Error(`${checked.code}: ${checked.detail}`)
  return checked.value
}
const letter = (change: Partial<Letter> = {}): Letter => ({
  from: address('ann@ours.test'),
  fromName: 'Ann',
  content: content(),
  messageId: '<0123456789abcdef@ours.test>',
  inReplyTo: null,
  references: [],
  ...change,
})
const compose = (it: Letter): Promise<Buffer> => composeWith(it, htmlFromMarkdown(it.content.markdown))
const text = async (change: Partial<Letter> = {}): Promise<string> => (await compose(letter(change))).toString('latin1')
const parsed = async (bytes: Buffer): Promise<Email> => PostalMime.parse(bytes)
const fieldNames = (bytes: Buffer): string[] => headerFields(splitMessage(bytes).header).map((field) => field.name)

/** What every host on the way can carry (RFC 5321 §4.5.3.1.6, RFC 5322 §2.1.1): CRLF line ends only, US-ASCII, lines of at most 998. */
const expectCarriable = (bytes: Buffer): void => {
  const all = bytes.toString('latin1')
  expect(bytes.every((octet) => octet > 0 && octet < 128)).toBe(true)
  expect(all.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/)
  expect(Math.max(...all.split('\r\n').map((line) => line.length))).toBeLessThanOrEqual(998)
  expect(all.endsWith('\r\n')).toBe(true)
}

describe('the composed message', () => {
  it('has these fields, in this order, and no Date and no Bcc', async () => {
    const bytes = await compose(
      letter({
        content: content({ cc: [address('cy@else.test')], bcc: [address('hidden@else.test')] }),
        inReplyTo: '<q@remote.test>',
        references: ['<r@x>', '<q@remote.test>'],
      }),
    )
    const header = splitMessage(bytes)
      .header.toString()
      .replace(/[0-9a-f]{32}/, '…')
    expect(header).toBe(
      [
        'From: "Ann" <ann@ours.test>',
        'To: bo@remote.test',
        'Cc: cy@else.test',
        'Subject: Hello',
        'Message-ID: <0123456789abcdef@ours.test>',
        'In-Reply-To: <q@remote.test>',
        'References: <r@x> <q@remote.test>',
        'Auto-Submitted: auto-generated',
        'X-AI-Generated: true',
        'MIME-Version: 1.0',
        'Content-Type: multipart/alternative;',
        ' boundary="=_mm-…-Part_1"',
        '',
      ].join('\r\n'),
    )
    expect(bytes.toString()).not.toContain('hidden')
  })

  it('has the Markdown as its plain part and HTML made of it', async () => {
    const { text: plain, html } = await parsed(await compose(letter({ content: content({ markdown: 'Hi **Bo**,\n\n* one\n* two' }) })))
    expect(plain?.replaceAll('\r\n', '\n')).toBe('Hi **Bo**,\n\n* one\n* two\n') // the parser ends a text with a line end of its own
    expect(html).toContain('<strong>Bo</strong>')
    expect(html).toContain('<li>two</li>')
  })

  it('carries attachments in base64, by name', async () => {
    const file = Buffer.from(Array.from({ length: 1000 }, (_, at) => at % 256))
    const { attachments } = await parsed(
      await compose(
        letter({ content: content({ attachments: [{ name: 'Übersicht 1.pdf', contentType: 'application/pdf', content: file }] }) }),
      ),
    )
    expect(attachments).toMatchObject([{ filename: 'Übersicht 1.pdf', mimeType: 'application/pdf', disposition: 'attachment' }])
    expect(Buffer.from(attachments[0]?.content as ArrayBuffer)).toEqual(file)
  })

  it('is the same for the same letter, and another for another Message-ID', async () => {
    const attachments = [{ name: 'a.txt', contentType: 'text/plain', content: Buffer.from('a') }]
    const one = letter({ content: content({ attachments }) })
    expect(await compose(one)).toEqual(await compose(one))
    expect(await compose(one)).not.toEqual(await compose({ ...one, messageId: '<other@ours.test>' }))
  })

  it('names nobody when all recipients are hidden', async () => {
    expect(await text({ content: content({ to: [], bcc: [bo] }) })).toContain('To: undisclosed-recipients:;\r\n')
  })

  it('keeps its parts apart whatever the text says', async () => {
    const { text: plain, attachments } = await parsed(
      await compose(
        letter({
          content: content({ markdown: '--=_mm-0-Part_1\n\nContent-Type: text/html\n\n<b>x</b>\n--=_mm-0-Part_1--\n.\nFrom here' }),
        }),
      ),
    )
    expect(plain).toContain('<b>x</b>')
    expect(attachments).toEqual([])
  })

  it('leaves out references that no line can hold', async () => {
    const composed = await text({ references: ['<ok@x>', `<${'a'.repeat(600)}@x>`, '<ü@x>', '<a b@x>', '<b@x>\r\nBcc: x@y'] })
    expect(composed).toContain('References: <ok@x>\r\n')
  })
})

it('a Message-ID is of the mailbox’s domain and never twice the same', () => {
  const ids = Array.from({ length: 1000 }, () => newMessageId('ours.test' as never))
  expect(new Set(ids).size).toBe(1000)
  for (const id of ids) expect(id).toMatch(/^<[0-9a-f]{32}@ours\.test>$/)
})

describe('nothing that is written can become another field', () => {
  // Anything, and more often than chance what breaks headers.
  const nasty = fc.constantFrom(
    '\r\nBcc: thief@evil.test',
    '\nX-Evil: 1',
    '\r',
    '\0',
    '\u2028',
    '=?utf-8?Q?=0D=0ABcc:_x?=',
    '=?utf-8?B?SGk=?=',
    '"',
    '\\',
    '<',
    '>',
    ',',
    ';',
    ': ',
    '\t',
    ' ',
    'ü',
    '漢字',
    '👩‍🚀',
    '\ud800',
    'x'.repeat(100),
  )
  const anyText = fc
    .array(fc.oneof(nasty, fc.string({ unit: 'binary', maxLength: 20 }), fc.string({ maxLength: 20 })), { maxLength: 8 })
    .map((it) => it.join(''))
  const oneLine = (value: string): string => value.replaceAll(/[\r\n\0]/g, '')
  /** What a reader sees of it: white space and control characters are one space. */
  const shown = (value: string): string =>
    value
      .toWellFormed()
      .replaceAll(/[\p{Cc}\u2028\u2029 ]+/gu, ' ')
      .trim()

  it('subject, display name and text come back as they were', async () => {
    await fc.assert(
      fc.asyncProperty(anyText, anyText, anyText, async (subject, name, markdown) => {
        const bytes = await compose(letter({ fromName: name, content: content({ subject: oneLine(subject).slice(0, 900), markdown }) }))
        expectCarriable(bytes)
        const names = fieldNames(bytes)
        const subjectShown = shown(oneLine(subject).slice(0, 900))
        expect(names).toEqual(
          ['from', 'to', 'subject', 'message-id', 'auto-submitted', 'x-ai-generated', 'mime-version', 'content-type'].filter(
            (it) => it !== 'subject' || subjectShown !== '',
          ),
        )
        const email = await parsed(bytes)
        expect(email.subject ?? '').toBe(subjectShown)
        expect(email.from).toMatchObject({ address: 'ann@ours.test', name: shown(name) })
        expect(email.to).toMatchObject([{ address: 'bo@remote.test' }])
        expect(email.attachments).toEqual([])
        expect(email.text?.replaceAll('\r\n', '\n').trimEnd()).toBe(content({ markdown }).markdown.trimEnd())
      }),
      { numRuns: 300 },
    )
  })

  it('file names come back as they were checked, and are only names', async () => {
    await fc.assert(
      fc.asyncProperty(anyText, fc.uint8Array({ maxLength: 300 }), async (name, octets) => {
        const checked = content({ attachments: [{ name, contentType: 'Text/Plain; name="x\r\nBcc: y"', content: Buffer.from(octets) }] })
        const [file] = checked.attachments
        expect(file?.name).not.toMatch(/[\p{Cc}/\\"]|^\.{0,2}$/u)
        const bytes = await compose(letter({ content: checked }))
        expectCarriable(bytes)
        expect(fieldNames(bytes)).toHaveLength(8)
        const { attachments } = await parsed(bytes)
        expect(attachments).toMatchObject([{ filename: file?.name, mimeType: 'text/plain' }])
        expect(Buffer.from(attachments[0]?.content as ArrayBuffer)).toEqual(Buffer.from(octets))
      }),
      { numRuns: 200 },
    )
  })
})

describe('what is handed in', () => {
  const refused = (input: Partial<ContentInput>) => {
    const checked = checkContent({ to: [bo], subject: 'Hello', markdown: 'x', ...input })
    return checked.ok ? 'taken' : checked.code
  }
  const many = (n: number, at = 'remote.test') => Array.from({ length: n }, (_, it) => address(`p${it}@${at}`))
  const file = (contentType: string, bytes = 1) => ({ name: 'a', contentType, content: Buffer.alloc(bytes) })

  it.each<[string, Partial<ContentInput>, string]>([
    ['no recipient', { to: [] }, 'NO_RECIPIENTS'],
    ['a hidden one only', { to: [], bcc: [bo] }, 'taken'],
    ['50 in all', { to: many(25), cc: many(25, 'b.test') }, 'taken'],
    ['51 in all', { to: many(25), cc: many(25, 'b.test'), bcc: [bo] }, 'TOO_MANY_RECIPIENTS'],
    ['a local part beyond US-ASCII', { to: [address('jürgen@remote.test')] }, 'UNSUPPORTED_ADDRESS'],
    ['a quoted local part', { bcc: [address('"ceo@bank.test"@evil.test')] }, 'UNSUPPORTED_ADDRESS'],
    ['a domain beyond US-ASCII', { to: [address('jo@bücher.test')] }, 'taken'],
    ['a line break in the subject', { subject: 'a\nBcc: b' }, 'INVALID_SUBJECT'],
    ['a carriage return in it', { subject: 'a\rb' }, 'INVALID_SUBJECT'],
    ['a NUL in it', { subject: 'a\0b' }, 'INVALID_SUBJECT'],
    ['a subject of 998', { subject: 'x'.repeat(998) }, 'taken'],
    ['a subject of 999', { subject: 'x'.repeat(999) }, 'INVALID_SUBJECT'],
    ['Markdown of 262144', { markdown: 'x'.repeat(262_144) }, 'taken'],
    ['Markdown of 262145', { markdown: 'x'.repeat(262_145) }, 'MESSAGE_TOO_LARGE'],
    ['a content type that is none', { attachments: [file('pdf')] }, 'INVALID_ATTACHMENT'],
    ['a content type that would end its line', { attachments: [file('a/b\r\nX-Evil: 1')] }, 'INVALID_ATTACHMENT'],
    ['20 attachments', { attachments: Array.from({ length: 20 }, () => file('a/b')) }, 'taken'],
    ['21 attachments', { attachments: Array.from({ length: 21 }, () => file('a/b')) }, 'MESSAGE_TOO_LARGE'],
    ['attachments that cannot fit', { attachments: [file('a/b', 20 * 1024 * 1024)] }, 'MESSAGE_TOO_LARGE'],
  ])('%s', (_, input, answer) => {
    expect(refused(input)).toBe(answer)
  })

  it('carries the longest subject, and the longest text on one line', async () => {
    const subject = 'x'.repeat(998)
    const bytes = await compose(letter({ content: content({ subject, markdown: 'y'.repeat(262_144) }) }))
    expectCarriable(bytes)
    expect((await parsed(bytes)).subject).toBe(subject)
  })

  it('names each address of a field once', () => {
    const cy = address('cy@else.test')
    expect(content({ to: [bo, cy, address('BO@remote.test')] }).to).toEqual([bo, cy])
  })

  it('sends a message part as plain octets: it may not be encoded as what it is', () => {
    expect(content({ attachments: [file('message/rfc822')] }).attachments[0]?.contentType).toBe('application/octet-stream')
  })
})

describe('Markdown as HTML', () => {
  it.each([
    ['tags are text', '<script>alert(1)</script><img src=x onerror=y>', /&lt;script&gt;.*&lt;img/],
    ['javascript: is no link', '[x](javascript:alert(1))', /\[x\]\(javascript/],
    ['data: is no link', '[x](data:text/html;base64,eA==)', /\[x\]\(data/],
    ['a picture is a link, so that nothing is fetched', '![logo](https://t.test/p.gif)', /<a href="https:\/\/t\.test\/p\.gif">logo<\/a>/],
    ['a written-out link is one', 'see https://a.test/?x=1&y=2', /<a href="https:\/\/a\.test\/\?x=1&amp;y=2">/],
    ['a file name is none', 'see report.py', /<p>see report\.py<\/p>/],
    ['a line break is one', 'Best,\nAnn', /Best,<br>\nAnn/],
  ])('%s', (_, markdown, html) => {
    expect(htmlFromMarkdown(markdown)).toMatch(html)
    expect(htmlFromMarkdown(markdown)).not.toMatch(/<(?:script|img|iframe)/i)
  })

  it('a short text that is a huge table is rendered beside the process too, and a common one is not', async () => {
    const render = createRender(createVirtualClock(0))
    const table = (columns: number, rows: number) => `|${'a|'.repeat(columns)}\n|${'-|'.repeat(columns)}\n${'|\n'.repeat(rows)}`
    const isAtOnce = (markdown: string) => Promise.race([render(markdown).then(() => true), nextTurn(false)])
    expect(await isAtOnce(table(10, 40))).toBe(true)
    expect(await isAtOnce(table(256, 256))).toBe(false)
    expect(await render(table(256, 256))).toEqual(ok(htmlFromMarkdown(table(256, 256))))
  })

  it('no more than ten long texts wait for each other: the next is asked to come again', async () => {
    const render = createRender(createVirtualClock(0))
    const long = '*a* '.repeat(3_000)
    const ten = Array.from({ length: 10 }, () => render(long))
    expect(await render(long)).toMatchObject({ ok: false, code: 'UNAVAILABLE' })
    expect(await render('short')).toMatchObject({ ok: true })
    for (const one of ten) expect(await one).toMatchObject({ ok: true })
    expect(await render(long)).toMatchObject({ ok: true })
  })

  it('long text is rendered beside the process, and one that takes too long is given up', async () => {
    const clock = createVirtualClock(0)
    const render = createRender(clock)
    const markdown = '*a* '.repeat(10_000)
    expect(await render(markdown)).toEqual(ok(htmlFromMarkdown(markdown)))

    const endless = render('![a'.repeat(87_000))
    await clock.advance(10_000)
    expect(await endless).toMatchObject({ ok: false, code: 'MESSAGE_TOO_LARGE' })
    expect(await render(markdown)).toEqual(ok(htmlFromMarkdown(markdown)))
  })
})
