/**
 * What an admin key may do only when the operator agrees (contract §4.5): asked twice, the second time with a code that went to the operator by mail.
 *
 * Promises: a code is good for one call of one key with exactly the same parameters, once: it is used in the transaction of the effect, so no crash
 * and no race uses it twice. For actions of the tier `medium` the session of an operator does instead (operator-sessions.ts). Only a salted hash of it stays; five wrong ones end it. It is never mailed where an agent could read it. Each request
 * and what became of it is on the record. No test key ever brings about a mail.
 */
import type { Actor, KeyActor } from '../model/actor.ts'
import { type AdminAction, adminActions } from '../model/admin-action.ts'
import { sha256 } from '../model/canonical.ts'
import { hasCome } from '../model/has-come.ts'
import { type ApprovalId, newId } from '../model/ids.ts'
import { type Result, fail, ok } from '../model/result.ts'
import type { Tenancy } from '../model/world.ts'
import type { Clock } from '../platform/clock.ts'
import { lockAccount } from '../store/accounts.ts'
import {
  type AdminActionRow,
  type Asked,
  adminActionById,
  askedSince,
  changeAdminAction,
  insertAdminAction,
  lastAsked,
  openAction,
  removeAdminActionsBefore,
  waitingActions,
} from '../store/admin-actions.ts'
import type { Store, Tx } from '../store/db.ts'
import { type Facts, factsJson } from '../store/facts.ts'
import { keyById } from '../store/keys.ts'
import { type NewLogEntry, appendLog } from '../store/log.ts'
import { insertOperatorMail } from '../store/operator-mails.ts'
import type { OperatorSessionRow } from '../store/operator-sessions.ts'
import type { Row } from '../store/schema.ts'
import { fits, hashCode, makeCode } from './approval-code.ts'
import { approvalLetter } from './approval-letter.ts'
import { operatorOf } from '../store/operator-address.ts'
import { liveSession } from './operator-sessions.ts'

export const codeLifeMs = 24 * 60 * 60_000
export const mostTries = 5
/** Before the same is asked again. */
export const askAgainAfterMs = 60_000
const hour = 60 * 60_000
/** Of one account and world: somebody has to read them. */
export const mostAskedInAnHour = 20
const keptMs = 30 * 24 * hour
const longestParameters = 64 * 1024

/** `parameters`: everything that decides what will be done, the code excepted; defaults filled in, references as ids. The operator is shown them by mail,
 *  so of a secret they have a hash. */
export type AskedAction = {
  actor: KeyActor
  action: AdminAction
  parameters: Facts
  code?: string | undefined
  /** of an operator session: what the caller's cookie holds */
  session?: string | undefined
}

/** `sandboxCode`: of a test key, for which nothing is mailed. `told`: the address of the operator, who has been asked; null: they have none. */
export type Pending = { id: ApprovalId; action: AdminAction; expiresAt: number; told: string | null; sandboxCode: string | null }
export type Outcome<T> = { kind: 'done'; value: T } | { kind: 'pending'; pending: Pending }
export type ApprovalProblem = 'APPROVAL_CODE_WRONG' | 'APPROVAL_NOT_FOUND' | 'APPROVAL_TOO_SOON' | 'KEY_NOT_ACCEPTED'

export type AdminActions = {
  /** Does `effect` when the operator has agreed, or asks them. `effect` runs in the transaction that uses the agreement up: it does its work by this
   *  `tx` only, may run again, and what it throws undoes both. Look for what speaks against it before, so that nobody is asked in vain. */
  perform<T>(asked: AskedAction, effect: (tx: Tx) => Promise<T>): Promise<Result<Outcome<T>, ApprovalProblem>>
  /** On the host: the same call, made again within its time, takes effect. Null: there is none that is open. */
  approve(id: ApprovalId): Promise<AdminActionRow | null>
  /** On the host: it will not be done. */
  refuse(id: ApprovalId): Promise<AdminActionRow | null>
  /** What waits for the operator, oldest first. */
  waiting(): Promise<AdminActionRow[]>
}

/** `approval` `off`: everything is done at once. `onMail`: called once a letter to the operator is in the store. */
export type AdminActionsDeps = { store: Store; clock: Clock; approval: 'code' | 'off'; onMail?: () => void }

export function createAdminActions(deps: AdminActionsDeps): AdminActions {
  const { store, clock } = deps
  return {
    async perform<T>(asked: AskedAction, effect: (tx: Tx) => Promise<T>) {
      const end = await store.transaction((tx) => decide(tx, deps, asked, effect))
      if (end.ok && end.value.kind === 'pending' && end.value.pending.told !== null) deps.onMail?.()
      return end
    },
    approve: (id) => store.transaction((tx) => decideOnHost(tx, id, 'approved', clock.now())),
    refuse: (id) => store.transaction((tx) => decideOnHost(tx, id, 'refused', clock.now())),
    waiting: () => waitingActions(store.db, clock.now()),
  }
}

/** What speaks for it. */
type Grounds =
  | { by: 'code' | 'host'; row: AdminActionRow }
  | { by: 'session'; row: AdminActionRow | undefined; session: OperatorSessionRow }
  | { by: 'setting' }

async function decide<T>(
  tx: Tx,
  deps: AdminActionsDeps,
  asked: AskedAction,
  effect: (tx: Tx) => Promise<T>,
): Promise<Result<Outcome<T>, ApprovalProblem>> {
  const now = deps.clock.now()
  const call = callOf(asked)
  const account = await lockAccount(tx, asked.actor.accountId)
  if (account === undefined) throw new Error('a key without an account')
  // It was deleted since the call began: nothing is made in it any more.
  if (account.deleted_at !== null) return fail('KEY_NOT_ACCEPTED')
  if (deps.approval === 'off') return go(tx, call, { by: 'setting' }, effect, now)
  const open = await openAction(tx, call)
  const row = open !== undefined && now < open.expires_at ? open : undefined
  if (asked.code !== undefined) {
    if (row === undefined) return fail('APPROVAL_NOT_FOUND')
    return fits({ salt: row.code_salt, hash: row.code_hash }, asked.code)
      ? go(tx, call, { by: 'code', row }, effect, now)
      : wrongCode(tx, call, row, now)
  }
  const session = adminActions[asked.action].tier === 'medium' ? await liveSession(tx, asked.actor, asked.session, now) : null
  if (session !== null) return go(tx, call, { by: 'session', row, session }, effect, now)
  if (row !== undefined && row.approved_at !== null) return go(tx, call, { by: 'host', row }, effect, now)
  const wait = await waitBefore(tx, call, now)
  if (wait !== null) return { ...fail('APPROVAL_TOO_SOON'), retryAfterMs: wait }
  if (open !== undefined) await changeAdminAction(tx, open.id, { refused_at: now })
  return ok({ kind: 'pending', pending: await ask(tx, account, call, now) })
}

type Call = Asked & { actor: KeyActor; parametersJson: string }

function callOf({ actor, action, parameters }: AskedAction): Call {
  const parametersJson = factsJson(parameters)
  if (parametersJson.length > longestParameters) throw new Error(`${action}: too many parameters to show to anybody`)
  return { actor, keyId: actor.keyId, action, parametersJson, parametersHash: sha256(parametersJson) }
}

async function go<T>(
  tx: Tx,
  call: Call,
  grounds: Grounds,
  effect: (tx: Tx) => Promise<T>,
  now: number,
): Promise<Result<Outcome<T>, ApprovalProblem>> {
  // With a session, a code that was asked for before has nothing left to do.
  const row = 'row' in grounds ? (grounds.row ?? null) : null
  if (row !== null && !(await changeAdminAction(tx, row.id, { used_at: now }))) return fail('APPROVAL_NOT_FOUND')
  const value = await effect(tx)
  // What was agreed on the host is on the record as such already.
  const action = grounds.by === 'host' ? 'admin_action.used' : 'admin_action.approved'
  const facts = { by: grounds.by, ...('session' in grounds && { session_id: grounds.session.id }) }
  await appendLog(tx, entryOf(action, call, row?.id ?? null, facts, now))
  return ok({ kind: 'done', value })
}

async function wrongCode(tx: Tx, call: Call, row: AdminActionRow, now: number): Promise<Result<never, ApprovalProblem>> {
  const tries = row.tries + 1
  const isOver = tries >= mostTries
  await changeAdminAction(tx, row.id, { tries, ...(isOver && { refused_at: now }) })
  await appendLog(tx, entryOf('admin_action.refused', call, row.id, { because: 'wrong_code', tries }, now))
  return fail('APPROVAL_CODE_WRONG', isOver ? 'It was the last try; the code is worth nothing now.' : undefined)
}

/** Epoch ms to go before another code is made; null: none. */
async function waitBefore(tx: Tx, call: Call, now: number): Promise<number | null> {
  const last = await lastAsked(tx, call, now)
  if (last !== null && now < last + askAgainAfterMs) return last + askAgainAfterMs - now
  const asked = (await askedSince(tx, call.actor, now - hour)).filter(hasCome(now))
  const first = asked.at(-mostAskedInAnHour)
  return first === undefined ? null : first + hour - now
}

async function ask(tx: Tx, account: Row<'accounts'>, call: Call, now: number): Promise<Pending> {
  const { actor, action, parametersJson } = call
  const [id, code, expiresAt] = [newId('approval', now), makeCode(), now + codeLifeMs]
  const { salt, hash } = hashCode(code)
  await removeAdminActionsBefore(tx, account.id, now - keptMs)
  await insertAdminAction(tx, {
    id,
    account_id: actor.accountId,
    world: actor.world,
    key_id: actor.keyId,
    action,
    parameters_json: parametersJson,
    parameters_hash: call.parametersHash,
    code_salt: salt,
    code_hash: hash,
    tries: 0,
    created_at: now,
    expires_at: expiresAt,
    approved_at: null,
    used_at: null,
    refused_at: null,
  })
  const told = actor.world === 'live' ? await operatorOf(tx, account.id) : null
  if (told !== null) {
    const key = { name: actor.name, prefix: (await keyById(tx, actor.keyId))?.prefix ?? '' }
    const letter = approvalLetter({ id, action, parametersJson, key, account: account.name, code, endsAt: expiresAt })
    await insertOperatorMail(tx, { accountId: account.id, recipient: told, ...letter, now, giveUpAt: expiresAt })
  }
  const requested = entryOf('admin_action.requested', call, id, { expires_at: expiresAt, mailed: told !== null }, now)
  await appendLog(tx, { ...requested, details: { parameters: JSON.parse(parametersJson) as Facts } })
  return { id, action, expiresAt, told, sandboxCode: actor.world === 'test' ? code : null }
}

async function decideOnHost(tx: Tx, id: ApprovalId, decision: 'approved' | 'refused', now: number): Promise<AdminActionRow | null> {
  const found = await adminActionById(tx, id)
  if (found === undefined) return null
  await lockAccount(tx, found.account_id)
  const row = await adminActionById(tx, id)
  if (row === undefined || now >= row.expires_at) return null
  if (!(await changeAdminAction(tx, id, { [decision === 'approved' ? 'approved_at' : 'refused_at']: now }))) return null
  const tenancy: Tenancy = { accountId: row.account_id, world: row.world }
  const metadata = { ...factsOf(row.action, row.parameters_hash), ...(decision === 'approved' ? { by: 'host' } : { because: 'host' }) }
  await appendLog(tx, { ...entry(host, tenancy, id, now), action: `admin_action.${decision}`, metadata })
  return row
}

const host: Actor = { kind: 'system', part: 'host' }

const entry = (actor: Actor, tenancy: Tenancy, id: ApprovalId | null, now: number) => ({
  at: now,
  actor,
  tenancy,
  resourceType: id === null ? 'account' : 'approval',
  resourceId: id ?? tenancy.accountId,
})
const factsOf = (action: AdminAction, parametersHash: string): Facts => ({ action, parameters_hash: parametersHash })

const entryOf = (
  action: Extract<NewLogEntry['action'], `admin_action.${string}`>,
  { actor, action: what, parametersHash }: Call,
  id: ApprovalId | null,
  facts: Facts,
  now: number,
): NewLogEntry => ({
  ...entry(actor, { accountId: actor.accountId, world: actor.world }, id, now),
  action,
  metadata: { ...factsOf(what, parametersHash), ...facts },
})
