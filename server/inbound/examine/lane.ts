/**
 * A few worker threads and the jobs that wait for them.
 *
 * Promise: a job that never ends, or takes all memory, costs its thread and nobody else's job: those beside it are begun anew in another thread.
 * Threads begin when there is work, and end when there has been none for some minutes.
 */
import type { Log } from '../../platform/log.ts'
import { type Death, type Job, type LaneWorker, type Left, startLaneWorker } from './lane-worker.ts'
import { type Origin, createWaitingLine } from './waiting-line.ts'

/** What became of a job. `stage`: how far it had come (lane-thread.ts). `failed`: it threw; `stuck` and `died`: its thread had to be ended, or did.
 *  `busy`: it was not begun, because too many wait, or others of its network do; `closed`: it never will be. */
export type Outcome<O> =
  | { kind: 'done'; value: O }
  | { kind: 'failed' | 'stuck' | 'died'; stage: number; reason: string }
  | { kind: 'busy' }
  | { kind: 'closed'; reason: string }

/** `origin`: the networks it came from, with which it shares what places there are. */
export type LaneRequest = Pick<Job, 'prepare' | 'answer' | 'weight' | 'hurry'> & { origin: Origin }

export type Lane<O> = {
  run(request: LaneRequest): Promise<Outcome<O>>
  /** Jobs that wait for a thread or have one, as a share of how many may. */
  fullness(): number
  /** Jobs under way end as closed. */
  close(): Promise<void>
}

export type LaneOptions = {
  name: string
  file: URL
  threads: number
  /** jobs a thread has at one time, those apart that wait for an answer: one that it does, and what it takes up next */
  atOnce: number
  /** what all jobs of a thread may weigh together, unless it is a single one; octets */
  mostWeight: number
  timeLimitMs: number
  maxWaiting: number
  heapMb: number
  youngMb: number
  log: Log
}

/** A thread takes some 30 MB, and starting one a fraction of a second of one core. */
const idleMs = 300_000
const longestWatchMs = 250
/** Whose neighbours took a thread with them so often has bad luck, or is to blame itself. */
const mostNeighbourDeaths = 2

type Waiting = Job & { origin: Origin; deaths: number; end(outcome: Outcome<unknown>): void }

export function createLane<O>(options: LaneOptions): Lane<O> {
  const { threads, atOnce, mostWeight, timeLimitMs, maxWaiting, log } = options
  const workers = new Set<LaneWorker>()
  const waiting = createWaitingLine<Waiting>()
  const most = maxWaiting + threads * atOnce
  let closed = false
  let watch: NodeJS.Timeout | null = null

  const load = (): number => workers.values().reduce((sum, one) => sum + one.active(), waiting.length)
  /** @returns whether there is room now */
  function makeRoom(newcomer: Origin): boolean {
    const displaced = waiting.displace(newcomer)
    displaced?.end({ kind: 'busy' })
    return displaced !== null
  }
  function waitingFor({ prepare, answer, weight, hurry, origin }: LaneRequest, resolve: Waiting['end']): Waiting {
    const end = (outcome: Outcome<unknown>): void => {
      waiting.left(one)
      resolve(outcome)
    }
    const done = (value: unknown): void => end({ kind: 'done', value })
    const failed = (stage: number, reason: string): void => end({ kind: 'failed', stage, reason })
    const one: Waiting = { prepare, answer, weight, hurry, origin, deaths: 0, done, failed, end }
    return one
  }
  function dispatch(): void {
    for (let next = waiting.next(); next !== undefined; next = waiting.next()) {
      const worker = leastBusy(next)
      if (worker === null) return hire()
      waiting.take(next)
      worker.give(next)
    }
  }
  function leastBusy({ weight }: Job): LaneWorker | null {
    let best: LaneWorker | null = null
    const full: LaneWorker[] = []
    for (const one of workers) {
      if (!one.isReady() || one.active() >= (best?.active() ?? atOnce)) continue
      if (hasRoomFor(weight, one)) best = one
      else full.push(one)
    }
    // Letters that wait for names nobody answers must not keep out the others.
    if (full.length === threads) for (const one of full) one.hurryOldest()
    return best
  }
  const hasRoomFor = (weight: number, worker: LaneWorker): boolean => worker.weight() === 0 || worker.weight() + weight <= mostWeight
  /** One thread for each job that waits, as far as there may be so many. */
  function hire(): void {
    const starting = [...workers].filter((one) => !one.isReady()).length
    for (let more = waiting.length - starting; more > 0 && workers.size < threads; more--) add()
  }
  function add(): void {
    const worker = startLaneWorker({
      ...options,
      onReady: dispatch,
      onRoom: dispatch,
      onDeath: (death, left) => {
        workers.delete(worker)
        log.warn({ lane: options.name, kind: death.kind, reason: death.reason, jobs: left.length }, 'inbound.thread-ended')
        if (!closed) mourn(death, left)
      },
    })
    workers.add(worker)
    watch ??= setInterval(look, Math.max(1, Math.min(longestWatchMs, timeLimitMs / 4))).unref()
  }
  /** The one that was at work when the thread ended has its outcome; the others go in front of the queue. */
  function mourn({ kind, reason, job: toBlame }: Death, left: readonly Left[]): void {
    const again: Waiting[] = []
    for (const { job, stage } of left) {
      const one = job as Waiting
      if (one !== toBlame && ++one.deaths <= mostNeighbourDeaths) again.push(one)
      else one.end({ kind, stage, reason })
    }
    waiting.putBack(again)
    // Nobody can begin: better to say so than to start one thread after the other.
    if (left.length === 0 && workers.size === 0) for (const one of waiting.drain()) one.end({ kind: 'closed', reason })
    dispatch()
  }
  function look(): void {
    const now = performance.now()
    for (const one of workers) {
      one.watch(now)
      const idle = one.idleSince()
      if (one.isReady() && idle !== null && now - idle > idleMs) dismiss(one)
    }
    if (workers.size > 0 || watch === null) return
    clearInterval(watch)
    watch = null
  }
  function dismiss(worker: LaneWorker): void {
    workers.delete(worker)
    void worker.close()
  }

  return {
    run(request) {
      if (closed) return Promise.resolve({ kind: 'closed', reason: 'the lane is closed' })
      if (load() >= most && !makeRoom(request.origin)) return Promise.resolve({ kind: 'busy' })
      return new Promise((resolve) => {
        waiting.arrive(waitingFor(request, resolve as Waiting['end']))
        dispatch()
      })
    },
    fullness: () => load() / most,
    async close() {
      closed = true
      if (watch !== null) clearInterval(watch)
      const left = await Promise.all([...workers].map((one) => one.close()))
      for (const one of [...waiting.drain(), ...(left.flat() as Waiting[])]) one.end({ kind: 'closed', reason: 'the lane was closed' })
    },
  }
}
