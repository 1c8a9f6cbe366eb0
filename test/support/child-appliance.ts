/** The whole appliance as a process of its own, over real SMTP and HTTP; `crash-appliance.ts` is the program. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
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
  /** The first event of this name, once there is one; with these words in its line, when given. */
  logged(event: string, words?: string): Promise<LoggedEvent>
  /** Resolves with the signal or the exit code that ended it. */
  ended: Promise<NodeJS.Signals | number>
  stop(): Promise<void>
}

// oxlint-disable-next-line typescript/no-explicit-any -- whatever JSON came back: what a test expects of it is the check
export type Answer = any

const program = join(import.meta.dirname, 'crash-appliance.ts')
const startDeadlineMs = 20_000

/** Rejects, with what it printed, when it ends before it listens; unless `killAt` was meant to come first: then `ended` tells. */
export async function startAppliance({ env, folder, aheadMs = 0, killAt }: StartOptions): Promise<Appliance> {
  const eventsFile = join(folder, 'events.ndjson')
  const child = fork(program, {
    env: { ...env, TEST_EVENTS_FILE: eventsFile, TEST_AHEAD_MS: String(aheadMs), ...(killAt && { TEST_KILL_AT: killAt }) },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  const printed: string[] = []
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (piece: Buffer) => printed.push(String(piece)))
  const ended = endOf(child)
  const ready = await Promise.race([reported(child, 'ready'), ended])
  if (typeof ready !== 'object' && ready !== 'SIGKILL')
    throw new Error(`the appliance ended (${ready}) before it listened:\n${printed.join('')}`)
  const http = typeof ready === 'object' ? `http://${ready.http.host}:${ready.http.port}` : ''
  return {
    smtp: typeof ready === 'object' ? ready.smtp : { host: '', port: 0 },
    post: (key, name, body) => ask(`${http}/${name}`, key, { method: 'POST', body: JSON.stringify(body) }, eventsFile),
    get: (key, name, query = {}) => ask(`${http}/${name}?${new URLSearchParams(query).toString()}`, key, {}, eventsFile),
    async killAt(event, nth = 1) {
      const armed = reported(child, 'armed')
      child.send({ killAt: event, nth } satisfies Order)
      await armed
    },
    logged: (event, words = '') =>
      whenSeen(folder, () => findEvent(eventsFile, event, words), `${event} ${words} in the log`).catch(async (error: unknown) => {
        throw new Error(`${String(error)}; its last words:\n${await lastLines(eventsFile)}`, { cause: error })
      }),
    ended,
    async stop() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM')
      await ended
    },
  }
}

async function endOf(child: ChildProcess): Promise<NodeJS.Signals | number> {
  await once(child, 'exit')
  return child.signalCode ?? child.exitCode ?? 0
}

function reported<K extends Report['kind']>(child: ChildProcess, kind: K): Promise<Extract<Report, { kind: K }>> {
  const { promise, resolve, reject } = Promise.withResolvers<Extract<Report, { kind: K }>>()
  const hear = (report: Report): void => {
    if (report.kind === kind) resolve(report as Extract<Report, { kind: K }>)
  }
  const timer = setTimeout(() => reject(new Error(`the appliance was not ${kind} within ${startDeadlineMs} ms`)), startDeadlineMs)
  child.on('message', hear)
  return promise.finally(() => {
    child.off('message', hear)
    clearTimeout(timer)
  })
}

async function ask(url: string, key: string, init: RequestInit, eventsFile: string): Promise<Answer> {
  const headers = { authorization: `Bearer ${key}`, ...(init.body !== undefined && { 'content-type': 'application/json' }) }
  const response = await fetch(url, { ...init, headers, signal: AbortSignal.timeout(15_000) })
  const answer: Answer = await response.json()
  if (!response.ok) throw new Error(`${url}: ${response.status} ${JSON.stringify(answer)}\n${await lastLines(eventsFile, '"error"')}`)
  return answer
}

async function findEvent(file: string, event: string, words: string): Promise<LoggedEvent | undefined> {
  const lines = (await readFile(file, 'utf8')).split('\n').filter((line) => line.includes(`"${event}"`) && line.includes(words))
  return lines.map((line) => JSON.parse(line) as LoggedEvent).find((one) => one.msg === event)
}

async function lastLines(eventsFile: string, words = ''): Promise<string> {
  const lines = (await readFile(eventsFile, 'utf8')).split('\n').filter((line) => line.includes(words))
  return lines.slice(-10).join('\n')
}
