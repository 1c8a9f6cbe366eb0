/** Tag lists (RFC 6376 §3.2) as a signature has them, to the letter: what two readers could take for two things is not valid. */
import { trimWhite } from './white.ts'

/** `value` as it is written; `start` and `end` its place in the text, all that is between `=` and `;`. */
export type Tag = { value: string; start: number; end: number }
/** Of a list that is not valid there are the tags that could be read, the last of each name: they say whose it claims to be. */
export type TagList = { tags: ReadonlyMap<string, Tag>; isValid: boolean }

const tagName = /^[A-Za-z][A-Za-z0-9_]*$/
/** Controls, and line ends that fold nothing. RFC 8616 §3 lets values have octets above 127. */
// oxlint-disable-next-line no-control-regex -- they are what it looks for
const unwritable = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f]|\r\n(?![ \t])|\r(?!\n)|(?<!\r)\n/

/** @param text octets as Latin-1, such as a field @param from where the list begins in it */
export function readTagList(text: string, from: number): TagList {
  const tags = new Map<string, Tag>()
  let isValid = !unwritable.test(text)
  let equals = -1
  for (let start = from; start <= text.length;) {
    const end = indexOrEnd(text, ';', start)
    // Each octet is passed once, however many tags have no value.
    if (equals < start) equals = indexOrEnd(text, '=', start)
    if (equals < end) {
      const name = trimWhite(text.slice(start, equals))
      if (!tagName.test(name) || tags.has(name)) isValid = false
      tags.set(name, { value: text.slice(equals + 1, end), start: equals + 1, end })
    } else if (end < text.length || tags.size === 0 || trimWhite(text.slice(start)) !== '') isValid = false
    start = end + 1
  }
  return { tags, isValid }
}

function indexOrEnd(text: string, sign: string, from: number): number {
  const at = text.indexOf(sign, from)
  return at < 0 ? text.length : at
}
