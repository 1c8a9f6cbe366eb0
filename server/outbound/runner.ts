/**
 * Takes what is due from the queue, has it delivered, and records what came of it.
 *
 * Promise: no truth lives here. What is under way is a lease in the store, kept alive while we work; if this process dies, the lease lapses
 * and whoever runs next tries again (docs/decisions/007-how-delivery-survives-a-crash.md).
 */
import { randomUUID } from 'node:crypto'
import type { Alarm, Clock } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import type { Store } from '../store/db.ts'
import { type Claim, claimDue, lapseLeases, nextDue, renewLease } from '../store/queue.ts'
import { recordOutcome } from './bounce.ts'
import { verdict } from './classify-meanings.ts'
import type { Deliver } from './deliver.ts'
import { type Outcome, unsent } from './outcome.ts'
import { type Retry, type RetryPolicy, afterDeferral, retryPolicy } from './schedule.ts'

export type RunnerDeps = {
  store: Store
  deliver: Deliver
  clock: Clock
  log: Log
  /** deliveries at a time */
  concurrency: number
  retry?: RetryPolicy
  /** true when no other process can be delivering from this store: then leases found at the start are a dead predecessor's */
  alone?: boolean
  leaseMs?: number
  /** how often to look for what another process released */
  pollMs?: number
  /** in [0, 1), as Math.random gives */
  random?: () => number
}

export type Runner = {
  start(): void
  /** Something was queued: look now. */
  wake(): void
  /** Takes nothing more and waits for what is under way; after four seconds it is interrupted and left for the next start. */
  stop(): Promise<void>
  /** Delivers until nothing is due now. Works without start(), for tests and commands. */
  drain(): Promise<void>
}

const leaseMs = 2 * 60_000
const pollMs = 5_000
const patienceMs = 4_000

const timeIsUp = unsent(verdict('interrupted', 'retry'), 'Time is up, and what became of an earlier attempt is not known')

export function createRunner(deps: RunnerDeps): Runner {
  const { store, clock, log, concurrency } = deps
  const lease = { ms: deps.leaseMs ?? leaseMs, renewMs: (deps.leaseMs ?? leaseMs) / 3 }
  const underWay = new Map<Claim, { done: Promise<void>; abort: AbortController }>()
  let running = false
  let looking: Promise<unknown> = Promise.resolve()
  let alarm: Alarm | null = null

  /** Claims as much as there is room for, one look at a time. @returns how many */
  const look = (): Promise<number> => {
    const mine = looking.then(async () => {
      const limit = concurrency - underWay.size
      if (limit <= 0) return 0
      const claims = await claimDue(store, { now: clock.now(), leaseMs: lease.ms, limit, lease: randomUUID() })
      for (const claim of claims) begin(claim)
      return claims.length
    })
    looking = mine.catch(() => {})
    return mine
  }

  function begin(claim: Claim): void {
    log.info({ deliveryId: claim.id, emailId: claim.email_id, attempt: claim.attempts }, 'delivery.leased')
    const abort = new AbortController()
    const done = attempt(claim, abort)
      .catch((error: unknown) => log.error({ deliveryId: claim.id, err: error }, 'delivery.unrecorded')) // the lease lapses, and it is tried again
      .finally(() => {
        underWay.delete(claim)
        if (running) tick()
      })
    underWay.set(claim, { done, abort })
  }

  async function attempt(claim: Claim, abort: AbortController): Promise<void> {
    const renewal = keepLease(claim, abort)
    try {
      await record(claim, isPastHelp(claim) ? timeIsUp : await deliver(claim, abort.signal))
    } finally {
      renewal.cancel()
    }
  }

  const deliver = (claim: Claim, signal: AbortSignal): Promise<Outcome> =>
    deps.deliver(claim, signal).catch((error: unknown) => {
      log.error({ deliveryId: claim.id, err: error }, 'delivery.failed')
      return unsent(verdict('internal', 'retry'), 'Something went wrong in this server')
    })

  // A message that brings the process down each time never gets as far as being given up after an attempt.
  const isPastHelp = (claim: Claim): boolean => claim.may_be_accepted === 1 && clock.now() > claim.give_up_at

  /** Extends the lease while the attempt lasts. Once it is somebody else's, going on could only make a duplicate. */
  function keepLease(claim: Claim, abort: AbortController): Alarm {
    let ended = false
    let next: Alarm
    const renew = async (): Promise<void> => {
      const kept = await renewLease(store.db, claim, clock.now() + lease.ms)
      if (!kept && !ended) abort.abort()
    }
    const wait = (): void => {
      next = clock.at(clock.now() + lease.renewMs, () => {
        renew()
          .catch((error: unknown) => log.warn({ deliveryId: claim.id, err: error }, 'delivery.lease-not-renewed'))
          .finally(() => ended || wait())
      })
    }
    wait()
    return {
      cancel() {
        ended = true
        next.cancel()
      },
    }
  }

  async function record(claim: Claim, outcome: Outcome): Promise<void> {
    const now = clock.now()
    const retry = retryFor(claim, outcome, now)
    const state = await store.transaction((tx) => recordOutcome(tx, { claim, outcome, retry, now }))
    const event = { deliveryId: claim.id, emailId: claim.email_id, class: outcome.verdict.class, reply: outcome.facts.reply }
    if (state === null) log.warn(event, 'delivery.lease-lost')
    else if (state === 'queued') log.info({ ...event, nextAttemptAt: retry.kind === 'retry' ? retry.at : null }, 'delivery.deferred')
    else log.info({ ...event, state }, 'delivery.settled')
  }

  function retryFor(claim: Claim, outcome: Outcome, now: number): Retry {
    // Nobody refused it: it goes again as soon as somebody runs.
    if (outcome.verdict.class === 'interrupted' && now < claim.give_up_at) return { kind: 'retry', at: now }
    const greylisted = outcome.verdict.class === 'greylisted'
    const random = (deps.random ?? Math.random)()
    const deferral = { now, attempts: claim.attempts, giveUpAt: claim.give_up_at, greylisted, text: outcome.text, random }
    return afterDeferral(deferral, deps.retry)
  }

  /** One turn of the loop: look, then sleep until something is due. */
  function tick(): void {
    alarm?.cancel()
    alarm = null
    look()
      .then(async () => await nextDue(store.db))
      .then(
        (due) => sleepUntil(due),
        (error: unknown) => {
          log.error({ err: error }, 'delivery.queue-unreadable')
          sleepUntil(null)
        },
      )
  }

  function sleepUntil(due: number | null): void {
    if (!running) return
    const poll = clock.now() + (deps.pollMs ?? pollMs)
    // When every place is taken, the end of an attempt wakes us.
    const isFull = underWay.size >= concurrency
    alarm?.cancel()
    alarm = clock.at(due === null || isFull ? poll : Math.min(Math.max(due, clock.now()), poll), tick)
  }

  async function takeOver(): Promise<void> {
    const policy = deps.retry ?? retryPolicy
    const now = clock.now()
    // The first crash costs nothing; a message that keeps bringing us down waits longer each time.
    const retryAt = (attempts: number): number => (attempts <= 1 ? now : now + (policy.waitsMs[attempts - 2] ?? policy.lastWaitMs))
    const count = await store.transaction((tx) => lapseLeases(tx, retryAt))
    if (count > 0) log.warn({ count }, 'delivery.leases-taken-over')
  }

  return {
    start() {
      if (running) return
      running = true
      if (deps.alone === true) looking = takeOver().catch((error: unknown) => log.error({ err: error }, 'delivery.queue-unreadable'))
      tick()
    },
    wake() {
      if (running) tick()
    },
    async stop() {
      running = false
      alarm?.cancel()
      await looking
      const late = clock.at(clock.now() + patienceMs, () => underWay.forEach(({ abort }) => abort.abort()))
      await Promise.all([...underWay.values()].map(({ done }) => done))
      late.cancel()
    },
    async drain() {
      while ((await look()) > 0 || underWay.size > 0) {
        if (underWay.size > 0) await Promise.race([...underWay.values()].map(({ done }) => done))
      }
    },
  }
}
