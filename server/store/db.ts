import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import Sqlite from 'better-sqlite3'
import { Kysely, SqliteDialect, type Transaction } from 'kysely'
import type { Clock } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import { type Blobs, createBlobs, removeUnfinishedBlobs } from './blobs.ts'
import type { Engine } from './engine.ts'
import { migrate } from './migrate.ts'
import type { Database } from './schema.ts'

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
  close(): Promise<void>
}

export type StoreOptions = {
  /** `postgres://…`; null for SQLite in `dataDir` */
  databaseUrl: string | null
  dataDir: string
  log: Log
  clock: Clock
}

/** Opens the store and brings its tables up to date. Throws when the disk or the database refuses, or when the tables are newer than this program. */
export async function openStore(options: StoreOptions): Promise<Store> {
  await mkdir(options.dataDir, { recursive: true, mode: 0o700 })
  await removeUnfinishedBlobs(options.dataDir)
  const sqlite = new Sqlite(join(options.dataDir, 'multimail.db'))
  for (const pragma of ['journal_mode = WAL', 'synchronous = FULL', 'foreign_keys = ON', 'busy_timeout = 5000']) sqlite.pragma(pragma)
  const db = new Kysely<Database>({ dialect: new SqliteDialect({ database: sqlite }) })
  await migrate(db, 'sqlite')
  return {
    engine: 'sqlite',
    db,
    blobs: createBlobs(options.dataDir),
    transaction: (work) => db.transaction().execute(work),
    close: () => db.destroy(),
  }
}
