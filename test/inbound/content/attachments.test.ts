import { describe, expect, it } from 'vitest'
import { entriesOf } from '../../../server/inbound/content/zip-entries.ts'
import { scanLetter } from '../../support/scan-letter.ts'

/** A zip archive of empty files, with its list. */
function zipOf(...files: { name: string; isEncrypted?: boolean }[]): Buffer {
  const locals: Buffer[] = []
  const list: Buffer[] = []
  let offset = 0
  for (const { name, isEncrypted = false } of files) {
    const local = Buffer.alloc(30 + name.length)
    local.writeUInt32LE(0x04034b50, 0)
    local.writeUInt16LE(isEncrypted ? 1 : 0, 6)
    local.writeUInt16LE(name.length, 26)
    local.write(name, 30)
    const entry = Buffer.alloc(46 + name.length)
    entry.writeUInt32LE(0x02014b50, 0)
    entry.writeUInt16LE(isEncrypted ? 1 : 0, 8)
    entry.writeUInt16LE(name.length, 28)
    entry.writeUInt32LE(offset, 42)
    entry.write(name, 46)
    locals.push(local)
    list.push(entry)
    offset += local.length
  }
  const end = Buffer.alloc(22)
  end.writeUInt32LE(0x06054b50, 0)
  end.writeUInt32LE(offset, 16)
  return Buffer.concat([...locals, ...list, end])
}

describe('an attachment', () => {
  it.each<[string, { name: string; contentType?: string; content?: string | Uint8Array }, string[]]>([
    ['a document', { name: 'invoice.pdf', content: '%PDF-1.7' }, []],
    ['a program', { name: 'setup.exe' }, ['attachment-program']],
    ['a script', { name: 'fax.js' }, ['attachment-program']],
    ['a program under another name', { name: 'photo.jpg', content: 'MZ\u0090' }, ['attachment-program']],
    ['a program behind a document', { name: 'invoice.pdf.exe' }, ['attachment-double-name', 'attachment-program']],
    ['a program behind spaces', { name: 'invoice.pdf          .scr' }, ['attachment-double-name', 'attachment-program']],
    ['a page behind a document', { name: 'invoice.pdf.html', content: '<p>' }, ['attachment-double-name', 'attachment-html']],
    ['a disk image', { name: 'order.iso' }, ['attachment-disk-image']],
    ['a document with macros', { name: 'list.xlsm' }, ['attachment-macro']],
    ['macros under a plain name', { name: 'list.xlsx', content: zipOf({ name: 'xl/vbaProject.bin' }) }, ['attachment-macro']],
    ['macros in an old document', { name: 'list.doc', content: Buffer.from('_VBA_PROJECT', 'utf16le') }, ['attachment-macro']],
    ['a page', { name: 'page.html', contentType: 'text/html', content: '<p>Hello</p>' }, ['attachment-html']],
    ['a page that builds a file', { name: 'page.htm', content: '<script>atob("x")</script>' }, ['attachment-smuggling']],
    ['a page that wants a password', { name: 'page.html', content: '<input type="password">' }, ['attachment-smuggling']],
    ['a drawing', { name: 'logo.svg', content: '<svg></svg>' }, []],
    ['a drawing that runs', { name: 'logo.svg', content: '<svg><script>x()</script></svg>' }, ['attachment-html']],
    ['an archive', { name: 'photos.zip', content: zipOf({ name: 'a.jpg' }) }, []],
    ['an archive of programs', { name: 'photos.zip', content: zipOf({ name: 'a.jpg' }, { name: 'b/run.bat' }) }, ['attachment-program']],
    ['a locked archive', { name: 'x.zip', content: zipOf({ name: 'a.pdf', isEncrypted: true }) }, ['attachment-encrypted']],
    ['an archive under another name', { name: 'x.dat', content: zipOf({ name: 'a.exe' }) }, ['attachment-program']],
  ])('%s', (_what, attachment, codes) => {
    expect(scanLetter({ plain: 'See the attachment.', attachments: [attachment] }).codes).toEqual(codes)
  })

  it('is worse when the letter tells how to unlock it', () => {
    const attachments = [{ name: 'x.zip', content: zipOf({ name: 'a.pdf', isEncrypted: true }) }]
    expect(scanLetter({ plain: 'The password is 4471.', attachments }).codes).toEqual(['attachment-encrypted', 'attachment-password'])
  })

  it('is not believed: a list that leads nowhere, without end, or cut anywhere', () => {
    const archive = zipOf({ name: 'a.exe' }, { name: 'b.exe' })
    for (let length = 0; length <= archive.length; length++) expect(entriesOf(archive.subarray(0, length)).length).toBeLessThanOrEqual(2)
    const looping = Buffer.from(archive)
    looping.writeUInt32LE(0, looping.length - 6)
    expect(entriesOf(looping)).toHaveLength(1)
    expect(entriesOf(zipOf(...Array.from({ length: 5_000 }, (_, at) => ({ name: `${at}` }))))).toHaveLength(200)
  })
})
