/** Takes the next deliveries from the queue: looks what is due, lets each have its turn, asks the pace, and leases what may go. */
import { randomUUID } from 'node:crypto'
import type { DeliveryId } from '../model/ids.ts'
import type { Clock } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import type { Store } from '../store/db.ts'
import { postpone } from '../store/queue-changes.ts'
import { type Due, beforeAllLanes, dueOfLanes, dueOfMailboxes, longestDue } from '../store/queue-order.ts'
import { type Claim, claimDue } from '../store/queue.ts'
import type { Watch } from './control/watch.ts'
import type { Pace } from './pace/pace.ts'
import { type Slots, type UnderWay, createTurns, takeTurns } from './turns.ts'

/** A delivery that is ours now; `done` gives its place at the pace back. */
export type Taken = { claim: Claim; done(): void }

export type ClaimerDeps = { store: Store; clock: Clock; log: Log; pace: Pace; watch: Watch; leaseMs: number }

/** What this process delivers is not claimed again by it, though its lease may have lapsed while the store was away. */
type Here = UnderWay & Pick<Due, 'id'>

export type Claimer = {
  /** @returns what was taken; `again` (epoch ms): when to look for more that may be due and that this look did not come to; null: all that was due at
   *  `seen` (epoch ms) was looked at */
  take(underWay: readonly Here[], slots: Slots): Promise<{ taken: Taken[]; again: number | null; seen: number }>
}

/** So many of the longest due are looked at. When there are no more, they are all there is. */
const pageSize = 200
/** Where many are due, what was seen serves for the looks of this long. What changed meanwhile is noticed when it is claimed. */
const pageMs = 250
/** Where all of a page is stopped, the next look comes to others behind it. They are not many in a hurry: whoever stopped so much looks at it. */
const stoppedMs = 1_000
const mostTries = 5
const leastWaitMs = 1

/** What was due at a time (epoch ms), or the first and some of the others. */
type Page = { rows: readonly Due[]; isAll: boolean; at: number }

/** `wasBeaten`: somebody else took all that was chosen. */
type Look = { taken: Taken[]; again: number | null; seen: number; wasBeaten: boolean }

export function createClaimer(deps: ClaimerDeps): Claimer {
  const { store, clock, watch } = deps
  const turns = createTurns()
  let mailbox = ''
  let lane = beforeAllLanes

  let page: Page | null = null

  /** Behind a full page somebody may stand whose turn it is; each look comes to some more of them. */
  async function contenders(now: number): Promise<Page> {
    const due = await longestDue(store.db, { now, limit: pageSize })
    if (due.length < pageSize) return { rows: due, isAll: true, at: now }
    const [ofMailboxes, ofLanes] = await Promise.all([dueOfMailboxes(store.db, now, mailbox), dueOfLanes(store.db, now, lane)])
    mailbox = ofMailboxes.next
    lane = ofLanes.next
    const all = new Map([...due, ...ofMailboxes.rows, ...ofLanes.rows].map((row) => [row.id, row]))
    return { rows: [...all.values()], isAll: false, at: now }
  }

  const isOfUse = (old: Page, now: number): boolean => !old.isAll && old.rows.length > 0 && now - old.at < pageMs

  async function once(underWay: readonly Here[], slots: Slots): Promise<Look> {
    const now = clock.now()
    const here = new Set(underWay.map(({ id }) => id))
    const old = page !== null && isOfUse(page, now) ? page : null
    page = null
    const { rows, isAll, at } = old ?? (await contenders(now))
    const free = rows.filter((row) => row.cancel_requested_at === null && !watch.isStopped(row) && !here.has(row.id))
    const asked = ask(deps.pace, free)
    const chosen = takeTurns(free, underWay, slots, turns, asked.admit)
    if (old !== null && chosen.length === 0 && asked.waits.length === 0) {
      if (underWay.length === 0) return once(underWay, slots)
      page = old
      return { taken: [], again: at + pageMs, seen: at, wasBeaten: false }
    }
    const putOff = await putOffAll(deps, asked.waits, now)
    const lease = randomUUID()
    const claims = await claimDue(store, { ids: chosen.map(({ id }) => id), now, leaseMs: deps.leaseMs, lease }).catch((error: unknown) => {
      asked.giveBack([])
      throw error
    })
    asked.giveBack(claims)
    const gone = new Set([...chosen.map(({ id }) => id), ...asked.waits.flatMap(({ ids }) => ids)])
    if (claims.length > 0) page = { rows: rows.filter(({ id }) => !gone.has(id)), isAll, at }
    const again = isAll ? null : claims.length > 0 || putOff > 0 ? now : free.length === 0 ? now + stoppedMs : null
    return {
      taken: claims.map((claim): Taken => ({ claim, done: asked.doneOf(claim.id) })),
      again,
      seen: now,
      wasBeaten: chosen.length > 0 && claims.length === 0,
    }
  }

  return {
    async take(underWay, slots) {
      let look = await once(underWay, slots)
      // Another node took them all; what it left is ours.
      for (let tries = 1; look.wasBeaten && tries < mostTries; tries += 1) look = await once(underWay, slots)
      return look
    },
  }
}

/** Asks the pace about one after the other, and remembers what it said. */
function ask(pace: Pace, all: readonly Due[]) {
  const going = new Map<DeliveryId, () => void>()
  const waits: { ids: DeliveryId[]; until: number; reason: string }[] = []
  return {
    waits,
    admit(one: Due): boolean {
      const turn = pace.turn(one, one.domain)
      if (turn.kind === 'go') going.set(one.id, () => turn.done())
      // The rest of its kind would hear the same.
      else waits.push({ ...turn, ids: all.filter((it) => isLike(it, one) && !going.has(it.id)).map(({ id }) => id) })
      return turn.kind === 'go'
    },
    doneOf: (id: DeliveryId) => going.get(id) ?? (() => {}),
    /** What had its turn and is not ours after all. */
    giveBack(claims: readonly Claim[]): void {
      const ours = new Set(claims.map(({ id }) => id))
      for (const [id, done] of going) if (!ours.has(id)) done()
    },
  }
}

const isLike = (one: Due, other: Due): boolean => one.mailbox_id === other.mailbox_id && one.domain === other.domain

async function putOffAll({ store, log }: ClaimerDeps, waits: ReturnType<typeof ask>['waits'], now: number): Promise<number> {
  for (const { ids, until, reason } of waits) {
    await postpone(store.db, ids, Math.max(until, now + leastWaitMs), now)
    log.debug({ count: ids.length, until, reason }, 'delivery.paced')
  }
  return waits.length
}
