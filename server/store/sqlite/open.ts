import { type Dialect } from 'kysely'
import type { Clock } from '../../platform/clock.ts'
import { threadedDialect } from './dialect.ts'
import { openLink } from './link.ts'
import { createWriter } from './writer.ts'

export type SqliteDatabase = {
  dialect: Dialect
  /** Resolves with the reason when a thread dies: nothing works from then on. */
  failed: Promise<Error>
  /** Waits for statements already sent. */
  close(): Promise<void>
}

/** Opens or makes the database file. The writer is first, because it makes the file and sets its mode. */
export async function openSqlite(file: string, clock: Clock): Promise<SqliteDatabase> {
  const writing = await openLink({ file, readOnly: false })
  const reading = await openLink({ file, readOnly: true })
  return {
    dialect: threadedDialect(createWriter(writing, clock), reading),
    failed: Promise.race([writing.failed, reading.failed]),
    // The writer last: whoever is last to leave empties the write-ahead log into the file, and a reader cannot.
    async close() {
      await reading.close()
      await writing.close()
    },
  }
}
