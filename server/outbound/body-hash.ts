/** What DKIM and the identity of a message say of its body: relaxed (RFC 6376 §3.4.4), so that white space may change on the way. */
import { createHash } from 'node:crypto'
import { setImmediate as breathe } from 'node:timers/promises'
import { relaxedBody } from '../model/relaxed-body.ts'

// Canonicalizing is CPU work on the event loop, some milliseconds per MiB: others get a turn between pieces.
const turnOctets = 1024 * 1024

/** Base64 SHA-256 of the body of a message with CRLF line ends. */
export async function relaxedBodyHash(body: Buffer): Promise<string> {
  const hash = createHash('sha256')
  let octets = 0
  for (const piece of relaxedBody(body)) {
    if (octets > turnOctets) {
      await breathe()
      octets = 0
    }
    hash.update(piece)
    octets += piece.length
  }
  return hash.digest('base64')
}
