/**
 * What a file is by its first bytes, whatever its name and its sender say. Our own table: a package that knows some two hundred types
 * (file-type 22.3.0) takes archives and containers apart to do so, and knows neither web pages nor calendars, which are what matters in mail.
 */
import { isMisleading, endingsOf, pages, programs } from './file-names.ts'

/** So many bytes are looked at. */
export const lookedAtBytes = 4096

const word = 'application/vnd.openxmlformats-officedocument.wordprocessingml.document'
const excel = 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet'
const powerpoint = 'application/vnd.openxmlformats-officedocument.presentationml.presentation'
/** The compound files of old Office, of mails kept by Outlook, and of installers. */
export const compound = 'application/x-ole-storage'

type Signature = { at?: number; bytes: string; type: string }

/** First match wins. Bytes as latin1. */
const signatures: readonly Signature[] = [
  { bytes: '\x89PNG\r\n\x1a\n', type: 'image/png' },
  { bytes: '\xff\xd8\xff', type: 'image/jpeg' },
  { bytes: 'GIF87a', type: 'image/gif' },
  { bytes: 'GIF89a', type: 'image/gif' },
  { at: 8, bytes: 'WEBP', type: 'image/webp' },
  { bytes: 'II*\0', type: 'image/tiff' },
  { bytes: 'MM\0*', type: 'image/tiff' },
  { at: 4, bytes: 'ftypheic', type: 'image/heic' },
  { at: 4, bytes: 'ftypavif', type: 'image/avif' },
  { at: 4, bytes: 'ftyp', type: 'video/mp4' },
  { at: 8, bytes: 'WAVEfmt', type: 'audio/wav' },
  { bytes: 'ID3', type: 'audio/mpeg' },
  { bytes: 'OggS', type: 'application/ogg' },
  { bytes: 'fLaC', type: 'audio/flac' },
  { bytes: '\x1aE\xdf\xa3', type: 'video/webm' },
  { bytes: 'Rar!\x1a\x07', type: 'application/vnd.rar' },
  { bytes: '7z\xbc\xaf\x27\x1c', type: 'application/x-7z-compressed' },
  { bytes: '\x1f\x8b', type: 'application/gzip' },
  { bytes: '\xfd7zXZ\0', type: 'application/x-xz' },
  { bytes: 'MSCF\0\0\0\0', type: 'application/vnd.ms-cab-compressed' },
  { bytes: '\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1', type: compound },
  { bytes: '{\\rtf', type: 'application/rtf' },
  { bytes: '%!PS', type: 'application/postscript' },
  { bytes: 'MZ', type: 'application/vnd.microsoft.portable-executable' },
  { bytes: '\x7fELF', type: 'application/x-elf' },
  { bytes: '\xcf\xfa\xed\xfe', type: 'application/x-mach-binary' },
  { bytes: '\xca\xfe\xba\xbe', type: 'application/java-vm' },
  { bytes: 'L\0\0\0\x01\x14\x02\0', type: 'application/x-ms-shortcut' },
  { bytes: 'ITSF', type: 'application/vnd.ms-htmlhelp' },
  { bytes: '#!', type: 'text/x-shellscript' },
  { bytes: 'BEGIN:VCALENDAR', type: 'text/calendar' },
  { bytes: 'BEGIN:VCARD', type: 'text/vcard' },
]

const executables: ReadonlySet<string> = new Set([
  'application/vnd.microsoft.portable-executable',
  'application/x-elf',
  'application/x-mach-binary',
  'application/java-vm',
  'application/x-ms-shortcut',
  'application/vnd.ms-htmlhelp',
  'text/x-shellscript',
])

/** `type/subtype`; null when the beginning does not tell, as of plain text. @param head the first `lookedAtBytes`, or all there is */
export function typeByContent(head: Uint8Array): string | null {
  const bytes = Buffer.from(head.buffer, head.byteOffset, Math.min(head.byteLength, lookedAtBytes))
  const latin = bytes.toString('latin1')
  if (latin.startsWith('PK\x03\x04') || latin.startsWith('PK\x05\x06')) return typeOfZip(latin)
  const found = signatures.find((one) => latin.startsWith(one.bytes, one.at ?? 0))
  if (found !== undefined) return found.type
  // Readers take it from anywhere near the beginning, so whoever hides it there is found out.
  if (latin.slice(0, 1024).includes('%PDF-')) return 'application/pdf'
  return typeOfMarkup(textOf(bytes))
}

/** By the first entries, which the programs that write these formats put there. */
function typeOfZip(latin: string): string {
  const openDocument = /^mimetype(application\/[a-z0-9.+-]{1,100})/i.exec(latin.slice(30))?.[1]
  if (openDocument !== undefined) return openDocument.replace(/PK$/, '')
  if (!latin.includes('[Content_Types].xml') && !latin.includes('_rels/')) return 'application/zip'
  if (latin.includes('word/')) return word
  if (latin.includes('xl/')) return excel
  return latin.includes('ppt/') ? powerpoint : 'application/zip'
}

function textOf(bytes: Buffer): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return bytes.toString('utf16le').slice(1)
  if (bytes[0] === 0xfe && bytes[1] === 0xff)
    return Buffer.from(bytes.subarray(0, bytes.length & ~1))
      .swap16()
      .toString('utf16le')
      .slice(1)
  return bytes.toString('utf8').replace(/^\ufeff/, '')
}

const pageStart = /^<(?:!doctype\s+html|html|head|body|script|iframe|style|title|table|div|meta|base|object|embed|form|img|a)\b/i

/** Browsers look behind space and comments for the first element (WHATWG MIME Sniffing §7.1). */
function typeOfMarkup(text: string): string | null {
  const start = withoutComments(text)
  if (pageStart.test(start)) return 'text/html'
  if (!/^<(?:\?xml|!doctype|svg|[a-z_][\w.-]*:?)/i.test(start)) return null
  if (/<(?:\w+:)?svg[\s>]/i.test(start)) return 'image/svg+xml'
  if (/<html[\s>]/i.test(start)) return 'text/html'
  return /^<\?xml/i.test(start) ? 'application/xml' : null
}

function withoutComments(text: string): string {
  let rest = text.trimStart()
  while (rest.startsWith('<!--')) {
    const end = rest.indexOf('-->', 4)
    if (end < 0) return ''
    rest = rest.slice(end + 3).trimStart()
  }
  return rest
}

/** Why a file is to be handled with care. */
export const fileConcerns = ['other-type', 'program', 'web-page', 'misleading-name'] as const
export type FileConcern = (typeof fileConcerns)[number]

/** @param claimed.contentType without parameters @param real what `typeByContent` said */
export function concernsOf(claimed: { name: string; contentType: string }, real: string | null): FileConcern[] {
  const declared = claimed.contentType.toLowerCase()
  const ending = endingsOf(claimed.name).at(-1) ?? ''
  const concerns: Record<FileConcern, boolean> = {
    'other-type': real !== null && !agrees(declared, real),
    program: programs.has(ending) || (real !== null && executables.has(real)),
    'web-page': pages.has(ending) || isPage(declared) || (real !== null && isPage(real)),
    'misleading-name': isMisleading(claimed.name),
  }
  return fileConcerns.filter((one) => concerns[one])
}

/** A browser that shows one runs what is in it. */
export const isPage = (type: string): boolean =>
  /^(?:text\/html|multipart\/related|.*(?:xhtml|svg|javascript|ecmascript|\/xml|\+xml).*)$/i.test(type)

/** Which names of types one content may have; many programs write `application/octet-stream` for all of them. */
const alsoCalled: readonly { real: RegExp; declared: RegExp }[] = [
  { real: /^application\/zip$/, declared: /zip|^application\/(?:vnd\.|java-archive|x-java|x-xpinstall)/ },
  { real: /openxmlformats/, declared: /openxmlformats|^application\/(?:vnd\.ms-|msword|zip)/ },
  { real: /opendocument/, declared: /opendocument|zip$/ },
  { real: /^application\/x-ole-storage$/, declared: /^application\/(?:msword|vnd\.ms-|vnd\.visio|x-ms|x-ole|cdfv2|msexcel|mspowerpoint)/ },
  { real: /^image\/jpeg$/, declared: /^image\/(?:jpg|pjpeg)$/ },
  { real: /^image\/(?:heic|avif)$/, declared: /^image\/(?:hei[cf]|avif)/ },
  { real: /^video\/mp4$/, declared: /^(?:video|audio)\/|^image\/hei[cf]/ },
  { real: /^(?:video\/webm|application\/ogg)$/, declared: /^(?:video|audio)\/|ogg$/ },
  { real: /^audio\//, declared: /^audio\// },
  { real: /^application\/gzip$/, declared: /gzip|^application\/(?:x-tar|x-tgz|x-compressed)/ },
  { real: /^application\/vnd\.rar$/, declared: /rar/ },
  { real: /^application\/pdf$/, declared: /pdf$/ },
  { real: /^application\/rtf$/, declared: /rtf$|^application\/msword$/ },
  { real: /^text\/html$/, declared: /xhtml/ },
  { real: /^application\/xml$/, declared: /xml$/ },
  { real: /^image\/svg\+xml$/, declared: /^(?:text|application)\/xml$/ },
  { real: /^text\/(?:calendar|vcard)$/, declared: /^text\/|^application\/ics$/ },
  { real: /^text\/x-shellscript$/, declared: /^text\/|^application\/x-sh/ },
  { real: /portable-executable$/, declared: /^application\/x-(?:ms|dosexec)/ },
]

const agrees = (declared: string, real: string): boolean =>
  declared === real ||
  declared === 'application/octet-stream' ||
  alsoCalled.some((one) => one.real.test(real) && one.declared.test(declared))
