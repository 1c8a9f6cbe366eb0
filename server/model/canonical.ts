import { hash } from 'node:crypto'
import canonicalize from 'canonicalize'

export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json }

/** RFC 8785 JSON: the same value gives the same bytes, whatever the order of its keys. Throws on values JSON cannot carry. */
export function canonicalJson(value: Json): string {
  const text = canonicalize(value)
  if (text === undefined) throw new TypeError('not a JSON value')
  return text
}

/** Lower-case hex SHA-256 of the parts, one behind the other. */
export const sha256 = (...parts: (string | Uint8Array)[]): string => {
  const [only] = parts
  return hash('sha256', only !== undefined && parts.length === 1 ? only : Buffer.concat(parts.map(octets)))
}

const octets = (part: string | Uint8Array): Uint8Array => (typeof part === 'string' ? Buffer.from(part) : part)
