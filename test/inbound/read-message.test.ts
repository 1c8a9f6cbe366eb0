import { afterAll, describe, expect, it } from 'vitest'
import { createWorkers } from '../../server/inbound/examine/workers.ts'
import { silentLog } from '../../server/platform/log.ts'
import { reader } from '../support/read-letter.ts'
import { letter } from '../support/remote-sender.ts'

const workers = createWorkers({ log: silentLog })
afterAll(() => workers.close())
const parse = reader(workers)

describe('a message', () => {
  it('is read once, wholly', async () => {
    const message = await parse(
      letter(
        {
          From: '=?utf-8?q?B=C3=B6?= <Bo@Remote.TEST>',
          To: 'Friends: ann@ours.test, "Cy, the other" <cy@remote.test>;, nobody',
          Cc: 'bea@ours.test',
          'Reply-To': 'desk@remote.test',
          Subject: '=?utf-8?b?UmU6IEzDvG5jaA==?=',
          'In-Reply-To': '<0@remote.test>',
          References: '<a@remote.test>\r\n <0@remote.test>',
          'Content-Type': 'multipart/mixed; boundary=b',
        },
        [
          '--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nGr=C3=BC=C3=9Fe\r\n',
          '--b\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename="../../x.pdf"\r\nContent-Transfer-Encoding: base64\r\n\r\nQUJD\r\n',
          '--b--\r\n',
        ].join(''),
      ),
    )
    expect(message).toMatchObject({
      subject: 'Re: Lünch',
      from: { address: 'Bo@remote.test', name: 'Bö' },
      to: [{ address: 'ann@ours.test' }, { address: 'cy@remote.test', name: 'Cy, the other' }],
      cc: [{ address: 'bea@ours.test' }],
      replyTo: [{ address: 'desk@remote.test' }],
      messageId: '<1@remote.test>',
      inReplyTo: ['<0@remote.test>'],
      references: ['<a@remote.test>', '<0@remote.test>'],
      sentAt: Date.UTC(2026, 10, 23, 10),
      markdown: 'Grüße\n',
      flags: [],
    })
    expect(message?.attachments).toMatchObject([{ name: '.._.._x.pdf', contentType: 'application/pdf', isInline: false }])
    expect(Buffer.from(message?.attachments[0]?.content ?? []).toString()).toBe('ABC')
  })

  it.each([
    ['control characters and NUL from encoded words', { Subject: '=?utf-8?q?a=00b=0D=0Ac=1B?=' }, { subject: 'ab c' }],
    [
      'a direction override in a name',
      { From: '=?utf-8?b?4oCuZXZpbA==?= <bo@remote.test>' },
      { from: { name: 'evil', address: 'bo@remote.test' } },
    ],
    ['a date that is none', { Date: 'yesterday' }, { sentAt: null }],
    ['a date before all mail', { Date: 'Mon, 1 Jan 1900 00:00:00 +0000' }, { sentAt: null }],
    ['a Message-ID without brackets', { 'Message-ID': 'x@y' }, { messageId: null }],
    [
      'an attachment without a name',
      { 'Content-Type': 'application/x-thing', 'Content-Disposition': 'attachment' },
      { attachments: [{ name: 'attachment-1' }] },
    ],
    [
      'a media type that is none',
      { 'Content-Type': 'appli cation/<x>; name=x', 'Content-Disposition': 'attachment' },
      { attachments: [{ contentType: 'application/octet-stream' }] },
    ],
  ])('is cleaned of %s', async (_what, fields, expected) => {
    expect(await parse(letter(fields))).toMatchObject(expected)
  })
})

/** Each is made to exhaust something. They are stored all the same, flagged, and read as far as they can be. */
const deep = Array.from({ length: 1e5 }, (_, at) => `--b${at}\r\nContent-Type: multipart/mixed; boundary=b${at + 1}\r\n\r\n`).join('')
const manyParts = '--b\r\nContent-Type: application/x\r\n\r\nx\r\n'.repeat(1e5)
const inOther = (body: string) => `--a\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n${body}--a--\r\n`
const multipart = (boundary: string) => ({ 'Content-Type': `multipart/mixed; boundary=${boundary}` })
const hostile: [what: string, data: string | Buffer, flags: string[], more?: object][] = [
  ['100 000 levels', letter(multipart('b0'), deep), ['mime-truncated', 'unparsable', 'mime-too-deep']],
  ['100 000 parts', letter(multipart('b'), `${manyParts}--b--\r\n`), ['unparsable', 'too-many-parts']],
  ['100 000 parts within a part', letter(multipart('a'), inOther(manyParts)), ['unparsable', 'mime-headers-too-large']],
  [
    '300 attachments',
    letter(multipart('b'), `${'--b\r\nContent-Type: application/x\r\n\r\nx\r\n'.repeat(300)}--b--\r\n`),
    ['too-many-attachments'],
  ],
  ['no end', letter(multipart('b'), '--b\r\n\r\nHello.\r\n'), ['mime-truncated'], { extracted: 'Hello.' }],
  ['no boundary', letter({ 'Content-Type': 'multipart/mixed' }), ['mime-truncated']],
  ['a boundary of 1 MB', letter(multipart(`"${'b'.repeat(1e6)}"`)), ['header-truncated', 'mime-truncated']],
  ['a header line of 1 MB', `X: ${'a'.repeat(1e6)}\r\n${letter()}`, ['header-truncated'], { extracted: 'Hello.' }],
  [
    'a subject of 1 MB',
    letter({ Subject: `Lunch ${'a'.repeat(1e6)}` }),
    ['header-truncated'],
    { subject: expect.stringMatching(/^Lunch a{992}$/) },
  ],
  [
    // Its octets 8 191 and 8 192 are CRLF.
    'a field that is cut right behind a folding',
    letter({ To: `     ${'a@b.test,\r\n '.repeat(12_000)}z@b.test` }),
    ['header-truncated', 'addresses-truncated'],
    { subject: 'Lunch', extracted: 'Hello.' },
  ],
  ['9 000 folded lines', letter({ 'X-Fold': `${'a\r\n '.repeat(9_000)}a` }), [], { subject: 'Lunch' }],
  [
    '20 000 recipients',
    letter({ To: Array.from({ length: 20_000 }, (_, at) => `a${at}@b.test`).join(',') }),
    ['header-truncated', 'addresses-truncated'],
  ],
  [
    '20 000 authors',
    letter({ From: Array.from({ length: 20_000 }, (_, at) => `a${at}@b.test`).join(',') }),
    ['header-truncated', 'multiple-from', 'no-sender'],
    { from: { address: 'a0@b.test' } },
  ],
  ['nested comments', letter({ To: `${'('.repeat(50_000)}ann@ours.test` }), [], { to: [] }],
  [
    'a charset nobody knows',
    letter({ 'Content-Type': 'text/plain; charset=klingon' }, 'Qapla\xff\r\n'),
    ['undecodable-text'],
    { from: { address: 'bo@remote.test' } },
  ],
  [
    'bytes that are no UTF-8',
    Buffer.concat([Buffer.from(letter({ 'Content-Type': 'text/plain; charset=utf-8' }, '')), Buffer.from([0xff, 0xc0, 0x80, 13, 10])]),
    ['undecodable-text'],
  ],
  [
    'base64 that is none',
    letter({ 'Content-Type': 'text/plain; charset=utf-8', 'Content-Transfer-Encoding': 'base64' }, '!!!!\r\n@@@@=/w==\r\n'),
    ['undecodable-text'],
  ],
  ['messages in messages', letter({ 'Content-Type': 'message/rfc822' }, 'Content-Type: message/rfc822\r\n\r\n'.repeat(1_000)), []],
  ['2 MB of nested tables', letter({ 'Content-Type': 'text/html' }, '<table><tr><td>'.repeat(140_000)), ['text-truncated']],
  ['elements within attributes', letter({ 'Content-Type': 'text/html' }, '<a></a><b x='.repeat(20_000)), []],
  ['text made for expressions', letter({}, 'Op x schreef y\r\nOn a wrote '.repeat(20_000)), ['text-truncated']],
  ['one line of 1 MB', letter({}, `${'> '.repeat(5e5)}\r\n`), ['text-truncated']],
]

describe('the authors of a message', () => {
  it.each<[from: string, more: Record<string, string>, flags: string[]]>([
    ['Bo <bo@remote.test>', {}, []],
    ['"Bo, the other" <bo@remote.test>', {}, []],
    ['=?utf-8?q?Bo=2C_cy=40remote=2Etest?= <bo@remote.test>', {}, []],
    ['bo@remote.test, cy@remote.test', {}, ['multiple-from', 'no-sender']],
    ['bo@remote.test,\r\n cy@remote.test', {}, ['multiple-from', 'no-sender']],
    ['bo@remote.test, cy@remote.test', { Sender: 'bo@remote.test' }, ['multiple-from']],
    ['Friends: bo@remote.test;', {}, ['multiple-from', 'no-sender']],
    ['bo@remote.test\r\nFrom: bo@remote.test', {}, ['multiple-from', 'no-sender']],
  ])('in %j and %j are %j', async (From, more, flags) => {
    expect(await parse(letter({ From, ...more }))).toMatchObject({
      from: { address: 'bo@remote.test' },
      flags: expect.arrayContaining(flags),
    })
    expect((await parse(letter({ From, ...more })))?.flags).toHaveLength(flags.length)
  })
})

describe('hostile MIME', () => {
  it.each(hostile)('with %s is flagged, and its header fields are read', { timeout: 60_000 }, async (_what, data, flags, more = {}) => {
    expect(await parse(data)).toMatchObject({ messageId: '<1@remote.test>', sentAt: Date.UTC(2026, 10, 23, 10), flags, ...more })
  })
})
