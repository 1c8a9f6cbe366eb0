/** How a session is encrypted, and whether the peer is who it has to be. */
import { isIP } from 'node:net'
import type { ConnectionOptions, TLSSocket } from 'node:tls'
import type { Target, TlsRequirement, TlsTrouble } from '../transport.ts'
import { chainOf, daneTrouble, troubleWith } from './certificate-chain.ts'

/** `small`: some hosts lose a ClientHello that does not fit into one packet, as one with post-quantum key shares does not. */
export type Hello = 'usual' | 'small' | 'none'

// One key share of 32 octets, and the suites that everybody has; TLS 1.3 first, then 1.2.
const smallHello = {
  ecdhCurve: 'X25519:prime256v1',
  ciphers:
    'TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384',
} as const

/** What to say at the handshake. It never refuses a certificate: `peerOf` judges it before anything but a greeting was said.
 *  @param authorities PEM; undefined: those the world trusts */
export const handshake = (
  requirement: TlsRequirement,
  target: Target,
  hello: Exclude<Hello, 'none'>,
  authorities?: readonly string[],
): ConnectionOptions => ({
  rejectUnauthorized: false,
  checkServerIdentity: () => undefined,
  minVersion: 'TLSv1.2',
  ...serverName(requirement, target),
  ...(hello === 'small' && smallHello),
  ...(authorities !== undefined && { ca: [...authorities] }),
})

/** RFC 8461 §4.1 and RFC 7672 §8.1 want the name of the host said, so that it shows the right certificate. */
function serverName(requirement: TlsRequirement, { host }: Target): { servername?: string } {
  const name = requirement.kind === 'dane' ? (requirement.names[0] ?? host) : host
  return isIP(name) > 0 ? {} : { servername: name }
}

/** `tls` such as `TLSv1.3 TLS_AES_256_GCM_SHA384`; `refusal` in words when the requirement is not met. */
export type Peer = { tls: string; trouble: TlsTrouble | null; refusal: string | null }

/** Who is at the other end of an encrypted connection. @param now epoch ms */
export function peerOf(socket: TLSSocket, requirement: TlsRequirement, { host }: Target, now: number): Peer {
  const trouble = troubleOf(socket, requirement, host, now)
  const insists = requirement.kind === 'verified' || requirement.kind === 'dane'
  return {
    tls: `${socket.getProtocol() ?? 'TLS'} ${socket.getCipher().name}`,
    trouble,
    refusal: trouble !== null && insists ? tlsRefusal(trouble, requirement) : null,
  }
}

function troubleOf(socket: TLSSocket, requirement: TlsRequirement, host: string, now: number): TlsTrouble | null {
  const leaf = socket.getPeerX509Certificate()
  if (leaf === undefined) return 'certificate-not-trusted'
  if (requirement.kind === 'dane') return daneTrouble({ chain: chainOf(leaf), ...requirement, now })
  const names = requirement.kind === 'verified' ? requirement.names : [host]
  return troubleWith(leaf, errorCode(socket), names)
}

// Node says an Error in its types and a code in truth.
const errorCode = ({ authorized, authorizationError }: TLSSocket): string | null =>
  authorized ? null : String(authorizationError ?? 'UNKNOWN')

const sentences: Record<TlsTrouble, string> = {
  'starttls-not-supported': 'The host does not offer TLS',
  'certificate-host-mismatch': 'The host’s certificate is for another name',
  'certificate-expired': 'The host’s certificate is not in time',
  'certificate-not-trusted': 'Nobody who is trusted vouches for the host’s certificate',
  'validation-failure': 'TLS with the host does not work',
}

/** A whole sentence for an ending at stage `tls`. */
export const tlsRefusal = (trouble: TlsTrouble, requirement: TlsRequirement): string => `${sentences[trouble]}, and ${because(requirement)}`

function because(requirement: TlsRequirement): string {
  switch (requirement.kind) {
    case 'opportunistic':
      return 'it has to be encrypted' // TLS from the first octet on: there is no other way in
    case 'encrypted':
    case 'dane':
      return 'the DNS says that it has to be right (DANE)'
    case 'verified':
      return {
        'mta-sts': 'its domain’s policy wants it right (MTA-STS)',
        requiretls: 'the message wants it right (REQUIRETLS)',
        operator: 'the operator wants it right',
      }[requirement.because]
  }
}
