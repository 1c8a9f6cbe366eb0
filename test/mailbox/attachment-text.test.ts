import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createCollector } from '../../server/mailbox/attachment-text/collector.ts'
import { textOfOffice } from '../../server/mailbox/attachment-text/office.ts'
import { textOfPdf } from '../../server/mailbox/attachment-text/pdf.ts'
import { createTextReader } from '../../server/mailbox/attachment-text/reader.ts'
import { systemClock } from '../../server/platform/clock.ts'
import { makePdf, makeZip } from '../support/office-files.ts'

const read = createTextReader({ clock: systemClock, limitMs: 60_000 })
const textOf = (bytes: string | Buffer, contentType = 'application/octet-stream', mostCharacters = 1000) =>
  read({ bytes: Buffer.from(bytes), contentType, mostCharacters })

const word = makeZip({
  '[Content_Types].xml': '<Types/>',
  'word/document.xml': '<w:document><w:p><w:t>Hello</w:t><w:t> &lt;you&gt;</w:t></w:p>\n<w:p><w:t>Two</w:t></w:p></w:document>',
})
const excel = makeZip({
  '[Content_Types].xml': '<Types/>',
  'xl/workbook.xml': '<workbook/>',
  'xl/sharedStrings.xml': '<sst><si><t>Name</t></si><si><t>An</t><t>n</t></si></sst>',
  'xl/worksheets/sheet1.xml':
    '<worksheet><row><c t="s"><v>0</v></c><c><v>42</v></c></row><row><c t="s"><v>1</v></c><c t="inlineStr"><is><t>in</t></is></c></row></worksheet>',
})

describe('the text of a file', () => {
  it.each([
    ['a text', Buffer.from('one\r\ntwo'), 'one\ntwo', null],
    ['an old text', Buffer.from('na\xefve', 'latin1'), 'naïve', null],
    ['a text in UTF-16', Buffer.from('\ufeffna\u00efve', 'utf16le'), 'naïve', null],
    ['a calendar', Buffer.from('BEGIN:VCALENDAR\r\nSUMMARY:Tea'), 'BEGIN:VCALENDAR\nSUMMARY:Tea', null],
    ['a page', Buffer.from('<html><script>x</script><p>One<p>Two &amp; three'), 'One\n\nTwo & three', null],
    ['a PDF', makePdf('Hello from a page'), 'Hello from a page', 1],
    ['a Word file', word, 'Hello <you>\nTwo', null],
    ['an Excel file', excel, 'Name\t42\nAnn\tin', 1],
    [
      'a PowerPoint file',
      makeZip({
        'ppt/presentation.xml': '<p/>',
        'ppt/slides/slide10.xml': '<a:p><a:t>ten</a:t></a:p>',
        'ppt/slides/slide2.xml': '<a:p><a:t>two</a:t></a:p>',
      }),
      'two\n\nten',
      2,
    ],
    [
      'an OpenDocument file',
      makeZip({ mimetype: 'application/vnd.oasis.opendocument.text', 'content.xml': '<text:h>Title</text:h><text:p>A<text:s/>b</text:p>' }),
      'Title\nA b',
      null,
    ],
  ])('%s', async (_name, bytes, text, parts) => {
    expect(await textOf(bytes, 'text/plain')).toEqual({ ok: true, value: { text, isCut: false, parts } })
  })

  it('is cut where it was asked to be', async () => {
    for (const bytes of [Buffer.from('Hello from a page'), makePdf('Hello from a page'), word])
      expect(await textOf(bytes, 'text/plain', 4)).toMatchObject({ ok: true, value: { text: 'Hell', isCut: true } })
  })
})

describe('a file that is made to do harm', () => {
  it.each([
    [
      'is encrypted, old or new Office',
      Buffer.from(`\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1${'E.n.c.r.y.p.t.e.d.P.a.c.k.a.g.e.'.replaceAll('.', '\0')}`, 'latin1'),
      'ATTACHMENT_ENCRYPTED',
    ],
    ['is an encrypted archive', makeZip({ 'word/document.xml': 'x' }, { flags: 1 }), 'ATTACHMENT_ENCRYPTED'],
    [
      'is an encrypted OpenDocument file',
      makeZip({ 'content.xml': 'x', 'META-INF/manifest.xml': '<manifest:encryption-data/>' }),
      'ATTACHMENT_ENCRYPTED',
    ],
    [
      'unpacks to two hundred megabytes',
      makeZip({ 'word/document.xml': Buffer.alloc(200_000_000, '<w:t>a</w:t>') }),
      'ATTACHMENT_UNREADABLE',
    ],
    ['is an archive in an archive', makeZip({ 'inner.zip': word }), 'ATTACHMENT_NO_TEXT'],
    ['is half a PDF', Buffer.from('%PDF-1.7\n1 0 obj'), 'ATTACHMENT_UNREADABLE'],
    ['is half an archive', word.subarray(0, word.length / 2), 'ATTACHMENT_UNREADABLE'],
    ['is a program', Buffer.from('MZ\x90\0\x03', 'latin1'), 'ATTACHMENT_NO_TEXT'],
    ['is empty', Buffer.alloc(0), 'ATTACHMENT_NO_TEXT'],
  ])('%s', async (_name, bytes, code) => {
    expect(await textOf(bytes)).toMatchObject({ ok: false, code })
  })

  it('has entities of its own, and none grows or fetches', async () => {
    const document = '<!DOCTYPE d [<!ENTITY a "aaaa"><!ENTITY b SYSTEM "file:///etc/passwd">]><w:p><w:t>&a;&b;</w:t></w:p>'
    expect(await textOf(makeZip({ 'word/document.xml': document }))).toMatchObject({ ok: true, value: { text: '&a;&b;' } })
  })

  it.each([' ', '\t ', ' \n'])('is a million of %j, in linear time', (unit) => {
    const out = createCollector(2_000_000)
    out.add(`a${unit.repeat(1_000_000 / unit.length)}b \nc`)
    const begun = process.cpuUsage()
    expect(out.result().text).toMatch(/b\nc$/)
    const { user, system } = process.cpuUsage(begun)
    // Minutes, when each blank is a beginning.
    expect((user + system) / 1000).toBeLessThan(10_000)
  })

  it('takes no longer than it may, and the next is read', async () => {
    const hurried = createTextReader({ clock: systemClock, limitMs: 1 })
    const asked = { bytes: makePdf('x'), contentType: 'application/pdf', mostCharacters: 10 }
    expect(await hurried(asked)).toMatchObject({ ok: false, code: 'ATTACHMENT_UNREADABLE' })
    expect(await read(asked)).toMatchObject({ ok: true })
  })

  it('is damaged anywhere: an answer or an error, never for ever', async () => {
    for (const [bytes, readIt] of [
      [word, textOfOffice],
      [excel, textOfOffice],
      [makePdf('Hello'), textOfPdf],
    ] as const)
      await fc.assert(
        fc.asyncProperty(fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 }), async (changes) => {
          const damaged = Buffer.from(bytes)
          for (const [at, value] of changes) damaged[at] = value
          const text = await readIt({ bytes: damaged, mostCharacters: 100 }).catch((error: unknown) => error)
          expect(text instanceof Error || (typeof text === 'object' && text !== null && 'isCut' in text)).toBe(true)
        }),
        { numRuns: 60 },
      )
  })
})
