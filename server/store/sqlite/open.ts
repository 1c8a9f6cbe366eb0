import { open } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Dialect, Transaction } from 'kysely'
import type { Clock } from '../../platform/clock.ts'
import type { Database } from '../schema.ts'
import type { Transact } from '../transactions.ts'
import { type Direct, setDirect } from '../direct.ts'
import { rowsOf, threadedDialect, transactionOf } from './dialect.ts'
import { type Link, startThread } from './link.ts'
import { type Turn, type Writer, createWriter, defaultLimits } from './writer.ts'

export type SqliteDatabase = {
  dialect: Dialect
  /** The same with all the time that the tables of a large store take. */
  forMigrations: () => Dialect
  /** From now on transactions are short: what they may have to take back is kept in memory. */
  whenUpToDate: () => Promise<void>
  transact: Transact
  /** for reading outside transactions */
  direct: Direct
  /** Resolves with the reason when a thread dies: nothing works from then on. */
  failed: Promise<Error>
  /** Waits for statements already sent. */
  close(): Promise<void>
}

/** Opens or makes the database file. Throws what opening throws. */
export async function openSqlite(file: string, clock: Clock): Promise<SqliteDatabase> {
  await makeFile(file)
  const writer = startThread({ file, readOnly: false })
  const reader = startThread({ file, readOnly: true })
  try {
    // The writer first: it sets the file's mode.
    return database(await writer.open(), await reader.open(), clock)
  } catch (error) {
    await Promise.all([writer.abandon(), reader.abandon()])
    throw error
  }
}

/** Keys and mail are for the appliance's own user only. SQLite gives the files beside the database the same permissions. */
async function makeFile(file: string): Promise<void> {
  try {
    // Never opened when it is there: closing it again would take the locks that SQLite holds on it in this process (fcntl(2), F_SETLK).
    await using made = await open(file, 'wx', 0o600)
    await made.sync()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return
    throw error
  }
  await using directory = await open(dirname(file), 'r')
  await directory.sync()
}

const longestMigrationMs = 24 * 3_600_000

function database(writing: Link, reading: Link, clock: Clock): SqliteDatabase {
  const writer = createWriter(writing, clock)
  return {
    dialect: threadedDialect(writer, reading),
    forMigrations: () => threadedDialect(createWriter(writing, clock, { ...defaultLimits, turnMs: longestMigrationMs }), reading),
    // Otherwise each page that is changed inside a savepoint is written to a file first, which nobody reads unless it is taken back: a third of all writes.
    whenUpToDate: async () => void (await writing.run('pragma temp_store = memory', [], 'alone')),
    transact: transactOn(writer),
    direct: { rows: async (sql, parameters) => rowsOf(await reading.run(sql, parameters, 'alone')), post: null },
    failed: Promise.race([writing.failed, reading.failed]),
    async close() {
      await reading.close()
      // Last: whoever leaves last empties the write-ahead log into the file, and a reader cannot.
      await writing.close()
    },
  }
}

const transactOn =
  (writer: Writer): Transact =>
  async (work) => {
    const turn = await writer.begin()
    try {
      const value = await work(transactionOn(turn))
      await turn.commit()
      return value
    } catch (error) {
      await turn.rollback()
      throw error
    }
  }

function transactionOn(turn: Turn): Transaction<Database> {
  const tx = transactionOf<Database>(turn)
  setDirect(tx, { rows: async (sql, parameters) => rowsOf(await turn.run(sql, parameters)), post: turn.post })
  return tx
}
