/**
 * What a commit costs on SQLite, and what it does to the event loop, three ways: on the main thread, in a thread, and in a thread where waiting
 * transactions share a commit. Then what a read costs beside 10 writers: in the writer's thread, in one of its own, on the main thread. Prints
 * medians of several rounds; asserts nothing (machines differ). docs/decisions/001-storage.md has the figures that decided.
 * Usage: node scripts/bootstrap.mjs scripts/bench/commits.ts. For a slow disk, LD_PRELOAD a library whose fsync and fdatasync sleep.
 */
import { randomBytes, randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as turnOfTheLoop } from 'node:timers/promises'
import Sqlite from 'better-sqlite3'
import { type Dialect, Kysely, SqliteDialect } from 'kysely'
import { systemClock } from '../../server/platform/clock.ts'
import { silentLog } from '../../server/platform/log.ts'
import { createBlobs } from '../../server/store/blobs.ts'
import { appendLog } from '../../server/store/log.ts'
import { migrate } from '../../server/store/migrate.ts'
import type { Database } from '../../server/store/schema.ts'
import { threadedDialect } from '../../server/store/sqlite/dialect.ts'
import { startThread } from '../../server/store/sqlite/link.ts'
import { createWriter, defaultLimits } from '../../server/store/sqlite/writer.ts'

const rounds = 5
const roundMs = 1000
const messageBytes = 5000

type Setup = { dialect: Dialect; close(): Promise<void> }
type Way = 'main thread' | 'thread' | 'thread, shared commits'
type ReadWay = 'in the writer’s thread' | 'in a thread of its own' | 'on the main thread'

function onMainThread(file: string, readonly: boolean): Setup {
  const sqlite = new Sqlite(file, { readonly, timeout: 5000 })
  if (!readonly) for (const pragma of ['journal_mode = WAL', 'synchronous = FULL', 'foreign_keys = ON']) sqlite.pragma(pragma)
  return { dialect: new SqliteDialect({ database: sqlite }), close: async () => void sqlite.close() }
}

async function inThread(file: string, size: number, ownReader: boolean): Promise<Setup> {
  const writing = await startThread({ file, readOnly: false }).open()
  const reading = ownReader ? await startThread({ file, readOnly: true }).open() : writing
  const writer = createWriter(writing, systemClock, { ...defaultLimits, size })
  return {
    dialect: threadedDialect(writer, reading),
    async close() {
      if (ownReader) await reading.close()
      await writing.close()
    },
  }
}

const writeWays: Record<Way, (file: string) => Setup | Promise<Setup>> = {
  'main thread': (file) => onMainThread(file, false),
  thread: (file) => inThread(file, 1, true),
  'thread, shared commits': (file) => inThread(file, defaultLimits.size, true),
}

/** Like an arriving message: its bytes, and its entry in the log of record. Four statements. */
async function storeOne(db: Kysely<Database>, blobs: ReturnType<typeof createBlobs>): Promise<void> {
  const blob = await blobs.stage(randomBytes(messageBytes))
  await db.transaction().execute(async (tx) => {
    await blobs.put(tx, blob, 1)
    const entry = { at: 1, actor: { kind: 'system', part: 'inbound' }, tenancy: null, action: 'email.received' } as const
    await appendLog(tx, { ...entry, resourceType: 'email', resourceId: blob.hash })
  })
}

async function readOne(db: Kysely<Database>): Promise<void> {
  await db.selectFrom('log_entries').selectAll().where('seq', '=', 1).executeTakeFirst()
}

type Figures = { perSecond: number; cpu: number; p50: number; p99: number; loopP99: number; loopMax: number }

/** `concurrency` callers, each doing `work` again and again, with a turn of the event loop between, as a socket would give. Times in ms. */
async function measure(concurrency: number, work: () => Promise<void>): Promise<Figures> {
  const times: number[] = []
  const gaps: number[] = []
  const before = process.cpuUsage()
  const began = performance.now()
  let ticked = began
  const tick = (): void => {
    gaps.push(performance.now() - ticked)
    ticked = performance.now()
  }
  const ticker = setInterval(tick, 1)
  const caller = async (): Promise<void> => {
    while (performance.now() - began < roundMs) {
      const start = performance.now()
      await work()
      times.push(performance.now() - start)
      await turnOfTheLoop()
    }
  }
  await Promise.all(Array.from({ length: concurrency }, caller))
  tick()
  clearInterval(ticker)
  const perSecond = times.length / ((performance.now() - began) / 1000)
  const { user, system } = process.cpuUsage(before)
  return {
    perSecond,
    cpu: (user + system) / 1000 / times.length,
    p50: share(times, 0.5),
    p99: share(times, 0.99),
    loopP99: share(gaps, 0.99),
    loopMax: Math.max(...gaps),
  }
}

const share = (values: number[], part: number): number => values.toSorted((a, b) => a - b)[Math.floor(values.length * part)] ?? Number.NaN

async function withDatabase<T>(way: Way, work: (db: Kysely<Database>, dataDir: string, file: string) => Promise<T>): Promise<T> {
  const dataDir = await mkdtemp(join(tmpdir(), 'multimail-bench-'))
  const file = join(dataDir, `${randomUUID()}.db`)
  const setup = await writeWays[way](file)
  const db = new Kysely<Database>({ dialect: setup.dialect })
  try {
    await migrate(db, 'sqlite', { apart: () => setup.dialect, log: silentLog })
    return await work(db, dataDir, file)
  } finally {
    await setup.close()
    await rm(dataDir, { recursive: true, force: true })
  }
}

function print(label: string, many: Figures[]): void {
  const of = (name: keyof Figures): string =>
    share(
      many.map((one) => one[name]),
      0.5,
    )
      .toFixed(name === 'perSecond' ? 0 : 2)
      .padStart(9)
  console.log(`${label.padEnd(46)}${of('perSecond')}${of('cpu')}${of('p50')}${of('p99')}${of('loopP99')}${of('loopMax')}`)
}

console.log(`${''.padEnd(46)}      1/s   CPU ms   p50 ms   p99 ms loop p99 loop max`)
for (const concurrency of [1, 10, 100]) {
  const figures: Record<Way, Figures[]> = { 'main thread': [], thread: [], 'thread, shared commits': [] }
  for (let round = 0; round < rounds; round++) {
    for (const way of Object.keys(figures) as Way[]) {
      figures[way].push(
        await withDatabase(way, (db, dataDir) => {
          const blobs = createBlobs(dataDir)
          return measure(concurrency, () => storeOne(db, blobs))
        }),
      )
    }
  }
  for (const [way, many] of Object.entries(figures)) print(`${concurrency} writing, ${way}`, many)
}

/** Reading one row by its key, one after the other, while 10 callers write. */
async function readBeside(readWay: ReadWay): Promise<Figures> {
  return await withDatabase('thread, shared commits', async (own, dataDir, file) => {
    const shared = readWay === 'in the writer’s thread' ? await inThread(file, defaultLimits.size, false) : null
    const main = readWay === 'on the main thread' ? onMainThread(file, true) : null
    const writeDb = shared === null ? own : new Kysely<Database>({ dialect: shared.dialect })
    const readDb = main === null ? writeDb : new Kysely<Database>({ dialect: main.dialect })
    const blobs = createBlobs(dataDir)
    await storeOne(writeDb, blobs)
    const [figures] = await Promise.all([measure(1, () => readOne(readDb)), measure(10, () => storeOne(writeDb, blobs))])
    await main?.close()
    await shared?.close()
    return figures
  })
}

for (const way of ['in the writer’s thread', 'in a thread of its own', 'on the main thread'] as const) {
  const figures: Figures[] = []
  for (let round = 0; round < rounds; round++) figures.push(await readBeside(way))
  print(`1 reading beside 10 writing, ${way}`, figures)
}
