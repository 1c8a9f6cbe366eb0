/**
 * Who wrote a message and who answers for it, in fields that each attempt puts in front and its DKIM signatures cover (contract §11.1).
 *
 * Promise: everything in them comes from our own rows and from the released bytes; nothing of what a caller says gets there but the name of its account.
 */
import type { OversightMode } from '../../model/email.ts'
import { fieldValue, headerFields } from '../../model/headers.ts'
import type { Clock } from '../../platform/clock.ts'
import { findAccount } from '../../store/accounts.ts'
import type { Store } from '../../store/db.ts'
import type { EmailRow } from '../../store/emails.ts'
import { mailboxById } from '../../store/mailboxes.ts'
import type { IssuerKey } from './received-token.ts'
import { reputationHash, reputationSecret } from './reputation.ts'
import { type SigningKeyDocument, documentOf } from './service-key.ts'
import { type ServiceKeys, readServiceKeys } from './service-keys.ts'
import { type Claims, tokenOf } from './token.ts'

export type Identity = {
  /** The fields, each with its CRLF. @param header of the released message @param bodyHash of its body, as `relaxedBodyHash` gives it */
  fields(email: EmailRow, header: Buffer, bodyHash: string): Promise<string>
  /** as it is to be published now */
  document(): Promise<SigningKeyDocument>
  /** what it signs, has signed and will sign with */
  keys(): Promise<readonly IssuerKey[]>
}

/** @property issuer the address at which this installation is reached, where its public key is to be had */
type IdentityDeps = { store: Store; clock: Clock; issuer: string }

export async function createIdentity({ store, clock, issuer }: IdentityDeps): Promise<Identity> {
  const current = createKeyReader(store, clock)
  await current()
  const secret = await reputationSecret(store, clock.now())
  return {
    async document() {
      const { signing, others } = await current()
      return documentOf(signing, others)
    },
    async keys() {
      const { signing, others } = await current()
      return [signing, ...others].map(({ kid, jwk }) => ({ kid, jwk }))
    },
    async fields(email, header, bodyHash) {
      const asked = [current(), mailboxById(store.db, email.mailbox_id), findAccount(store.db, email.account_id)] as const
      const [{ signing: key }, mailbox, account] = await Promise.all(asked)
      if (mailbox === undefined || account === undefined) throw new Error(`email ${email.id} is of no mailbox`)
      const reputation = reputationHash(secret, mailbox.id)
      const claims: Claims = {
        ...factsOf(header),
        bh: bodyHash,
        capabilities: capabilities[mailbox.oversight_mode],
        created_at: new Date(mailbox.created_at).toISOString(),
        iat: Math.floor(clock.now() / 1000),
        iss: issuer,
        kid: key.kid,
        mailbox: mailbox.address,
        operator: account.name.slice(0, longestName).toWellFormed(),
        oversight: mailbox.oversight_mode,
        reputation_hash: reputation,
        service: 'multimail',
        // Nobody but the operator has looked at who the operator is.
        verified_operator: false,
      }
      return `X-MultiMail-Identity:${folded(tokenOf(key, claims))}\r\nX-MultiMail-Reputation: ${reputation}\r\n`
    },
  }
}

/** Another node, or this one, may have made a key; each message need not ask. */
const readAgainMs = 5 * 60_000

function createKeyReader(store: Store, clock: Clock): () => Promise<ServiceKeys> {
  let kept: { keys: Promise<ServiceKeys>; until: number } | null = null
  return () => {
    const now = clock.now()
    if (kept !== null && now < kept.until) return kept.keys
    const keys = readServiceKeys(store, now)
    kept = { keys, until: now + readAgainMs }
    // The next one asks again, rather than everybody hearing of one failure for minutes.
    keys.catch(() => (kept = null))
    return keys
  }
}

/** What an agent may do through a mailbox of each mode. */
const capabilities: Record<OversightMode, readonly string[]> = {
  read_only: ['read'],
  gated_all: ['read', 'send'],
  gated_send: ['read', 'send'],
  gated_new: ['read', 'send'],
  monitored: ['read', 'send'],
  autonomous: ['read', 'send'],
}

/** Of the released bytes, not of a row beside them. */
function factsOf(header: Buffer): Pick<Claims, 'ai_generated' | 'mid'> {
  const fields = headerFields(header)
  const valueOf = (name: string): string => {
    const field = fields.find((one) => one.name === name)
    return field === undefined ? '' : fieldValue(field)
  }
  return { ai_generated: valueOf('x-ai-generated') === 'true', mid: valueOf('message-id') }
}

const longestName = 64
// A line holds 998 octets (RFC 5322 §2.1.1). A token that needs a second one has white space there, which a reader takes out.
const piece = /.{1,900}/g
const folded = (token: string): string => (token.match(piece) ?? []).map((part) => `\r\n ${part}`).join('')

/** True when a message brings a field that only we put in front: nobody may say such things of itself. */
export const claimsIdentity = (header: Buffer): boolean => headerFields(header).some(({ name }) => name.startsWith('x-multimail-'))
