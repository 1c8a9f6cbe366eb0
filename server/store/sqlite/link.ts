import { Worker } from 'node:worker_threads'
import type { Batch, Hello, Place, Reply, Request, Rows, ThreadOptions, Value } from './protocol.ts'

export type Answer = { rows: Rows | null; changes: number }

/** A refusal of the database; `code` is SQLite's extended result code (`SQLITE_CONSTRAINT_UNIQUE`). */
export class SqliteError extends Error {
  override name = 'SqliteError'
  code: string
  /** whether the outer transaction survived */
  inTransaction: boolean
  constructor(message: string, code: string, inTransaction: boolean) {
    super(message)
    this.code = code
    this.inTransaction = inTransaction
  }
}

/** The event loop's end of one database thread. */
export type Link = {
  /** Sends a statement; statements run in the order of sending. Rejects with SqliteError, or with the reason of a dead thread. */
  run(sql: string, parameters: readonly unknown[], place: Exclude<Place, 'posted'>, turn?: number): Promise<Answer>
  /** Sends one that nobody waits for: its turn's `release` tells. */
  post(sql: string, parameters: readonly unknown[], turn: number): void
  /** Resolves, with the reason, when the thread died without being told to; pending forever otherwise. */
  failed: Promise<Error>
  /** Waits for what was sent before. */
  close(): Promise<void>
}

export type Thread = {
  /** Opens its database; throws what opening throws. */
  open(): Promise<Link>
  /** For one that is not wanted after all. */
  abandon(): Promise<void>
}

/** What is made on the way of a statement is soon forgotten: more room for it would be memory and no speed. */
const resourceLimits = { maxYoungGenerationSizeMb: 8 }

/** Starts a thread. That takes a while, so several start side by side and are opened in order. */
export function startThread(options: ThreadOptions): Thread {
  const name = options.readOnly ? 'store-reader' : 'store-writer'
  const worker = new Worker(new URL('./thread.ts', import.meta.url), { workerData: options, execArgv: [], name, resourceLimits })
  const hello = new Promise<Hello>((resolve) => {
    const fails = (reason: string): void => resolve({ ready: false, message: reason, code: 'THREAD' })
    worker.once('message', resolve)
    worker.once('error', (error) => fails(String(error)))
    worker.once('exit', (code) => fails(`the thread ended with code ${code}`))
  })
  return {
    async open() {
      worker.postMessage('open', [])
      const word = await hello
      if (!word.ready) throw new Error(`cannot open ${options.file}: ${word.message} (${word.code})`)
      return linkTo(worker, options.readOnly)
    },
    async abandon() {
      await worker.terminate()
    },
  }
}

type Waiting = { resolve: (answer: Answer) => void; reject: (error: Error) => void }

/** @param gathers what is asked for while an answer is awaited goes together behind it: for a reader, whose statements do not wait for each other */
function linkTo(worker: Worker, gathers: boolean): Link {
  const waiting = new Map<number, Waiting>()
  const failed = Promise.withResolvers<Error>()
  const exited = Promise.withResolvers<void>()
  const texts = createNumbering()
  let batch: Request[] = []
  let owned: ArrayBuffer[] = []
  let nextId = 0
  let unanswered = 0
  let ended: Error | null = null
  let closing = false

  const end = (reason: Error): void => {
    if (ended !== null) return
    ended = reason
    for (const one of waiting.values()) one.reject(reason)
    waiting.clear()
    if (!closing) failed.resolve(reason)
  }
  // Handing over costs as much as a short statement: all that is asked for in one turn of the loop goes together.
  const flush = (): void => {
    const message: Batch = { requests: batch, forget: texts.forgotten() }
    if (ended === null) worker.postMessage(message, owned)
    unanswered += batch.length
    batch = []
    owned = []
  }
  const flushInTurn = (): void => {
    if (batch.length > 0 && !(gathers && unanswered > 0)) flush()
  }
  const send = (sql: string, parameters: readonly unknown[], place: Place, turn: number): number => {
    if (batch.length === 0) setImmediate(flushInTurn)
    const id = nextId++
    batch.push({ id, ...texts.numberOf(sql), parameters: crossing(parameters, owned), place, turn })
    return id
  }
  const settle = (reply: Reply): void => {
    const one = waiting.get(reply.id)
    waiting.delete(reply.id)
    if (reply.ok) one?.resolve(reply)
    else one?.reject(new SqliteError(reply.message, reply.code, reply.inTransaction))
  }
  worker.on('message', (replies: Reply[]) => {
    for (const reply of replies) settle(reply)
    unanswered -= replies.length
    if (gathers) flushInTurn()
  })
  worker.on('messageerror', (error) => end(new Error('a database thread sent what cannot be read', { cause: error })))
  worker.on('error', (error) => end(new Error('a database thread failed', { cause: error })))
  worker.on('exit', (code) => {
    end(new Error(closing ? 'the store is closed' : `a database thread ended with code ${code}`))
    exited.resolve()
  })

  return {
    failed: failed.promise,
    run(sql, parameters, place, turn = 0) {
      if (ended !== null) return Promise.reject(ended)
      if (closing) return Promise.reject(new Error('the store is closed'))
      return new Promise((resolve, reject) => waiting.set(send(sql, parameters, place, turn), { resolve, reject }))
    },
    post(sql, parameters, turn) {
      if (ended === null && !closing) send(sql, parameters, 'posted', turn)
    },
    close() {
      if (!closing && ended === null) {
        if (batch.length > 0) flush()
        worker.postMessage('close', [])
      }
      closing = true
      return exited.promise
    },
  }
}

/** A program has few different statements, and some of its texts are long: each crosses once. The oldest goes when there are too many. */
const mostTexts = 300

function createNumbering(): { numberOf(sql: string): { statement: number; text: string | null }; forgotten(): number[] } {
  const numbers = new Map<string, number>()
  let next = 1
  let gone: number[] = []
  return {
    numberOf(sql) {
      const known = numbers.get(sql)
      if (known !== undefined) return { statement: known, text: null }
      const [oldest] = numbers.size < mostTexts ? [] : numbers
      if (oldest !== undefined) {
        numbers.delete(oldest[0])
        gone.push(oldest[1])
      }
      numbers.set(sql, next)
      return { statement: next++, text: sql }
    },
    forgotten() {
      const numbersGone = gone
      gone = []
      return numbersGone
    },
  }
}

/** Small Buffers share one memory block, and a view is cloned with all of its block: so bytes are copied once, here, and the copy is handed over. */
const crossing = (parameters: readonly unknown[], owned: ArrayBuffer[]): Value[] =>
  parameters.map((parameter) => {
    if (!(parameter instanceof Uint8Array)) return parameter as Value
    const copy = new Uint8Array(parameter)
    owned.push(copy.buffer)
    return copy
  })
