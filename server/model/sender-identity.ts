/** What the X-MultiMail-Identity of an arriving message came to (contract §11.3). */

/** Why a token says nothing; none of it speaks against the message more than having no token would. */
export const identityProblems = [
  'malformed',
  /** more than one field: readers could disagree about which counts */
  'several',
  'other-message',
  'other-author',
  'author-not-proven',
  'issuer-not-usable',
  'issuer-not-reached',
  'unknown-key',
  'bad-signature',
] as const
export type IdentityProblem = (typeof identityProblems)[number]

/** What an installation says of who wrote a message. Known names only, each bounded; the words are a stranger's. */
export type IdentityClaims = {
  ai_generated: boolean | null
  capabilities: readonly string[]
  created_at: string | null
  operator: string | null
  oversight: string | null
  reputation_hash: string | null
  verified_operator: boolean | null
}

/** `issuer`: the host that answers for the claims. Valid: its key signed them, for this very message and its proven author. */
export type SenderIdentity =
  | { valid: true; problem: null; issuer: string; claims: IdentityClaims }
  | { valid: false; problem: IdentityProblem; issuer: string | null; claims: null }

/** What of an arrived message is needed to judge its token. `from`: the one address in From, null when there is none; `proven`: DMARC passed for it. */
export type IdentityFacts = { message: Buffer; from: string | null; proven: boolean }
/** Null when the message has no such field. Never rejects; takes seconds at most. */
export type ReadIdentity = (facts: IdentityFacts) => Promise<SenderIdentity | null>
