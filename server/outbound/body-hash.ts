/** What DKIM and the identity of a message say of its body: relaxed (RFC 6376 §3.4.4), so that white space may change on the way. */
import { createHash } from 'node:crypto'
import { setImmediate as breathe } from 'node:timers/promises'

// Canonicalizing is CPU work on the event loop, about 10 ms per MiB: others get a turn between pieces.
const pieceBytes = 1024 * 1024

/** Base64 SHA-256 of the body of a message with CRLF line ends. */
export async function relaxedBodyHash(body: Buffer): Promise<string> {
  const hash = createHash('sha256')
  const content = withoutEmptyEnd(body)
  for (let start = 0; start < content.length;) {
    const newline = content.indexOf(10, start + pieceBytes)
    const end = newline < 0 ? content.length : newline + 1
    hash.update(relaxedLines(content.toString('latin1', start, end)), 'latin1')
    start = end
    if (start < content.length) await breathe()
  }
  return hash.update(content.length > 0 ? '\r\n' : '').digest('base64')
}

const relaxedLines = (lines: string): string => lines.replace(/[ \t]+/g, ' ').replaceAll(' \r\n', '\r\n')

/** Without white space at its end: what relaxing would leave there is empty lines, which do not count. */
function withoutEmptyEnd(body: Buffer): Buffer {
  let end = body.length
  while (end > 0 && isWhite(body[end - 1])) end -= 1
  return body.subarray(0, end)
}

const isWhite = (octet: number | undefined): boolean => octet === 32 || octet === 9 || octet === 13 || octet === 10
