/** What is done about people on the host, and nowhere else: who they are, what they are for, and the way back in. Each ends every session of theirs. */
import { type Actor, type PersonRole } from '../../model/actor.ts'
import { addressKey, parseAddress } from '../../model/address.ts'
import { sha256 } from '../../model/canonical.ts'
import { type AccountId, type KeyId, newId } from '../../model/ids.ts'
import { type Result, fail, ok } from '../../model/result.ts'
import type { Clock } from '../../platform/clock.ts'
import { lockAccount } from '../../store/accounts.ts'
import type { Store, Tx } from '../../store/db.ts'
import { hasKeys, moveKeys } from '../../store/keys.ts'
import { appendLog } from '../../store/log.ts'
import { mailboxAt, mailboxToChange } from '../../store/mailboxes.ts'
import { isReadHere } from '../../store/operator-address.ts'
import { removePasskeys } from '../../store/passkeys.ts'
import {
  type PersonRow,
  changePerson,
  forgotten,
  insertPerson,
  noQuiet,
  peopleOf,
  personByAddress,
  removedByMark,
} from '../../store/people.ts'
import { mailboxesAllowedBy, moveAllowances, removeAllowancesBy } from '../../store/allowances.ts'
import { endLinksOf } from '../../store/approval-links.ts'
import { removeTurnsOf, setTurns } from '../../store/reviewer-turns.ts'
import { endCodesOf } from '../../store/person-codes.ts'
import { lockSessionsOf } from '../../store/person-sessions.ts'
import { noTotp } from './authenticator-program.ts'
import { hostCode } from './codes.ts'
import { personEntry } from './person.ts'
import { type Quiet, putQuiet } from './quiet.ts'
import { endSessions } from './sessions.ts'

type Deps = { store: Store; clock: Clock }
const host: Actor = { kind: 'system', part: 'host' }
const mostPeople = 100

export type NewPerson = { accountId: AccountId; address: string; name: string; role: PersonRole }
/** `code`: to sign in with once, without any mail. */
export type WithCode = { person: PersonRow; code: string; expiresAt: number }

export const addPerson = (
  { store, clock }: Deps,
  { accountId, address: text, name, role }: NewPerson,
): Promise<Result<WithCode, 'BAD_ADDRESS' | 'ADDRESS_IN_USE' | 'TOO_MANY_PEOPLE'>> =>
  store.transaction(async (tx) => {
    await lockAccount(tx, accountId)
    const address = parseAddress(text)
    if (address === null) return fail('BAD_ADDRESS', `${JSON.stringify(text)} is no address; write one such as ann@example.com.`)
    if (await isReadHere(tx, address))
      return fail(
        'BAD_ADDRESS',
        `Mail to ${address} comes to this server, where agents may read it. Name an address that is read elsewhere.`,
      )
    if ((await personByAddress(tx, addressKey(address))) !== undefined)
      return fail('ADDRESS_IN_USE', `Somebody signs in with ${address} already, here or in another account.`)
    if ((await peopleOf(tx, accountId)).length >= mostPeople) return fail('TOO_MANY_PEOPLE', `An account has at most ${mostPeople} people.`)
    const now = clock.now()
    const own = { id: newId('person', now), account_id: accountId, role, name, address, address_key: addressKey(address), created_at: now }
    const person = { ...own, ...noTotp, ...noQuiet, told_at: null, removed_at: null }
    await insertPerson(tx, person)
    const keys = await takeBackKeys(tx, person)
    const metadata = { role, ...(keys.length > 0 && { key_ids: keys }) }
    await appendLog(tx, personEntry('person.added', person, now, { by: host, metadata, details: { name, address } }))
    return ok({ person, ...(await hostCode(tx, person, now)) })
  })

/** Under which somebody of this account is known again who was removed, so that what their keys wrote is still theirs. Says who they were to nobody but who asks
 *  for the very address. */
const markOf = ({ account_id, address_key }: Pick<PersonRow, 'account_id' | 'address_key'>): string =>
  `removed ${sha256('removed person', account_id, address_key)}`

/** Who comes back is a new person; the keys that were theirs before are theirs. @returns those that were not revoked */
async function takeBackKeys(tx: Tx, person: PersonRow): Promise<KeyId[]> {
  const before = await removedByMark(tx, person.account_id, markOf(person))
  if (before === undefined) return []
  // One at a time is known by it.
  await changePerson(tx, before.id, { address_key: before.id })
  await moveAllowances(tx, person.account_id, before.id, person.id)
  return moveKeys(tx, before.id, person.id)
}

/** Does `work` to the person of this account who has that address. */
const withPerson = <T>(
  { store, clock }: Deps,
  accountId: AccountId,
  address: string,
  work: (tx: Tx, person: PersonRow, now: number) => Promise<T>,
): Promise<Result<T, 'PERSON_NOT_FOUND'>> =>
  store.transaction(async (tx) => {
    await lockAccount(tx, accountId)
    const person = await personByAddress(tx, addressKey(parseAddress(address) ?? address))
    return person?.account_id === accountId ? ok(await work(tx, person, clock.now())) : fail('PERSON_NOT_FOUND')
  })

async function endAll(tx: Tx, person: PersonRow, now: number, because: string): Promise<void> {
  await endCodesOf(tx, person.id, now)
  await endLinksOf(tx, person.id, now)
  await endSessions(tx, person, { now, because, by: host })
}

export const setRole = (
  deps: Deps,
  accountId: AccountId,
  address: string,
  role: PersonRole,
): Promise<Result<PersonRow, 'PERSON_NOT_FOUND'>> =>
  withPerson(deps, accountId, address, async (tx, person, now) => {
    if (person.role === role) return person
    await changePerson(tx, person.id, { role })
    await appendLog(tx, personEntry('person.role_changed', person, now, { by: host, metadata: { role, previous_role: person.role } }))
    await endAll(tx, person, now, 'role_changed')
    return { ...person, role }
  })

/** Until the end of the transaction they allow nothing else, and nothing is filed by what they allowed. In the order in which allowing locks these. */
async function holdWhatTheyAllowed(tx: Tx, { id, account_id }: PersonRow): Promise<void> {
  await lockSessionsOf(tx, id)
  for (const mailbox of await mailboxesAllowedBy(tx, account_id, id)) await mailboxToChange(tx, mailbox)
}

/** Their address is free again; of it stays a hash, when keys of theirs are there, for the case that they come back. Their id goes on to mean them in the log, and never anybody else. */
export const removePerson = (deps: Deps, accountId: AccountId, address: string): Promise<Result<PersonRow, 'PERSON_NOT_FOUND'>> =>
  withPerson(deps, accountId, address, async (tx, person, now) => {
    await holdWhatTheyAllowed(tx, person)
    await endAll(tx, person, now, 'removed')
    const ended = await removeAllowancesBy(tx, accountId, person.id)
    await removeTurnsOf(tx, person.id)
    await removePasskeys(tx, person.id)
    await appendLog(tx, personEntry('person.removed', person, now, { by: host, metadata: { allowances_ended: ended } }))
    const left = (await hasKeys(tx, person.id)) ? markOf(person) : person.id
    await changePerson(tx, person.id, { ...forgotten, address_key: left, removed_at: now })
    return person
  })

/** For whoever has lost what they sign in with, or fears that somebody else has it: all of that is worth nothing any more. */
export const recoverPerson = (deps: Deps, accountId: AccountId, address: string): Promise<Result<WithCode, 'PERSON_NOT_FOUND'>> =>
  withPerson(deps, accountId, address, async (tx, person, now) => {
    await holdWhatTheyAllowed(tx, person)
    await endAll(tx, person, now, 'recovered')
    // Whoever signed in in their place may have given them.
    const ended = await removeAllowancesBy(tx, accountId, person.id)
    const passkeys = await removePasskeys(tx, person.id)
    await changePerson(tx, person.id, noTotp)
    const metadata = { passkeys_removed: passkeys.length, totp_removed: person.totp_secret !== null, allowances_ended: ended }
    await appendLog(tx, personEntry('person.recovered', person, now, { by: host, metadata }))
    return { person: { ...person, ...noTotp }, ...(await hostCode(tx, person, now)) }
  })

const [shortestTurnMs, longestTurnMs] = [60_000, 48 * 60 * 60_000]
const mostTurns = 20

/** `mailbox`: by its address; null: for the whole account. `people`: addresses, in order; none: everybody is told at once again. */
export type TurnsOrder = { mailbox: string | null; people: readonly string[]; afterMs: number }
type TurnsCode = 'PERSON_NOT_FOUND' | 'MAILBOX_NOT_FOUND' | 'BAD_TURNS'

/** Says who is told of what waits after whom, from the next email on. */
export const setReviewerTurns = (
  { store, clock }: Deps,
  accountId: AccountId,
  { mailbox: text, people, afterMs }: TurnsOrder,
): Promise<Result<PersonRow[], TurnsCode>> =>
  store.transaction(async (tx) => {
    await lockAccount(tx, accountId)
    if (people.length > mostTurns || !Number.isSafeInteger(afterMs) || afterMs < shortestTurnMs || afterMs > longestTurnMs)
      return fail('BAD_TURNS', `Name at most ${mostTurns} people, each told a minute to 48 hours after the one before.`)
    const mailbox = text === null ? null : await mailboxAt(tx, 'live', addressKey(parseAddress(text) ?? text))
    if (mailbox === undefined || (mailbox !== null && (mailbox.account_id !== accountId || mailbox.deleted_at !== null)))
      return fail('MAILBOX_NOT_FOUND', `This account has no mailbox ${JSON.stringify(text)}.`)
    const found: PersonRow[] = []
    for (const address of people) {
      const person = await personByAddress(tx, addressKey(parseAddress(address) ?? address))
      if (person?.account_id !== accountId)
        return fail('PERSON_NOT_FOUND', `Nobody of this account signs in with ${JSON.stringify(address)}.`)
      if (found.some(({ id }) => id === person.id)) return fail('BAD_TURNS', 'Name each of them once.')
      found.push(person)
    }
    const mailboxId = mailbox?.id ?? null
    const rows = found.map(({ id }, turn) => ({ account_id: accountId, mailbox_id: mailboxId, person_id: id, turn, after_ms: afterMs }))
    await setTurns(tx, { accountId, mailboxId }, rows)
    const metadata = { mailbox_id: mailboxId, person_ids: found.map(({ id }) => id), after_ms: afterMs }
    const of = { actor: host, tenancy: { accountId, world: 'live' as const }, resourceType: 'account', resourceId: accountId }
    await appendLog(tx, { at: clock.now(), ...of, action: 'reviewers.turns_set', metadata })
    return ok(found)
  })

/** When somebody wants no letters; null: at any time. Whoever calls has looked at it. */
export const setQuietOnHost = (
  deps: Deps,
  accountId: AccountId,
  address: string,
  quiet: Quiet | null,
): Promise<Result<PersonRow, 'PERSON_NOT_FOUND'>> =>
  withPerson(deps, accountId, address, (tx, person, now) => putQuiet(tx, person, quiet, { now, by: host }))
