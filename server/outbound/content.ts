/** What a caller hands in to be mailed, checked once and put in the form that is composed, stored and shown to reviewers alike. */
import { type Address, addressKey, localPartOf } from '../model/address.ts'
import { maxAttachments, maxMarkdownLength, maxRecipients, maxSubjectLength } from '../model/letter-limits.ts'
import { isMediaType } from '../model/media-type.ts'
import { type Result, fail, ok } from '../model/result.ts'
import { headerText } from './fields.ts'

export type AttachmentInput = { name: string; contentType: string; content: Buffer }

export type ContentInput = {
  to: readonly Address[]
  cc?: readonly Address[] | undefined
  bcc?: readonly Address[] | undefined
  subject: string
  markdown: string
  attachments?: readonly AttachmentInput[] | undefined
}

export type Content = {
  to: readonly Address[]
  cc: readonly Address[]
  bcc: readonly Address[]
  subject: string
  markdown: string
  attachments: readonly AttachmentInput[]
}

/** A whole composed message, in bytes: what most hosts take. */
export const maxMessageBytes = 25 * 1024 * 1024
const maxNameLength = 150

export type ContentCode =
  | 'NO_RECIPIENTS'
  | 'TOO_MANY_RECIPIENTS'
  | 'UNSUPPORTED_ADDRESS'
  | 'INVALID_SUBJECT'
  | 'INVALID_ATTACHMENT'
  | 'MESSAGE_TOO_LARGE'

export function checkContent(input: ContentInput): Result<Content, ContentCode> {
  const to = each(input.to)
  const cc = each(input.cc ?? [])
  const bcc = each(input.bcc ?? [])
  const recipients = forwardPaths({ to, cc, bcc })
  if (recipients.length === 0) return fail('NO_RECIPIENTS', 'Name at least one recipient.')
  if (to.length + cc.length + bcc.length > maxRecipients)
    return fail('TOO_MANY_RECIPIENTS', `At most ${maxRecipients} recipients, Cc and Bcc included.`)
  if (!recipients.every(isSendable)) {
    return fail(
      'UNSUPPORTED_ADDRESS',
      'The part before the @ of each address must be plain US-ASCII without quotes; SMTPUTF8 is not supported yet.',
    )
  }
  if (input.subject.length > maxSubjectLength || /[\r\n\0]/.test(input.subject)) {
    return fail('INVALID_SUBJECT', `A subject is one line of at most ${maxSubjectLength} characters.`)
  }
  if (input.markdown.length > maxMarkdownLength) return fail('MESSAGE_TOO_LARGE', `At most ${maxMarkdownLength} characters of Markdown.`)
  const attachments = checkAttachments(input.attachments ?? [])
  if (!attachments.ok) return attachments
  return ok({ to, cc, bcc, subject: headerText(input.subject), markdown: bodyText(input.markdown), attachments: attachments.value })
}

/** Every recipient once, Bcc included: the forward-paths of the envelope (RFC 5321 §2.3.1). */
export const forwardPaths = (content: Pick<Content, 'to' | 'cc' | 'bcc'>): Address[] => each([...content.to, ...content.cc, ...content.bcc])

/** True for an address that every host on the way can carry and every program reads the same way. A local part beyond US-ASCII needs
 *  SMTPUTF8 (RFC 6531), which we do not offer; quoted local parts (`"a@b"@c`) are where parsers disagree about who is meant. */
export const isSendable = (address: Address): boolean => /^[!-~]+$/.test(address) && !localPartOf(address).startsWith('"')

/** Each once, in the order and form in which it came first. */
function each(addresses: readonly Address[]): Address[] {
  const seen = new Map<string, Address>()
  for (const address of addresses) if (!seen.has(addressKey(address))) seen.set(addressKey(address), address)
  return [...seen.values()]
}

/** Text with LF line ends, without the control characters that no one sees and some programs stop at. */
const bodyText = (text: string): string =>
  text
    .toWellFormed()
    .replaceAll(/\r\n?|[\u2028\u2029]/g, '\n')
    .replaceAll(/(?![\n\t])\p{Cc}/gu, '')

function checkAttachments(given: readonly AttachmentInput[]): Result<AttachmentInput[], 'INVALID_ATTACHMENT' | 'MESSAGE_TOO_LARGE'> {
  if (given.length > maxAttachments) return fail('MESSAGE_TOO_LARGE', `At most ${maxAttachments} attachments.`)
  // Base64 turns three octets into four, so this much can never fit.
  if (given.reduce((sum, it) => sum + it.content.length, 0) > maxMessageBytes * 0.75) return fail('MESSAGE_TOO_LARGE', tooLarge)
  const checked: AttachmentInput[] = []
  for (const { name, contentType, content } of given) {
    const type = mediaType(contentType, content)
    if (type === null) return fail('INVALID_ATTACHMENT', 'A content type reads type/subtype, such as application/pdf.')
    checked.push({ name: attachmentName(name), contentType: type, content })
  }
  return ok(checked)
}

export const tooLarge = `At most ${maxMessageBytes} bytes for the whole message, attachments in base64 included.`

/** A file name that is only that: no path, none of the characters that file systems or header fields give a meaning to, nothing
 *  invisible (a right-to-left override can make `exe.pdf` of `fdp.exe`). */
function attachmentName(name: string): string {
  const base = name.toWellFormed().split(/[/\\]/).at(-1) ?? ''
  const clean = base
    .replaceAll(/[\p{C}\u2028\u2029<>:"|?*]/gu, '_')
    .replaceAll(/\s+/g, ' ')
    .trim()
  // The end has the extension.
  const short = clean.slice(-maxNameLength).toWellFormed()
  return short === '' || /^\.+$/.test(short) ? 'attachment' : short
}

/** Parameters are dropped. A `message` or `multipart` part may not be base64 (RFC 2046 §5.2.1), so such a file travels as plain octets, but for a message
 *  that can travel as it is. */
function mediaType(given: string, content: Buffer): string | null {
  const type = (given.split(';', 1)[0] ?? '').trim().toLowerCase()
  if (!isMediaType(type)) return null
  if (type === 'message/rfc822' && isPlainMessage(content)) return type
  return /^(?:message|multipart)\//.test(type) ? 'application/octet-stream' : type
}

const longestLine = 998
const [cr, lf] = [13, 10]

/** Nothing in it has to be encoded (RFC 2045 §2.7): US-ASCII without NUL, lines that end in CRLF and have 998 octets at most. */
function isPlainMessage(content: Buffer): boolean {
  let length = 0
  // By hand: an iterator over 25 MB would hold up everybody else.
  for (let at = 0; at < content.length; at++) {
    const octet = content[at] ?? 0
    if (octet === 0 || octet > 127 || length > longestLine) return false
    if ((octet === lf) !== (content[at - 1] === cr)) return false
    length = octet === lf ? 0 : octet === cr ? length : length + 1
  }
  return content.at(-1) === lf
}
