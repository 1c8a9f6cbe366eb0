/** A certificate authority of a test's own, and certificates of every kind below it. */
import { X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import { type SubjectAltNameEntry, generate } from 'selfsigned'

/** PEM. */
export type Pair = { key: string; cert: string }
/** `names`: subject alternative names, DNS names and IP addresses; `expired`: since long; `chain`: its authority is sent along */
type Wanted = { names?: readonly string[]; commonName?: string; expired?: boolean; chain?: boolean }

export type Authority = { cert: string; issue(wanted: Wanted): Promise<Pair> }

const day = 24 * 60 * 60 * 1000

export async function createAuthority(): Promise<Authority> {
  const own = await generate([{ name: 'commonName', value: 'An authority' }], {
    keyType: 'ec',
    algorithm: 'sha256',
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, critical: true },
    ],
  })
  return {
    cert: own.cert,
    async issue({ names = [], commonName = 'somebody', expired = false, chain = false }) {
      const altNames = names.map((name): SubjectAltNameEntry => (isIP(name) > 0 ? { type: 7, ip: name } : { type: 2, value: name }))
      const made = await generate([{ name: 'commonName', value: commonName }], {
        keyType: 'ec',
        algorithm: 'sha256',
        ca: { key: own.private, cert: own.cert },
        extensions: [
          { name: 'basicConstraints', cA: false },
          ...(altNames.length > 0 ? [{ name: 'subjectAltName', altNames } as const] : []),
        ],
        ...(expired && { notBeforeDate: new Date(Date.now() - 60 * day), notAfterDate: new Date(Date.now() - 30 * day) }),
      })
      return { key: made.private, cert: chain ? `${made.cert}\n${own.cert}` : made.cert }
    },
  }
}

/** The octets TLSA records speak of: the whole certificate, and its key. */
export function octetsOf(cert: string): { certificate: Buffer; key: Buffer } {
  const parsed = new X509Certificate(cert)
  return { certificate: parsed.raw, key: parsed.publicKey.export({ type: 'spki', format: 'der' }) }
}
