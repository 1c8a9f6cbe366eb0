/**
 * The relaxed form of a body (RFC 6376 §3.4.4). Only CRLF ends a line.
 *
 * Strings with one octet in each character, because there a pattern finds what has to change many times as fast as a loop over octets.
 */

/** Then to the end of the line: so little is in memory twice, and whoever takes the pieces may let others have a turn between them. */
const pieceOctets = 16 * 1024
const lineEnd = Buffer.from('\r\n')

/** In pieces that together are the body in its relaxed form; an empty one has none. */
export function* relaxedBody(body: Buffer): Generator<Buffer, void, undefined> {
  const content = body.subarray(0, contentEnd(body))
  for (let start = 0; start < content.length;) {
    const newline = content.indexOf(10, start + pieceOctets)
    const end = newline < 0 ? content.length : newline + 1
    yield relaxedLines(content.subarray(start, end))
    start = end
  }
  if (content.length > 0) yield lineEnd
}

/** White space that is not one space within a line. */
const unrelaxed = /\t| [ \t]| \r\n/
const blanks = /\t[ \t]*| [ \t]+/g

function relaxedLines(lines: Buffer): Buffer {
  const text = lines.toString('latin1')
  return unrelaxed.test(text) ? Buffer.from(text.replaceAll(blanks, ' ').replaceAll(' \r\n', '\r\n'), 'latin1') : lines
}

/** Empty lines at the end, and white space in them, do not count. */
function contentEnd(body: Buffer): number {
  let end = body.length
  for (;;) {
    const last = body[end - 1]
    if (last === 32 || last === 9) end--
    else if (last === 10 && body[end - 2] === 13) end -= 2
    else return end
  }
}
