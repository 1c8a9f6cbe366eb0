import { createHash } from 'node:crypto'
import type { Address } from './address.ts'
import { canonicalJson } from './canonical.ts'
import type { Brand } from './ids.ts'

/** RFC 5321 §2.3.1. `reversePath` null is the null reverse-path `<>`; `forwardPaths` has every recipient, Bcc included. */
export type Envelope = { reversePath: Address | null; forwardPaths: readonly Address[] }

/** Lower-case hex SHA-256 that names exactly one message to exactly these recipients (design promise 2). */
export type ContentHash = Brand<string, 'ContentHash'>

/** SHA-256 over the canonical envelope (RFC 8785 JSON; forward-paths sorted, each once), a zero octet, and the composed bytes.
 *  The envelope has no zero octet, so no two pairs of envelope and bytes share an input. */
export function contentHash(composed: Uint8Array, envelope: Envelope): ContentHash {
  const head = canonicalJson({
    forward_paths: [...new Set(envelope.forwardPaths)].toSorted(),
    reverse_path: envelope.reversePath ?? '',
  })
  return createHash('sha256').update(head).update('\0').update(composed).digest('hex') as ContentHash
}
