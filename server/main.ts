/** The process: load the configuration, build the appliance, open its doors, close them on SIGTERM or SIGINT. */
import { loadConfig, problemsText } from '../config/load.ts'
import type { Config } from '../config/schema.ts'
import { createApp } from './app.ts'
import { arrived, greeting } from './local/greeting.ts'
import { startLocal } from './local/local-mode.ts'
import { closeOnSignal } from './platform/lifecycle.ts'
import { createLog } from './platform/log.ts'

/** Runs until a signal. Exits with 2 for settings that cannot be used, 1 when it cannot start. */
export async function main(): Promise<void> {
  const loaded = loadConfig()
  if (!loaded.ok) {
    process.stderr.write(`${problemsText(loaded.problems)}\n`)
    process.exitCode = 2
    return
  }
  const start = { local: startInLocalMode, server: startServer }[loaded.config.mode]
  await start(loaded.config)
}

async function startServer(config: Config): Promise<void> {
  const log = createLog({ level: config.logLevel })
  const app = await createApp(config, { log })
  const end = closeOnSignal({ log, close: () => app.stop() })
  void app.store.failed.then(() => end(1))
  const { smtp, http } = await app.start()
  log.info({ hostname: config.hostname, smtp, http, store: app.store.engine }, 'appliance.listening')
}

/** A person is watching: what happens is told in words, and only warnings come as log lines. */
async function startInLocalMode(config: Config): Promise<void> {
  const log = createLog({ level: config.logLevel === 'info' ? 'warn' : config.logLevel })
  const local = await startLocal(config, { log, onLetter: (letter) => process.stdout.write(arrived(letter)) })
  const end = closeOnSignal({ log, close: () => local.stop() })
  void local.app.store.failed.then(() => end(1))
  process.stdout.write(greeting(local))
}

if (import.meta.main) await main()
