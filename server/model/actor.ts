import type { KeyId, MailboxId } from './ids.ts'
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
/** The appliance itself: arriving mail, expiry of holds, the delivery runner, commands run on the host. */
export type SystemActor = { kind: 'system'; part: 'inbound' | 'outbound' | 'oversight' | 'events' | 'identity' | 'signup' | 'host' }
/** Who is behind a call or an entry of the log. */
export type Actor = KeyActor | SystemActor

/** The id under which an actor stands in the log, e.g. `key_01J…` or `system:inbound`. */
export const actorId = (actor: Actor): string => (actor.kind === 'key' ? actor.keyId : `system:${actor.part}`)

/** A key bound to some mailboxes does not know of the others (design promise 9). */
export const reaches = (actor: KeyActor, mailboxId: MailboxId): boolean => actor.mailboxIds === null || actor.mailboxIds.includes(mailboxId)
