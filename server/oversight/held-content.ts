import { sha256 } from '../model/canonical.ts'
import { contentHash } from '../model/envelope.ts'
import type { Store } from '../store/db.ts'
import { type EmailRow, envelopeOf } from '../store/emails.ts'
import type { HoldRow } from '../store/holds.ts'

/** Whether the stored message is, byte for byte and recipient for recipient, the one the hold names. Reads the bytes anew and trusts no
 *  stored hash: a reviewer's yes must be about what would leave, even if somebody has been at the store. */
export async function isAsHeld(store: Store, email: EmailRow, hold: HoldRow): Promise<boolean> {
  const bytes = email.raw_hash === null ? null : await store.blobs.read(store.db, email.raw_hash).catch(() => null)
  if (bytes === null) return false
  return hold.direction === 'inbound' ? sha256(bytes) === hold.content_hash : outboundHash(bytes, email) === hold.content_hash
}

/** Null when the columns do not hold an envelope. */
function outboundHash(bytes: Buffer, email: EmailRow): string | null {
  try {
    return contentHash(bytes, envelopeOf(email))
  } catch {
    return null
  }
}

/** True when nothing the hash covers was changed in the row between two looks at it. */
export const isSameContent = (one: EmailRow, other: EmailRow): boolean =>
  one.raw_hash === other.raw_hash && one.reverse_path === other.reverse_path && one.forward_paths_json === other.forward_paths_json
