/** What signing up is made of: what the operator allows, what somebody asks, what comes of it, and what goes on the record. */
import type { DomainName } from '../../../dns/name.ts'
import type { Scope, SystemActor } from '../../model/actor.ts'
import type { SignupId } from '../../model/ids.ts'
import type { Tenancy } from '../../model/world.ts'
import type { Clock } from '../../platform/clock.ts'
import { findAccount } from '../../store/accounts.ts'
import type { Db, Store } from '../../store/db.ts'
import { domainByName } from '../../store/domains.ts'
import type { NewLogEntry } from '../../store/log.ts'
import type { SignupRow } from '../../store/signups.ts'
import type { Solution } from './challenge.ts'

export const signupLifeMs = 24 * 60 * 60_000

export type SignupMode = SignupRow['mode']
/** `agents`: agents register themselves as well. `difficulty`: attempts at worst. */
export type SignupPolicy = { kind: 'people' | 'agents'; domain: DomainName; difficulty: number; mostAccounts: number }

/** `slug` null: one is made from the name. `idempotencyKey` null: there is none. */
export type SignupRequest = {
  email: string
  name: string
  slug: string | null
  mode: SignupMode
  physicalAddress: string | null
  useCase: string | null
  solution: Solution
  idempotencyKey: string | null
}
export type Registration = { id: SignupId; claimToken: string; expiresAt: number }
export type IssuedKey = { key: string; scopes: readonly Scope[] }
/** With the keys that the code is for. */
export type Confirmed = {
  name: string
  mode: SignupMode
  mailbox: { id: string; address: string }
  email: string
  useCase: string | null
  signup: SignupId
  keys: { agent: IssuedKey } | { admin: IssuedKey; reviewer: IssuedKey }
}
export type SlugState = {
  slug: string
  available: boolean
  reason: 'invalid' | 'reserved' | 'taken' | null
  suggestions: string[]
  address: string
}

type Off = 'SIGNUP_NOT_ENABLED'
export type Common = Off | 'TOO_MANY_SIGNUPS'
export type RequestProblem =
  | Common
  | 'CHALLENGE_NOT_ACCEPTED'
  | 'CHALLENGE_SPENT'
  | 'BAD_SLUG'
  | 'SLUG_TAKEN'
  | 'BAD_OVERSIGHT_EMAIL'
  | 'SIGNUPS_FULL'
export type ConfirmProblem = Common | 'SIGNUP_NOT_FOUND' | 'ALREADY_CONFIRMED' | 'SIGNUPS_FULL'
export type ClaimProblem = Common | 'CLAIM_NOT_ACCEPTED' | 'CLAIM_USED' | 'ALREADY_CONFIRMED' | 'SIGNUPS_FULL'

/** Whose key a code gives. */
export type Side = 'agent' | 'owner'

/** `policy` null: off. `onMail`: called once a letter is in the store. */
export type SignupsDeps = {
  store: Store
  clock: Clock
  policy: SignupPolicy | null
  secret: string
  publicUrl: string
  onMail?: () => void
}

/** Where people sign up. */
export type Deps = SignupsDeps & { policy: SignupPolicy }

/** What the key of an agent may do: it proposes, in one mailbox. */
export const agentScopes: readonly Scope[] = ['read', 'send']
export const signupActor: SystemActor = { kind: 'system', part: 'signup' }

/** Why nobody can sign up at this domain; null: somebody may. What a catch-all takes today is somebody's mail, which must not become that of a stranger. */
export async function whyClosed(db: Db, name: DomainName): Promise<'domain-not-set-up' | 'domain-has-catch-all' | null> {
  const domain = await domainByName(db, name)
  if (domain === undefined || domain.is_pending === 1) return 'domain-not-set-up'
  // What is left of it is a name: no keys to sign with, and nobody who reads what is sent to postmaster.
  if ((await findAccount(db, domain.account_id))?.deleted_at !== null) return 'domain-not-set-up'
  return domain.catch_all_mailbox_id === null ? null : 'domain-has-catch-all'
}

export const entryOf = (
  action: Extract<NewLogEntry['action'], `signup.${string}`>,
  tenancy: Tenancy | null,
  id: SignupId,
  metadata: NonNullable<NewLogEntry['metadata']>,
  at: number,
): NewLogEntry => ({ at, actor: signupActor, tenancy, action, resourceType: 'signup', resourceId: id, metadata })
