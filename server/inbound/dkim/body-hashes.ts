/** The hashes of a body that signatures want (RFC 6376 §3.7), each computed once for all that want the same. */
import { createHash } from 'node:crypto'
import { relaxedBody } from '../../model/relaxed-body.ts'
import type { Canonicalization } from './canonical-header.ts'

/** `limit`: of `l=`, octets of the canonical body; Infinity for all of it. */
export type Wanted = { form: Canonicalization; hash: 'sha1' | 'sha256'; limit: number }
/** `hash` in base64; `unsigned`: octets of the canonical body behind the limit. */
export type BodyHash = { hash: string; unsigned: number }

export function bodyHashes(body: Buffer): (wanted: Wanted) => BodyHash {
  const known = new Map<string, BodyHash>()
  return (wanted) => {
    const key = `${wanted.form} ${wanted.hash} ${wanted.limit}`
    const found = known.get(key) ?? hashOf(body, wanted)
    known.set(key, found)
    return found
  }
}

function hashOf(body: Buffer, { form, hash: algorithm, limit }: Wanted): BodyHash {
  const hash = createHash(algorithm)
  let length = 0
  const take = (octets: Uint8Array): void => {
    if (length < limit) hash.update(length + octets.length > limit ? octets.subarray(0, limit - length) : octets)
    length += octets.length
  }
  for (const octets of form === 'relaxed' ? relaxedBody(body) : simpleBody(body)) take(octets)
  return { hash: hash.digest('base64'), unsigned: Math.max(0, length - limit) }
}

const lineEnd = Buffer.from('\r\n')

/** §3.4.3: as it is, with one line end where it ends in many or in none. */
function simpleBody(body: Buffer): Uint8Array[] {
  let end = body.length
  while (end > 1 && body[end - 1] === 10 && body[end - 2] === 13) end -= 2
  return [body.subarray(0, end), lineEnd]
}
