import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isMisleading, savableName } from '../../server/model/file-names.ts'
import { concernsOf, isPage, typeByContent } from '../../server/model/file-type.ts'

const latin = (text: string): Buffer => Buffer.from(text, 'latin1')
const zipOf = (...names: string[]): Buffer =>
  Buffer.concat(names.map((name) => Buffer.concat([latin(`PK\x03\x04${'\0'.repeat(26)}`), latin(name)])))

describe('what a file is by its content', () => {
  it.each([
    ['%PDF-1.7\n', 'application/pdf'],
    [`${' '.repeat(100)}%PDF-1.4`, 'application/pdf'],
    ['\x89PNG\r\n\x1a\n....', 'image/png'],
    ['RIFF....WEBPVP8 ', 'image/webp'],
    ['MZ\x90\0', 'application/vnd.microsoft.portable-executable'],
    ['#!/bin/sh\n', 'text/x-shellscript'],
    ['BEGIN:VCALENDAR\r\n', 'text/calendar'],
    ['\n <!-- a --> <!DOCTYPE html>', 'text/html'],
    ['\xef\xbb\xbf<script>alert(1)</script>', 'text/html'],
    ['<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg">', 'image/svg+xml'],
    ['<svg onload="alert(1)">', 'image/svg+xml'],
    ['<?xml version="1.0"?><order/>', 'application/xml'],
    ['<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml">', 'text/html'],
    ['MZungu is a word', 'application/vnd.microsoft.portable-executable'],
    ['Dear Ann,\n<b>', null],
    ['a,b,c\n', null],
    ['', null],
  ])('%j is %s', (text, type) => expect(typeByContent(latin(text))).toBe(type))

  it('sees a page in any encoding that a browser takes', () => {
    const page = '<html><script>'
    expect(typeByContent(Buffer.from(`\ufeff${page}`, 'utf16le'))).toBe('text/html')
    expect(typeByContent(Buffer.from(`\ufeff${page}`, 'utf16le').swap16())).toBe('text/html')
  })

  it('tells office files from other archives', () => {
    expect(typeByContent(zipOf('[Content_Types].xml', 'word/document.xml'))).toContain('wordprocessingml')
    expect(typeByContent(zipOf('[Content_Types].xml', 'xl/workbook.xml'))).toContain('spreadsheetml')
    expect(typeByContent(zipOf('_rels/.rels', 'ppt/presentation.xml'))).toContain('presentationml')
    expect(typeByContent(zipOf('mimetypeapplication/vnd.oasis.opendocument.text', 'content.xml'))).toBe(
      'application/vnd.oasis.opendocument.text',
    )
    expect(typeByContent(zipOf('holiday.jpg'))).toBe('application/zip')
  })

  it('never throws, and soon has an answer', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 5000 }), (bytes) => void typeByContent(bytes)))
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(...Array.from('<!-->?xmlsvg html')) }),
        (text) => void typeByContent(Buffer.from(text)),
      ),
    )
  })
})

describe('why to be careful with a file', () => {
  it.each([
    ['a.pdf', 'application/pdf', '%PDF-1.7', []],
    ['a.pdf', 'application/octet-stream', '%PDF-1.7', []],
    ['a.pdf', 'application/pdf', '<html>', ['other-type', 'web-page']],
    ['a.png', 'image/png', 'MZ\x90\0', ['other-type', 'program']],
    ['a.png', 'image/png', '<svg onload=x>', ['other-type', 'web-page']],
    ['a.jpg', 'image/jpg', '\xff\xd8\xff\xe0', []],
    ['a.txt', 'text/plain', 'hello', []],
    ['a.html', 'text/plain', 'hello', ['web-page']],
    ['invoice.pdf.exe', 'application/octet-stream', 'hello', ['program', 'misleading-name']],
    ['a\u202efdp.exe', 'application/pdf', '%PDF-1', ['program', 'misleading-name']],
    ['a.bin', 'application/javascript', 'alert(1)', ['web-page']],
  ])('%j, declared %s', (name, contentType, content, concerns) => {
    expect(concernsOf({ name, contentType }, typeByContent(latin(content)))).toEqual(concerns)
  })

  it('takes every type that a browser may run for a page', () => {
    for (const type of [
      'text/html',
      'TEXT/HTML',
      'image/svg+xml',
      'application/xhtml+xml',
      'text/xml',
      'text/javascript',
      'multipart/related',
    ])
      expect([type, isPage(type)]).toEqual([type, true])
    for (const type of ['text/plain', 'application/pdf', 'image/png', 'text/csv', 'application/json'])
      expect([type, isPage(type)]).toEqual([type, false])
  })
})

describe('the name a file is saved under', () => {
  it.each([
    ['a b.txt', 'a b.txt'],
    ['../../etc/passwd', '.._.._etc_passwd'],
    ['a\0b\r\n.txt', 'a_b__.txt'],
    ['a\u202egpj.exe', 'a_gpj.exe'],
    ['', 'attachment'],
    ['..', 'attachment'],
    ['\ud800.pdf', '_.pdf'],
    [`${'a'.repeat(300)}.pdf`, `${'a'.repeat(146)}.pdf`],
  ])('%j becomes %j', (name, saved) => expect(savableName(name)).toBe(saved))

  it('is short, not empty, and no path whatever it was', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 400 }), (name) => {
        const saved = savableName(name)
        expect(saved).toMatch(/^[^/\\\p{Cc}\p{Cf}]+$/u)
        expect(Array.from(saved).length).toBeLessThanOrEqual(150)
        void isMisleading(name)
      }),
    )
  })
})
