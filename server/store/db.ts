/** The store: everything that must survive, on SQLite or PostgreSQL. What it promises: a transaction that has resolved is on disk, all of it or
 *  none of it; the event loop does not wait for the disk; the log of record is one gapless chain. Other rooms import this file for the types
 *  and `openStore`, and the file of a table for its statements. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type Dialect, Kysely, type Transaction } from 'kysely'
import type { Clock } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import { type Blobs, createBlobs, removeUnfinishedBlobs } from './blobs.ts'
import { type Direct, setDirect } from './direct.ts'
import type { Engine } from './engine.ts'
import { migrate } from './migrate.ts'
import { type Patience, endlessPatience, postgresDialect } from './postgres.ts'
import type { Database } from './schema.ts'
import { openSqlite } from './sqlite/open.ts'
import { type Transact, createTransactions } from './transactions.ts'

export type Db = Kysely<Database>
export type Tx = Transaction<Database>

export type Store = {
  engine: Engine
  /** For reading, and for a single statement that needs no other with it. */
  db: Db
  blobs: Blobs
  /** All of `work` or none of it; on disk when this resolves. `work` is short, awaits only its own statements, and has no side effects:
   *  it may run again after a serialization failure. Throws what `work` throws. */
  transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T>
  /** Has `told` called behind each commit of this process that put down an event. @returns what ends that */
  onEvents(told: () => void): () => void
  /** Resolves, with the reason, when the store has broken for good and the process should end; pending forever otherwise. */
  failed: Promise<Error>
  /** Finishes what was begun. */
  close(): Promise<void>
}

export type StoreOptions = {
  /** `postgres://…`; null for SQLite in `dataDir` */
  databaseUrl: string | null
  dataDir: string
  log: Log
  clock: Clock
  /** with PostgreSQL; left out: as is usual */
  patience?: Patience
}

/** Opens the store and brings its tables up to date. Throws when the disk or the database refuses, or when the tables are newer than this program. */
export async function openStore(options: StoreOptions): Promise<Store> {
  await mkdir(options.dataDir, { recursive: true, mode: 0o700 })
  await removeUnfinishedBlobs(options.dataDir, options.clock.now())
  const { engine, dialect, forMigrations, whenUpToDate, transact, direct, failed, close } = await openEngine(options)
  const db = new Kysely<Database>({ dialect })
  if (direct !== null) setDirect(db, direct)
  const tellers = new Set<() => void>()
  const announced = (): void => {
    for (const told of tellers) told()
  }
  const transactions = createTransactions(transact ?? ((work) => db.transaction().execute(work)), announced)
  const onEvents = (told: () => void): (() => void) => {
    tellers.add(told)
    return () => void tellers.delete(told)
  }
  const closeAll = async (): Promise<void> => {
    await transactions.close()
    await db.destroy()
    await close()
  }
  void failed.then((reason) => options.log.error({ err: reason }, 'store.failed'))
  try {
    await migrate(db, engine, { apart: forMigrations, log: options.log })
    await whenUpToDate()
  } catch (error) {
    await closeAll()
    throw error
  }
  return { engine, db, failed, blobs: createBlobs(options.dataDir), transaction: transactions.run, onEvents, close: closeAll }
}

/** `transact`, `direct` null: as Kysely does it. `forMigrations`: a way to the same database that has the time a migration takes; `whenUpToDate`: from then on
 *  transactions are short. */
type OpenEngine = {
  engine: Engine
  dialect: Dialect
  forMigrations: () => Dialect
  whenUpToDate: () => Promise<void>
  transact: Transact | null
  direct: Direct | null
  failed: Promise<Error>
  close(): Promise<void>
}

async function openEngine({ databaseUrl, dataDir, log, clock, patience }: StoreOptions): Promise<OpenEngine> {
  if (databaseUrl === null) return { engine: 'sqlite', ...(await openSqlite(join(dataDir, 'multimail.db'), clock)) }
  // A pool replaces lost connections, so there is no moment at which it has failed for good.
  return {
    engine: 'postgres',
    dialect: postgresDialect(databaseUrl, log, patience),
    forMigrations: () => postgresDialect(databaseUrl, log, endlessPatience),
    whenUpToDate: async () => {},
    transact: null,
    direct: null,
    failed: new Promise(() => {}),
    close: async () => {},
  }
}
