/** A message as somebody outside might have written it, for the test world: what is sent there to a mailbox without a mail program. */
import MailComposer from 'nodemailer/lib/mail-composer'
import { type Address, domainOf } from '../model/address.ts'
import { removeFields } from '../model/headers.ts'
import { type Result, fail, ok } from '../model/result.ts'
import { attachmentPart, newMessageId } from './compose.ts'
import { type AttachmentInput, type ContentCode, checkContent, isSendable } from './content.ts'
import { addressesField, idsField, namedAddressField, textField } from './fields.ts'

/** `headers`: further fields, in order; no field of those that the letter has anyway. `date`: epoch ms. */
export type LetterFromOutside = {
  from: Address
  fromName: string | null
  to: readonly Address[]
  cc: readonly Address[]
  subject: string
  text: string
  html: string | null
  inReplyTo: string | null
  references: readonly string[]
  headers: readonly (readonly [name: string, value: string])[]
  attachments: readonly AttachmentInput[]
  date: number
}

export type ComposeFromOutside = (letter: LetterFromOutside) => Promise<Result<Buffer, ContentCode>>

export const composeFromOutside: ComposeFromOutside = async (letter) => {
  const { from, fromName, to, cc, subject, text, attachments } = letter
  if (!isSendable(from)) return fail('UNSUPPORTED_ADDRESS', 'Hand in the whole message as raw_base64 for such an address.')
  const checked = checkContent({ to, cc, subject, markdown: text, attachments })
  if (!checked.ok) return checked
  const content = checked.value
  const messageId = newMessageId(domainOf(from))
  const header = [
    namedAddressField('From', from, fromName),
    addressesField('To', content.to),
    addressesField('Cc', content.cc),
    textField('Subject', content.subject),
    textField('Date', new Date(letter.date).toUTCString().replace('GMT', '+0000')),
    idsField('Message-ID', [messageId]),
    idsField('In-Reply-To', letter.inReplyTo === null ? [] : [letter.inReplyTo]),
    idsField('References', letter.references),
    ...letter.headers.map(([name, value]) => textField(name, value)),
  ].join('')
  const body = await new MailComposer({
    messageId,
    date: new Date(0),
    text: content.markdown.replaceAll('\n', '\r\n') || '\r\n',
    ...(letter.html !== null && { html: letter.html.toWellFormed().replaceAll(/\r\n?|\n/g, '\r\n') }),
    attachments: content.attachments.map(attachmentPart),
    disableFileAccess: true,
    disableUrlAccess: true,
    newline: 'win',
  })
    .compile()
    .build()
  return ok(Buffer.concat([Buffer.from(header), removeFields(body, ({ name }) => name === 'date' || name === 'message-id')]))
}
