/**
 * Takes what is due from the queue, has it delivered, and records what came of it.
 *
 * Promise: no truth lives here. What is under way is a lease in the store, kept alive while we work; if this process dies, the lease lapses
 * and whoever runs next tries again (docs/decisions/007-how-delivery-survives-a-crash.md).
 */
import type { Alarm, Clock } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import type { Store } from '../store/db.ts'
import { type Claim, lapseLeases, nextDue, renewLease } from '../store/queue.ts'
import { gathered } from '../store/gathered.ts'
import { returnClaim } from '../store/queue-returns.ts'
import { recordOutcomes } from './outcomes.ts'
import { type Taken, createClaimer } from './claiming.ts'
import { verdict } from './classify-meanings.ts'
import { endTakenBack } from './control/deliveries.ts'
import { beforeTheDot } from './control/interruption.ts'
import { type Watch, createWatch } from './control/watch.ts'
import type { Deliver } from './deliver.ts'
import { type Outcome, unsent } from './outcome.ts'
import { type Pace, unpaced } from './pace/pace.ts'
import { type Retry, type RetryPolicy, afterDeferral, retryPolicy } from './schedule.ts'
import { type Slots, type UnderWay, slotsOf } from './turns.ts'

export type RunnerDeps = {
  store: Store
  deliver: Deliver
  clock: Clock
  log: Log
  /** deliveries at a time, not counting those that have taken long */
  concurrency: number
  /** of these, the most for one mailbox and for one domain */
  slots?: Omit<Slots, 'free'>
  pace?: Pace
  watch?: Watch
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
  /** Something was stopped or taken back: what is under way and may not be any more is broken off, unless it has been sent in full. */
  obey(): Promise<void>
  /** Takes nothing more and waits for what is under way; after four seconds it is interrupted and left for the next start. */
  stop(): Promise<void>
  /** Delivers until nothing is due now. Works without start(), for tests and commands. */
  drain(): Promise<void>
}

const leaseMs = 2 * 60_000
const pollMs = 5_000
const patienceMs = 4_000
/** Longer than a database takes to restart or to fail over. */
const recordForMs = 10 * 60_000
function* againAfterMs(): Generator<number> {
  yield* [1_000, 2_000]
  for (;;) yield 5_000
}
/** So many attempts' ends in one transaction, each with some ten statements. */
const mostSettled = 100

const timeIsUp = unsent(verdict('interrupted', 'retry'), 'Time is up, and what became of an earlier attempt is not known')

// A tarpit keeps a slot for this long; then it waits beside the others. So many sessions there are at most for each slot.
const slowAfterMs = 30_000
const sessionsPerSlot = 4

/** `again` (epoch ms): when to look for what this look did not come to; null: everything that was due at `seen` (epoch ms) has been looked at. */
type Seen = { count: number; again: number | null; seen: number }
type UnderWayNow = { since: number; done: Promise<void>; abort: AbortController }

export function createRunner(deps: RunnerDeps): Runner {
  const { store, clock, log, concurrency } = deps
  const lease = { ms: deps.leaseMs ?? leaseMs, renewMs: (deps.leaseMs ?? leaseMs) / 3 }
  const watch = deps.watch ?? createWatch({ store, clock, log })
  const claimer = createClaimer({ store, clock, log, watch, pace: deps.pace ?? unpaced, leaseMs: lease.ms })
  const settled = gathered(store, () => mostSettled, recordOutcomes)
  const underWay = new Map<Claim, UnderWayNow>()
  let running = false
  let looking: Promise<unknown> = Promise.resolve()
  let nextLook: Promise<Seen> | null = null
  let watched: Promise<Seen> | null = null
  let alarm: Alarm | null = null

  const isSlow = ({ since }: UnderWayNow): boolean => clock.now() - since >= slowAfterMs
  const room = (): number => {
    const quick = [...underWay.values()].filter((one) => !isSlow(one)).length
    return Math.min(concurrency - quick, concurrency * sessionsPerSlot - underWay.size)
  }
  // What is slow still counts against its domain, or one that never answers would take everything in the end.
  const busy = (): (UnderWay & Pick<Claim, 'id'>)[] =>
    [...underWay].map(([claim, one]) => ({ id: claim.id, domain: claim.domain, mailbox_id: isSlow(one) ? null : claim.mailbox_id }))

  /** Takes as much as there is room for, one look at a time; a look that has not begun serves everybody. */
  const look = (): Promise<Seen> => {
    if (nextLook !== null) return nextLook
    const mine = looking.then(async () => {
      nextLook = null
      const free = room()
      if (free <= 0) return { count: 0, again: null, seen: clock.now() }
      await watch.look()
      await endWhatWasTakenBack()
      const { taken, again, seen } = await claimer.take(busy(), { ...(deps.slots ?? slotsOf(concurrency)), free })
      for (const one of taken) begin(one)
      // A stop that was seen while these were being claimed found nothing of them under way.
      breakOff()
      return { count: taken.length, again, seen }
    })
    looking = mine.catch(() => {})
    nextLook = mine
    return mine
  }

  function begin({ claim, done }: Taken): void {
    log.info({ deliveryId: claim.id, emailId: claim.email_id, attempt: claim.attempts }, 'delivery.leased')
    const abort = new AbortController()
    const ended = attempt(claim, abort, done)
      .catch((error: unknown) => log.error({ deliveryId: claim.id, err: error }, 'delivery.unrecorded')) // the lease lapses, and it is tried again
      .finally(() => {
        underWay.delete(claim)
        if (running) tick()
      })
    underWay.set(claim, { since: clock.now(), done: ended, abort })
  }

  /** Taken back while an attempt was under way of which nobody will hear again. */
  async function endWhatWasTakenBack(): Promise<void> {
    const here = new Set([...underWay.keys()].map(({ id }) => id))
    for (const id of watch.takenBack()) if (!here.has(id)) await endTakenBack({ store, clock }, id)
  }

  /** Breaks off what may not be under way any more. */
  function breakOff(): void {
    for (const [claim, { abort }] of underWay) {
      if (!watch.isStopped(claim) && !watch.takenBack().has(claim.id)) continue
      if (!abort.signal.aborted) log.info({ deliveryId: claim.id, emailId: claim.email_id }, 'delivery.broken-off')
      abort.abort(beforeTheDot)
    }
  }

  async function attempt(claim: Claim, abort: AbortController, done: Taken['done']): Promise<void> {
    const renewal = keepLease(claim, abort)
    try {
      const outcome = isPastHelp(claim) ? timeIsUp : await deliver(claim, abort.signal)
      done()
      const { waitUntil } = outcome
      await persistently(claim, () => (waitUntil === undefined ? record(claim, outcome) : putBack(claim, waitUntil, outcome.text)))
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

  /** How it ended is known here only: a store that is away is asked again, while the lease is renewed. What was written though nobody answered is written once. */
  async function persistently(claim: Claim, write: () => Promise<void>): Promise<void> {
    const since = clock.now()
    for (const wait of againAfterMs()) {
      try {
        return await write()
      } catch (error) {
        if (!running || clock.now() - since > recordForMs) throw error
        log.warn({ deliveryId: claim.id, err: error }, 'delivery.not-yet-recorded')
        await new Promise<void>((resolve) => void clock.at(clock.now() + wait, resolve))
      }
    }
  }

  /** Where it goes was known only after routing, and there it has to wait: no attempt. */
  async function putBack(claim: Claim, until: number, reason: string): Promise<void> {
    const now = clock.now()
    const isOurs = await store.transaction((tx) => returnClaim(tx, claim, { until: Math.max(until, now + 1), reason, now }))
    log.debug({ deliveryId: claim.id, emailId: claim.email_id, until, reason }, isOurs ? 'delivery.paced' : 'delivery.lease-lost')
  }

  async function record(claim: Claim, outcome: Outcome): Promise<void> {
    const now = clock.now()
    const retry = retryFor(claim, outcome, now)
    const state = await settled.add({ claim, outcome, retry, now })
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
    const looked = look()
    if (looked === watched) return
    watched = looked
    looked
      .then(async ({ again, seen }) => sleepUntil(again ?? (await nextDue(store.db, seen))))
      .catch((error: unknown) => {
        log.error({ err: error }, 'delivery.queue-unreadable')
        sleepUntil(null)
      })
  }

  function sleepUntil(due: number | null): void {
    if (!running) return
    const poll = clock.now() + (deps.pollMs ?? pollMs)
    // When every place is taken, the end of an attempt wakes us, or the time at which one counts as slow.
    const next = room() <= 0 ? nextSlow() : due
    alarm?.cancel()
    alarm = clock.at(next === null ? poll : Math.min(Math.max(next, clock.now()), poll), tick)
  }

  function nextSlow(): number | null {
    const quick = [...underWay.values()].filter((one) => !isSlow(one))
    return quick.length === 0 ? null : Math.min(...quick.map(({ since }) => since)) + slowAfterMs
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
      watch.start(() => {
        breakOff()
        tick()
      })
      tick()
    },
    wake() {
      if (running) tick()
    },
    async obey() {
      await watch.look()
      breakOff()
      if (running) tick()
    },
    async stop() {
      running = false
      alarm?.cancel()
      watch.stop()
      await looking
      const late = Promise.withResolvers<void>()
      const patience = clock.at(clock.now() + patienceMs, () => {
        // What was broken off before and is still there waits for the answer to its final dot: nobody will know it.
        const answers = [...underWay.values()].filter(({ abort }) => !abort.signal.aborted)
        for (const { abort } of answers) abort.abort()
        void Promise.all(answers.map(({ done }) => done)).then(() => late.resolve())
      })
      await Promise.race([Promise.all([...underWay.values()].map(({ done }) => done)), late.promise])
      patience.cancel()
    },
    async drain() {
      for (let count = 1; count > 0 || underWay.size > 0;) {
        count = (await look()).count
        if (underWay.size > 0) await Promise.race([...underWay.values()].map(({ done }) => done))
      }
    },
  }
}
