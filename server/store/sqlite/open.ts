import { open } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Dialect } from 'kysely'
import type { Clock } from '../../platform/clock.ts'
import { threadedDialect } from './dialect.ts'
import { type Link, startThread } from './link.ts'
import { createWriter } from './writer.ts'

export type SqliteDatabase = {
  dialect: Dialect
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

const database = (writing: Link, reading: Link, clock: Clock): SqliteDatabase => ({
  dialect: threadedDialect(createWriter(writing, clock), reading),
  failed: Promise.race([writing.failed, reading.failed]),
  async close() {
    await reading.close()
    // Last: whoever leaves last empties the write-ahead log into the file, and a reader cannot.
    await writing.close()
  },
})
