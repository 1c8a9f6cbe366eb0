import { domainToASCII } from 'node:url'

declare const brand: unique symbol

/** A domain name in the one form we compare and store: A-labels, lower case, no trailing dot (RFC 5890 §2.3.2.1). */
export type DomainName = string & { readonly [brand]: 'DomainName' }

// The converter below is made for URLs: it removes tabs and line ends, decodes %xx, and stops at a slash. So of US-ASCII only what a name can
// hold may reach it, and of the rest nothing that cannot be seen.
const unnameable = /[^\w.\-\u0080-\u{10ffff}]|[\p{C}\p{Default_Ignorable_Code_Point}]/u
const label = /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/

/** Reads a domain as people and protocols write it (`Example.COM.`, `bücher.example`). Null when it is none:
 *  an empty or over-long label, over 253 octets (RFC 1035 §2.3.4), an address literal, a character no name has. */
export function parseDomainName(text: string): DomainName | null {
  if (text.length === 0 || text.length > 1000 || unnameable.test(text)) return null
  const plain = text.endsWith('.') ? text.slice(0, -1) : text
  // The WHATWG converter also accepts what is an IPv4 number (`1.2.3.4`, `0x7f.1`): those are addresses, not names.
  const ascii = /^[\w.-]+$/.test(plain) ? plain.toLowerCase() : domainToASCII(plain)
  if (ascii === '' || ascii.length > 253) return null
  const labels = ascii.split('.')
  if (!labels.every((part) => label.test(part))) return null
  if (/^(0x[0-9a-f]*|\d+)$/.test(labels.at(-1) ?? '')) return null
  return ascii as DomainName
}

/** True when `name` is `parent` or lies below it. */
export const isWithin = (name: DomainName, parent: DomainName): boolean => name === parent || name.endsWith(`.${parent}`)
