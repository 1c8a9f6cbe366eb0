/** One message from its bytes to what it says. Runs in a worker: everything here may meet input made to hurt. */
import PostalMime, { type Address as PostalAddress, type Email, addressParser } from 'postal-mime'
import { isForward } from '../../mailbox/subject.ts'
import { parseAddress } from '../../model/address.ts'
import type { HeaderAddress } from '../../model/email.ts'
import { fieldValue, headerFields, splitMessage } from '../../model/headers.ts'
import { parseMessageIds } from '../../model/msg-id.ts'
import { readAttachments } from './attachments.ts'
import { type MessageFlag, type ParsedMessage, type UnreadText, unreadMessage } from './parsed-message.ts'
import { cleanLine } from './text.ts'

/** Each answers an attack: nested multiparts, headers without end in every part, messages within messages. */
const mimeLimits = { maxNestingDepth: 50, maxHeadersSize: 512 * 1024, maxRfc822NestingDepth: 3 }
const maxParts = 1_000
/** A longer header section is reduced to the fields we read, each at most so long. */
const maxHeader = 100 * 1024
const maxField = 8 * 1024
const maxAddresses = 500
const maxReferences = 100
/** Octets; RFC 5322 §2.1.1. It is indexed, and an index entry has a limit too. */
const maxMessageId = 998
const maxSubject = 998
const maxName = 200
/** Year 9999: later is no date anybody meant. */
const lastInstant = 253_402_300_799_999

const fieldsWeRead = new Set([
  'from',
  'sender',
  'to',
  'cc',
  'reply-to',
  'subject',
  'date',
  'message-id',
  'in-reply-to',
  'references',
  'mime-version',
  'content-type',
  'content-transfer-encoding',
  'content-disposition',
])

/** Never throws for what is in the message; runs out of time or memory instead, and then `readHeader` is next. */
export async function readWhole(bytes: Uint8Array): Promise<UnreadText> {
  const whole = asBuffer(bytes)
  const { header, body } = splitMessage(whole)
  const isLong = header.length > maxHeader
  const message = isLong ? Buffer.concat([reduced(header), Buffer.from('\r\n'), body]) : whole
  const flags: MessageFlag[] = isLong ? ['header-truncated'] : []
  const type = contentTypeOf(header)
  const boundary = boundaryOf(type)
  if (boundary !== null && hasMoreParts(body, boundary, maxParts)) return headerOnly(header, [...flags, 'unparsable', 'too-many-parts'])
  if (isMultipart(type) && (boundary === null || !body.includes(`--${boundary}--`))) flags.push('mime-truncated')
  if (!isKnownCharset(type)) flags.push('undecodable-text')
  try {
    return fromEmail(await PostalMime.parse(message, mimeLimits), flags)
  } catch (error) {
    return headerOnly(header, [...flags, 'unparsable', ...reasonOf(error)])
  }
}

/** For a message that took too long or too much memory. */
export const readHeader = (input: { header: Uint8Array; flags: MessageFlag[] }): Promise<UnreadText> =>
  headerOnly(asBuffer(input.header), input.flags)

async function headerOnly(header: Buffer, flags: MessageFlag[]): Promise<UnreadText> {
  try {
    const email = await PostalMime.parse(reduced(header), mimeLimits)
    return fromEmail({ ...email, text: '', html: '', attachments: [] }, flags)
  } catch {
    return nothingRead(flags)
  }
}

function reasonOf(error: unknown): MessageFlag[] {
  const text = error instanceof Error ? error.message : ''
  if (text.includes('nesting depth')) return ['mime-too-deep']
  return text.includes('header size') ? ['mime-headers-too-large'] : []
}

/** The fields we read, over-long ones cut. */
const reduced = (header: Buffer): Buffer =>
  Buffer.concat(
    headerFields(header)
      .filter((field) => fieldsWeRead.has(field.name))
      .slice(0, 100)
      .map(({ raw }) => (raw.length <= maxField ? raw : cutField(raw))),
  )

const space = 32

/** Cut behind a folding, a field would end in an empty line, and so would the header: what follows would be text. */
function cutField(raw: Buffer): Buffer {
  let end = maxField
  while (end > 0 && (raw[end - 1] ?? 0) <= space) end--
  return Buffer.concat([raw.subarray(0, end), Buffer.from('\r\n')])
}

/** The value of Content-Type as far as we read it, or ''. */
function contentTypeOf(header: Buffer): string {
  const field = headerFields(header).find(({ name }) => name === 'content-type')
  return field === undefined ? '' : fieldValue({ ...field, raw: field.raw.subarray(0, maxField) })
}

const isMultipart = (type: string): boolean => /^multipart\//i.test(type)

function boundaryOf(type: string): string | null {
  if (!isMultipart(type)) return null
  const [, quoted, token] = /;\s{0,20}boundary\s{0,20}=\s{0,20}(?:"([^"]{1,1000})"|([^\s;"]{1,1000}))/i.exec(type) ?? []
  return quoted ?? token ?? null
}

function isKnownCharset(type: string): boolean {
  const [, label] = /;\s{0,20}charset\s{0,20}=\s{0,20}"?([^\s;"]{1,100})/i.exec(type) ?? []
  try {
    return label === undefined || new TextDecoder(label).encoding !== ''
  } catch {
    return false
  }
}

function hasMoreParts(body: Buffer, boundary: string, limit: number): boolean {
  const delimiter = Buffer.from(`--${boundary}`)
  let count = 0
  for (let at = body.indexOf(delimiter); at >= 0; at = body.indexOf(delimiter, at + delimiter.length)) if (++count > limit + 1) return true
  return false
}

function fromEmail(email: Email, flags: MessageFlag[]): UnreadText {
  const value = (name: string): string | null => email.headers.find((field) => field.key === name)?.value ?? null
  const authors = addressParser((value('from') ?? '').slice(0, maxField))
  const from = mailboxes(email.from === undefined ? [] : [email.from])[0] ?? null
  const subject = cleanLine(email.subject ?? '', maxSubject)
  const attachments = readAttachments(email.attachments)
  const recipients = [email.to, email.cc, email.replyTo].map((list) => mailboxes(list ?? []))
  const [to = [], cc = [], replyTo = []] = recipients.map((list) => list.slice(0, maxAddresses))
  const message: ParsedMessage = {
    subject,
    from,
    replyTo,
    to,
    cc,
    messageId: parseMessageIds(value('message-id')).find((id) => Buffer.byteLength(id) <= maxMessageId) ?? null,
    inReplyTo: parseMessageIds(value('in-reply-to'), 10),
    references: parseMessageIds(value('references'), maxReferences),
    sentAt: instantOf(value('date')),
    markdown: '',
    extracted: '',
    attachments: attachments.list,
    flags: unique([
      ...flags,
      ...attachments.flags,
      ...authorFlags(email, authors, from),
      ...(recipients.some((list) => list.length > maxAddresses) ? ['addresses-truncated' as const] : []),
    ]),
  }
  const source = { plain: email.text ?? '', html: email.html ?? '', forwarded: isForward(subject) }
  return { message, source, subject: (email.subject ?? '').slice(0, maxSubject * 4) }
}

/** For a message of which not even its header can be read. */
export const nothingRead = (flags: MessageFlag[]): UnreadText => ({
  message: unreadMessage(flags),
  source: { plain: '', html: '', forwarded: false },
  subject: '',
})

/** RFC 5322 §3.6.2 wants exactly one From; several authors in it are allowed there, with a Sender beside them, but we name one. */
function authorFlags({ headers }: Email, authors: readonly PostalAddress[], from: HeaderAddress | null): MessageFlag[] {
  const fields = headers.filter(({ key }) => key === 'from').length
  if (fields === 0) return ['no-from']
  const areSeveral = fields > 1 || authors.length > 1 || authors.some(({ group }) => group !== undefined)
  const hasSender = headers.some(({ key }) => key === 'sender')
  return [
    ...(areSeveral ? ['multiple-from' as const] : []),
    ...(areSeveral && !hasSender ? ['no-sender' as const] : []),
    ...(from === null ? ['from-unreadable' as const] : []),
  ]
}

/** Every readable mailbox, groups opened. What is no address is left out: nothing could be sent to it. */
function mailboxes(list: readonly PostalAddress[]): HeaderAddress[] {
  const found: HeaderAddress[] = []
  for (const entry of list) {
    for (const one of entry.group ?? [entry]) {
      const address = parseAddress((one.address ?? '').slice(0, 1_000))
      if (address === null) continue
      const name = cleanLine(one.name, maxName)
      found.push(name === '' ? { address } : { address, name })
      if (found.length > maxAddresses) return found
    }
  }
  return found
}

function instantOf(date: string | null): number | null {
  const instant = date === null || date.length > 200 ? Number.NaN : Date.parse(date)
  return Number.isFinite(instant) && instant >= 0 && instant <= lastInstant ? instant : null
}

const unique = (flags: MessageFlag[]): MessageFlag[] => [...new Set(flags)]

const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
