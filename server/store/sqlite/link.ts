import { Worker } from 'node:worker_threads'
import type { Hello, Place, Reply, Request, Rows, ThreadOptions, Value } from './protocol.ts'

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
  run(sql: string, parameters: readonly unknown[], place: Place): Promise<Answer>
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

/** Starts a thread. That takes a while, so several start side by side and are opened in order. */
export function startThread(options: ThreadOptions): Thread {
  const name = options.readOnly ? 'store-reader' : 'store-writer'
  const worker = new Worker(new URL('./thread.ts', import.meta.url), { workerData: options, execArgv: [], name })
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
      return linkTo(worker)
    },
    async abandon() {
      await worker.terminate()
    },
  }
}

type Waiting = { resolve: (answer: Answer) => void; reject: (error: Error) => void }

function linkTo(worker: Worker): Link {
  const waiting = new Map<number, Waiting>()
  const failed = Promise.withResolvers<Error>()
  const exited = Promise.withResolvers<void>()
  let nextId = 0
  let ended: Error | null = null
  let closing = false

  const end = (reason: Error): void => {
    if (ended !== null) return
    ended = reason
    for (const one of waiting.values()) one.reject(reason)
    waiting.clear()
    if (!closing) failed.resolve(reason)
  }
  worker.on('message', (reply: Reply) => {
    const one = waiting.get(reply.id)
    waiting.delete(reply.id)
    if (reply.ok) one?.resolve(reply)
    else one?.reject(new SqliteError(reply.message, reply.code, reply.inTransaction))
  })
  worker.on('messageerror', (error) => end(new Error('a database thread sent what cannot be read', { cause: error })))
  worker.on('error', (error) => end(new Error('a database thread failed', { cause: error })))
  worker.on('exit', (code) => {
    end(new Error(closing ? 'the store is closed' : `a database thread ended with code ${code}`))
    exited.resolve()
  })

  return {
    failed: failed.promise,
    run(sql, parameters, place) {
      if (ended !== null) return Promise.reject(ended)
      if (closing) return Promise.reject(new Error('the store is closed'))
      const { values, owned } = crossing(parameters)
      const request: Request = { id: nextId++, sql, parameters: values, place }
      return new Promise((resolve, reject) => {
        worker.postMessage(request, owned)
        waiting.set(request.id, { resolve, reject })
      })
    },
    close() {
      if (!closing && ended === null) worker.postMessage('close', [])
      closing = true
      return exited.promise
    },
  }
}

/** Small Buffers share one memory block, and a view is cloned with all of its block: so bytes are copied once, here, and the copy is handed over. */
function crossing(parameters: readonly unknown[]): { values: Value[]; owned: ArrayBuffer[] } {
  const owned: ArrayBuffer[] = []
  const values = parameters.map((parameter) => {
    if (!(parameter instanceof Uint8Array)) return parameter as Value
    const copy = new Uint8Array(parameter)
    owned.push(copy.buffer)
    return copy
  })
  return { values, owned }
}
