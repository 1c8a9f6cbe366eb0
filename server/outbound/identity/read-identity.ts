/**
 * Who an arriving message says it is from, by its X-MultiMail-Identity (contract §11.3): looked at once, on arrival.
 *
 * Not when somebody reads it: to ask the issuer then would tell the sender that, and when, its message was read.
 */
import type { DomainName } from '../../../dns/name.ts'
import type { ReadIdentity, SenderIdentity } from '../../model/sender-identity.ts'
import type { IssuerKeys } from './issuer-keys.ts'
import { type IssuerKey, claimsOf, isSignedBy, readToken } from './received-token.ts'

/** @property own this installation's name as an issuer, null when it has none that others could reach; and the keys it has signed with */
type Deps = { own: { issuer: DomainName | null; keys(): Promise<readonly IssuerKey[]> }; keysOf: IssuerKeys }

export const createReadIdentity =
  ({ own, keysOf }: Deps): ReadIdentity =>
  async (facts) => {
    const read = await readToken(facts)
    if (read === null) return null
    if (!read.ok) return { valid: false, problem: read.code, issuer: null, claims: null }
    const token = read.value
    const no = (problem: NonNullable<SenderIdentity['problem']>): SenderIdentity => ({
      valid: false,
      problem,
      issuer: token.issuer,
      claims: null,
    })
    const keys = token.issuer === own.issuer ? await own.keys() : await keysOf(token.issuer)
    if (keys === null) return no('issuer-not-reached')
    const key = keys.find(({ kid }) => kid === token.payload.kid)
    if (key === undefined) return no('unknown-key')
    return isSignedBy(token, key) ? { valid: true, problem: null, issuer: token.issuer, claims: claimsOf(token) } : no('bad-signature')
  }
