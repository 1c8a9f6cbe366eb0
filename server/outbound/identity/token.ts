/** The token that says who wrote a message (contract §11.2): canonical JSON and its signature, both base64url without padding. */
import { sign } from 'node:crypto'
import { canonicalJson } from '../../model/canonical.ts'
import type { OversightMode } from '../../model/email.ts'
import type { UsableKey } from './service-key.ts'

/** `mid` (the Message-ID) and `bh` (the body hash as DKIM has it, relaxed SHA-256 in base64) bind it to one message: on any other it is worth nothing.
 *  `iat` in seconds. Nothing in it is an agent's to set. */
export type Claims = {
  ai_generated: boolean
  bh: string
  capabilities: readonly string[]
  created_at: string
  iat: number
  iss: string
  kid: string
  mailbox: string
  mid: string
  operator: string
  oversight: OversightMode
  reputation_hash: string
  service: 'multimail'
  verified_operator: boolean
}

/** The signature is r and s of 32 octets each (IEEE P1363), as WebCrypto checks it, over the JSON as it stands in the token. */
export function tokenOf({ privateKey }: Pick<UsableKey, 'privateKey'>, claims: Claims): string {
  const payload = Buffer.from(canonicalJson(claims))
  const signature = sign('sha256', payload, { key: privateKey, dsaEncoding: 'ieee-p1363' })
  return `${payload.toString('base64url')}.${signature.toString('base64url')}`
}
