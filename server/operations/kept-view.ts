/** Answers as they are kept: packed, and looked at again. */
import { promisify } from 'node:util'
import { deflateRawSync, inflateRaw } from 'node:zlib'
import { type Json, canonicalJson, sha256 } from '../model/canonical.ts'
import type { Decider } from '../model/actor.ts'
import type { Store } from '../store/db.ts'
import { type KeptView, forgetViews } from '../store/kept-views.ts'
import { oncePerView } from './remembered.ts'
import { seesAll } from './visibility.ts'

/** A larger answer is not kept, in octets; its hash is on the record all the same. */
const largestKept = 256 * 1024

/** The hash of a view, and what is kept of it; null: it is too large. */
type Sealed = { hash: string; size: number; packed: Uint8Array | null }

/** RFC 8785, hashed and packed: once for an answer that is given again and again (decision 025). */
export const sealed = (view: Json): Sealed => (typeof view === 'object' && view !== null ? sealedView(view) : seal(view))

function seal(view: Json): Sealed {
  const text = canonicalJson(view)
  const size = Buffer.byteLength(text)
  return {
    hash: sha256(text),
    size,
    // A copy: what zlib gives lies in a larger piece of memory, which would go to the database's thread as a whole.
    get packed() {
      return size > largestKept ? null : Uint8Array.from(deflateRawSync(text, { level: 1 }))
    },
  }
}

const sealedView = oncePerView((view: Json & object): Sealed => {
  const { hash, size, packed } = seal(view)
  return { hash, size, packed }
})

/** What of an answer to this key is to be kept; null: nothing. Those who only look after the others write no mail. */
export function toKeep(actor: Decider, { hash, size, packed }: Sealed, now: number): KeptView | null {
  if (packed === null || actor.kind === 'person' || (seesAll(actor) && !actor.scopes.includes('send'))) return null
  return { account_id: actor.accountId, world: actor.world, view_hash: hash, size, packed, last_given_at: now }
}

const inflate = promisify(inflateRaw)

/** The canonical JSON of a kept view; null when it is not what the hash says any more, whatever was done to it. */
export async function unpacked({ view_hash, packed }: Pick<KeptView, 'view_hash' | 'packed'>): Promise<string | null> {
  try {
    const text = await inflate(packed, { maxOutputLength: largestKept })
    return sha256(text) === view_hash ? text.toString() : null
  } catch {
    return null
  }
}

/** @param keep.keepMs after it was given last; `most`: octets of all */
export const forgettingViews = (store: Store, keep: { keepMs: number; most: number }) => ({
  name: 'kept-views',
  schedule: '37 * * * *',
  work: async (now: number): Promise<void> => void (await forgetViews(store, { before: now - keep.keepMs, most: keep.most })),
})
