/** A letter of the appliance to its operator as a message. Pure: the bytes, before they are signed. */
import type { DomainName } from '../../../dns/name.ts'
import type { Address } from '../../model/address.ts'
import { mailDate } from '../../model/mail-date.ts'
import { addressesField, namedAddressField, textField } from '../fields.ts'

/** `domain`: of ours, in whose name it is written. `id`: of the letter, so that a repeated try is the same message to a reader. */
export type OperatorLetter = { id: string; domain: DomainName; to: Address; subject: string; body: string; now: number }

/** CRLF line ends, US-ASCII, lines of at most 76 octets in the body. */
export function composeOperatorLetter({ id, domain, to, subject, body, now }: OperatorLetter): Buffer {
  const header = [
    namedAddressField('From', `postmaster@${domain}` as Address, 'MultiMail'),
    addressesField('To', [to]),
    // An answer would come to this server, where agents read, and bring them the code it quotes.
    addressesField('Reply-To', [to]),
    textField('Subject', subject),
    `Date: ${mailDate(now)}\r\n`,
    `Message-ID: <${id.toLowerCase()}@${domain}>\r\n`,
    // RFC 3834 §5: no absence notice answers it.
    'Auto-Submitted: auto-generated\r\n',
    'X-AI-Generated: false\r\n',
    'MIME-Version: 1.0\r\n',
    'Content-Type: text/plain; charset=utf-8\r\n',
    'Content-Transfer-Encoding: base64\r\n',
  ]
  return Buffer.from(`${header.join('')}\r\n${inLines(Buffer.from(body.replaceAll('\n', '\r\n')).toString('base64'))}`)
}

const inLines = (text: string): string => (text.match(/.{1,76}/g) ?? []).map((line) => `${line}\r\n`).join('')
