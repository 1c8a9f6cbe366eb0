/** The whole appliance as a process of its own, over real SMTP and HTTP; `crash-appliance.ts` is the program. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Order, Report } from './crash-appliance.ts'
import { whenSeen } from './when-seen.ts'

export type StartOptions = {
  /** what it is configured with */
  env: Record<string, string>
  /** a folder for the record of its events */
  folder: string
  /** how far its clock is ahead: leases lapse and retries fall due without anybody waiting for them */
  aheadMs?: number
  /** die at the first event of this name */
  killAt?: string
}

export type LoggedEvent = Record<string, unknown> & { msg: string }

export type Appliance = {
  smtp: { host: string; port: number }
  /** An operation in the flat REST form, by GET or POST. Rejects when it is refused or no answer comes. */
  get(key: string, name: string, query?: Record<string, string>): Promise<Answer>
  post(key: string, name: string, body: Record<string, unknown>): Promise<Answer>
  /** From now on: die at the nth event of this name. */
  killAt(event: string, nth?: number): Promise<void>
  /** Its clock is so much further ahead now, as after a sleep of the machine. Alarms that were set keep their time. */
  sleep(ms: number): Promise<void>
  /** The first event of this name, once there is one; with these words in its line, when given. */
  logged(event: string, words?: string): Promise<LoggedEvent>
  /** Every event of this name so far. */
  events(event: string): Promise<LoggedEvent[]>
  /** The first answer of `look` that is not undefined; it is asked now, and whenever something was logged. */
  finds<T>(look: () => Promise<T | undefined>, what: string, deadlineMs?: number): Promise<T>
  /** Resolves once it has killed itself; rejects, with its last words, when it ends otherwise or lives on. */
  died(deadlineMs?: number): Promise<void>
  /** SIGKILL, now. */
  kill(): Promise<void>
  stop(): Promise<void>
}

// oxlint-disable-next-line typescript/no-explicit-any -- whatever JSON came back: what a test expects of it is the check
export type Answer = any

const program = join(import.meta.dirname, 'crash-appliance.ts')
// It is started dozens of times, and reading the source is most of a start.
const compileCache = join(import.meta.dirname, '../../node_modules/.cache/node-compile')
const startDeadlineMs = 30_000
const deathDeadlineMs = 20_000

/** Rejects, with what it printed, when it ends before it listens; unless `killAt` was meant to come first. */
export async function startAppliance({ env, folder, aheadMs = 0, killAt }: StartOptions): Promise<Appliance> {
  const eventsFile = join(folder, 'events.ndjson')
  await writeFile(eventsFile, '')
  const child = fork(program, {
    env: {
      ...env,
      TEST_EVENTS_FILE: eventsFile,
      TEST_AHEAD_MS: String(aheadMs),
      ...(killAt !== undefined && { TEST_KILL_AT: killAt }),
      NODE_COMPILE_CACHE: compileCache,
    },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  const printed: string[] = []
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (piece: Buffer) => printed.push(String(piece)))
  const ended = once(child, 'exit')
  const ready = await reported(child, 'ready').catch((error: unknown) => {
    if (killAt !== undefined && child.signalCode === 'SIGKILL') return null
    child.kill('SIGKILL')
    throw new Error(`${String(error)}:\n${printed.join('')}`, { cause: error })
  })
  const http = ready === null ? '' : `http://${ready.http.host}:${ready.http.port}`
  return {
    smtp: ready?.smtp ?? { host: '', port: 0 },
    post: (key, name, body) => ask(`${http}/${name}`, key, { method: 'POST', body: JSON.stringify(body) }, eventsFile),
    get: (key, name, query = {}) => ask(`${http}/${name}?${new URLSearchParams(query).toString()}`, key, {}, eventsFile),
    killAt: (event, nth = 1) => give(child, { kind: 'die', at: event, nth }),
    sleep: (ms) => give(child, { kind: 'sleep', ms }),
    logged: (event, words = '') =>
      whenSeen(folder, () => findEvent(eventsFile, event, words), `${event} ${words} in the log`).catch(async (error: unknown) => {
        throw new Error(`${String(error)}; its last words:\n${await lastLines(eventsFile)}`, { cause: error })
      }),
    events: (event) => findEvents(eventsFile, event),
    finds: (look, what, deadlineMs) => whenSeen(folder, look, what, deadlineMs),
    async died(deadlineMs = deathDeadlineMs) {
      const timer = setTimeout(() => child.kill('SIGTERM'), deadlineMs)
      if (!hasEnded(child)) await ended
      clearTimeout(timer)
      if (child.signalCode !== 'SIGKILL') throw new Error(`it did not die there; its last words:\n${await lastLines(eventsFile)}`)
    },
    async kill() {
      child.kill('SIGKILL')
      await ended
    },
    async stop() {
      if (hasEnded(child)) return
      child.kill('SIGTERM')
      const timer = setTimeout(() => child.kill('SIGKILL'), deathDeadlineMs)
      await ended
      clearTimeout(timer)
    },
  }
}

const hasEnded = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null

/** Rejects when the process ends first, or takes too long. */
function reported<K extends Report['kind']>(child: ChildProcess, kind: K): Promise<Extract<Report, { kind: K }>> {
  const { promise, resolve, reject } = Promise.withResolvers<Extract<Report, { kind: K }>>()
  const hear = (report: Report): void => {
    if (report.kind === kind) resolve(report as Extract<Report, { kind: K }>)
  }
  const end = (): void => reject(new Error(`the appliance ended (${child.signalCode ?? child.exitCode}) before it was ${kind}`))
  const timer = setTimeout(() => reject(new Error(`the appliance was not ${kind} within ${startDeadlineMs} ms`)), startDeadlineMs)
  child.on('message', hear)
  child.once('exit', end)
  return promise.finally(() => {
    child.off('message', hear)
    child.off('exit', end)
    clearTimeout(timer)
  })
}

async function give(child: ChildProcess, order: Order): Promise<void> {
  const obeyed = reported(child, 'obeyed')
  child.send(order)
  await obeyed
}

async function ask(url: string, key: string, init: RequestInit, eventsFile: string): Promise<Answer> {
  const headers = { authorization: `Bearer ${key}`, ...(init.body !== undefined && { 'content-type': 'application/json' }) }
  const response = await fetch(url, { ...init, headers, signal: AbortSignal.timeout(15_000) })
  const answer: Answer = await response.json()
  if (!response.ok) throw new Error(`${url}: ${response.status} ${JSON.stringify(answer)}\n${await lastLines(eventsFile, '"error"')}`)
  return answer
}

const findEvent = async (file: string, event: string, words: string): Promise<LoggedEvent | undefined> =>
  (await findEvents(file, event, words))[0]

async function findEvents(file: string, event: string, words = ''): Promise<LoggedEvent[]> {
  // What stands behind the last line end is being written.
  const written = (await readFile(file, 'utf8')).split('\n').slice(0, -1)
  const lines = written.filter((line) => line.includes(`"${event}"`) && line.includes(words))
  return lines.map((line) => JSON.parse(line) as LoggedEvent).filter((one) => one.msg === event)
}

async function lastLines(eventsFile: string, words = ''): Promise<string> {
  const lines = (await readFile(eventsFile, 'utf8')).split('\n').filter((line) => line.includes(words))
  return lines.slice(-10).join('\n')
}
