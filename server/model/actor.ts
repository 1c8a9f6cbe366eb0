import type { KeyId, MailboxId, PersonId, PersonSessionId } from './ids.ts'
import type { Tenancy } from './world.ts'

export const scopes = ['read', 'send', 'oversight', 'admin'] as const
export type Scope = (typeof scopes)[number]

/** A program calling with an API key. `mailboxIds` null means all of the account's mailboxes of its world. */
export type KeyActor = Tenancy & {
  kind: 'key'
  keyId: KeyId
  name: string
  scopes: readonly Scope[]
  mailboxIds: readonly MailboxId[] | null
}
export const personRoles = ['operator', 'reviewer'] as const
export type PersonRole = (typeof personRoles)[number]
/** Somebody who has signed in with a means of their own. No person sends as an agent: there is no scope here. */
export type PersonActor = Tenancy & { kind: 'person'; personId: PersonId; role: PersonRole }
/** The same, by the session that they have: when that ends while something is under way, it is not done. */
export type SessionActor = PersonActor & { sessionId: PersonSessionId }
/** The appliance itself: arriving mail, expiry of holds, the delivery runner, commands run on the host. */
export type SystemActor = { kind: 'system'; part: 'inbound' | 'outbound' | 'oversight' | 'events' | 'identity' | 'signup' | 'host' }
/** Who is behind a call or an entry of the log. */
export type Actor = KeyActor | PersonActor | SystemActor
/** Who may be asked to decide on mail (oversight/authority.ts says whether they may). */
export type Decider = KeyActor | SessionActor | PersonActor

/** The id under which an actor stands in the log, e.g. `key_01J…` or `system:inbound`. */
export function actorId(actor: Actor): string {
  if (actor.kind === 'key') return actor.keyId
  return actor.kind === 'person' ? actor.personId : `system:${actor.part}`
}

/** A key bound to some mailboxes does not know of the others (design promise 9); a person knows all of their account. */
export const reaches = (actor: Decider, mailboxId: MailboxId): boolean =>
  actor.kind === 'person' || actor.mailboxIds === null || actor.mailboxIds.includes(mailboxId)
