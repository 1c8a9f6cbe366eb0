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
  await start(loaded.config).catch((error: unknown) => {
    process.stderr.write(`${whyNot(error)}\n`)
    // At once: nothing has been promised to anybody yet, and what did open would keep the process alive.
    process.exit(1)
  })
}

/** What an operator can do about it, when that is known. */
function whyNot(error: unknown): string {
  if (!(error instanceof Error)) return `MultiMail cannot start: ${String(error)}`
  const { code, port } = error as NodeJS.ErrnoException & { port?: number }
  if (code === 'EADDRINUSE')
    return `MultiMail cannot start: port ${port} is in use. Stop what listens there, or set another port (docs/settings.md).`
  if (code === 'EACCES' && port !== undefined)
    return `MultiMail cannot start: it may not listen on port ${port}. Choose a port above 1023, or give it the right to.`
  return `MultiMail cannot start: ${error.message}`
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
