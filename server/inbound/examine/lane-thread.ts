/**
 * The inside of a worker thread: does the jobs it is sent, several of them side by side when they wait for answers from outside, and always
 * leaves word of which it is at, so that a job which never ends, or which takes all memory, can be told from those beside it.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { type FromThread, type StageWord, type ThreadData, type ToThread, place } from './lane-words.ts'

/** What a job can do besides computing. */
export type Outside = {
  /** Asks the event loop, which answers in its own time. */
  ask(about: unknown): Promise<unknown>
  /** Leaves word of what comes next; the limit of time begins anew. */
  enter(stage: number): void
}
/** `transfer`: memory that is handed over instead of copied; only what nobody else uses. */
export type Work = (input: unknown, outside: Outside) => Promise<{ value: unknown; transfer: ArrayBuffer[] }>

/** Called once, at the end of the thread's own file. */
export function serve(work: Work): void {
  const port = parentPort
  if (port === null) throw new Error('not a thread')
  const { at } = workerData as ThreadData
  const waiting = new Map<number, { id: number; resolve: (answer: unknown) => void }>()
  let lastQuestion = 0
  let resting = true

  const say = (word: FromThread, transfer: ArrayBuffer[] = []): void => port.postMessage(word, transfer)
  const rest = (): void => {
    resting = true
    Atomics.store(at, place.job, 0)
  }
  /** All that follows until the loop turns is about this job. */
  const beAt = (id: number): void => {
    Atomics.store(at, place.job, id)
    Atomics.add(at, place.turn, 1)
    if (resting) setImmediate(rest)
    resting = false
  }
  const begin = (id: number, stageWord: StageWord, input: unknown): void => {
    beAt(id)
    const outside: Outside = {
      ask: (about) =>
        new Promise((resolve) => {
          const question = ++lastQuestion
          waiting.set(question, { id, resolve })
          say({ kind: 'question', id, question, about })
        }),
      enter(stage) {
        Atomics.store(stageWord, 0, stage)
        beAt(id)
      },
    }
    void work(input, outside).then(
      ({ value, transfer }) => say({ kind: 'done', id, value }, transfer),
      (error: unknown) => say({ kind: 'failed', id, reason: reasonOf(error) }),
    )
  }
  port.on('message', (word: ToThread) => {
    if (word.kind === 'job') return begin(word.id, word.stage, word.input)
    if (word.kind === 'ping') return void Atomics.add(at, place.turn, 1)
    const asked = waiting.get(word.question)
    if (asked === undefined) return
    waiting.delete(word.question)
    beAt(asked.id)
    asked.resolve(word.answer)
  })
  say({ kind: 'ready' })
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
