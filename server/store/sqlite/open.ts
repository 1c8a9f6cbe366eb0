import { type Dialect } from 'kysely'
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
  const writer = startThread({ file, readOnly: false })
  const reader = startThread({ file, readOnly: true })
  try {
    // The writer first: it makes the file and sets its mode.
    return database(await writer.open(), await reader.open(), clock)
  } catch (error) {
    await Promise.all([writer.abandon(), reader.abandon()])
    throw error
  }
}

const database = (writing: Link, reading: Link, clock: Clock): SqliteDatabase => ({
  dialect: threadedDialect(createWriter(writing, clock), reading),
  failed: Promise.race([writing.failed, reading.failed]),
  // The writer last: whoever is last to leave empties the write-ahead log into the file, and a reader cannot.
  async close() {
    await reading.close()
    await writing.close()
  },
})
