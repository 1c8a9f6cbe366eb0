/** One worker thread of a lane as the event loop sees it: what it is doing, for how long, and what became of it. */
import { getCompileCacheDir } from 'node:module'
import { dirname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { type FromThread, type StageWord, type ThreadData, type ToThread, place, places } from './lane-words.ts'

export type Job = {
  /** What the thread gets, made when it does: memory in `transfer` is handed over, not copied. */
  prepare: () => { input: unknown; transfer: ArrayBuffer[] }
  /** Answers what the thread asks about; must not reject. */
  answer: (about: unknown) => Promise<unknown>
  /** About how much of the thread's heap it takes, in octets, also while it waits for an answer. */
  weight: number
  /** What it waits for is to be given up: somebody else needs the room. */
  hurry: () => void
  done: (value: unknown) => void
  failed: (stage: number, reason: string) => void
}
/** `job`: the one to blame, if that is known. */
export type Death = { kind: 'stuck' | 'died'; reason: string; job: Job | null }
/** A job that had not ended when its thread did, and how far it had come. */
export type Left = { job: Job; stage: number }

export type LaneWorker = {
  isReady(): boolean
  /** Jobs that compute or are about to; those that wait for an answer from outside are not among them. */
  active(): number
  /** What all its jobs take, those that wait for an answer too. */
  weight(): number
  give(job: Job): void
  /** Tells the job that has waited longest for answers to give up, each only once. */
  hurryOldest(): void
  /** Looks whether it still moves. @param now ms on any clock that only goes forward */
  watch(now: number): void
  /** Since when it has nothing to do; null when it has. */
  idleSince(): number | null
  /** Jobs that had not ended when it did. */
  close(): Promise<Job[]>
}

export type LaneWorkerOptions = {
  file: URL
  heapMb: number
  youngMb: number
  /** for one stage of one job */
  timeLimitMs: number
  onReady(): void
  /** One of its jobs has ended, or waits for an answer. */
  onRoom(): void
  /** It is gone, with these jobs. */
  onDeath(death: Death, left: readonly Left[]): void
}

type Running = { job: Job; stage: StageWord; questions: number; since: number; hurried: boolean }

/** Even on a machine that is busy with other things a thread has begun by then, or never will. */
const startLimitMs = 30_000
/** A job of many short steps may take more than one of a single long one, but not for ever. */
const stepsLimit = 10

export function startLaneWorker(options: LaneWorkerOptions): LaneWorker {
  const at = new Int32Array(new SharedArrayBuffer(4 * places))
  const data: ThreadData = { at }
  const worker = new Worker(options.file, {
    workerData: data,
    env: environment(),
    resourceLimits: { maxOldGenerationSizeMb: options.heapMb, maxYoungGenerationSizeMb: options.youngMb, stackSizeMb: 4 },
  })
  const running = new Map<number, Running>()
  const exited = Promise.withResolvers<void>()
  const started = performance.now()
  let ready = false
  let gone = false
  let lastId = 0
  let turn = 0
  let turnSince = started
  let idle: number | null = started
  let active = 0
  let weight = 0

  const send = (word: ToThread, transfer: ArrayBuffer[] = []): void => worker.postMessage(word, transfer)
  const activeJobs = (): Running[] => [...running.values()].filter(({ questions }) => questions === 0)

  function die(kind: Death['kind'], reason: string, suspect = atWork()): void {
    if (gone) return
    gone = true
    const left = [...running.values()].map(({ job, stage }) => ({ job, stage: Atomics.load(stage, 0) }))
    void worker.terminate()
    options.onDeath({ kind, reason, job: suspect?.job ?? null }, left)
  }
  /** Between two of its steps a job is at none; then one that is alone is the one. */
  function atWork(): Running | undefined {
    return running.get(Atomics.load(at, place.job)) ?? onlyOne(activeJobs())
  }
  function end(id: number): Running | undefined {
    const one = running.get(id)
    running.delete(id)
    weight -= one?.job.weight ?? 0
    if (one?.questions === 0) active--
    if (running.size === 0) idle = performance.now()
    return one
  }
  async function ask(id: number, question: number, about: unknown): Promise<void> {
    const one = running.get(id)
    if (one === undefined) return
    if (one.questions++ === 0) active--
    options.onRoom()
    const answer = await one.job.answer(about)
    if (--one.questions === 0) active++
    one.since = performance.now()
    if (!gone) send({ kind: 'answer', question, answer })
  }
  worker.on('message', (word: FromThread) => {
    if (gone) return
    if (word.kind === 'ready') {
      ready = true
      options.onReady()
    } else if (word.kind === 'question') void ask(word.id, word.question, word.about)
    else {
      const one = end(word.id)
      if (word.kind === 'done') one?.job.done(word.value)
      else one?.job.failed(Atomics.load(one.stage, 0), word.reason)
      options.onRoom()
    }
  })
  worker.on('messageerror', () => die('died', 'it said what cannot be read'))
  worker.on('error', (error: Error) => die('died', error.message))
  worker.on('exit', (code) => {
    die('died', `it ended with code ${code}`)
    exited.resolve()
  })

  return {
    isReady: () => ready,
    active: () => active,
    weight: () => weight,
    hurryOldest() {
      // In the order in which they were given.
      const oldest = running.values().find(({ questions, hurried }) => questions > 0 && !hurried)
      if (oldest === undefined) return
      oldest.hurried = true
      oldest.job.hurry()
    },
    give(job) {
      const now = performance.now()
      if (idle !== null) turnSince = now
      idle = null
      active++
      weight += job.weight
      const stage: StageWord = new Int32Array(new SharedArrayBuffer(4))
      running.set(++lastId, { job, stage, questions: 0, since: now, hurried: false })
      const { input, transfer } = job.prepare()
      send({ kind: 'job', id: lastId, stage, input }, transfer)
    },
    watch(now) {
      if (gone) return
      if (!ready) return now - started > startLimitMs ? die('died', 'it did not begin') : undefined
      const last = turn
      turn = Atomics.load(at, place.turn)
      if (turn !== last || active === 0) turnSince = now
      else if (now - turnSince > options.timeLimitMs) return die('stuck', `nothing moved for ${options.timeLimitMs} ms`)
      else send({ kind: 'ping' })
      const endless = activeJobs().find(({ since }) => now - since > options.timeLimitMs * stepsLimit)
      if (endless !== undefined) die('stuck', 'it went on for too long', endless)
    },
    idleSince: () => idle,
    async close() {
      gone = true
      await worker.terminate()
      await exited.promise
      return [...running.values()].map(({ job }) => job)
    },
  }
}

/** A worker reads hostile bytes: it has no business with the environment, but for where its own code is kept compiled, which halves its start. */
function environment(): NodeJS.ProcessEnv {
  const folder = getCompileCacheDir()
  return folder === undefined ? {} : { NODE_COMPILE_CACHE: dirname(folder) }
}

const onlyOne = <T>(list: readonly T[]): T | undefined => (list.length === 1 ? list[0] : undefined)
