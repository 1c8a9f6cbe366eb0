/**
 * The fields of a header section as places in it, named in small letters.
 *
 * A line that is no field of its own belongs to the one above, whatever it begins with: readers differ about such lines, and of what a signature
 * covers there can only be more by it, never less. mailauth takes them so as well, and the authors of a message are read from the same rows.
 */
import { trimWhite } from './white.ts'

/** Octets of the header section; `colon` and `end` are behind the name and the value, `end` without the line end. '' names what is no field. */
export type Row = { name: string; start: number; colon: number; end: number }

const TAB = 9
const LF = 10
const CR = 13
const SPACE = 32
const COLON = 58

/** @param text the header section, octets as Latin-1 */
export function headerRows(text: string): Row[] {
  const rows: Row[] = []
  const length = withoutLineEnds(text)
  let start = 0
  for (let line = nextLine(text, 0); line < length; line = nextLine(text, line)) {
    if (!beginsField(text, line)) continue
    rows.push(rowOf(text, start, line))
    start = line
  }
  if (length > 0) rows.push(rowOf(text, start, length))
  return rows
}

/** A header section that ends in several line ends, or in half of one, has no more fields for it. */
function withoutLineEnds(text: string): number {
  let end = text.length
  while (end > 0 && isLineEnd(text.charCodeAt(end - 1))) end--
  return end
}

function nextLine(text: string, from: number): number {
  const newline = text.indexOf('\n', from)
  return newline < 0 ? text.length : newline + 1
}

function rowOf(text: string, start: number, next: number): Row {
  let end = next
  if (text.charCodeAt(end - 1) === LF) end -= text.charCodeAt(end - 2) === CR ? 2 : 1
  const colon = text.indexOf(':', start)
  return colon < 0 || colon >= end ? { name: '', start, colon: end, end } : { name: nameIn(text.slice(start, colon)), start, colon, end }
}

/** RFC 5322 §4.5.8 lets white space, and a fold in it, stand between a name and its colon. */
const nameIn = (text: string): string => lowerCase(plain.test(text) ? text : trimWhite(text.replaceAll(/\r?\n/g, '')))

const plain = /^[!-~]*$/

/** Of US-ASCII only: two octets that are no letters stay two (RFC 6376 §3.4.2). */
export const lowerCase = (text: string): string =>
  plain.test(text) ? text.toLowerCase() : text.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase())

/** RFC 5322 §3.6.8: a name is printable US-ASCII except the colon. */
function beginsField(text: string, line: number): boolean {
  let at = line
  while (isNameOctet(text.charCodeAt(at))) at++
  if (at === line) return false
  at = behindBlanks(text, at)
  if (text.charCodeAt(at) === CR && text.charCodeAt(at + 1) === LF) at = behindBlanks(text, at + 2)
  return text.charCodeAt(at) === COLON
}

function behindBlanks(text: string, from: number): number {
  let at = from
  while (isBlank(text.charCodeAt(at))) at++
  return at
}

const isNameOctet = (octet: number): boolean => octet > SPACE && octet < 127 && octet !== COLON
const isBlank = (octet: number): boolean => octet === SPACE || octet === TAB
const isLineEnd = (octet: number): boolean => octet === CR || octet === LF
