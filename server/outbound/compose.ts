/**
 * The composer: turns what an agent wrote into the bytes a reviewer approves and a recipient gets. It runs once per email, when the email is
 * submitted, and its output is never touched again (design promise 2). Date and whatever else the release or a delivery adds stands in front.
 */
import { isUtf8 } from 'node:buffer'
import { randomBytes } from 'node:crypto'
import MailComposer from 'nodemailer/lib/mail-composer'
import type { DomainName } from '../../dns/name.ts'
import type { Address } from '../model/address.ts'
import { sha256 } from '../model/canonical.ts'
import { removeFields } from '../model/headers.ts'
import type { AttachmentInput, Content } from './content.ts'
import type { UnsubscribeUris } from './unsubscribe/unsubscribe.ts'
import { withFooterText } from './footer.ts'
import { addressesField, idsField, namedAddressField, textField, uriField } from './fields.ts'

export type Letter = {
  from: Address
  fromName: string | null
  content: Content
  /** with angle brackets, made by `newMessageId` */
  messageId: string
  inReplyTo: string | null
  references: readonly string[]
  /** null or left out: it says nothing of unsubscribing */
  unsubscribe?: UnsubscribeUris | null
  /** behind what the agent wrote, in the plain text (footer.ts); left out: nothing */
  footer?: string
}

/** A Message-ID nobody can guess (RFC 5322 §3.6.4): 128 random bits at the mailbox's domain. */
export const newMessageId = (domain: DomainName): string => `<${randomBytes(16).toString('hex')}@${domain}>`

/** The whole message but for Date: CRLF line ends, 7-bit lines of at most 998 octets, no Bcc. The same letter gives the same bytes.
 *  @param html what the letter's Markdown was rendered to, with whatever stands behind it */
export async function compose(letter: Letter, html: string): Promise<Buffer> {
  return Buffer.concat([Buffer.from(headerOf(letter)), await mimeOf(letter, html)])
}

function headerOf({ from, fromName, content, messageId, inReplyTo, references, unsubscribe = null }: Letter): string {
  return [
    namedAddressField('From', from, fromName),
    addressesField('To', content.to),
    addressesField('Cc', content.cc),
    // RFC 5322 §3.6.3 lets a message have Bcc only; some hosts refuse one without any recipient field, and an empty group says it plainly.
    content.to.length + content.cc.length === 0 ? 'To: undisclosed-recipients:;\r\n' : '',
    textField('Subject', content.subject),
    idsField('Message-ID', [messageId]),
    idsField('In-Reply-To', inReplyTo === null ? [] : [inReplyTo]),
    idsField('References', references),
    uriField('List-Unsubscribe', [unsubscribe?.https, unsubscribe?.mailto]),
    // RFC 8058 §3.1: with the URL it makes one click.
    unsubscribe?.https ? 'List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n' : '',
    // RFC 3834 §5: no person wrote this, so no automatic responder should answer it.
    'Auto-Submitted: auto-generated\r\n',
    'X-AI-Generated: true\r\n',
  ].join('')
}

/** MIME-Version, Content-Type and the body, from nodemailer. */
async function mimeOf({ content, messageId, footer }: Letter, html: string): Promise<Buffer> {
  // The line end before a boundary is the boundary's (RFC 2046 §5.1.1). A part without any text would be left out.
  const text = footer === undefined ? content.markdown.trimEnd() || '\n' : withFooterText(content.markdown, footer).trimEnd()
  const message = await new MailComposer({
    messageId,
    date: new Date(0),
    text: text.replaceAll('\n', '\r\n'),
    html: html.replaceAll('\n', '\r\n'),
    attachments: content.attachments.map(attachmentPart),
    encoding: mostlyAscii(text) ? 'quoted-printable' : 'base64',
    // `=_` cannot occur in quoted-printable or base64 (RFC 2045 §6.7), and the rest is not known before the text is final.
    boundaryPrefix: '=_mm',
    baseBoundary: sha256('boundary', messageId).slice(0, 32),
    disableFileAccess: true,
    disableUrlAccess: true,
    newline: 'win',
  })
    .compile()
    .build()
  return removeFields(message, (field) => field.name === 'date' || field.name === 'message-id')
}

export const attachmentPart = ({ name, contentType, content }: AttachmentInput) => ({
  filename: name,
  contentType: contentType.startsWith('text/') && isUtf8(content) ? `${contentType}; charset=utf-8` : contentType,
  content,
  contentDisposition: 'attachment',
  contentTransferEncoding: contentType === 'message/rfc822' ? '7bit' : 'base64',
})

// Quoted-printable stays readable in raw form; for most other scripts it would triple the size.
const mostlyAscii = (text: string): boolean => Buffer.byteLength(text) < text.length * 1.3
