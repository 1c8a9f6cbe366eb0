import { type DomainName, parseDomainName } from '../../dns/name.ts'
import type { Brand } from './ids.ts'

/** `local-part@domain` as it goes on the wire: domain in A-labels and lower case, local part as written (RFC 5321 §2.4 leaves its case to the host). */
export type Address = Brand<string, 'Address'>

// RFC 5321 §4.1.2 Dot-string, with the letters RFC 6531 adds; never spaces, brackets, or what cannot be seen.
const dotString =
  /^[^\s\p{C}\p{Default_Ignorable_Code_Point}()<>[\]:;@\\,."]+(?:\.[^\s\p{C}\p{Default_Ignorable_Code_Point}()<>[\]:;@\\,."]+)*$/u
// Quoted-string: printable US-ASCII, quotes and backslashes escaped.
const quotedString = /^"(?:[ !#-[\]-~]|\\[ -~])*"$/

/** Reads one mailbox address (RFC 5321 §4.1.2, RFC 6531): no display name, no route, no address literal. Null when it is none.
 *  Limits: local part 64 octets, whole 254 (RFC 5321 §4.5.3.1, RFC 3696 erratum 1690). */
export function parseAddress(text: string): Address | null {
  if (text.length > 254) return null
  const at = text.lastIndexOf('@')
  if (at < 1) return null
  const local = text.slice(0, at)
  const domain = parseDomainName(text.slice(at + 1))
  if (domain === null || Buffer.byteLength(local) > 64) return null
  if (!dotString.test(local) && !quotedString.test(local)) return null
  const whole = `${local}@${domain}`
  return Buffer.byteLength(whole) > 254 ? null : (whole as Address)
}

export const domainOf = (address: Address): DomainName => address.slice(address.lastIndexOf('@') + 1) as DomainName
export const localPartOf = (address: Address): string => address.slice(0, address.lastIndexOf('@'))

/** The form in which we compare addresses: wholly lower case, composed letters (RFC 6532 §3.1), quotes only where they are needed (RFC 5321
 *  §4.1.2: `"ann"@` and `ann@` are one mailbox). Our own mailboxes are unique in it. */
export const addressKey = (address: string): string => unquoted(address).normalize('NFC').toLowerCase().normalize('NFC')

function unquoted(address: string): string {
  const at = address.lastIndexOf('@')
  const local = address.slice(0, at)
  if (!quotedString.test(local)) return address
  const content = local.slice(1, -1).replace(/\\(.)/g, '$1')
  const plain = dotString.test(content) ? content : `"${content.replace(/["\\]/g, '\\$&')}"`
  return plain + address.slice(at)
}
