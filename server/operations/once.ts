/**
 * Any call that changes something can be made with an idempotency key, and is then done once: whoever repeats it gets the first answer.
 *
 * Promises: that the call was made is written in the same transaction as what it did, so a crash leaves both or neither; of two at once one is
 * done, and the other hears so; another input under the same key is a conflict. A call that was refused is forgotten, and can be repeated. A key
 * belongs to the API key that used it. What an answer holds that is shown once is not kept.
 */
import type { TRPCError } from '@trpc/server'
import type { KeyActor } from '../model/actor.ts'
import type { Json } from '../model/canonical.ts'
import { sha256 } from '../model/canonical.ts'
import { factsJson } from '../store/facts.ts'
import { type IdempotentCall, answerCall, claimCall, forgetCall, hasCalls, idempotentCall, sweepCalls } from '../store/idempotent-calls.ts'
import { withRider } from '../store/rider.ts'
import type { Clock } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import type { Db, Store } from '../store/db.ts'
import { OperationError } from './errors.ts'

/** For this long a repetition is known (contract §1.4). */
const lifeMs = 24 * 3_600_000
/** A call that has no answer after this long has lost it. */
const underWayMs = 120_000
/** Of one API key at one time, so that no key uses up what another needs. */
const mostCalls = 20_000
/** What must never wait for room: above the limit it is done without being remembered. */
const urgent: ReadonlySet<string> = new Set(['stop_sending', 'decide_email'])
const longestAnswer = 256 * 1024
const longestKey = 200

/** The key of a call, as a header has it; `replayed` is set when an earlier call did it. */
export type Idempotency = { key: string | undefined; replayed: boolean }

type Outcome = { ok: true; data: unknown } | { ok: false; error: TRPCError }
/** Of a call of an operation, what this needs. */
type Call = { rooms: { store: Store; clock: Clock; log: Log }; actor: KeyActor; requestId: string; idempotency?: Idempotency | undefined }
type Kind = { secretOutput?: true; findsItself?: true }
type Asked = { ctx: Call; meta: Kind; path: string; raw: unknown }

/** @param proceed does it, with this input */
export async function once(asked: Asked, proceed: (raw: unknown) => Promise<Outcome>): Promise<Outcome> {
  const { ctx, meta } = asked
  const { key, input } = keyOf(asked)
  if (key === undefined) return proceed(input)
  if (meta.findsItself === true) {
    const outcome = await proceed({ ...input, idempotency_key: key })
    if (outcome.ok && isObject(outcome.data) && outcome.data['idempotent'] === true) markReplayed(ctx)
    return outcome
  }
  const { store, clock } = ctx.rooms
  const now = clock.now()
  const call = callOf(asked, key, input, now)
  const earlier = await idempotentCall(store.db, { actor: ctx.actor, word: key }, now)
  if (earlier !== undefined) return replay(ctx, meta, earlier, call)
  if (await hasCalls(store.db, ctx.actor.keyId, mostCalls)) {
    if (urgent.has(asked.path)) return proceed(input)
    throw new OperationError('TOO_MANY_IDEMPOTENCY_KEYS', undefined, [], 3_600_000)
  }

  const { result, arrived } = await withRider(
    {
      async enter(tx) {
        if (!(await claimCall(tx, call))) throw new Taken()
      },
      leave: (tx) => forgetCall(tx, call),
    },
    () => proceed(input),
  )
  if (!result.ok) {
    if (isTaken(result.error)) return replay(ctx, meta, await nowThere(ctx, key), call)
    // Refused after a part of it was committed: it said so, and does not count as done. After a fault nobody knows.
    if (arrived && isRefusal(result.error)) await forgetCall(store.db, call)
    return result
  }
  if (isPending(result.data)) {
    // Nothing was done yet: the same call, with the code, is still to come.
    if (arrived) await forgetCall(store.db, call)
    return result
  }
  await keepAnswer(asked, call, arrived, result.data)
  return result
}

/** What the header or the input says; of two that differ, neither. */
function keyOf({ ctx, raw }: Asked): { key: string | undefined; input: Record<string, unknown> } {
  const input = isObject(raw) ? raw : {}
  const { idempotency_key: inBody, ...rest } = input
  const inHeader = ctx.idempotency?.key
  for (const [path, value] of [
    ['idempotency_key', inBody],
    ['Idempotency-Key', inHeader],
  ] as const)
    if (value !== undefined && !isKey(value)) throw badKey(path, `must be 1 to ${longestKey} printable US-ASCII characters without spaces`)
  if (inBody !== undefined && inHeader !== undefined && inBody !== inHeader)
    throw badKey('idempotency_key', 'differs from the header Idempotency-Key')
  return { key: (inBody ?? inHeader) as string | undefined, input: isObject(raw) ? rest : (raw as Record<string, unknown>) }
}

const isKey = (value: unknown): value is string => typeof value === 'string' && value.length <= longestKey && /^[!-~]+$/.test(value)
const badKey = (path: string, message: string): OperationError =>
  new OperationError('BAD_INPUT', `${path}: ${message}`, [{ path, message }])

function callOf({ ctx, path }: Asked, key: string, input: Record<string, unknown>, now: number): IdempotentCall {
  return {
    key_id: ctx.actor.keyId,
    idempotency_key: key,
    account_id: ctx.actor.accountId,
    world: ctx.actor.world,
    operation: path,
    request_hash: requestHash(path, input),
    created_at: now,
    expires_at: now + lifeMs,
    answered_at: null,
    answer_json: null,
  }
}

function requestHash(operation: string, input: Record<string, unknown>): string {
  try {
    return sha256(factsJson({ operation, input: input as Json }))
  } catch {
    throw new OperationError('BAD_INPUT', 'The input is nested too deeply')
  }
}

/** Somebody else made this call. */
class Taken extends Error {}
const isTaken = ({ cause }: TRPCError): boolean => cause instanceof Taken
const isRefusal = ({ cause }: TRPCError): boolean => cause instanceof OperationError && cause.code !== 'INTERNAL'

async function nowThere({ rooms, actor }: Call, key: string): Promise<IdempotentCall> {
  const there = await idempotentCall(rooms.store.db, { actor, word: key }, rooms.clock.now())
  // It was, and was refused meanwhile.
  if (there === undefined) throw new OperationError('IDEMPOTENCY_IN_FLIGHT', undefined, [], 1000)
  return there
}

function replay(ctx: Call, meta: Kind, earlier: IdempotentCall, call: IdempotentCall): Outcome {
  if (earlier.request_hash !== call.request_hash) throw new OperationError('IDEMPOTENCY_CONFLICT', otherCall(earlier))
  if (earlier.answered_at === null) {
    if (call.created_at - earlier.created_at < underWayMs) throw new OperationError('IDEMPOTENCY_IN_FLIGHT', undefined, [], 1000)
    throw new OperationError('IDEMPOTENCY_ANSWER_LOST')
  }
  if (earlier.answer_json === null) throw new OperationError('ALREADY_DONE', meta.secretOutput === true ? secretWords : undefined)
  markReplayed(ctx)
  const answer: unknown = JSON.parse(earlier.answer_json)
  return { ok: true, data: isObject(answer) && typeof answer['idempotent'] === 'boolean' ? { ...answer, idempotent: true } : answer }
}

const otherCall = ({ operation }: IdempotentCall): string => `This idempotency key was used for another call (of ${operation})`
const secretWords = 'An earlier call with this idempotency key did this; its answer holds a secret, which is shown once and not repeated'

function markReplayed({ idempotency }: Call): void {
  if (idempotency !== undefined) idempotency.replayed = true
}

/** The effect is committed, so whatever happens here the caller gets the answer. */
async function keepAnswer({ ctx, meta }: Asked, call: IdempotentCall, arrived: boolean, data: unknown): Promise<void> {
  const { store, clock, log } = ctx.rooms
  const text = meta.secretOutput === true ? null : JSON.stringify(data)
  const kept = text === null || text.length > longestAnswer ? null : text
  try {
    if (arrived) await answerCall(store.db, call, clock.now(), kept)
    // What changed nothing opened no transaction.
    else await store.transaction((tx) => claimCall(tx, { ...call, answered_at: clock.now(), answer_json: kept }))
  } catch (error) {
    log.error({ requestId: ctx.requestId, operation: call.operation, err: error }, 'idempotency.answer-lost')
  }
}

const isPending = (data: unknown): boolean => isObject(data) && data['status'] === 'pending_approval'

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value)

/** Forgets what is over. */
export const forgetting = (db: Db) => ({
  name: 'idempotent-calls',
  schedule: '23 * * * *',
  work: (now: number): Promise<void> => sweepCalls(db, now),
})
