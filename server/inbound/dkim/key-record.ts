/**
 * Key records (RFC 6376 §3.6.1, RFC 8463 §4). Reading a key takes as long as verifying with it, and many messages have the same one, so what
 * was read is kept. A record is the business of who published it: one that is written sloppily counts when there is no doubt what it says.
 */
import { type KeyObject, createPublicKey } from 'node:crypto'

/** `sameDomain`: the flag `s`, the domain of `i=` must be that of `d=`. */
export type Key = { kind: 'key'; key: KeyObject; type: 'rsa' | 'ed25519'; sameDomain: boolean }
/** `policy`: it is a key, and not one to be trusted. */
export type NoKey = { kind: 'none'; result: 'neutral' | 'policy'; reason: string }

/** RFC 8301 §3.2 */
const leastBits = 1_024
/** Verifiers must manage 4096 (§3.2). Twice that takes four times as long, and a record has hardly room for more. */
const mostBits = 8_192
/** OpenSSL wants this of large keys only; with a small key and an exponent of its length each verification takes as long as signing. */
const mostExponent = 2n ** 64n
const longestRecord = 4_096
const mostKept = 1_000
const kept = new Map<string, Key | NoKey>()

/** @param record the text, its strings joined */
export function readKeyRecord(record: string): Key | NoKey {
  if (record.length > longestRecord) return none('invalid public key')
  const known = kept.get(record) ?? parse(record)
  kept.delete(record)
  kept.set(record, known)
  if (kept.size > mostKept) kept.delete(kept.keys().next().value ?? record)
  return known
}

const none = (reason: string, result: NoKey['result'] = 'neutral'): NoKey => ({ kind: 'none', result, reason })

function parse(record: string): Key | NoKey {
  const tags = tagsOf(record)
  const text = tags.get('p') ?? ''
  // An empty one was withdrawn.
  if (!isBase64.test(text)) return none('invalid public key')
  if ((tags.get('v') ?? 'dkim1').toLowerCase() !== 'dkim1') return none('unknown key version')
  const services = tags.get('s')
  if (services !== undefined && !listed(services, ['email', '*'])) return none('key not for email')
  const hashes = tags.get('h')
  // Signatures by SHA-1 are refused before anybody asks for a key.
  if (hashes !== undefined && !listed(hashes, ['sha256'])) return none('inappropriate hash algorithm')
  return keyOf(Buffer.from(text, 'base64'), tags.get('k')?.toLowerCase() ?? '', listed(tags.get('t') ?? '', ['s']))
}

/** Names in small letters, the last of each; no white space. */
function tagsOf(record: string): ReadonlyMap<string, string> {
  const tags = new Map<string, string>()
  for (const tag of record.replaceAll(/\s+/g, '').split(';')) {
    const equals = tag.indexOf('=')
    if (equals >= 0) tags.set(tag.slice(0, equals).toLowerCase(), tag.slice(equals + 1))
  }
  return tags
}

const isBase64 = /^(?=.)(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$/

const listed = (list: string, any: readonly string[]): boolean => list.split(':').some((one) => any.includes(one.toLowerCase()))

function keyOf(octets: Buffer, declared: string, sameDomain: boolean): Key | NoKey {
  const key = imported(octets)
  const type = key?.asymmetricKeyType
  if (key === null || (type !== 'rsa' && type !== 'ed25519') || (declared !== '' && declared !== type)) return none('unknown key type')
  const { modulusLength = leastBits, publicExponent = 0n } = key.asymmetricKeyDetails ?? {}
  if (modulusLength < leastBits) return none('weak-key', 'policy')
  if (modulusLength > mostBits || publicExponent > mostExponent) return none('invalid public key')
  return { kind: 'key', key, type, sameDomain }
}

/** What is in front of a bare Ed25519 key in a SubjectPublicKeyInfo (RFC 8410 §4). */
const ed25519 = Buffer.from('302A300506032B6570032100', 'hex')
const sequence = 0x30
const integer = 0x02

/** RFC 8463 publishes the bare key; RFC 6376 an RSAPublicKey, and nearly everybody a SubjectPublicKeyInfo. */
function imported(octets: Buffer): KeyObject | null {
  const bare = octets.length === 32
  const der = bare ? Buffer.concat([ed25519, octets]) : octets
  try {
    return createPublicKey({ key: der, format: 'der', type: !bare && isRsaPublicKey(der) ? 'pkcs1' : 'spki' })
  } catch {
    return null
  }
}

/** Whether the sequence begins with a number. */
function isRsaPublicKey(der: Buffer): boolean {
  const first = der[1] ?? 0
  return der[0] === sequence && der[first < 128 ? 2 : 2 + (first & 127)] === integer
}
