import { join } from 'node:path'
import Sqlite from 'better-sqlite3'

// A lock whose handle nobody keeps would be collected, and with it the lock.
const held = new Set<Sqlite.Database>()

/**
 * Makes this process the only appliance on a folder: two of them would deliver from one queue, each taking the other's leases for a dead
 * predecessor's. Commands on the host open the same store without it. The lock is the operating system's, on a database of its own, so it
 * ends with the process however that ends. Throws when another process has it.
 */
export function becomeSole(dataDir: string): { release(): void } {
  const lock = new Sqlite(join(dataDir, 'appliance.lock'), { timeout: 0 })
  try {
    lock.pragma('locking_mode = EXCLUSIVE')
    lock.exec('BEGIN EXCLUSIVE')
  } catch (error) {
    lock.close()
    throw isBusy(error) ? new Error(`another MultiMail is running on ${dataDir}: stop it first`) : error
  }
  held.add(lock)
  return {
    release() {
      held.delete(lock)
      lock.close()
    },
  }
}

const isBusy = (error: unknown): boolean => error instanceof Sqlite.SqliteError && error.code.startsWith('SQLITE_BUSY')
