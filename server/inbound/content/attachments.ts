/** What attachments are, from their names and first bytes: names are claims, and some are made to be misread. */
import { diskImages, endingsOf, isMisleading, pages, programs } from '../../model/file-names.ts'
import type { ParsedAttachment } from '../message/parsed-message.ts'
import type { Evidence } from './evidence.ts'
import { entriesOf } from './zip-entries.ts'

const maxJudged = 50
const maxLooked = 256 * 1024

const words = (text: string): ReadonlySet<string> => new Set(text.split(/\s+/))
const macros = words('docm dotm xlsm xltm xlam xlsb pptm potm ppam sldm')
const archives = words('zip rar 7z gz tar tgz bz2 xz ace arj cab')
const office = words('docx xlsx pptx docm xlsm pptm doc xls ppt dot xlt')

export function judgeAttachments(attachments: readonly ParsedAttachment[], evidence: Evidence): void {
  for (const attachment of attachments.slice(0, maxJudged)) judgeAttachment(attachment, evidence)
}

function judgeAttachment({ name, content, contentType }: ParsedAttachment, evidence: Evidence): void {
  const endings = endingsOf(name)
  const ending = endings.at(-1) ?? ''
  const detail = name
  if (programs.has(ending) || isProgram(content)) evidence.add('attachment-program', { detail, kind: name })
  else if (diskImages.has(ending)) evidence.add('attachment-disk-image', { detail })
  if (isMisleading(name)) evidence.add('attachment-double-name', { detail })
  if (macros.has(ending) || (office.has(ending) && hasMacros(content))) evidence.add('attachment-macro', { detail })
  if (pages.has(ending) || contentType === 'text/html') judgePage(name, content, evidence)
  if (archives.has(ending) || startsWith(content, 'PK\u0003\u0004')) judgeArchive(name, content, evidence)
}

const startsWith = (content: Uint8Array, signature: string): boolean =>
  content.length >= signature.length && Array.from(signature).every((character, at) => content[at] === character.charCodeAt(0))

/** Windows and Linux executables, and shortcuts. */
const isProgram = (content: Uint8Array): boolean =>
  startsWith(content, 'MZ') || startsWith(content, '\u007fELF') || startsWith(content, 'L\u0000\u0000\u0000\u0001\u0014\u0002')

/** Looked for in the beginning and the end, where a zip has its list and an old document its directory. */
function hasMacros(content: Uint8Array): boolean {
  const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength)
  const parts = [bytes.subarray(0, maxLooked), bytes.subarray(Math.max(0, bytes.length - maxLooked))]
  return parts.some((part) => part.includes('vbaProject.bin') || part.includes(vbaInOldDocuments))
}
const vbaInOldDocuments = Buffer.from('_VBA_PROJECT', 'utf16le')

/** What pages have that put a file together themselves, or ask for a password. */
const builders = [
  'atob(',
  'unescape(',
  'mssaveoropenblob',
  'createobjecturl',
  'fromcharcode',
  'type="password"',
  "type='password'",
  'type=password',
]

function judgePage(name: string, content: Uint8Array, evidence: Evidence): void {
  const bytes = Buffer.from(content.buffer, content.byteOffset, Math.min(content.byteLength, maxLooked))
  const source = bytes.toString('latin1').toLowerCase()
  const builder = builders.find((sign) => source.includes(sign))
  if (name.toLowerCase().endsWith('.svg') && !source.includes('<script') && builder === undefined) return
  evidence.add(builder === undefined ? 'attachment-html' : 'attachment-smuggling', { detail: name })
}

function judgeArchive(name: string, content: Uint8Array, evidence: Evidence): void {
  const entries = entriesOf(content)
  if (entries.some(({ isEncrypted }) => isEncrypted)) evidence.add('attachment-encrypted', { detail: name })
  const program = entries.find((entry) => programs.has(endingsOf(entry.name).at(-1) ?? ''))
  if (program !== undefined) evidence.add('attachment-program', { detail: `${program.name} in ${name}`, kind: program.name })
}
