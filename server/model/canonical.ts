import { hash } from 'node:crypto'

export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json }

/** RFC 8785 JSON: the same value gives the same bytes, whatever the order of its keys; properties that are undefined are left out. Its strings and numbers
 *  are those of ECMAScript (§3.2.2), so only the order of the keys is ours (§3.2.3: by UTF-16 code units). Throws TypeError on what JSON cannot carry. */
export function canonicalJson(value: Json): string {
  if (typeof value === 'object' && value !== null) return isList(value) ? listJson(value) : objectJson(value)
  if (value === undefined || (typeof value === 'number' && !Number.isFinite(value))) throw new TypeError('not a JSON value')
  return JSON.stringify(value)
}

const isList = (value: readonly Json[] | { readonly [key: string]: Json }): value is readonly Json[] => Array.isArray(value)

function listJson(list: readonly Json[]): string {
  let text = '['
  for (const [at, one] of list.entries()) text += at === 0 ? canonicalJson(one) : `,${canonicalJson(one)}`
  return `${text}]`
}

function objectJson(object: { readonly [key: string]: Json }): string {
  let text = '{'
  for (const key of Object.keys(object).toSorted()) {
    const value = object[key]
    if (value !== undefined) text += `${text.length === 1 ? '' : ','}${JSON.stringify(key)}:${canonicalJson(value)}`
  }
  return `${text}}`
}

/** Lower-case hex SHA-256 of the parts, one behind the other. */
export const sha256 = (...parts: (string | Uint8Array)[]): string => {
  const [only] = parts
  return hash('sha256', only !== undefined && parts.length === 1 ? only : Buffer.concat(parts.map(octets)))
}

const octets = (part: string | Uint8Array): Uint8Array => (typeof part === 'string' ? Buffer.from(part) : part)
