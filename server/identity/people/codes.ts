/** Signing in with a code: one that was mailed, with that of an authenticator program besides when the person has one, or one that was printed on the host. */
import { randomBytes, timingSafeEqual } from 'node:crypto'
import { addressKey, parseAddress } from '../../model/address.ts'
import { sha256 } from '../../model/canonical.ts'
import { newId } from '../../model/ids.ts'
import { mailDate } from '../../model/mail-date.ts'
import { type Result, fail, ok } from '../../model/result.ts'
import { hasCome } from '../../model/has-come.ts'
import { makeSpokenCode, plainCode } from '../../model/spoken-code.ts'
import { lockAccount } from '../../store/accounts.ts'
import type { Tx } from '../../store/db.ts'
import { appendLog } from '../../store/log.ts'
import { isReadHere } from '../../store/operator-address.ts'
import { insertOperatorMail } from '../../store/operator-mails.ts'
import { type PersonRow, changePerson, personByAddress, personById } from '../../store/people.ts'
import {
  type PersonCodeRow,
  changePersonCode,
  codeByTicket,
  codesMailedSince,
  insertPersonCode,
  removeCodesBefore,
} from '../../store/person-codes.ts'
import { type Begun, type PeopleDeps, day, hour, minute, personEntry } from './person.ts'
import { begin } from './sessions.ts'
import { fromBase32, matchingStep } from './totp.ts'

const mailCodeLifeMs = 8 * minute
const hostCodeLifeMs = 30 * minute
/** Groups, and characters in each: 79 bits. */
const hostCodeForm = [4, 4] as const
const mostTries = 5
const askAgainAfterMs = minute
/** To one person: somebody has to read them. */
const mostMailedInAnHour = 8
/** Whoever reads somebody's mail may guess so often at their authenticator program before codes are of no use. */
const mostTotpMisses = 10
const keptMs = 30 * day

const codeHash = (salt: string, code: string): string => sha256(salt, plainCode(code))

/** What only the browser has that asked; whoever guesses at codes needs it. */
export const makeTicket = (): string => randomBytes(32).toString('base64url')
const ticketHash = (ticket: string): string => sha256('ticket', ticket)
/** One of the host is long enough to be looked for by itself. */
const hostTicketHash = (code: string): string => sha256('host', plainCode(code))

/** Mails a code, if there is such a person, they may have one now, and no agent could read it. Says nothing about any of that. */
export async function mailCode(deps: PeopleDeps, ticket: string, address: string): Promise<void> {
  const parsed = parseAddress(address)
  if (parsed === null) return
  const isMailed = await deps.store.transaction(async (tx) => {
    const found = await personByAddress(tx, addressKey(parsed))
    if (found === undefined) return false
    const account = await lockAccount(tx, found.account_id)
    const person = await personById(tx, found.id)
    if (account === undefined || person === undefined) return false
    return mail(tx, deps, { person, account: account.name, ticket: ticketHash(ticket) })
  })
  if (isMailed) deps.onMail?.()
}

async function mail(
  tx: Tx,
  { clock, publicUrl }: PeopleDeps,
  { person, account, ticket }: { person: PersonRow; account: string; ticket: string },
): Promise<boolean> {
  const now = clock.now()
  const mailed = (await codesMailedSince(tx, person.id, now - hour)).filter(hasCome(now))
  if (mailed.length >= mostMailedInAnHour || now < (mailed.at(-1) ?? 0) + askAgainAfterMs || (await isReadHere(tx, person.address)))
    return false
  await removeCodesBefore(tx, person.id, now - keptMs)
  const earlier = await codeByTicket(tx, ticket)
  if (earlier !== undefined) await changePersonCode(tx, earlier.id, { ended_at: now })
  const [code, expiresAt] = [makeSpokenCode(2, 4), now + mailCodeLifeMs]
  await insertCode(tx, person, { kind: 'mail', ticket, code, now, expiresAt })
  const letter = letterOf({ account, code, endsAt: expiresAt, publicUrl })
  await insertOperatorMail(tx, { accountId: person.account_id, recipient: person.address, ...letter, now, giveUpAt: expiresAt })
  // Nobody in particular has asked.
  const by = { kind: 'system', part: 'identity' } as const
  await appendLog(tx, personEntry('person.code_mailed', person, now, { by, metadata: { expires_at: expiresAt } }))
  return true
}

type NewCode = { kind: PersonCodeRow['kind']; ticket: string; code: string; now: number; expiresAt: number }

const insertCode = (tx: Tx, person: PersonRow, { kind, ticket, code, now, expiresAt }: NewCode): Promise<void> => {
  const salt = randomBytes(16).toString('hex')
  return insertPersonCode(tx, {
    id: newId('personCode', now),
    account_id: person.account_id,
    person_id: person.id,
    kind,
    ticket_hash: ticket,
    code_salt: salt,
    code_hash: codeHash(salt, code),
    tries: 0,
    created_at: now,
    expires_at: expiresAt,
    ended_at: null,
  })
}

/** For who stands at the host: 79 bits, looked for by itself. @returns the code: show it once, keep it nowhere */
export async function hostCode(tx: Tx, person: PersonRow, now: number): Promise<{ code: string; expiresAt: number }> {
  const [code, expiresAt] = [makeSpokenCode(...hostCodeForm), now + hostCodeLifeMs]
  await insertCode(tx, person, { kind: 'host', ticket: hostTicketHash(code), code, now, expiresAt })
  return { code, expiresAt }
}

/** As long as one that the host prints; no mailed one is. */
export const isOfHost = (code: string): boolean => plainCode(code).length === hostCodeForm[0] * hostCodeForm[1]

/** `code`: as somebody typed it; `totp`: of their authenticator program; `previous`: what the cookie of a session held. */
export type Entry = { ticket: string | undefined; code: string; totp: string | undefined; previous: string | undefined }
export type EntryProblem = 'SIGN_IN_REFUSED' | 'TOTP_NEEDED'

/** Begins a session. One answer for every way in which a code is none. */
export const enterByCode = (deps: PeopleDeps, entry: Entry): Promise<Result<Begun, EntryProblem>> =>
  deps.store.transaction(async (tx) => {
    const waiting = await codeFor(tx, entry)
    if (waiting === undefined) return fail('SIGN_IN_REFUSED')
    await lockAccount(tx, waiting.account_id)
    // Anew: somebody else may have used it meanwhile.
    const row = await codeByTicket(tx, waiting.ticket_hash)
    const person = await personById(tx, waiting.person_id)
    const now = deps.clock.now()
    if (row?.id !== waiting.id || person === undefined || now >= row.expires_at) return fail('SIGN_IN_REFUSED')
    if (!isSame(row.code_hash, codeHash(row.code_salt, entry.code))) return refuse(tx, row, person, 'wrong_code', now)
    const problem = row.kind === 'host' ? null : await checkTotp(tx, row, person, entry.totp, now)
    if (problem !== null) return problem
    await changePersonCode(tx, row.id, { ended_at: now })
    return ok(await begin(tx, deps, { person, method: row.kind === 'host' ? 'host' : 'code', previous: entry.previous }))
  })

const codeFor = async (tx: Tx, { ticket, code }: Entry): Promise<PersonCodeRow | undefined> =>
  // First: a browser may still hold the ticket of a mailed code, perhaps of somebody else.
  (await codeByTicket(tx, hostTicketHash(code))) ?? (ticket === undefined ? undefined : await codeByTicket(tx, ticketHash(ticket)))

const isSame = (one: string, other: string): boolean => timingSafeEqual(Buffer.from(one, 'hex'), Buffer.from(other, 'hex'))

/** Of somebody who shows that they are who they are said to be, when they have an authenticator program. */
export const checkPerson = (
  deps: PeopleDeps,
  { id, account_id }: PersonRow,
  presented: string | undefined,
): Promise<Result<true, EntryProblem>> =>
  deps.store.transaction(async (tx) => {
    await lockAccount(tx, account_id)
    const person = await personById(tx, id)
    if (person === undefined) return fail('SIGN_IN_REFUSED')
    return (await checkTotp(tx, null, person, presented, deps.clock.now())) ?? ok(true)
  })

async function checkTotp(
  tx: Tx,
  row: PersonCodeRow | null,
  person: PersonRow,
  presented: string | undefined,
  now: number,
): Promise<Result<never, EntryProblem> | null> {
  if (person.totp_secret === null) return null
  if (person.totp_misses >= mostTotpMisses) return refuse(tx, row, person, 'too_many_wrong_totp', now)
  if (presented === undefined || presented.trim() === '') return fail('TOTP_NEEDED')
  const step = matchingStep(fromBase32(person.totp_secret), presented, { now, lastStep: person.totp_step })
  if (step === null) {
    await changePerson(tx, person.id, { totp_misses: person.totp_misses + 1 })
    return refuse(tx, row, person, 'wrong_totp', now)
  }
  await changePerson(tx, person.id, { totp_step: step, totp_misses: 0 })
  return null
}

async function refuse(
  tx: Tx,
  row: PersonCodeRow | null,
  person: PersonRow,
  because: string,
  now: number,
): Promise<Result<never, EntryProblem>> {
  const tries = (row?.tries ?? 0) + 1
  if (row !== null) await changePersonCode(tx, row.id, { tries, ...(tries >= mostTries && { ended_at: now }) })
  const by = { kind: 'system', part: 'identity' } as const
  await appendLog(tx, personEntry('person.refused', person, now, { by, metadata: { because, tries } }))
  return fail('SIGN_IN_REFUSED')
}

type Letter = { account: string; code: string; endsAt: number; publicUrl: string }

function letterOf({ account, code, endsAt, publicUrl }: Letter): { subject: string; body: string } {
  const lines = [
    `Somebody wants to sign in as you, to decide on the mail of ${JSON.stringify(account).replaceAll(/[^ -~]/g, '?')}.`,
    '',
    'If it is you, type this code into the page in which you asked for it:',
    '',
    `  ${code}`,
    '',
    `It is good once, until ${mailDate(endsAt)}, in that browser and at ${new URL(publicUrl).origin} only.`,
    '',
    'Give it to nobody, and to no agent: whoever has it in that browser decides in your name.',
    'If you did not expect this, do nothing: nobody gets in without the code.',
    '',
    'Do not answer this email: agents may read what comes to this server.',
    '',
  ]
  return { subject: 'Your code to sign in', body: lines.join('\n') }
}
