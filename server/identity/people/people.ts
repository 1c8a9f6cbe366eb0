/**
 * People: who signs in to decide on mail (docs/decisions/026-people.md).
 *
 * Promises: somebody gets in by a passkey, by a code that was mailed where no agent reads (with that of their authenticator program, when they have one), or by
 * one that was printed on the host, each good once; who asks learns nothing of who there is. Of codes and cookies there are hashes only. A session ends when it
 * is idle, old, signed out of, or when anything is done about the person on the host. A person decides and does nothing else: no session sends mail or makes
 * keys. Each step is on the record, with names and addresses apart from what is hashed.
 */
import type { PersonActor, SessionActor } from '../../model/actor.ts'
import type { World } from '../../model/world.ts'
import type { PasskeyId } from '../../model/ids.ts'
import { isFreshSignIn } from '../../model/fresh-sign-in.ts'
import { type Result, fail } from '../../model/result.ts'
import { lockAccount } from '../../store/accounts.ts'
import { type PasskeyRow, passkeysOf } from '../../store/passkeys.ts'
import { type NewTotp, confirmTotp, newTotp, removeTotp } from './authenticator-program.ts'
import { type Entry, type EntryProblem, checkPerson, enterByCode, isOfHost, mailCode, makeTicket } from './codes.ts'
import {
  type PasskeyProblem,
  addPasskey,
  enterByPasskey,
  hasPasskeys,
  newPasskeyOptions,
  removePasskey,
  signInOptions,
} from './passkeys.ts'
import { type Begun, type PeopleDeps, type SignedIn, actorOf, sessionActorOf } from './person.ts'
import { type Quiet, setQuiet } from './quiet.ts'
import { endSessions, whoIs } from './sessions.ts'

type Registration = Parameters<typeof addPasskey>[2]
type Assertion = Parameters<typeof enterByPasskey>[1]
type Found<F extends (...args: never[]) => Promise<Result<unknown, string>>> = Awaited<ReturnType<F>>

export type People = {
  /** Whether browsers make passkeys for this server: it has a name, and https. */
  readonly hasPasskeys: boolean
  /** Asks for a code to be mailed, and does not wait: what becomes of it is nobody's to see. @param ticket what the browser has of an earlier time @returns
   *  what it has to show with the code */
  askCode(ticket: string | undefined, address: string): string
  /** Whether that is as long as codes which the host prints: 79 bits, which nobody guesses. */
  isOfHost(code: string): boolean
  enterByCode(entry: Entry): Promise<Result<Begun, EntryProblem>>
  signInOptions(): ReturnType<typeof signInOptions>
  /** @param previous what the cookie of a session held */
  enterByPasskey(response: Assertion, previous: string | undefined): Promise<Result<Begun, PasskeyProblem>>
  /** @param token what the cookie holds; null when that is no session that is good now */
  who(token: string | undefined): Promise<SignedIn | null>
  actorOf(who: SignedIn, world: World): SessionActor
  /** By a link that was mailed to them. */
  actorByMail(who: Pick<SignedIn, 'person'>, world: World): PersonActor
  /** Whether it is them, as far as their authenticator program says; who has none is believed. */
  check(who: Pick<SignedIn, 'person'>, totp: string | undefined): Promise<Result<true, EntryProblem>>
  end(who: SignedIn, which: 'this' | 'all'): Promise<void>
  /** Whether they signed in a few minutes ago. */
  isFresh(who: SignedIn): boolean
  passkeys(who: SignedIn): Promise<PasskeyRow[]>
  /** The rest is for who has signed in a few minutes ago: SIGN_IN_AGAIN otherwise; NOT_SIGNED_IN when the session has ended meanwhile. */
  newPasskeyOptions(who: SignedIn): Promise<Found<typeof newPasskeyOptions> | Stale>
  addPasskey(who: SignedIn, registration: Registration): Promise<Found<typeof addPasskey> | Stale>
  removePasskey(who: SignedIn, id: PasskeyId): Promise<Found<typeof removePasskey> | Stale>
  newTotp(who: SignedIn): Promise<Result<NewTotp, 'NOT_SIGNED_IN'> | Stale>
  confirmTotp(who: SignedIn, code: string): Promise<Found<typeof confirmTotp> | Stale>
  removeTotp(who: SignedIn): Promise<Found<typeof removeTotp> | Stale>
  /** When they want no letters; null: at any time. Whoever calls has looked at it. */
  setQuiet(who: SignedIn, quiet: Quiet | null): ReturnType<typeof setQuiet>
  /** Resolves when nothing is under way that nobody waits for. */
  settled(): Promise<void>
}
type Stale = Result<never, 'SIGN_IN_AGAIN'>

/** `onFault`: told of what went wrong while nobody waited. `steady`: resolves after longer than it takes to look at a code, whoever's it is: what is answered
 *  when both are done says nothing by its time. */
type Deps = PeopleDeps & { onFault(error: unknown): void; steady?: () => Promise<unknown> }

export function createPeople(deps: Deps): People {
  const steadily = async <T>(work: Promise<T>): Promise<T> => (await Promise.all([work, deps.steady?.()]))[0]
  const underWay = new Set<Promise<void>>()
  const isFresh = ({ session }: SignedIn): boolean => isFreshSignIn(session.created_at, deps.clock.now())
  const freshly = async <T>(who: SignedIn, work: () => Promise<T>): Promise<T | Stale> => (isFresh(who) ? work() : fail('SIGN_IN_AGAIN'))
  return {
    hasPasskeys: hasPasskeys(deps),
    askCode(presented, address) {
      const ticket = presented ?? makeTicket()
      const work: Promise<void> = mailCode(deps, ticket, address)
        .catch(deps.onFault)
        .finally(() => underWay.delete(work))
      underWay.add(work)
      return ticket
    },
    isOfHost,
    enterByCode: (entry) => steadily(enterByCode(deps, entry)),
    signInOptions: () => signInOptions(deps),
    enterByPasskey: (response, previous) => steadily(enterByPasskey(deps, response, previous)),
    who: (token) => whoIs(deps, token),
    actorOf: sessionActorOf,
    actorByMail: ({ person }, world) => actorOf(person, world),
    check: ({ person }, totp) => checkPerson(deps, person, totp),
    end: ({ person, session }, which) =>
      deps.store.transaction(async (tx) => {
        await lockAccount(tx, person.account_id)
        const now = deps.clock.now()
        await endSessions(tx, person, { now, because: 'asked', ...(which === 'this' && { id: session.id }) })
      }),
    isFresh,
    passkeys: ({ person }) => passkeysOf(deps.store.db, person.id),
    newPasskeyOptions: (who) => freshly(who, () => newPasskeyOptions(deps, who.person)),
    addPasskey: (who, registration) => freshly(who, () => addPasskey(deps, who, registration)),
    removePasskey: (who, id) => freshly(who, () => removePasskey(deps, who, id)),
    newTotp: (who) => freshly(who, () => newTotp(deps, who)),
    confirmTotp: (who, code) => freshly(who, () => confirmTotp(deps, who, code)),
    removeTotp: (who) => freshly(who, () => removeTotp(deps, who)),
    setQuiet: (who, quiet) => setQuiet(deps, who, quiet),
    settled: async () => void (await Promise.all(underWay)),
  }
}
