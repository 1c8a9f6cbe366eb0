/**
 * The switch that stops leaving mail: all of it, that of an account, of a mailbox, or to a domain; and starts it again.
 *
 * Promise: from the commit on no attempt begins that it forbids, approved mail included, and what is under way is broken off within a second unless it has
 * been sent in full (design promise 4). Nothing is lost: it stays queued. Who did it and why is on the record.
 */
import { type Actor, actorId } from '../../model/actor.ts'
import { type Result, fail, ok } from '../../model/result.ts'
import type { Clock } from '../../platform/clock.ts'
import type { Store } from '../../store/db.ts'
import { type LogAction, appendLog } from '../../store/log.ts'
import { type StopScope, countStops, deleteStop, insertStop, mostStops } from '../../store/stops.ts'

export const everything: StopScope = { account_id: null, world: null, mailbox_id: null, domain: null }

/** A longer reason is cut here. */
const maxReasonLength = 500

type Deps = { store: Store; clock: Clock }
type Request = { scope: StopScope; actor: Actor; reason?: string | undefined }
/** `changed` false: it was so already. */
export type Switched = { changed: boolean }

export const stopSending = ({ store, clock }: Deps, { scope, actor, reason }: Request): Promise<Result<Switched, 'TOO_MANY_STOPS'>> =>
  store.transaction(async (tx) => {
    // The widest always has room.
    if (stopsSome(scope) && (await countStops(tx)) >= mostStops - 1)
      return fail('TOO_MANY_STOPS', `At most ${mostStops} mailboxes and domains can be stopped.`)
    const now = clock.now()
    const words = reason === undefined ? null : plain(reason)
    const changed = await insertStop(tx, { ...scope, actor_id: actorId(actor), reason: words, created_at: now })
    if (changed) await appendLog(tx, entry('sending.stopped', scope, actor, words, now))
    return ok({ changed })
  })

export const resumeSending = ({ store, clock }: Deps, { scope, actor, reason }: Request): Promise<Switched> =>
  store.transaction(async (tx) => {
    const changed = await deleteStop(tx, scope)
    if (changed) await appendLog(tx, entry('sending.resumed', scope, actor, reason === undefined ? null : plain(reason), clock.now()))
    return { changed }
  })

/** The switch as a room that callers are handed. */
export type Switch = {
  stop(request: Request): ReturnType<typeof stopSending>
  resume(request: Request): ReturnType<typeof resumeSending>
}
export const createSwitch = (deps: Deps): Switch => ({
  stop: (request) => stopSending(deps, request),
  resume: (request) => resumeSending(deps, request),
})

const stopsSome = ({ account_id, mailbox_id, domain }: StopScope): boolean => (account_id ?? mailbox_id ?? domain) !== null

const entry = (action: LogAction, scope: StopScope, actor: Actor, reason: string | null, at: number) => ({
  at,
  actor,
  tenancy: scope.account_id === null || scope.world === null ? null : { accountId: scope.account_id, world: scope.world },
  action,
  resourceType: 'sending',
  resourceId: scope.mailbox_id ?? scope.account_id ?? 'all',
  details: { reason, domain: scope.domain },
})

// PostgreSQL text cannot hold a NUL.
const plain = (text: string): string => text.slice(0, maxReasonLength).toWellFormed().replaceAll('\0', '')
