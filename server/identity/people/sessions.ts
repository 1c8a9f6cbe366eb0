/** Sessions of people: a cookie of which only the hash is kept, made anew at each sign-in, over when it is idle, old, or ended. */
import { randomBytes } from 'node:crypto'
import type { Actor } from '../../model/actor.ts'
import { sha256 } from '../../model/canonical.ts'
import { type PersonSessionId, newId } from '../../model/ids.ts'
import { type Result, fail } from '../../model/result.ts'
import { lockAccount } from '../../store/accounts.ts'
import type { Tx } from '../../store/db.ts'
import { appendLog } from '../../store/log.ts'
import { type PersonRow, personById } from '../../store/people.ts'
import {
  type PersonSessionRow,
  endSessionsOf,
  holdPersonSession,
  insertPersonSession,
  personSessionByToken,
  removePersonSessionsBefore,
  touchPersonSession,
} from '../../store/person-sessions.ts'
import { type Begun, type PeopleDeps, type SignedIn, day, minute, personEntry } from './person.ts'

/** Not at every call: looking would otherwise write to the store each time. */
const touchEveryMs = minute
const keptMs = 90 * day

/** @param previous what the browser's cookie held: that session is over now, whoever's it was */
export async function begin(
  tx: Tx,
  deps: PeopleDeps,
  { person, method, previous }: { person: PersonRow; method: PersonSessionRow['method']; previous: string | undefined },
): Promise<Begun> {
  const now = deps.clock.now()
  await endByToken(tx, previous, now)
  await removePersonSessionsBefore(tx, person.id, now - keptMs)
  // Made here and now: a token that somebody brought along, or planted in a browser, begins nothing.
  const [id, token, expiresAt] = [newId('personSession', now), randomBytes(32).toString('base64url'), now + deps.lifeMs]
  await insertPersonSession(tx, {
    id,
    account_id: person.account_id,
    person_id: person.id,
    token_hash: sha256(token),
    method,
    created_at: now,
    seen_at: now,
    expires_at: expiresAt,
    ended_at: null,
  })
  await appendLog(tx, personEntry('person.signed_in', person, now, { metadata: { method, session_id: id, expires_at: expiresAt } }))
  return { token, expiresAt, person }
}

async function endByToken(tx: Tx, token: string | undefined, now: number): Promise<void> {
  const row = token === undefined ? undefined : await personSessionByToken(tx, sha256(token))
  const person = row === undefined ? undefined : await personById(tx, row.person_id)
  if (row !== undefined && person !== undefined) await endSessions(tx, person, { now, because: 'signed_in_again', id: row.id })
}

/** Whose session this cookie is, when it is good now. */
export async function whoIs({ store, clock, idleMs }: PeopleDeps, token: string | undefined): Promise<SignedIn | null> {
  if (token === undefined) return null
  const now = clock.now()
  const session = await personSessionByToken(store.db, sha256(token))
  if (session === undefined || isOver(session, idleMs, now)) return null
  const person = await personById(store.db, session.person_id)
  if (person === undefined) return null
  // Or at a time that has not come yet: the clock was ahead then, and until that time the session could not be idle.
  if (Math.abs(now - session.seen_at) >= Math.min(touchEveryMs, idleMs / 2)) await touchPersonSession(store.db, session.id, now)
  return { person, session }
}

const isOver = ({ ended_at, expires_at, seen_at }: PersonSessionRow, idleMs: number, now: number): boolean =>
  ended_at !== null || now >= expires_at || now >= seen_at + idleMs

export type Over = Result<never, 'NOT_SIGNED_IN'>

/** Does `work` for somebody who has signed in, unless that session has ended since it was looked at. Nobody ends it meanwhile: the account is held.
 *  @param work given the person as they are now */
export const whileSignedIn = <T>(
  { store, clock, idleMs }: PeopleDeps,
  { person: { id, account_id }, session }: SignedIn,
  work: (tx: Tx, person: PersonRow, now: number) => Promise<T>,
): Promise<T | Over> =>
  store.transaction(async (tx) => {
    await lockAccount(tx, account_id)
    const [now, current, person] = [clock.now(), await holdPersonSession(tx, session.id), await personById(tx, id)]
    if (current === undefined || person === undefined || isOver(current, idleMs, now)) return fail('NOT_SIGNED_IN')
    return work(tx, person, now)
  })

/** Ends one session of somebody, or all, and says so on the record. @returns how many there were */
export async function endSessions(
  tx: Tx,
  person: PersonRow,
  { now, because, id, by }: { now: number; because: string; id?: PersonSessionId; by?: Actor },
): Promise<number> {
  const ended = await endSessionsOf(tx, person.id, now, id)
  if (ended.length > 0) {
    const metadata = { because, session_ids: ended.map((session) => session.id) }
    await appendLog(tx, personEntry('person.signed_out', person, now, { metadata, ...(by && { by }) }))
  }
  return ended.length
}
