/**
 * The switch that stops leaving mail: all of it, that of an account, of a mailbox, or to a domain; and starts it again.
 *
 * Promise: from the commit on no attempt begins that it forbids, approved mail included, and what is under way is broken off within a second unless it has
 * been sent in full (design promise 4). Nothing is lost: it stays queued. Who did it and why is on the record.
 */
import { type Actor, actorId } from '../../model/actor.ts'
import { type Result, fail, ok } from '../../model/result.ts'
import type { Clock } from '../../platform/clock.ts'
import type { AccountId } from '../../model/ids.ts'
import type { Store, Tx } from '../../store/db.ts'
import { type LogAction, appendLog } from '../../store/log.ts'
import { type StopScope, countNarrowStops, deleteStop, insertStop, mostNarrowStops, mostPaused } from '../../store/stops.ts'

export const everything: StopScope = { account_id: null, world: null, mailbox_id: null, domain: null }

/** Mailboxes and domains, for one account. */
const mostOfOne = 50
/** A longer reason is cut here. */
const maxReasonLength = 500

export type StopDeps = { store: Store; clock: Clock }
export type StopRequest = { scope: StopScope; actor: Actor; reason?: string | undefined }
/** `changed` false: it was so already. */
export type Switched = { changed: boolean }

export const stopSending = (
  { store, clock }: StopDeps,
  { scope, actor, reason }: StopRequest,
): Promise<Result<Switched, 'TOO_MANY_STOPS'>> =>
  store.transaction(async (tx) => {
    // That of everything, or of a whole account, always has room: nobody uses up the switch of others, nor their own.
    const narrow = scope.mailbox_id !== null || scope.domain !== null
    if (narrow && !(await hasRoom(tx, scope.account_id)))
      return fail('TOO_MANY_STOPS', `At most ${mostOfOne} mailboxes and domains of an account can be stopped.`)
    const now = clock.now()
    const words = stopReason(reason)
    const changed = await insertStop(tx, { ...scope, actor_id: actorId(actor), reason: words, created_at: now })
    if (changed) await appendLog(tx, stopEntry('sending.stopped', scope, actor, words, now))
    return ok({ changed })
  })

export const resumeSending = ({ store, clock }: StopDeps, { scope, actor, reason }: StopRequest): Promise<Switched> =>
  store.transaction(async (tx) => {
    const changed = await deleteStop(tx, scope)
    if (changed) await appendLog(tx, stopEntry('sending.resumed', scope, actor, stopReason(reason), clock.now()))
    return { changed }
  })

/** @param accountId null: for the host */
const hasRoom = async (tx: Tx, accountId: AccountId | null): Promise<boolean> =>
  (await countNarrowStops(tx)) < mostNarrowStops && (accountId === null || (await countNarrowStops(tx, accountId)) < mostOfOne)

/** A pause has room where nobody may stop one thing more: no more than one for each mailbox, and all that are read at every attempt. */
export const hasRoomToPause = async (tx: Tx): Promise<boolean> => (await countNarrowStops(tx)) < mostPaused

export const stopEntry = (action: LogAction, scope: StopScope, actor: Actor, reason: string | null, at: number) => ({
  at,
  actor,
  tenancy: scope.account_id === null || scope.world === null ? null : { accountId: scope.account_id, world: scope.world },
  action,
  resourceType: 'sending',
  resourceId: scope.mailbox_id ?? scope.account_id ?? 'all',
  details: { reason, domain: scope.domain },
})

// PostgreSQL text cannot hold a NUL.
export const stopReason = (text: string | undefined): string | null =>
  text === undefined ? null : text.slice(0, maxReasonLength).toWellFormed().replaceAll('\0', '')
