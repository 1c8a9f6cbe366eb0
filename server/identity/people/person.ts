/** What the files of this folder share about a person. */
import type { Actor, PersonActor, SessionActor } from '../../model/actor.ts'
import type { World } from '../../model/world.ts'
import type { Clock } from '../../platform/clock.ts'
import type { Store } from '../../store/db.ts'
import type { NewLogEntry } from '../../store/log.ts'
import type { PersonRow } from '../../store/people.ts'
import type { PersonSessionRow } from '../../store/person-sessions.ts'

export const minute = 60_000
export const hour = 60 * minute
export const day = 24 * hour

/** `idleMs`, `lifeMs`: after which a session is over though nobody ended it. `publicUrl`: as browsers reach this server. `onMail`: called once a letter is in
 *  the store. `secret`: of this installation, for challenges. */
export type PeopleDeps = {
  store: Store
  clock: Clock
  publicUrl: string
  secret: string
  idleMs: number
  lifeMs: number
  onMail?: () => void
}

/** Who is behind a session that is good now. */
export type SignedIn = { person: PersonRow; session: PersonSessionRow }

/** `token`: what the cookie holds; give it to whoever signed in, keep it nowhere. */
export type Begun = { token: string; expiresAt: number; person: PersonRow }

export const actorOf = ({ id, account_id, role }: PersonRow, world: World = 'live'): PersonActor => ({
  kind: 'person',
  accountId: account_id,
  world,
  personId: id,
  role,
})

export const sessionActorOf = ({ person, session }: SignedIn, world: World): SessionActor => ({
  ...actorOf(person, world),
  sessionId: session.id,
})

type PersonAction = Extract<NewLogEntry['action'], `person.${string}`>
type More = Pick<NewLogEntry, 'metadata' | 'details'> & { by?: Actor }

/** What a person does in signing in is on the record of the live world. Name and address are for `details`. */
export const personEntry = (action: PersonAction, person: PersonRow, at: number, { by, ...more }: More = {}): NewLogEntry => ({
  at,
  actor: by ?? actorOf(person),
  tenancy: { accountId: person.account_id, world: 'live' },
  action,
  resourceType: 'person',
  resourceId: person.id,
  ...more,
})
