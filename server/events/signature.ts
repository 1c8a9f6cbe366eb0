/** How whoever is told knows that it was us: our own header, and those of Standard Webhooks (standardwebhooks.com, spec 1.0.0). */
import { type KeyObject, createHmac, createPrivateKey, createPublicKey, randomBytes, sign } from 'node:crypto'

export type Signer = {
  /** the one in force first; while they overlap, the one before it as well */
  secrets: readonly [string, ...string[]]
  /** 64 hexadecimal digits (see `newSeed`) */
  seed: string
}

const prefix = 'whsec_'

/** `whsec_` and base64 of 32 random octets; the specification wants 24 to 64. */
export const newSecret = (): string => prefix + randomBytes(32).toString('base64')

/** The private half of an Ed25519 key (RFC 8032 §5.1.5), in hexadecimal. */
export const newSeed = (): string => randomBytes(32).toString('hex')

/** The octets to sign with after the specification: what is behind `whsec_` in base64. A secret that somebody chose and that is none is its own octets. */
export function secretOctets(secret: string): Buffer {
  const text = secret.startsWith(prefix) ? secret.slice(prefix.length) : secret
  const octets = Buffer.from(text, 'base64')
  const isBase64 = octets.length >= 24 && octets.length <= 64 && octets.toString('base64') === text
  return secret.startsWith(prefix) && isBase64 ? octets : Buffer.from(secret, 'utf8')
}

// RFC 8410 §7: what comes before the seed in PKCS #8.
const beforeSeed = '302e020100300506032b657004220420'
const spkiLength = 12

const privateKey = (seed: string): KeyObject =>
  createPrivateKey({ key: Buffer.from(beforeSeed + seed, 'hex'), format: 'der', type: 'pkcs8' })

/** `whpk_` and base64 of the 32 octets of the public key, as verifiers take it. */
export const publicKeyOf = (seed: string): string =>
  `whpk_${createPublicKey(privateKey(seed)).export({ format: 'der', type: 'spki' }).subarray(spkiLength).toString('base64')}`

/** @param message `id` names the event and stays over repetitions; `at`: epoch ms of this attempt; `body`: the very octets that travel */
export function signatureHeaders(
  { id, at, body }: { id: string; at: number; body: Buffer },
  { secrets, seed }: Signer,
): Record<string, string> {
  const timestamp = String(Math.floor(at / 1000))
  const signed = Buffer.concat([Buffer.from(`${id}.${timestamp}.`), body])
  const symmetric = secrets.map((secret) => `v1,${createHmac('sha256', secretOctets(secret)).update(signed).digest('base64')}`)
  const asymmetric = `v1a,${sign(null, signed, privateKey(seed)).toString('base64')}`
  const [ours, before] = secrets.map((secret) => `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`)
  return {
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': [...symmetric, asymmetric].join(' '),
    'X-MultiMail-Signature': ours ?? '',
    'X-MultiMail-Timestamp': timestamp,
    // One header holds one signature, and receivers compare it as a whole.
    ...(before !== undefined && { 'X-MultiMail-Signature-Previous': before }),
  }
}
