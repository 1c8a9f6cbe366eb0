import { generateKeyPair } from 'node:crypto'
import { promisify } from 'node:util'
import { type DkimKeyId, type DomainId, newId } from '../model/ids.ts'
import type { NewRow } from '../store/schema.ts'

const generate = promisify(generateKeyPair)

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
 *  other names. @param now epoch ms */
export async function makeDkimKeys(now: number): Promise<((domainId: DomainId) => NewRow<'dkim_keys'> & { id: DkimKeyId })[]> {
  const day = new Date(now).toISOString().slice(0, 10).replaceAll('-', '')
  const keys = await Promise.all([rsa(), ed25519()])
  return keys.map(({ letter, algorithm, privateKey, publicKey }) => (domainId) => ({
    id: newId('dkimKey', now),
    domain_id: domainId,
    selector: `mm${day}${letter}`,
    algorithm,
    private_key: privateKey,
    public_key: publicKey,
    is_active: 1,
    created_at: now,
  }))
}
