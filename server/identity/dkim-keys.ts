import { generateKeyPair } from 'node:crypto'
import { promisify } from 'node:util'
import { type DkimKeyId, type DomainId, newId } from '../model/ids.ts'
import type { DkimPublicKey } from '../../dns/records.ts'
import type { DkimKeyRow } from '../store/dkim-keys.ts'
import type { NewRow } from '../store/schema.ts'
import { useOf } from './dkim-life.ts'

const generate = promisify(generateKeyPair)

/** Says what row it is to be once its domain is known. */
export type FreshDkimKey = (domainId: DomainId) => NewRow<'dkim_keys'> & { id: DkimKeyId }

type FreshKey = { letter: 'r' | 'e'; algorithm: 'rsa-sha256' | 'ed25519-sha256'; privateKey: string; publicKey: string }

/** RFC 8301 §3.2 asks for 2048 bits. p= holds the whole SubjectPublicKeyInfo (RFC 6376 §3.6.1 as everybody reads it). */
async function rsa(): Promise<FreshKey> {
  const { publicKey, privateKey } = await generate('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'der' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  })
  return { letter: 'r', algorithm: 'rsa-sha256', privateKey, publicKey: publicKey.toString('base64') }
}

const ed25519Length = 32
/** p= holds the 32 octets alone (RFC 8463 §4), which end the SubjectPublicKeyInfo. */
async function ed25519(): Promise<FreshKey> {
  const { publicKey, privateKey } = await generate('ed25519', {
    publicKeyEncoding: { type: 'spki', format: 'der' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  })
  return { letter: 'e', algorithm: 'ed25519-sha256', privateKey, publicKey: publicKey.subarray(-ed25519Length).toString('base64') }
}

/** Two keys for a domain: RSA, which everybody verifies, and Ed25519. Their selectors carry the day (`mm20261122r`), so that a later pair has
 *  other names; a second one of a day has a number too (`mm20261122-2r`). They are made as `active`.
 *  @param now epoch ms @param taken the selectors that the domain has had */
export async function makeDkimKeys(now: number, taken: readonly string[] = []): Promise<FreshDkimKey[]> {
  const day = freeName(`mm${new Date(now).toISOString().slice(0, 10).replaceAll('-', '')}`, taken)
  const keys = await Promise.all([rsa(), ed25519()])
  return keys.map(({ letter, algorithm, privateKey, publicKey }) => (domainId) => ({
    id: newId('dkimKey', now),
    domain_id: domainId,
    selector: `${day}${letter}`,
    algorithm,
    private_key: privateKey,
    public_key: publicKey,
    state: 'active',
    state_since: now,
    use_from: now,
    created_at: now,
  }))
}

/** What is to be published of these keys: all but those that are gone. */
export const publicKeysOf = (keys: readonly DkimKeyRow[]): DkimPublicKey[] => keys.filter(({ state }) => state !== 'gone').map(publicKeyOf)

export function publicKeyOf(key: DkimKeyRow): DkimPublicKey {
  const use = useOf(key)
  return { selector: key.selector, algorithm: key.algorithm, publicKey: key.public_key, ...(use && { use }) }
}

/** Used once for all time: what somebody's cache or an old letter says of a selector is never true of another key. */
function freeName(name: string, taken: readonly string[]): string {
  for (let count = 1; ; count += 1) {
    const candidate = count === 1 ? name : `${name}-${count}`
    if (!taken.includes(`${candidate}r`) && !taken.includes(`${candidate}e`)) return candidate
  }
}
