/**
 * The end of an account. Its deletion is one short transaction, from the commit of which on nothing is done for it: no key is good, nothing leaves, no
 * address is anybody's. What is in it goes afterwards, in the background and a little at a time, so that nobody else waits.
 *
 * Promises: what waited ends first, each on the record; nothing is removed under an attempt that is under way; the store says how far it has come, so
 * whoever runs next goes on where this process stopped. The log keeps that it happened, without what it says of people.
 */
import { setImmediate as turn } from 'node:timers/promises'
import { type Actor, type SystemActor, actorId } from '../model/actor.ts'
import type { AccountId, MailboxId } from '../model/ids.ts'
import type { Alarm, Clock } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import {
  accountsToRemove,
  closeAccount,
  eraseDetails,
  finishRemoval,
  hasQueued,
  mailboxIdsOf,
  removeEmailsOf,
  removeRowsOf,
} from '../store/account-removal.ts'
import { lockAccount } from '../store/accounts.ts'
import type { Store, Tx } from '../store/db.ts'
import { type Facts, type NewLogEntry, appendLog, appendLogs } from '../store/log.ts'
import type { Row } from '../store/schema.ts'
import { deleteStopsOf, insertStop } from '../store/stops.ts'

/** Ends some of what waits in a mailbox; `entries` go on the record at the end of the transaction. */
type EndMail = (tx: Tx, mailbox: MailboxId, by: { actor: Actor; now: number }) => Promise<{ entries: NewLogEntry[]; whole: boolean }>

export type AccountRemoval = {
  /** Deletes an account. Ends with an entry of the log, so it comes last in its transaction. */
  close(tx: Tx, accountId: AccountId, actor: Actor): Promise<void>
  /** There is something to remove. */
  wake(): void
  start(): void
  /** Resolves when nothing is being removed any more. */
  stop(): Promise<void>
  /** Removes what can be removed now. */
  drain(): Promise<void>
}

export type AccountRemovalDeps = { store: Store; clock: Clock; log: Log; endMail: EndMail }

const emailsAtOnce = 50
const rowsAtOnce = 500
/** For what is under way: an attempt at a delivery. */
const lookAgainMs = 2_000
const afterFailureMs = 60_000
/** What a command on the host, or another node, deletes is seen by then. */
const idleMs = 60_000
/** A call or a message that was under way when it was deleted has come to its end by then, and what it may have left is removed too. */
const stragglersMs = 30 * 60_000

const identity: SystemActor = { kind: 'system', part: 'identity' }

export function createAccountRemoval(deps: AccountRemovalDeps): AccountRemoval {
  const { store, clock, log } = deps
  let alarm: Alarm | null = null
  let running = false
  let work: Promise<void> = Promise.resolve()
  /** When to come again for an account, epoch ms. */
  const nothingBefore = new Map<AccountId, number>()

  /** One round after the other. */
  function round(): Promise<void> {
    work = work.then(removeAll).then(lookAgainAt, (error: unknown) => {
      log.error({ err: error }, 'account.removal-failed')
      lookAgainAt(clock.now() + afterFailureMs)
    })
    return work
  }
  /** @returns when to come again (epoch ms); null: nothing is left of any */
  async function removeAll(): Promise<number | null> {
    const times: number[] = []
    for (const account of await accountsToRemove(store.db)) {
      const { id } = account
      const later = draining > 0 ? undefined : nothingBefore.get(id)
      if (later !== undefined && clock.now() < later) {
        times.push(later)
        continue
      }
      nothingBefore.delete(id)
      const next = await remove(deps, account, () => running || draining > 0).catch((error: unknown) => {
        // What is wrong with one keeps no other.
        log.error({ accountId: account.id, err: error }, 'account.removal-failed')
        return clock.now() + afterFailureMs
      })
      if (next === null) continue
      times.push(next)
      nothingBefore.set(id, next)
    }
    return times.length === 0 ? null : Math.min(...times)
  }
  function lookAgainAt(at: number | null): void {
    alarm?.cancel()
    if (running) alarm = clock.at(Math.min(at ?? Number.POSITIVE_INFINITY, clock.now() + idleMs), () => void round())
  }
  let draining = 0
  return {
    async close(tx, accountId, actor) {
      const now = clock.now()
      // Nothing leaves from here on, what is queued and what a reviewer has just approved included; narrower stops say no more than this one.
      await deleteStopsOf(tx, accountId)
      const closed = await closeAccount(tx, accountId, now)
      const scope = { account_id: accountId, world: null, mailbox_id: null, domain: null }
      await insertStop(tx, { ...scope, actor_id: actorId(actor), reason: 'the account was deleted', created_at: now })
      await appendLog(tx, entry('account.deleted', accountId, actor, closed, now))
    },
    wake: () => void (running && round()),
    start() {
      if (running) return
      running = true
      void round()
    },
    async stop() {
      running = false
      alarm?.cancel()
      await work
    },
    async drain() {
      draining += 1
      await round().finally(() => (draining -= 1))
    },
  }
}

/** @param goesOn false: the process ends. @returns when to come again (epoch ms); null: nothing is left */
async function remove(deps: AccountRemovalDeps, account: Row<'accounts'>, goesOn: () => boolean): Promise<number | null> {
  const { store, clock, log } = deps
  const { id } = account
  const steps = [endWaiting, emptied, erased]
  for (const step of steps) {
    const state = await step(deps, id, goesOn)
    if (state === 'waits') return clock.now() + lookAgainMs
    if (!goesOn()) return clock.now()
  }
  const last = (account.deleted_at ?? 0) + stragglersMs
  if (clock.now() < last) return last
  const isOurs = await store.transaction(async (tx) => {
    const now = clock.now()
    // Another process may have come to its end at the same time.
    if ((await lockAccount(tx, id))?.removed_at !== null) return false
    await finishRemoval(tx, id, now)
    await appendLog(tx, entry('account.removed', id, identity, {}, now))
    return true
  })
  if (isOurs) log.info({ accountId: id }, 'account.removed')
  return null
}

type Step = (deps: AccountRemovalDeps, id: AccountId, goesOn: () => boolean) => Promise<'done' | 'waits'>

/** What waits for a person, for its time or in the queue ends. @returns `waits` while an attempt is under way */
const endWaiting: Step = async ({ store, clock, endMail }, id, goesOn) => {
  for (const mailbox of await mailboxIdsOf(store.db, id)) {
    let whole = false
    while (!whole && goesOn()) {
      whole = await store.transaction(async (tx) => {
        const ended = await endMail(tx, mailbox, { actor: identity, now: clock.now() })
        await appendLogs(tx, ended.entries)
        return ended.whole
      })
    }
  }
  return (await hasQueued(store.db, id)) ? 'waits' : 'done'
}

/** Mail and all that is known of it, and then everything else. */
const emptied: Step = async ({ store }, id, goesOn) => {
  const emails = (tx: Tx): Promise<number> => removeEmailsOf(tx, id, store.blobs.removeFile, emailsAtOnce)
  const rows = (tx: Tx): Promise<number> => removeRowsOf(tx, id, rowsAtOnce)
  for (const part of [emails, rows]) {
    while (goesOn() && (await store.transaction((tx) => inTurn(tx, id, part))) > 0) await turn()
  }
  return 'done'
}

/** Of several nodes one at a time. */
async function inTurn(tx: Tx, id: AccountId, part: (tx: Tx) => Promise<number>): Promise<number> {
  await lockAccount(tx, id)
  return part(tx)
}

const erased: Step = async ({ store }, id, goesOn) => {
  let last: number | null = 0
  while (goesOn() && last !== null) {
    const after: number = last
    last = await store.transaction((tx) => eraseDetails(tx, id, after, rowsAtOnce))
    await turn()
  }
  return 'done'
}

const entry = (action: 'account.deleted' | 'account.removed', id: AccountId, actor: Actor, metadata: Facts, at: number): NewLogEntry => ({
  at,
  actor,
  tenancy: { accountId: id, world: 'live' },
  action,
  resourceType: 'account',
  resourceId: id,
  metadata,
})
