import type { Config } from '../../config/schema.ts'
import { systemClock } from '../platform/clock.ts'
import { createLog } from '../platform/log.ts'
import { type Store, openStore } from '../store/db.ts'
import type { Call } from './command.ts'
import { settingsOf } from './settings.ts'

/** Lends the store of this machine to `work`. The server may be running on it meanwhile. */
export async function withStore<T>(call: Call, work: (store: Store, config: Config) => Promise<T>): Promise<T> {
  const { config } = settingsOf(call.io)
  // What the store has to say goes where it does not mix with the answer.
  const log = createLog({ level: 'warn', destination: { write: (line) => call.io.err(line) } })
  const store = await openStore({ databaseUrl: config.databaseUrl, dataDir: config.dataDir, log, clock: systemClock })
  try {
    return await work(store, config)
  } finally {
    await store.close()
  }
}
