/**
 * Two things that postal-mime does by the byte or by the stream, done by the line and in memory: it finds the ends of lines in a loop of its own,
 * and puts each part together as a Blob which it then reads back, which takes longer than all else it does.
 * test/inbound/quick-mime.test.ts holds the two ways beside each other.
 */
import PostalMime from 'postal-mime'

/** What postal-mime asks of the decoder of a part. Lines come without their ends, and stay as they are until the part is finished. */
export type PartDecoder = { update(line: Uint8Array<ArrayBuffer>): void; finalize(): Promise<ArrayBuffer> }
type Part = { contentDecoder: PartDecoder | null }
type PartClass = { setupContentDecoder(this: Part, encoding: string): void }
type Reading = { root: object; buf: ArrayBuffer; av: Uint8Array; readPos: number }
type ReaderClass = { readLine(this: Reading): { bytes: Uint8Array; done: boolean } }

const reader = PostalMime.prototype as unknown as ReaderClass
const parts = Object.getPrototypeOf((new PostalMime() as unknown as Reading).root) as PartClass
const itsOwn = parts.setupContentDecoder

/** From now on postal-mime works like this in this thread. */
export function useQuickMime(): void {
  reader.readLine = readLine
  parts.setupContentDecoder = function (this: Part, encoding: string): void {
    this.contentDecoder = bodyDecoder(encoding)
  }
}

function readLine(this: Reading): { bytes: Uint8Array; done: boolean } {
  const start = this.readPos
  const newline = this.av.indexOf(LF, start)
  this.readPos = newline < 0 ? this.av.length : newline + 1
  let end = newline < 0 ? this.av.length : newline
  while (end > start && this.av[end - 1] === CR) end--
  return { bytes: new Uint8Array(this.buf, start, end - start), done: this.readPos >= this.av.length }
}

/** The one postal-mime would use. */
export function originalDecoder(encoding: string): PartDecoder {
  const part: Part = { contentDecoder: null }
  itsOwn.call(part, encoding)
  if (part.contentDecoder === null) throw new Error('postal-mime made no decoder')
  return part.contentDecoder
}

/** @param encoding of Content-Transfer-Encoding, as postal-mime reads it */
export function bodyDecoder(encoding: string): PartDecoder {
  const lines: Uint8Array<ArrayBuffer>[] = []
  const decode = /base64/i.test(encoding) ? decodeBase64 : /quoted-printable/i.test(encoding) ? decodeQuotedPrintable : joinLines
  return { update: (line) => void lines.push(line), finalize: async () => decode(lines) ?? again(lines, encoding) }
}

function again(lines: Iterable<Uint8Array<ArrayBuffer>>, encoding: string): Promise<ArrayBuffer> {
  const own = originalDecoder(encoding)
  for (const line of lines) own.update(line)
  return own.finalize()
}

type Lines = readonly Uint8Array<ArrayBuffer>[]

const LF = 10
const CR = 13
const EQUALS = 61

const lengthOf = (lines: Lines): number => lines.reduce((sum, { length }) => sum + length, 0)

function joinLines(lines: Lines): ArrayBuffer {
  const whole = new Uint8Array(lengthOf(lines) + lines.length)
  let at = 0
  for (const line of lines) {
    whole.set(line, at)
    at += line.length
    whole[at++] = LF
  }
  return whole.buffer
}

function decodeQuotedPrintable(lines: Lines): ArrayBuffer {
  const room = new Uint8Array(lengthOf(lines) + lines.length)
  let at = 0
  for (const line of lines) at = decodeLine(line, room, at)
  return room.buffer.slice(0, at)
}

/** RFC 2045 §6.7. What is no escape stays as it is. @returns where the next line goes */
function decodeLine(line: Uint8Array, room: Uint8Array, start: number): number {
  const isSoft = line.at(-1) === EQUALS
  const end = isSoft ? line.length - 1 : line.length
  let at = start
  for (let from = 0; from < end; from++) {
    const byte = line[from] ?? 0
    const value = byte === EQUALS && from + 2 < end ? nibble(line[from + 1]) * 16 + nibble(line[from + 2]) : Number.NaN
    if (Number.isNaN(value)) room[at++] = byte
    else {
      room[at++] = value
      from += 2
    }
  }
  if (!isSoft) room[at++] = LF
  return at
}

function nibble(byte = 0): number {
  if (byte >= 48 && byte <= 57) return byte - 48
  const letter = byte | 32
  return letter >= 97 && letter <= 102 ? letter - 87 : Number.NaN
}

/** So much is decoded at a time: it becomes a string on the way. */
const batchBytes = 64 * 1024

/** Null for what only a patient reader makes sense of. */
function decodeBase64(lines: Lines): ArrayBuffer | null {
  const room = Buffer.from(new ArrayBuffer(Math.ceil((lengthOf(lines) * 3) / 4)))
  const end = lines.findLastIndex(({ length }) => length > 0) + 1
  let at = 0
  for (let first = 0; first < end;) {
    const { next, octets } = batchFrom(lines, first, end)
    const text = textOf(lines.slice(first, next))
    const group = next === end ? withoutPadding(text) : text
    if (group.includes('-') || group.includes('_')) return null
    const written = room.write(group, at, 'base64')
    // Node leaves out what does not belong there, so then it is less than there should be without the ends of lines.
    if (written !== Math.floor(((octets - text.length + group.length) * 3) / 4)) return null
    at += written
    first = next
  }
  return at === room.length ? room.buffer : room.buffer.slice(0, at)
}

/** Four characters are three octets, so each batch but the last has a multiple of four. */
function batchFrom(lines: Lines, first: number, end: number): { next: number; octets: number } {
  let octets = 0
  let next = first
  while (next < end && (octets < batchBytes || octets % 4 > 0)) octets += lines[next++]?.length ?? 0
  return { next, octets }
}

/** Lines that follow one another in a message are taken from it at once, with their ends: making a string of each takes longer than decoding it. */
function textOf(lines: Lines): string {
  const [first] = lines
  const last = lines.at(-1)
  if (first === undefined || last === undefined) return ''
  const whole = Buffer.from(first.buffer, first.byteOffset)
  const length = last.byteOffset + last.length - first.byteOffset
  if (isOneText(lines, whole)) return whole.toString('latin1', 0, length)
  return lines.map((line) => Buffer.from(line.buffer, line.byteOffset, line.length).toString('latin1')).join('')
}

/** Whether there are but ends of lines between them. */
function isOneText(lines: Lines, whole: Buffer): boolean {
  let end = 0
  for (const { buffer, byteOffset, length } of lines) {
    const start = byteOffset - whole.byteOffset
    if (buffer !== whole.buffer || start < end) return false
    for (; end < start; end++) if (whole[end] !== CR && whole[end] !== LF) return false
    end = start + length
  }
  return true
}

const withoutPadding = (text: string): string => (text.endsWith('==') ? text.slice(0, -2) : text.endsWith('=') ? text.slice(0, -1) : text)
