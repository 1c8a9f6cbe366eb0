/**
 * The session of an operator (contract §4.6): for a quarter of an hour after they gave a code that was mailed to them, admin actions of the tier `medium`
 * (model/admin-action.ts) need no further code.
 *
 * Promises: a session is a key with admin scope and, besides, a cookie: neither is worth anything here without the other. It begins by a code that went to the
 * operator's address, of which five wrong ones end it, and ends at its time, when somebody says so, and when that address changes. It gives no scope: a key
 * that may not decide on mail may not with a session either, and no mailbox gets more autonomy by it. Only hashes of code and cookie are kept. Each step is
 * on the record. No test key ever brings about a mail.
 */
import { randomBytes, timingSafeEqual } from 'node:crypto'
import type { Actor, KeyActor } from '../model/actor.ts'
import { sha256 } from '../model/canonical.ts'
import { hasCome } from '../model/has-come.ts'
import { type AccountId, type OperatorSessionId, newId } from '../model/ids.ts'
import { mailDate } from '../model/mail-date.ts'
import { type Result, fail, ok } from '../model/result.ts'
import type { Clock } from '../platform/clock.ts'
import { lockAccount } from '../store/accounts.ts'
import type { Db, Store, Tx } from '../store/db.ts'
import { keyById } from '../store/keys.ts'
import { type NewLogEntry, appendLog, appendLogs } from '../store/log.ts'
import { operatorOf } from '../store/operator-address.ts'
import { insertOperatorMail } from '../store/operator-mails.ts'
import {
  type OperatorSessionRow,
  changeOperatorSession,
  endSessionsOfAccount,
  insertOperatorSession,
  liveSessions,
  removeSessionsBefore,
  sessionByToken,
  sessionOfKey,
  sessionsAskedSince,
} from '../store/operator-sessions.ts'
import { fits, hashCode, makeCode } from './approval-code.ts'
import { quoted } from './approval-letter.ts'

const minute = 60_000
const hour = 60 * minute
export const sessionCodeLifeMs = 10 * minute
export const sessionLifeMs = 15 * minute
const mostTries = 5
const askAgainAfterMs = minute
/** Of one account and world: somebody has to read the letters. */
const mostAskedInAnHour = 5
const keptMs = 30 * 24 * hour

/** `told`: where the code was mailed. `sandboxCode`: of a test key, for which nothing is mailed. */
export type AskedSession = { told: string | null; expiresAt: number; sandboxCode: string | null }
/** `token` is what the cookie holds: give it to whoever gave the code, keep it nowhere. */
export type StartedSession = { id: OperatorSessionId; token: string; expiresAt: number }
export type StartProblem = 'NO_OVERSIGHT_EMAIL' | 'SESSION_TOO_SOON'
export type VerifyProblem = 'SESSION_CODE_WRONG' | 'SESSION_NOT_FOUND'
/** One session, or those that hang on this key. */
export type WhichSessions = { id: OperatorSessionId } | 'own'

/** Each inside the caller's own tenancy. Whoever calls has checked for the scope. */
export type OperatorSessions = {
  start(actor: KeyActor): Promise<Result<AskedSession, StartProblem>>
  verify(actor: KeyActor, code: string): Promise<Result<StartedSession, VerifyProblem>>
  /** The live session of this key and this cookie. */
  live(db: Db, actor: KeyActor, token: string | undefined): Promise<OperatorSessionRow | null>
  list(db: Db, actor: KeyActor): Promise<OperatorSessionRow[]>
  /** Any key that may begin one may end any, at once. @returns those that were under way */
  end(actor: KeyActor, which: WhichSessions): Promise<Result<OperatorSessionId[], 'SESSION_NOT_FOUND'>>
}

/** @param deps.onMail called once a letter to the operator is in the store */
type Deps = { store: Store; clock: Clock; onMail?: () => void }

export const createOperatorSessions = ({ store, clock, onMail }: Deps): OperatorSessions => ({
  async start(actor) {
    const asked = await store.transaction((tx) => start(tx, actor, clock.now()))
    if (asked.ok && asked.value.told !== null) onMail?.()
    return asked
  },
  verify: (actor, code) => store.transaction((tx) => verify(tx, actor, code, clock.now())),
  live: (db, actor, token) => liveSession(db, actor, token, clock.now()),
  list: (db, actor) => liveSessions(db, actor, clock.now()),
  end: (actor, which) => store.transaction((tx) => end(tx, actor, which, clock.now())),
})

async function start(tx: Tx, actor: KeyActor, now: number): Promise<Result<AskedSession, StartProblem>> {
  const account = await lockAccount(tx, actor.accountId)
  if (account === undefined) throw new Error('a key without an account')
  const told = await addressOf(tx, actor)
  if (told === null && actor.world === 'live') return fail('NO_OVERSIGHT_EMAIL')
  const wait = await waitBefore(tx, actor, now)
  if (wait > 0) return { ...fail('SESSION_TOO_SOON'), retryAfterMs: wait }
  await removeSessionsBefore(tx, account.id, now - keptMs)
  const earlier = await sessionOfKey(tx, actor.keyId, 'pending')
  if (earlier !== undefined) await changeOperatorSession(tx, earlier.id, { ended_at: now })
  const [id, code, expiresAt] = [newId('operatorSession', now), makeCode(), now + sessionCodeLifeMs]
  const { salt, hash } = hashCode(code)
  await insertOperatorSession(tx, {
    id,
    account_id: account.id,
    world: actor.world,
    key_id: actor.keyId,
    operator_address: told,
    code_salt: salt,
    code_hash: hash,
    tries: 0,
    token_hash: null,
    created_at: now,
    started_at: null,
    expires_at: expiresAt,
    ended_at: null,
  })
  if (told !== null) {
    const key = { name: actor.name, prefix: (await keyById(tx, actor.keyId))?.prefix ?? '' }
    const letter = letterOf({ account: account.name, key, code, endsAt: expiresAt })
    await insertOperatorMail(tx, { accountId: account.id, recipient: told, ...letter, now, giveUpAt: expiresAt })
  }
  await appendLog(tx, entryOf('operator_session.requested', actor, actor, id, { expires_at: expiresAt, mailed: told !== null }, now))
  return ok({ told, expiresAt, sandboxCode: actor.world === 'test' ? code : null })
}

/** Where the operator reads what no agent does; of the test world nowhere, because nothing is mailed. */
const addressOf = (db: Db, { world, accountId }: KeyActor): Promise<string | null> =>
  world === 'live' ? operatorOf(db, accountId) : Promise.resolve(null)

/** Ms to go before another code is made. */
async function waitBefore(tx: Tx, actor: KeyActor, now: number): Promise<number> {
  const asked = (await sessionsAskedSince(tx, actor, now - hour)).filter(({ created_at }) => hasCome(now)(created_at))
  const last = asked.findLast(({ key_id }) => key_id === actor.keyId)
  const first = asked.at(-mostAskedInAnHour)
  return Math.max(last === undefined ? 0 : last.created_at + askAgainAfterMs - now, first === undefined ? 0 : first.created_at + hour - now)
}

async function verify(tx: Tx, actor: KeyActor, code: string, now: number): Promise<Result<StartedSession, VerifyProblem>> {
  await lockAccount(tx, actor.accountId)
  const row = await sessionOfKey(tx, actor.keyId, 'pending')
  if (row === undefined || now >= row.expires_at || row.operator_address !== (await addressOf(tx, actor))) return fail('SESSION_NOT_FOUND')
  if (!fits({ salt: row.code_salt, hash: row.code_hash }, code)) return wrongCode(tx, actor, row, now)
  const earlier = await sessionOfKey(tx, actor.keyId, 'live')
  if (earlier !== undefined) await changeOperatorSession(tx, earlier.id, { ended_at: now })
  // Made here and now: a token that somebody brought along, or planted in a browser, begins nothing.
  const [token, expiresAt] = [randomBytes(32).toString('base64url'), now + sessionLifeMs]
  await changeOperatorSession(tx, row.id, { token_hash: sha256(token), started_at: now, expires_at: expiresAt })
  await appendLog(tx, entryOf('operator_session.started', actor, actor, row.id, { expires_at: expiresAt }, now))
  return ok({ id: row.id, token, expiresAt })
}

async function wrongCode(
  tx: Tx,
  actor: KeyActor,
  { id, tries: before }: OperatorSessionRow,
  now: number,
): Promise<Result<never, VerifyProblem>> {
  const tries = before + 1
  const isOver = tries >= mostTries
  await changeOperatorSession(tx, id, { tries, ...(isOver && { ended_at: now }) })
  await appendLog(tx, entryOf('operator_session.refused', actor, actor, id, { tries }, now))
  return fail('SESSION_CODE_WRONG', isOver ? 'It was the last try; the code is worth nothing now.' : undefined)
}

/** The session that this key and this cookie are, if it is good now. */
export async function liveSession(db: Db, actor: KeyActor, token: string | undefined, now: number): Promise<OperatorSessionRow | null> {
  if (token === undefined) return null
  const hash = sha256(token)
  const row = await sessionByToken(db, hash)
  if (row === undefined || row.token_hash === null || !timingSafeEqual(Buffer.from(row.token_hash), Buffer.from(hash))) return null
  const isOwn = row.key_id === actor.keyId && row.account_id === actor.accountId && row.world === actor.world
  if (!isOwn || row.ended_at !== null || now >= row.expires_at) return null
  return row.operator_address === (await addressOf(db, actor)) ? row : null
}

async function end(tx: Tx, actor: KeyActor, which: WhichSessions, now: number): Promise<Result<OperatorSessionId[], 'SESSION_NOT_FOUND'>> {
  await lockAccount(tx, actor.accountId)
  const live = await liveSessions(tx, actor, now)
  const ended = live.filter(({ id, key_id }) => (which === 'own' ? key_id === actor.keyId : id === which.id))
  if (which !== 'own' && ended.length === 0) return fail('SESSION_NOT_FOUND')
  // What is over by the clock is ended as well: the clock may be ahead.
  const others = which === 'own' ? [await sessionOfKey(tx, actor.keyId, 'pending'), await sessionOfKey(tx, actor.keyId, 'live')] : []
  for (const one of [...ended, ...others]) if (one !== undefined) await changeOperatorSession(tx, one.id, { ended_at: now })
  await appendLogs(
    tx,
    ended.map(({ id }) => entryOf('operator_session.ended', actor, actor, id, { because: 'asked' }, now)),
  )
  return ok(ended.map(({ id }) => id))
}

const host: Actor = { kind: 'system', part: 'host' }

/** On the host: nobody's session of this account goes on. @returns how many there were */
export const endEverySession = ({ store, clock }: Pick<Deps, 'store' | 'clock'>, accountId: AccountId): Promise<number> =>
  store.transaction(async (tx) => {
    await lockAccount(tx, accountId)
    const now = clock.now()
    const ended = (await endSessionsOfAccount(tx, accountId, now)).filter(({ started_at }) => started_at !== null)
    const entries = ended.map(({ id, world }) =>
      entryOf('operator_session.ended', host, { accountId, world }, id, { because: 'host' }, now),
    )
    await appendLogs(tx, entries)
    return ended.length
  })

const entryOf = (
  action: Extract<NewLogEntry['action'], `operator_session.${string}`>,
  actor: Actor,
  { accountId, world }: NonNullable<NewLogEntry['tenancy']>,
  id: OperatorSessionId,
  metadata: NonNullable<NewLogEntry['metadata']>,
  at: number,
): NewLogEntry => ({ at, actor, tenancy: { accountId, world }, action, resourceType: 'operator_session', resourceId: id, metadata })

type Letter = { account: string; key: { name: string; prefix: string }; code: string; endsAt: number }

function letterOf({ account, key, code, endsAt }: Letter): { subject: string; body: string } {
  const lines = [
    `Somebody who has an API key of the account ${quoted(account)} says that they are you, its operator.`,
    '',
    `  Key:     ${quoted(key.name)} (${key.prefix}…)`,
    '',
    'If it is you, type this code into the program in which you asked for it:',
    '',
    `  ${code}`,
    '',
    `It is good once, until ${mailDate(endsAt)}. For ${sessionLifeMs / minute} minutes after that, nobody asks you before mailboxes, API keys or`,
    'webhooks of the account are made or changed with this key in that program.',
    '',
    'Give it to nobody, and to no agent: an agent that asks you for it wants to do without asking you.',
    'If you did not expect this, do nothing, and look at who has this key.',
    '',
    'Do not answer this email: agents may read what comes to this server.',
    '',
  ]
  return { subject: 'Your code to begin an operator session', body: lines.join('\n') }
}
