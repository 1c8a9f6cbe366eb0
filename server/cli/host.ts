import { problemsText } from '../../config/load.ts'
import type { Config, Settings } from '../../config/schema.ts'
import { systemClock } from '../platform/clock.ts'
import { createLog } from '../platform/log.ts'
import { type Store, openStore } from '../store/db.ts'
import { type Call, type Io, Stop } from './command.ts'

/** The settings, or the end of the command with all that is wrong with them. */
export function settingsOf(io: Io): { config: Config; values: Settings } {
  const loaded = io.load()
  if (!loaded.ok) throw new Stop(problemsText(loaded.problems), 2)
  return loaded
}

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
