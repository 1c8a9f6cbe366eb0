/** A thread that owns one SQLite connection and runs the statements it is sent, in order. The writer's fsync happens here, so the event
 *  loop never waits for the disk (docs/decisions/001-storage.md). Loaded by Node as it is: imports nothing but the driver and types. */
import { parentPort, workerData } from 'node:worker_threads'
import Database from 'better-sqlite3'
import type { Hello, Reply, Request, Rows, ThreadOptions, Value } from './protocol.ts'

const busyMs = 5000
const keptStatements = 300
// A write-ahead log that grew in a busy hour is cut back to 64 MiB when it has been emptied.
const writerPragmas = ['journal_mode = WAL', 'synchronous = FULL', 'foreign_keys = ON', 'journal_size_limit = 67108864']

const port = parentPort
if (port === null) throw new Error('not a thread')
const { file, readOnly } = workerData as ThreadOptions

port.once('message', (_open: 'open') => {
  try {
    const db = open()
    port.on('message', (message: Request | 'close') => (message === 'close' ? close(db) : answer(run(db, message))))
    greet({ ready: true })
  } catch (error) {
    greet({ ready: false, ...described(error) })
    port.close()
  }
})

function open(): Database.Database {
  const db = new Database(file, { readonly: readOnly, timeout: busyMs })
  if (!readOnly) for (const pragma of writerPragmas) db.pragma(pragma)
  return db
}

function close(db: Database.Database): void {
  db.close()
  port?.close()
}

function run(db: Database.Database, request: Request): Reply {
  try {
    if (request.place === 'group' && !db.inTransaction) throw new Error('the transaction is no longer open')
    const result = execute(statement(db, request.sql), request.parameters)
    return { id: request.id, ok: true, inTransaction: db.inTransaction, ...result }
  } catch (error) {
    // A commit that failed may leave the transaction open; the next group must not begin inside it.
    if (request.place === 'commit' && db.inTransaction) db.exec('rollback')
    return { id: request.id, ok: false, inTransaction: db.inTransaction, ...described(error) }
  }
}

function execute(prepared: Database.Statement<Value[]>, parameters: readonly Value[]): { rows: Rows | null; changes: number } {
  if (!prepared.reader) return { rows: null, changes: prepared.run(...parameters).changes }
  const values = prepared.raw(true).all(...parameters) as Value[][]
  return { rows: { columns: prepared.columns().map((column) => column.name), values }, changes: values.length }
}

const statements = new Map<string, Database.Statement<Value[]>>()

/** Preparing costs about as much as running, and a program has few different statements; the oldest goes when there are too many. */
function statement(db: Database.Database, sql: string): Database.Statement<Value[]> {
  const known = statements.get(sql)
  if (known !== undefined) return known
  const prepared = db.prepare<Value[]>(sql)
  statements.set(sql, prepared)
  if (statements.size > keptStatements) statements.delete(statements.keys().next().value ?? sql)
  return prepared
}

function described(error: unknown): { message: string; code: string } {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'UNKNOWN'
  return { message: error instanceof Error ? error.message : String(error), code }
}

function answer(reply: Reply): void {
  port?.postMessage(reply)
}

function greet(hello: Hello): void {
  port?.postMessage(hello)
}
