/** An authenticator of software (WebAuthn Level 3 §6): a P-256 key, no attestation, and every part of its answers open to a test that wants them wrong. */
import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto'

/** `userVerified`: it has seen that it is its owner. `counter` left out: one more than the last time. `withoutHandle`: it does not say whose it is. */
export type AnswerOptions = {
  origin?: string
  rpId?: string
  userVerified?: boolean
  counter?: number
  challenge?: string
  attestation?: { format: string; statement: Map<string, unknown> }
  withoutHandle?: boolean
}

const sha = (data: string | Uint8Array): Buffer => createHash('sha256').update(data).digest()
const text = (bytes: Uint8Array | string): string => Buffer.from(bytes).toString('base64url')

/** RFC 8949, as much as is needed. */
function cbor(value: unknown): Buffer {
  const head = (major: number, length: number): Buffer =>
    length < 24
      ? Buffer.from([(major << 5) | length])
      : length < 256
        ? Buffer.from([(major << 5) | 24, length])
        : Buffer.from([(major << 5) | 25, length >> 8, length & 255])
  if (typeof value === 'number') return value >= 0 ? head(0, value) : head(1, -1 - value)
  if (typeof value === 'string') return Buffer.concat([head(3, Buffer.byteLength(value)), Buffer.from(value)])
  if (value instanceof Uint8Array) return Buffer.concat([head(2, value.length), value])
  if (value instanceof Map)
    return Buffer.concat([head(5, value.size), ...[...value].flatMap(([key, one]: [unknown, unknown]) => [cbor(key), cbor(one)])])
  throw new Error('no CBOR for this')
}

export function createAuthenticator(defaults: { origin: string; rpId: string }) {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const jwk = publicKey.export({ format: 'jwk' })
  const credentialId = randomBytes(32)
  let counter = 0
  let userHandle: string | undefined

  const authenticatorData = (options: AnswerOptions, attested?: Buffer): Buffer => {
    counter = options.counter ?? counter + 1
    const flags = 0x01 | (options.userVerified === false ? 0 : 0x04) | (attested === undefined ? 0 : 0x40)
    const count = Buffer.alloc(4)
    count.writeUInt32BE(counter)
    return Buffer.concat([sha(options.rpId ?? defaults.rpId), Buffer.from([flags]), count, attested ?? Buffer.alloc(0)])
  }
  const clientData = (type: string, challenge: string, options: AnswerOptions): Buffer =>
    Buffer.from(
      JSON.stringify({ type, challenge: options.challenge ?? challenge, origin: options.origin ?? defaults.origin, crossOrigin: false }),
    )
  const credential = { id: text(credentialId), rawId: text(credentialId), type: 'public-key', clientExtensionResults: {} }

  return {
    /** navigator.credentials.create() */
    create(publicKeyOptions: Record<string, unknown>, options: AnswerOptions = {}) {
      userHandle = (publicKeyOptions['user'] as { id: string }).id
      const key = new Map<number, unknown>([
        [1, 2],
        [3, -7],
        [-1, 1],
        [-2, Buffer.from(String(jwk.x), 'base64url')],
        [-3, Buffer.from(String(jwk.y), 'base64url')],
      ])
      const attested = Buffer.concat([Buffer.alloc(16), Buffer.from([0, credentialId.length]), credentialId, cbor(key)])
      const attestation = new Map<string, unknown>([
        ['fmt', options.attestation?.format ?? 'none'],
        ['attStmt', options.attestation?.statement ?? new Map()],
        ['authData', authenticatorData(options, attested)],
      ])
      const clientDataJSON = text(clientData('webauthn.create', String(publicKeyOptions['challenge']), options))
      return { ...credential, response: { clientDataJSON, attestationObject: text(cbor(attestation)), transports: ['internal'] } }
    },
    /** navigator.credentials.get() */
    get(publicKeyOptions: Record<string, unknown>, options: AnswerOptions = {}) {
      const client = clientData('webauthn.get', String(publicKeyOptions['challenge']), options)
      const data = authenticatorData(options)
      const signature = sign('sha256', Buffer.concat([data, sha(client)]), privateKey)
      return {
        ...credential,
        response: {
          clientDataJSON: text(client),
          authenticatorData: text(data),
          signature: text(signature),
          ...(options.withoutHandle !== true && { userHandle }),
        },
      }
    },
  }
}
