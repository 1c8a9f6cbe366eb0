/**
 * The appliance as a process that kills itself: `SIGKILL` the moment the named log event is written, so that nothing is flushed, closed or
 * said any more. Configured by the environment, as the product is. Its parent talks to it over IPC (`Order` in, `Report` out);
 * every event goes to the file TEST_EVENTS_FILE, and its clock is TEST_AHEAD_MS ahead of the host's.
 */
import { appendFileSync } from 'node:fs'
import { flushCompileCache } from 'node:module'
import { loadConfig, problemsText } from '../../config/load.ts'
import { createApp } from '../../server/app.ts'
import { type Clock, systemClock } from '../../server/platform/clock.ts'
import { createLog } from '../../server/platform/log.ts'

/** Die at the nth event of this name from now on; or have slept for so long (ms). */
export type Order = { kind: 'die'; at: string; nth: number } | { kind: 'sleep'; ms: number }
export type Report = { kind: 'obeyed' } | { kind: 'ready'; smtp: { host: string; port: number }; http: { host: string; port: number } }

const { TEST_EVENTS_FILE: eventsFile, TEST_AHEAD_MS: aheadAtStart = '0', TEST_KILL_AT: killAtStart, ...env } = process.env
if (eventsFile === undefined || process.send === undefined) throw new Error('started by startAppliance only')

let ahead = Number(aheadAtStart)
let death = killAtStart === undefined ? null : { at: killAtStart, nth: 1 }
process.on('message', (order: Order) => {
  if (order.kind === 'sleep') ahead += order.ms
  else death = order
  report({ kind: 'obeyed' })
})

const loaded = loadConfig({ env, file: null })
if (!loaded.ok) throw new Error(problemsText(loaded.problems))
const app = await createApp(loaded.config, { log: createLog({ level: 'debug', destination: { write } }), clock: clockAhead() })
process.once('SIGTERM', () => void app.stop().then(() => process.exit(0)))
report({ kind: 'ready', ...(await app.start()) })
flushCompileCache() // a killed process would not

function write(line: string): void {
  appendFileSync(eventsFile as string, line)
  const { msg } = JSON.parse(line) as { msg?: string }
  if (death === null || death.at !== msg) return
  death.nth -= 1
  // The kernel ends every thread of the process before this call returns.
  if (death.nth === 0) process.kill(process.pid, 'SIGKILL')
}

function report(message: Report): void {
  process.send?.(message)
}

function clockAhead(): Clock {
  return { now: () => systemClock.now() + ahead, at: (time, work) => systemClock.at(time - ahead, work) }
}
