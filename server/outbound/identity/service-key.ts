/** The key with which this installation says who wrote a message: ES256 (RFC 7518 §3.4), one for the service, the same on every node. */
import { type KeyObject, createECDH, createHash, createPrivateKey, createPublicKey } from 'node:crypto'
import type { Store } from '../../store/db.ts'
import { installationSecret, installationSecretMadeAt } from '../../store/secrets.ts'

type PublicJwk = { crv: 'P-256'; kty: 'EC'; x: string; y: string }

/** What whoever checks a message fetches from `/.well-known/multimail-signing-key`. `keys`: every key that may still be met. */
export type SigningKeyDocument = {
  algorithm: 'ES256'
  kid: string
  public_key_jwk: PublicJwk
  public_key_pem: string
  keys: (PublicJwk & { kid: string; alg: 'ES256'; use: 'sig' })[]
  created_at: string
}

export type ServiceKey = { kid: string; privateKey: KeyObject; document: SigningKeyDocument }

const secretName = 'service-identity'

/** Made the first time it is asked for. @param now epoch ms */
export async function loadServiceKey(store: Store, now: number): Promise<ServiceKey> {
  const secret = await installationSecret(store, secretName, now)
  return serviceKey(secret, await installationSecretMadeAt(store.db, secretName))
}

/** @param secret 64 hexadecimal digits, the private number itself; one in four thousand million is none, and then this throws */
export function serviceKey(secret: string, madeAt: number): ServiceKey {
  const curve = createECDH('prime256v1')
  curve.setPrivateKey(secret, 'hex')
  // 4, then x and y of 32 octets each (SEC 1 §2.3.3)
  const point = curve.getPublicKey()
  const jwk: PublicJwk = { crv: 'P-256', kty: 'EC', x: point.toString('base64url', 1, 33), y: point.toString('base64url', 33) }
  const privateKey = createPrivateKey({ format: 'jwk', key: { ...jwk, d: Buffer.from(secret, 'hex').toString('base64url') } })
  const kid = thumbprint(jwk)
  const document: SigningKeyDocument = {
    algorithm: 'ES256',
    kid,
    public_key_jwk: jwk,
    public_key_pem: createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }).toString(),
    keys: [{ ...jwk, kid, alg: 'ES256', use: 'sig' }],
    created_at: new Date(madeAt).toISOString(),
  }
  return { kid, privateKey, document }
}

/** RFC 7638 §3: the members that are needed, in order of their names. */
const thumbprint = ({ crv, kty, x, y }: PublicJwk): string =>
  createHash('sha256').update(JSON.stringify({ crv, kty, x, y })).digest('base64url')
