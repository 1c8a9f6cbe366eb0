/** A thread that owns one SQLite connection and runs the statements it is sent, in order. The writer's fsync happens here, so the event
 *  loop never waits for the disk (docs/decisions/001-storage.md). Loaded by Node as it is: imports nothing but the driver and types. */
import { parentPort, workerData } from 'node:worker_threads'
import Database from 'better-sqlite3'
import type { Batch, Failure, Hello, Place, Reply, Request, Rows, ThreadOptions, Value } from './protocol.ts'

const busyMs = 5000
/** Answers wait for those behind them no longer than this. */
const gatherMs = 2
// The write-ahead log is written back at 16 MB (4,000 pages): a page that was changed many times meanwhile is written once. One that grew in a busy
// hour is cut back to 64 MiB when it has been emptied.
const writerPragmas = [
  'journal_mode = WAL',
  'synchronous = FULL',
  'foreign_keys = ON',
  'wal_autocheckpoint = 4000',
  'journal_size_limit = 67108864',
]

const port = parentPort
if (port === null) throw new Error('not a thread')
const { file, readOnly } = workerData as ThreadOptions

port.once('message', (_open: 'open') => {
  try {
    const db = open()
    port.on('message', (message: Batch | 'close') => (message === 'close' ? close(db) : serve(db, message)))
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

function serve(db: Database.Database, batch: Batch): void {
  let since = performance.now()
  let replies: Reply[] = []
  const answer = (): void => {
    if (replies.length > 0) port?.postMessage(replies)
    replies = []
    since = performance.now()
  }
  for (const request of batch.requests) {
    // What is known already does not wait for the disk.
    if (request.place === 'commit') answer()
    const reply = run(db, request)
    if (request.place !== 'posted') replies.push(reply)
    if (performance.now() - since > gatherMs) answer()
  }
  answer()
  for (const number of batch.forget) forget(number)
}

/** By turn: the first that failed of what nobody waits for. */
const broken = new Map<number, Failure>()

function run(db: Database.Database, request: Request): Reply {
  const { id, place, turn } = request
  try {
    return { id, ok: true, ...perform(db, request), inTransaction: db.inTransaction }
  } catch (error) {
    if (place === 'posted' && !broken.has(turn)) broken.set(turn, described(error))
    // A commit that failed may leave the transaction open; the next group must not begin inside it.
    if (place === 'commit' && db.inTransaction) db.exec('rollback')
    return { id, ok: false, ...described(error), inTransaction: db.inTransaction }
  }
}

type Result = { rows: Rows | null; changes: number }

function perform(db: Database.Database, { place, turn, statement, text, parameters }: Request): Result {
  // Also of what is not run now: the next request will name it by its number.
  if (text !== null) texts.set(statement, text)
  if (place !== 'alone' && place !== 'commit') checkTurn(db, place, turn)
  return execute(prepared(db, statement), parameters)
}

function checkTurn(db: Database.Database, place: Place, turn: number): void {
  const failure = broken.get(turn)
  if (place === 'undo' || place === 'release') broken.delete(turn)
  if (failure !== undefined && place === 'release' && db.inTransaction) db.exec('rollback to one; release one')
  if (failure !== undefined && place !== 'undo') throw Object.assign(new Error(failure.message), { code: failure.code })
  if (!db.inTransaction) throw new Error('the transaction is no longer open')
}

function execute({ statement, columns }: Prepared, parameters: readonly Value[]): Result {
  if (columns === null) return { rows: null, changes: statement.run(...parameters).changes }
  const values = statement.all(...parameters) as Value[][]
  return { rows: { columns, values }, changes: values.length }
}

/** `columns` null: it gives no rows. */
type Prepared = { statement: Database.Statement<Value[]>; columns: readonly string[] | null }
const texts = new Map<number, string>()
const statements = new Map<number, Prepared>()
const definition = /^\s*(?:create|alter|drop)\b/i

/** Preparing costs about as much as running, so what was prepared is kept until the other side forgets it, or the tables change. */
function prepared(db: Database.Database, number: number): Prepared {
  const ready = statements.get(number)
  if (ready !== undefined) return ready
  const sql = texts.get(number)
  if (sql === undefined) throw new Error(`statement ${number} is not known`)
  const statement = db.prepare<Value[]>(sql)
  const made = {
    statement,
    columns: statement.reader
      ? statement
          .raw(true)
          .columns()
          .map(({ name }) => name)
      : null,
  }
  if (definition.test(sql)) statements.clear()
  else statements.set(number, made)
  return made
}

function forget(number: number): void {
  texts.delete(number)
  statements.delete(number)
}

function described(error: unknown): Failure {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'UNKNOWN'
  return { message: error instanceof Error ? error.message : String(error), code }
}

function greet(hello: Hello): void {
  port?.postMessage(hello)
}
