/** The header section of a message as bytes (RFC 5322 §2.2). Nothing here re-encodes: signatures depend on every octet. */

/** One field as it stands, folding and final CRLF included. `name` is lower case. */
export type HeaderField = { name: string; raw: Buffer }

const CR = 13
const LF = 10

/** Splits a message with CRLF line ends at its first empty line. `body` begins behind that line. A message without one is all header. */
export function splitMessage(message: Buffer): { header: Buffer; body: Buffer } {
  if (message[0] === CR && message[1] === LF) return { header: message.subarray(0, 0), body: message.subarray(2) }
  const end = message.indexOf('\r\n\r\n')
  return end < 0
    ? { header: message, body: message.subarray(message.length) }
    : { header: message.subarray(0, end + 2), body: message.subarray(end + 4) }
}

/** The fields of a header section in order. A first line that is a continuation, or a line without a colon, becomes a field with the name ''. */
export function headerFields(header: Buffer): HeaderField[] {
  const fields: HeaderField[] = []
  // Looking for an octet in a string is many times as fast as in a Buffer, and of most fields only the name is wanted.
  const text = header.toString('latin1')
  let start = 0
  let colon = -1
  while (start < text.length) {
    let end = start
    do {
      const newline = text.indexOf('\n', end)
      end = newline < 0 ? text.length : newline + 1
    } while (end < text.length && (text.charCodeAt(end) === 32 || text.charCodeAt(end) === 9))
    // Each octet is passed once, however many lines have no colon.
    if (colon < start) colon = text.indexOf(':', start)
    if (colon < 0) colon = text.length
    fields.push(new Field(colon > start && colon < end ? text.slice(start, colon).trimEnd().toLowerCase() : '', header, start, end))
    start = end
  }
  return fields
}

class Field implements HeaderField {
  readonly name: string
  readonly #header: Buffer
  readonly #start: number
  readonly #end: number
  constructor(name: string, header: Buffer, start: number, end: number) {
    this.name = name
    this.#header = header
    this.#start = start
    this.#end = end
  }
  get raw(): Buffer {
    return this.#header.subarray(this.#start, this.#end)
  }
}

/** The value of a field unfolded to one line, its outer white space gone; octets as Latin-1 unless they are UTF-8. */
export function fieldValue(field: HeaderField): string {
  const colon = field.raw.indexOf(58)
  const bytes = field.raw.subarray(colon + 1)
  const text = bytes.toString('utf8')
  return (text.includes('\ufffd') ? bytes.toString('latin1') : text).replace(/\r?\n(?=[ \t])/g, '').trim()
}

/** `message` without the fields for which `drop` is true. The rest keeps every octet. */
export function removeFields(message: Buffer, drop: (field: HeaderField) => boolean): Buffer {
  const { header, body } = splitMessage(message)
  const fields = headerFields(header)
  const kept = fields.filter((field) => !drop(field))
  if (kept.length === fields.length) return message
  const rest = message.subarray(header.length, message.length - body.length)
  return Buffer.concat([...kept.map((field) => field.raw), rest, body])
}
