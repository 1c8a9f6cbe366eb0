/** Reads the identity token of an arriving message, which is a stranger's until its signature is checked. Pure but for the hash of the body. */
import { createPublicKey, verify } from 'node:crypto'
import { z } from 'zod'
import { type DomainName, parseDomainName } from '../../../dns/name.ts'
import { addressKey } from '../../model/address.ts'
import { fieldValue, headerFields, splitMessage } from '../../model/headers.ts'
import { type Result, fail, ok } from '../../model/result.ts'
import type { IdentityClaims, IdentityFacts, IdentityProblem } from '../../model/sender-identity.ts'
import { relaxedBodyHash } from '../body-hash.ts'

/** Ours have some 900 octets. */
const longestToken = 8 * 1024
const word = z.string().max(100)

const Payload = z.object({
  bh: word,
  iss: word,
  kid: word,
  mailbox: z.string().max(254),
  mid: z.string().max(998),
  ai_generated: z.boolean().nullable().catch(null),
  capabilities: z.array(word).max(10).catch([]),
  created_at: word.nullable().catch(null),
  operator: word.nullable().catch(null),
  oversight: word.nullable().catch(null),
  reputation_hash: word.nullable().catch(null),
  verified_operator: z.boolean().nullable().catch(null),
})
type Payload = z.output<typeof Payload>

export type ReceivedToken = { payload: Payload; issuer: DomainName; signed: Buffer; signature: Buffer }

type Read = Result<ReceivedToken, IdentityProblem>

/** Null: there is no token. What can be known without anybody's key is checked here, so that nobody is asked for a key in vain. */
export async function readToken({ message, from, proven }: IdentityFacts): Promise<Read | null> {
  const { header, body } = splitMessage(message)
  const fields = headerFields(header)
  const tokens = fields.filter(({ name }) => name === 'x-multimail-identity')
  const [field] = tokens
  if (field === undefined) return null
  if (tokens.length > 1) return fail('several')
  const token = field.raw.length > longestToken ? null : parse(fieldValue(field).replaceAll(/\s/g, ''))
  if (token === null) return fail('malformed')
  const { payload } = token
  if (!proven) return fail('author-not-proven')
  if (from === null || addressKey(from) !== addressKey(payload.mailbox)) return fail('other-author')
  const ids = fields.filter(({ name }) => name === 'message-id')
  if (ids.length !== 1 || ids.some((id) => fieldValue(id) !== payload.mid)) return fail('other-message')
  const issuer = issuerOf(payload.iss)
  if (issuer === null) return fail('issuer-not-usable')
  return (await relaxedBodyHash(body)) === payload.bh ? ok({ ...token, issuer }) : fail('other-message')
}

function parse(text: string): Omit<ReceivedToken, 'issuer'> | null {
  const [, body = '', end = ''] = /^([\w-]{2,8192})\.([\w-]{86})$/.exec(text) ?? []
  if (end === '') return null
  const signed = Buffer.from(body, 'base64url')
  const json = jsonOf(signed.toString('utf8'))
  const payload = json === null ? null : Payload.safeParse(json)
  return payload?.success ? { payload: payload.data, signed, signature: Buffer.from(end, 'base64url') } : null
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

/** The address of an installation: https, a name, the usual port, and nothing behind it. */
export function issuerOf(iss: string): DomainName | null {
  const url = URL.parse(iss)
  if (url === null || url.protocol !== 'https:' || url.port !== '' || url.username !== '' || url.password !== '') return null
  return url.pathname === '/' && url.search === '' && url.hash === '' && url.hostname.includes('.') && /[a-z]$/.test(url.hostname)
    ? parseDomainName(url.hostname)
    : null
}

export type IssuerKey = { kid: string; jwk: { kty: 'EC'; crv: 'P-256'; x: string; y: string } }

/** Whether this key made the token (ES256, as `tokenOf` does). */
export function isSignedBy({ signed, signature }: ReceivedToken, { jwk }: IssuerKey): boolean {
  try {
    const key = createPublicKey({ format: 'jwk', key: jwk })
    return verify('sha256', signed, { key, dsaEncoding: 'ieee-p1363' }, signature)
  } catch {
    // A point that is on no curve.
    return false
  }
}

export const claimsOf = ({ payload }: ReceivedToken): IdentityClaims => {
  const { ai_generated, capabilities, created_at, operator, oversight, reputation_hash, verified_operator } = payload
  return { ai_generated, capabilities, created_at, operator, oversight, reputation_hash, verified_operator }
}
