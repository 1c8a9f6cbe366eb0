/** A few worker threads that do one task each at a time, within a time limit that begins when the task does, not while it waits. */
import { Piscina } from 'piscina'
import type { Log } from '../platform/log.ts'

export type Outcome<T> = { kind: 'done'; value: T } | { kind: 'timeout' } | { kind: 'failed'; reason: string } | { kind: 'busy' }
export type Lane = { run<T>(task: string, input: unknown): Promise<Outcome<T>>; close(): Promise<void> }
export type LaneOptions = {
  worker: URL
  threads: number
  keepThreads: number
  timeLimitMs: number
  maxWaiting: number
  heapMb: number
  log: Log
}

const idleMs = 30_000

export function createLane(options: LaneOptions): Lane {
  const pool = new Piscina({
    filename: options.worker.href,
    minThreads: options.keepThreads,
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
    try {
      return { kind: 'done', value: (await pool.run(input, { name: task, signal: AbortSignal.timeout(options.timeLimitMs) })) as T }
    } catch (error) {
      const { name, message } = error instanceof Error ? error : { name: '', message: String(error) }
      return name === 'AbortError' || name === 'TimeoutError' ? { kind: 'timeout' } : { kind: 'failed', reason: message }
    } finally {
      place.leave()
    }
  }
  return { run, close: () => pool.destroy() }
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
