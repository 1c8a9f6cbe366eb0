/** The keys with which this installation says who wrote a message: ES256 (RFC 7518 §3.4), of the service, the same on every node. */
import { type KeyObject, createECDH, createHash, createPrivateKey, createPublicKey } from 'node:crypto'

export type PublicJwk = { crv: 'P-256'; kty: 'EC'; x: string; y: string }

/** What whoever checks a message fetches from `/.well-known/multimail-signing-key`. `keys`: every key that may still be met, the one that signs first. */
export type SigningKeyDocument = {
  algorithm: 'ES256'
  kid: string
  public_key_jwk: PublicJwk
  public_key_pem: string
  keys: (PublicJwk & { kid: string; alg: 'ES256'; use: 'sig' })[]
  created_at: string
}

/** `privateKey` null: it signs no more, and is destroyed. `madeAt`: epoch ms. */
export type ServiceKey = { kid: string; jwk: PublicJwk; privateKey: KeyObject | null; madeAt: number }
export type UsableKey = ServiceKey & { privateKey: KeyObject }

/** 4, then x and y of 32 octets each (SEC 1 §2.3.3). */
const pointLength = 130

/** @param secret 64 hexadecimal digits, the private number itself (one in four thousand million is none, and then this throws); or what `publicHalf` left of it */
export function serviceKey(secret: string, madeAt: number): ServiceKey {
  const point = secret.length === pointLength ? Buffer.from(secret, 'hex') : pointOf(secret)
  const jwk: PublicJwk = { crv: 'P-256', kty: 'EC', x: point.toString('base64url', 1, 33), y: point.toString('base64url', 33) }
  const d = secret.length === pointLength ? null : Buffer.from(secret, 'hex').toString('base64url')
  return { kid: thumbprint(jwk), jwk, privateKey: d === null ? null : createPrivateKey({ format: 'jwk', key: { ...jwk, d } }), madeAt }
}

function pointOf(secret: string): Buffer {
  const curve = createECDH('prime256v1')
  curve.setPrivateKey(secret, 'hex')
  return curve.getPublicKey()
}

/** What is kept of a key that signs no more: enough to check what it signed. */
export const publicHalf = (secret: string): string => (secret.length === pointLength ? secret : pointOf(secret).toString('hex'))

/** @param signing the one in use; @param others what may be met as well, the newest first */
export function documentOf(signing: ServiceKey, others: readonly ServiceKey[]): SigningKeyDocument {
  return {
    algorithm: 'ES256',
    kid: signing.kid,
    public_key_jwk: signing.jwk,
    public_key_pem: createPublicKey({ format: 'jwk', key: signing.jwk }).export({ type: 'spki', format: 'pem' }).toString(),
    keys: [signing, ...others].map(({ jwk, kid }) => ({ ...jwk, kid, alg: 'ES256', use: 'sig' })),
    created_at: new Date(signing.madeAt).toISOString(),
  }
}

/** RFC 7638 §3: the members that are needed, in order of their names. */
const thumbprint = ({ crv, kty, x, y }: PublicJwk): string =>
  createHash('sha256').update(JSON.stringify({ crv, kty, x, y })).digest('base64url')
