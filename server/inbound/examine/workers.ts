/**
 * Examines messages in worker threads with a heap limit and a time limit.
 *
 * Promise: every message gives an Examination, whatever is in it; what could not be read is flagged, and what could not be verified is undecided.
 * A message made to be slow costs the others at most the short limit of the quick lane: it is then moved to the slow lane, where large messages
 * are from the start. Only a message of which nothing can be done even there ends in an error.
 */
import { availableParallelism } from 'node:os'
import { splitMessage } from '../../model/headers.ts'
import type { Log } from '../../platform/log.ts'
import type { Examination } from './examination.ts'
import type { ExamineTask } from './examine-message.ts'
import { networkOf } from '../conduct/prefixes.ts'
import { type Lane, type LaneOptions, createLane } from './lane.ts'
import { lesser, stages, wholly } from './plan.ts'

type Unplanned = Omit<ExamineTask, 'plan'>

/** `answer`: what a thread asks about (`NameQuestion`); must not reject. `giveUp`: from now on every answer is a failure. */
export type Names = { answer(about: unknown): Promise<unknown>; giveUp(): void }

export type Workers = {
  /** Null when too many messages are waiting already: nothing is wrong with this one, and it may come again. Throws when it cannot be examined. */
  examine(task: Unplanned, names: Names): Promise<Examination | null>
  /** How many messages of ordinary size wait or are examined, as a share of how many may: at 1 the next is sent away. */
  load(): number
  close(): Promise<void>
}

const examineThread = new URL('./examine-thread.ts', import.meta.url)

/** Examining 5 KB takes a millisecond; a loaded machine that has just started a thread takes a second. */
const quick = { name: 'quick', atOnce: 3, timeLimitMs: 2_000, maxWaiting: 1_000, heapMb: 96, youngMb: 16, mostWeight: 60 * 1024 * 1024 }
const slow = {
  name: 'slow',
  threads: 1,
  atOnce: 1,
  timeLimitMs: 10_000,
  maxWaiting: 8,
  heapMb: 256,
  youngMb: 16,
  mostWeight: 160 * 1024 * 1024,
}
const leastThreads = 2
/** Measured: ten signatures, half verified, take some 65 KB, and a header about four times its length. */
const weightOfAny = 64 * 1024
const weightOfHeader = 5
const largeMessage = 2 * 1024 * 1024

/** @param options.limits @param options.file for tests that wait for a limit to be reached, or make a thread fail */
export function createWorkers({ log, limits = {}, file = examineThread }: { log: Log; limits?: WorkerLimits; file?: URL }): Workers {
  const lane = (options: Omit<LaneOptions, 'file' | 'log'>): Lane<Examination> => createLane({ ...options, file, log })
  const quickLane = lane({
    ...quick,
    threads: Math.max(leastThreads, availableParallelism()),
    timeLimitMs: limits.quickMs ?? quick.timeLimitMs,
    heapMb: limits.heapMb ?? quick.heapMb,
  })
  const slowLane = lane({ ...slow, timeLimitMs: limits.slowMs ?? slow.timeLimitMs, heapMb: limits.heapMb ?? slow.heapMb })

  const run = (where: Lane<Examination>, task: ExamineTask, { answer, giveUp }: Names) => {
    const prepare = (): { input: ExamineTask; transfer: ArrayBuffer[] } => {
      const bytes = new Uint8Array(task.bytes)
      return { input: { ...task, bytes }, transfer: [bytes.buffer] }
    }
    return where.run({ prepare, answer, weight: weightOf(task.bytes), hurry: giveUp, origin: originOf(task.client.ip) })
  }

  return {
    async examine(unplanned, names) {
      const isLarge = unplanned.bytes.length > largeMessage
      let task: ExamineTask = { ...unplanned, plan: wholly }
      let where = isLarge ? slowLane : quickLane
      for (;;) {
        const outcome = await run(where, task, names)
        if (outcome.kind === 'done') return outcome.value
        if (outcome.kind === 'busy') return null
        if (outcome.kind === 'closed') throw new Error(outcome.reason)
        const patience = where === quickLane && outcome.kind !== 'failed' && deservesTime(outcome.stage)
        const plan = patience ? task.plan : lesser(task.plan, outcome)
        if (plan === null) throw new Error(`a message could not be examined: ${outcome.reason}`)
        if (!patience) log.warn({ size: task.bytes.length, problem: outcome.kind, reason: outcome.reason, plan }, 'inbound.examined-less')
        where = patience || (isLarge && plan.read === 'whole') ? slowLane : quickLane
        task = { ...task, plan }
      }
    },
    load: quickLane.fullness,
    async close() {
      await Promise.all([quickLane.close(), slowLane.close()])
    },
  }
}

const weightOf = (message: Uint8Array): number =>
  weightOfAny + weightOfHeader * splitMessage(Buffer.from(message.buffer, message.byteOffset, message.byteLength)).header.length

const originOf = (ip: string): string[] => networkOf(ip)?.prefixes.toReversed() ?? [ip]

/** Text that takes long to convert is read simply instead: what it says is there all the same. */
const deservesTime = (stage: number): boolean => stages[stage] !== 'text'

export type WorkerLimits = { quickMs?: number; slowMs?: number; heapMb?: number }
