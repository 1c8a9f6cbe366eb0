/** A few worker threads that do one task each at a time, within a time limit that begins when the task does, not while it waits. */
import { Piscina } from 'piscina'
import type { Log } from '../platform/log.ts'

export type Outcome<T> = { kind: 'done'; value: T } | { kind: 'timeout' } | { kind: 'failed'; reason: string } | { kind: 'busy' }
export type Lane = { run<T>(task: string, input: unknown): Promise<Outcome<T>>; close(): Promise<void> }
export type LaneOptions = {
  worker: URL
  threads: number
  timeLimitMs: number
  maxWaiting: number
  heapMb: number
  log: Log
}

const idleMs = 120_000
/** A thread that has not begun by then never will. */
const startLimitMs = 30_000

export function createLane(options: LaneOptions): Lane {
  const pool = new Piscina({
    filename: options.worker.href,
    // None while no mail comes: a thread takes 30 MB, and starting one a fraction of a second.
    minThreads: 0,
    maxThreads: options.threads,
    idleTimeout: idleMs,
    concurrentTasksPerWorker: 1,
    resourceLimits: { maxOldGenerationSizeMb: options.heapMb, maxYoungGenerationSizeMb: 32, stackSizeMb: 4 },
    // A worker reads hostile bytes: it has no business with the environment.
    env: {},
    recordTiming: false,
  })
  // A thread that dies between tasks; the pool starts another.
  pool.on('error', (error: Error) => options.log.warn({ reason: error.message }, 'parser.thread-died'))
  const place = createTurnstile(options.threads, options.maxWaiting)

  async function run<T>(task: string, input: unknown): Promise<Outcome<T>> {
    if (!(await place.enter())) return { kind: 'busy' }
    const limit = limitFromStart(options.timeLimitMs)
    try {
      return { kind: 'done', value: (await pool.run({ started: limit.started, input }, { name: task, signal: limit.signal })) as T }
    } catch (error) {
      if (limit.signal.aborted) return { kind: 'timeout' }
      return { kind: 'failed', reason: error instanceof Error ? error.message : String(error) }
    } finally {
      limit.release()
      place.leave()
    }
  }
  return { run, close: () => pool.destroy() }
}

/** A time limit that begins when the worker says that it has begun (announced.ts): a new thread needs a while to load, on a busy machine seconds. */
function limitFromStart(timeLimitMs: number): { started: Int32Array<SharedArrayBuffer>; signal: AbortSignal; release(): void } {
  const started = new Int32Array(new SharedArrayBuffer(4))
  const control = new AbortController()
  let over = false
  const abortAfter = (ms: number): void => AbortSignal.timeout(ms).addEventListener('abort', () => over || control.abort(), { once: true })
  abortAfter(startLimitMs + timeLimitMs)
  const begun = Atomics.waitAsync(started, 0, 0)
  if (begun.async) void begun.value.then(() => over || abortAfter(timeLimitMs))
  return {
    started,
    signal: control.signal,
    release() {
      over = true
      Atomics.notify(started, 0)
    },
  }
}

/** Lets `places` in at once; up to `maxWaiting` more wait in order. */
function createTurnstile(places: number, maxWaiting: number): { enter(): Promise<boolean>; leave(): void } {
  const waiting: ((entered: true) => void)[] = []
  let free = places
  return {
    enter() {
      if (free > 0) {
        free--
        return Promise.resolve(true)
      }
      if (waiting.length >= maxWaiting) return Promise.resolve(false)
      return new Promise((resolve) => void waiting.push(resolve))
    },
    leave() {
      const next = waiting.shift()
      if (next === undefined) free++
      else next(true)
    },
  }
}
