/**
 * The test world of one account, for whoever tests an agent: its time can be moved on, and it can be emptied.
 *
 * Promises: only the test world of the account that asks is touched, whatever it is asked with (store/sandbox-clock.ts, store/sandbox-reset.ts). Each move
 * and each part of a reset is on the record in the transaction that did it; what is on the record already, ids and places are not taken back.
 */
import type { KeyActor } from '../model/actor.ts'
import type { AccountId } from '../model/ids.ts'
import { type Result, fail, ok } from '../model/result.ts'
import type { Tenancy } from '../model/world.ts'
import type { Clock } from '../platform/clock.ts'
import type { Store } from '../store/db.ts'
import { appendLog } from '../store/log.ts'
import { type Due, countDue, moveNearer } from '../store/sandbox-clock.ts'
import { type Removed, noneRemoved, removeSome } from '../store/sandbox-reset.ts'

/** `due`: what came due by it. `isDone`: it has been done as well. */
export type Advanced = { due: Due; isDone: boolean }
/** `isDone` false: there is more. */
export type Reset = { removed: Removed; isDone: boolean }

export type Sandbox = {
  /** @param seconds 0: only what is due now is waited for */
  advance(actor: KeyActor, seconds: number): Promise<Result<Advanced, 'TEST_KEY_ONLY'>>
  reset(actor: KeyActor): Promise<Result<Reset, 'TEST_KEY_ONLY'>>
}

/** `wake`: has everything look that waits for a time, in this process; left out: nothing runs here, so nothing is waited for. */
export type SandboxDeps = { store: Store; clock: Clock; wake?: () => void }

/** What waits for a webhook that does not answer is not waited for. */
const patienceMs = 5_000
/** The first time; each further time twice as long, up to the longest. */
const lookAgainMs = 20
const longestLookMs = 500
/** What one has put off until the next moment is done in it; nothing that waits for an answer is tried again so soon. */
const soonMs = 1_000
/** Rows of each kind that one transaction takes away, and such transactions in one call. */
const atOnce = 500
const mostSteps = 40

export function createSandbox({ store, clock, wake }: SandboxDeps): Sandbox {
  /** Of one account one looks, for all who ask meanwhile. */
  const looking = new Map<AccountId, Promise<boolean>>()
  async function settled({ accountId }: Tenancy): Promise<boolean> {
    // Who came later may have made something due behind the look of the one before.
    await looking.get(accountId)?.catch(() => undefined)
    const look = looking.get(accountId) ?? settle(accountId).finally(() => looking.delete(accountId))
    looking.set(accountId, look)
    return look
  }
  /** @returns whether nothing of the account is due any more */
  async function settle(accountId: AccountId): Promise<boolean> {
    const until = clock.now() + patienceMs
    for (let wait = lookAgainMs; ; wait = Math.min(2 * wait, longestLookMs)) {
      wake?.()
      const { scheduled, deliveries, holds, webhooks } = await countDue(store.db, accountId, clock.now() + soonMs)
      const isDone = scheduled + deliveries + holds + webhooks === 0
      if (isDone || wake === undefined || clock.now() >= until) return isDone
      await new Promise<void>((resolve) => void clock.at(clock.now() + wait, resolve))
    }
  }

  return {
    async advance(actor, seconds) {
      if (actor.world !== 'test') return fail('TEST_KEY_ONLY')
      const due = await store.transaction(async (tx) => {
        const now = clock.now()
        const moved = await moveNearer(tx, actor.accountId, { byMs: seconds * 1000, now })
        await appendLog(tx, { ...entry(actor, now), action: 'sandbox.clock_advanced', metadata: { seconds, ...moved } })
        return moved
      })
      return ok({ due, isDone: await settled(actor) })
    },

    async reset(actor) {
      if (actor.world !== 'test') return fail('TEST_KEY_ONLY')
      let removed: Removed = noneRemoved
      for (let step = 0; step < mostSteps; step += 1) {
        const part = await store.transaction(async (tx) => {
          const some = await removeSome(tx, actor.accountId, atOnce)
          await appendLog(tx, { ...entry(actor, clock.now()), action: 'sandbox.reset', metadata: { ...some.removed } })
          return some
        })
        removed = sum(removed, part.removed)
        if (!part.more) return ok({ removed, isDone: true })
      }
      return ok({ removed, isDone: false })
    },
  }
}

const sum = (one: Removed, other: Removed): Removed =>
  Object.fromEntries(Object.entries(one).map(([kind, count]) => [kind, count + other[kind as keyof Removed]])) as Removed

const entry = (actor: KeyActor, at: number) => ({
  at,
  actor,
  tenancy: { accountId: actor.accountId, world: actor.world },
  resourceType: 'account',
  resourceId: actor.accountId,
})
