/** Command lines: where one ends in what came, and what it says. */
import { CR, LF, NUL } from './octets.ts'

/** Of a line, without its CRLF. A command has 512 octets (RFC 5321 §4.5.3.1.4); extensions and long addresses need some more. */
const maxCommandBytes = 2_048

/** `stray`: it holds a bare CR, a bare LF or a NUL, so where it ends is a matter of opinion. */
export type Unreadable = 'stray' | 'too-long'

/** `line`: it ends just before `to`, its CRLF included. `part`: it goes on in the next chunk. */
export type Scan = { kind: 'line'; to: number } | { kind: 'part' } | { kind: Unreadable }

const part: Scan = { kind: 'part' }
const stray: Scan = { kind: 'stray' }
const tooLong: Scan = { kind: 'too-long' }

/** @param before what earlier chunks held of this line; scanned already, and without fault */
export function scanLine(before: Buffer, chunk: Buffer, from: number): Scan {
  let behindCr = before.length > 0 && before[before.length - 1] === CR
  // The line may be as long as the limit, and its CR stands behind that.
  const lastCr = from + maxCommandBytes - before.length
  for (let at = from; at < chunk.length; at++) {
    const byte = chunk[at]
    if (byte === NUL || (byte === LF) !== behindCr) return stray
    if (behindCr) return { kind: 'line', to: at + 1 }
    behindCr = byte === CR
    if (!behindCr && at >= lastCr) return tooLong
  }
  return part
}

/** The verb in capitals, and what stands behind it without the spaces around (RFC 5321 §4.1.1 asks to tolerate trailing ones). */
export type Command = { verb: string; argument: string }

const ascii = /^[ -~]*$/
const control = /\p{Cc}/u
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Null for what no command can hold: a control character, or bytes that are not UTF-8 (RFC 6531 §3.4). */
export function parseCommand(line: Buffer): Command | null {
  const text = textOf(line)
  if (text === null) return null
  const space = text.indexOf(' ')
  if (space < 0) return { verb: text.toUpperCase(), argument: '' }
  return { verb: text.slice(0, space).toUpperCase(), argument: text.slice(space + 1).trim() }
}

function textOf(line: Buffer): string | null {
  const text = line.toString('latin1')
  if (ascii.test(text)) return text
  try {
    const decoded = utf8.decode(line)
    return control.test(decoded) ? null : decoded
  } catch {
    return null
  }
}
