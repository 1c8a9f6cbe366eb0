/**
 * How fast mail is read, and how much slower when there is a thousand times as much of it: check_inbox, read_email, get_thread and search_emails over HTTP.
 * Prints tables and writes JSON; asserts nothing (machines differ). docs/benchmarks-api.md has figures and what they mean. Usage: npm run bench:api -- --help
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { cursorAt } from '../../server/operations/input.ts'
import { memoryEnv, memoryFlags } from '../memory.mjs'
import { ask } from './api/ask.ts'
import { type Filled, fill, index, wordAt } from './api/fill.ts'

const usage = `npm run bench:api -- [--sizes 1000,100000,1000000] [--rounds 3] [--seconds 10] [--run-in 5] [--connections 16] [--stores FOLDER] [--json FILE]

Fills a store for each size (some 5 GB for a million, half an hour), and asks each in turn for so long over so many connections, so many rounds. The server and
this program share the machine. Figures are medians of the rounds. --stores keeps the stores in FOLDER, or uses those that are there.`

const { values } = parseArgs({
  options: {
    sizes: { type: 'string', default: '1000,100000,1000000' },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '10' },
    'run-in': { type: 'string', default: '5' },
    connections: { type: 'string', default: '16' },
    stores: { type: 'string' },
    json: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) {
  console.error(usage)
  process.exit(2)
}
const sizes = values.sizes.split(',').map(Number)
const number = (text: string): number => Number(text)
const [rounds, seconds, runIn, connections] = [values.rounds, values.seconds, values['run-in'], values.connections].map(number) as [
  number,
  number,
  number,
  number,
]
const root = join(import.meta.dirname, '..', '..')
const port = 8610
const sample = 2_000

type Figures = { operation: string; emails: number; perSecond: number; p50: number; p95: number; p99: number }
type Made = { keys: { agent: { key: string } } }

const folder = values.stores === undefined ? mkdtempSync(join(tmpdir(), 'multimail-bench-')) : resolve(values.stores)
const environment = (dataDir: string) => ({
  PATH: process.env['PATH'] ?? '',
  ...memoryEnv,
  MULTIMAIL_HOSTNAME: 'mx.bench.test',
  MULTIMAIL_DATA_DIR: dataDir,
  MULTIMAIL_SMTP_HOST: '127.0.0.1',
  MULTIMAIL_SMTP_PORT: '2610',
  MULTIMAIL_HTTP_PORT: String(port),
  MULTIMAIL_LOG_LEVEL: 'warn',
  MULTIMAIL_KEY_RATE: '0',
  MULTIMAIL_ACCOUNT_RATE: '0',
})
const end = (): void => {
  if (values.stores === undefined) rmSync(folder, { recursive: true, force: true })
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => (end(), process.exit(1)))

/** A store of one size, and what is in it. */
type Filling = Filled & { size: number; dataDir: string; key: string }

/** Each begins as a copy of the one before, which is smaller. */
async function filling(size: number, before: Filling | undefined): Promise<Filling> {
  const dataDir = join(folder, String(size))
  const note = join(folder, `${size}.json`)
  if (existsSync(note)) return JSON.parse(readFileSync(note, 'utf8')) as Filling
  rmSync(dataDir, { recursive: true, force: true })
  if (before !== undefined) cpSync(before.dataDir, dataDir, { recursive: true })
  const filled = {
    size,
    dataDir,
    key: before?.key ?? (await setUp(dataDir)),
    ...fill(dataDir, before?.size ?? 0, size, before?.mailboxes ?? [], sample),
  }
  await index(dataDir)
  writeFileSync(note, JSON.stringify(filled))
  return filled
}

async function setUp(dataDir: string): Promise<string> {
  mkdirSync(dataDir, { recursive: true })
  const call = [join(root, 'server/cli/main.ts'), 'setup', '--domain', 'bench.test', '--json']
  return (JSON.parse(execFileSync(process.execPath, call, { env: environment(dataDir), encoding: 'utf8' })) as Made).keys.agent.key
}

async function measure(): Promise<void> {
  const machine = `${new Date().toISOString().slice(0, 10)}, ${cpus()[0]?.model ?? 'unknown'}, ${availableParallelism()} cores, Node ${process.version}`
  console.log(machine)
  const fillings: Filling[] = []
  for (const size of sizes) fillings.push(await filling(size, fillings.at(-1)))
  const all: Figures[] = []
  for (let round = 1; round <= rounds; round += 1) {
    for (const one of fillings) all.push(...(await ofStore(one)))
    console.log(`round ${round} of ${rounds}`)
  }
  const figures = medians(all)
  console.table(figures)
  const [first, last] = [sizes[0], sizes.at(-1)]
  for (const { operation, p99 } of figures.filter(({ emails }) => emails === last)) {
    const small = figures.find((one) => one.operation === operation && one.emails === first)
    console.log(`${operation}: p99 at ${last} is ${(p99 / (small?.p99 ?? Number.NaN)).toFixed(2)} times that at ${first}`)
  }
  if (values.json !== undefined)
    writeFileSync(values.json, `${JSON.stringify({ machine, connections, seconds, rounds, figures, all }, null, 2)}\n`)
}

function medians(all: readonly Figures[]): Figures[] {
  const groups = Map.groupBy(all, ({ operation, emails }) => `${operation} ${emails}`)
  return [...groups.values()].map((some) => {
    const of = (name: 'perSecond' | 'p50' | 'p95' | 'p99'): number =>
      some.map((one) => one[name]).toSorted((one, other) => one - other)[Math.floor(some.length / 2)] ?? Number.NaN
    const { operation, emails } = some[0] as Figures
    return { operation, emails, perSecond: of('perSecond'), p50: of('p50'), p95: of('p95'), p99: of('p99') }
  })
}

async function ofStore(filled: Filling): Promise<Figures[]> {
  const server = spawn(process.execPath, [...memoryFlags, join(root, 'server/main.ts')], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
    env: environment(filled.dataDir),
  })
  try {
    await healthy(server)
    const figures: Figures[] = []
    for (const [operation, path] of Object.entries(paths(filled))) {
      await ask(port, filled.key, path, { connections, forMs: runIn * 1000 })
      const { ms, seconds: took } = await ask(port, filled.key, path, { connections, forMs: seconds * 1000 })
      const sorted = ms.toSorted((one, other) => one - other)
      const at = (share: number): number => Number((sorted[Math.floor(sorted.length * share)] ?? Number.NaN).toFixed(2))
      figures.push({ operation, emails: filled.size, perSecond: Math.round(ms.length / took), p50: at(0.5), p95: at(0.95), p99: at(0.99) })
    }
    return figures
  } finally {
    server.kill('SIGTERM')
    await once(server, 'exit')
  }
}

const oneOf = <T>(list: readonly T[]): T => list[Math.floor(Math.random() * list.length)] as T

/** So common that a page of them is full, however little mail there is. */
const commonWord = (): string => wordAt(5 + Math.floor(Math.random() * 20))

/** Common, middling and rare words, together and apart: of little mail most find less than a page, or nothing. */
const queries = [
  commonWord,
  () => wordAt(500 + Math.floor(Math.random() * 1000)),
  () => wordAt(20_000 + Math.floor(Math.random() * 9_000)),
  () => `${wordAt(Math.floor(Math.random() * 100))} ${wordAt(1_000 + Math.floor(Math.random() * 1000))}`,
  () => `from:${wordAt(100 + Math.floor(Math.random() * 1000))}`,
]

const paths = ({ mailboxes, emails, threads, size }: Filling): Record<string, () => string> => ({
  check_inbox: () => `/check_inbox?limit=20&mailbox_id=${oneOf(mailboxes)}`,
  'check_inbox, unread': () => `/check_inbox?limit=20&status=unread&mailbox_id=${oneOf(mailboxes)}`,
  // From anywhere in the mailbox: hardly any of these was asked for before.
  'check_inbox, older': () =>
    `/check_inbox?limit=20&mailbox_id=${oneOf(mailboxes)}&cursor=${cursorAt(String(Math.ceil(Math.random() * size)))}`,
  read_email: () => `/read_email?email_id=${oneOf(emails)}`,
  get_thread: () => `/get_thread?thread_id=${oneOf(threads)}`,
  'search_emails, full pages': () => `/search_emails?limit=20&query=${encodeURIComponent(commonWord())}`,
  'search_emails, mixed': () => `/search_emails?limit=20&query=${encodeURIComponent(oneOf(queries)())}`,
})

/** However long it takes, while the server lives: an upgrade of a large store takes minutes. */
async function healthy(server: ChildProcess): Promise<void> {
  while (server.exitCode === null && server.signalCode === null) {
    const answer = await fetch(`http://127.0.0.1:${port}/health`).catch(() => null)
    if (answer?.ok === true) return
    await wait(50)
  }
  throw new Error('the server ended before it was healthy')
}

try {
  await measure()
} finally {
  end()
}
