/**
 * Header fields of a message we write (RFC 5322 §2.2): encoded, folded, and impossible to break out of.
 * Every value passes through here, so a line break in one can never begin another field.
 */
import { encodeWord, foldLines } from 'nodemailer/lib/mime-funcs'
import type { Address } from '../model/address.ts'

/** Text as a header can carry it: control characters and line separators become one space, runs of spaces one, ends trimmed;
 *  lone surrogates become U+FFFD. */
export const headerText = (text: string): string =>
  text
    .toWellFormed()
    .replace(/[\p{Cc}\u2028\u2029 ]+/gu, ' ')
    .trim()

// RFC 5322 §2.1.1 wants lines of 78 characters; a run of more than this without a space could not be folded.
const longestWord = 60
const needsNoEncoding = (text: string): boolean =>
  /^[!-~]+(?: [!-~]+)*$/.test(text) &&
  // Text that looks like an encoded-word would be decoded by the reader: what was approved is not what would be seen.
  !text.includes('=?') &&
  text.split(' ').every((word) => word.length <= longestWord)

// Base64 ("B") encoded-words of RFC 2047, each at most 75 characters and whole characters only.
const encoded = (text: string): string => encodeWord(text, 'B', 52)

const field = (name: string, value: string): string => `${foldLines(`${name}: ${value}`, 76)}\r\n`

/** An unstructured field such as Subject; '' when there is no text. */
export function textField(name: string, text: string): string {
  const value = headerText(text)
  if (value === '') return ''
  return field(name, needsNoEncoding(value) ? value : encoded(value))
}

/** A field that holds one address with a name to show, such as From. */
export function namedAddressField(name: string, address: Address, shown: string | null): string {
  const text = headerText(shown ?? '')
  if (text === '') return field(name, address)
  const phrase = needsNoEncoding(text) ? `"${text.replaceAll(/["\\]/g, '\\$&')}"` : encoded(text)
  return field(name, `${phrase} <${address}>`)
}

/** A field that lists addresses, such as To; '' when there are none. They are dot-atoms in US-ASCII (`isSendable`), so they need no quoting. */
export const addressesField = (name: string, addresses: readonly Address[]): string =>
  addresses.length === 0 ? '' : field(name, addresses.join(', '))

/** A field of URIs in angle brackets, the preferred one first (RFC 2369 §2); '' when there are none.
 *  @param uris as URL.href gives them: US-ASCII without spaces or brackets */
export function uriField(name: string, uris: readonly (string | null | undefined)[]): string {
  const known = uris.flatMap((uri) => uri ?? [])
  return known.length === 0 ? '' : `${name}: ${known.map((uri) => `<${uri}>`).join(',\r\n ')}\r\n`
}

/** A field of message identifiers, such as References; '' when there are none. */
export function idsField(name: string, ids: readonly string[]): string {
  const usable = ids.filter(isUsableId)
  return usable.length === 0 ? '' : field(name, usable.join(' '))
}

// A stranger made these. One that is not US-ASCII or cannot be folded into a line is left out: the others still thread.
const isUsableId = (id: string): boolean => /^<[!-;=?-~]{1,500}>$/.test(id)
