import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { afterAll, describe, inject, onTestFinished } from 'vitest'
import { systemClock } from '../../server/platform/clock.ts'
import { silentLog } from '../../server/platform/log.ts'
import { type Store, type StoreOptions, openStore } from '../../server/store/db.ts'
import type { Engine } from '../../server/store/engine.ts'
import { createScratch } from './scratch.ts'

/** A fresh, migrated store; closed and removed when the test ends, or the suite when it was opened in `beforeAll`.
 *  Options given go over the defaults (system clock, silent log). */
export type OpenTestStore = (options?: Partial<StoreOptions>) => Promise<Store>
/** Where a store can live: for a test that opens one place twice. Removed as above. */
export type Place = Pick<StoreOptions, 'databaseUrl' | 'dataDir'>

type Suite = (openStore: OpenTestStore, more: { engine: Engine; newPlace(): Promise<Place> }) => void
type AtEnd = (work: () => Promise<void>) => void

/**
 * The same suite once on SQLite and once on PostgreSQL (each store a database of its own on the run's server):
 * `describeOnEachEngine('a queue', (openStore) => { it('…', async () => { const store = await openStore() … }) })`.
 */
export function describeOnEachEngine(name: string, suite: Suite): void {
  describeOnOneEngine(name, suite)
  describeOnPostgres(name, suite)
}

/** For what is the same on every engine: how a door reads and answers. */
export function describeOnOneEngine(name: string, suite: Suite): void {
  describe(`${name}, on SQLite`, () => {
    const atEnd = endOfTestOrSuite()
    const newPlace = () => newSqlitePlace(atEnd)
    suite(opener(newPlace, atEnd), { engine: 'sqlite', newPlace })
  })
}

/** For what only PostgreSQL can do; skipped where it cannot run. */
export function describeOnPostgres(name: string, suite: Suite): void {
  const server = inject('postgresUrl')
  describe.skipIf(server === null)(`${name}, on PostgreSQL`, () => {
    const atEnd = endOfTestOrSuite()
    const newPlace = () => newPostgresPlace(server ?? '', atEnd)
    suite(opener(newPlace, atEnd), { engine: 'postgres', newPlace })
  })
}

const opener =
  (newPlace: () => Promise<Place>, atEnd: AtEnd): OpenTestStore =>
  async (options = {}) => {
    const place = options.dataDir === undefined ? await newPlace() : { databaseUrl: null, dataDir: options.dataDir }
    const store = await openStore({ log: silentLog, clock: systemClock, ...place, ...options })
    atEnd(() => store.close())
    return store
  }

async function newSqlitePlace(atEnd: AtEnd): Promise<Place> {
  const scratch = await createScratch('store')
  atEnd(() => scratch.remove())
  return { databaseUrl: null, dataDir: scratch.path }
}

async function newPostgresPlace(server: string, atEnd: AtEnd): Promise<Place> {
  const { dataDir } = await newSqlitePlace(atEnd)
  const name = `t_${randomUUID().replaceAll('-', '')}`
  await onServer(server, `create database ${name}`)
  atEnd(() => onServer(server, `drop database ${name} with (force)`))
  return { databaseUrl: server.replace(/\/[^/]*$/, `/${name}`), dataDir }
}

async function onServer(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}

/** Last registered, first done: a store is closed before its place is removed. */
function endOfTestOrSuite(): AtEnd {
  const ofSuite: (() => Promise<void>)[] = []
  afterAll(async () => {
    for (const work of ofSuite.toReversed()) await work()
  })
  return (work) => {
    try {
      onTestFinished(work)
    } catch {
      // Not in a test: it was called from `beforeAll`.
      ofSuite.push(work)
    }
  }
}
