import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { describe, inject, onTestFinished } from 'vitest'
import { systemClock } from '../../server/platform/clock.ts'
import { silentLog } from '../../server/platform/log.ts'
import { type Store, type StoreOptions, openStore } from '../../server/store/db.ts'
import type { Engine } from '../../server/store/engine.ts'
import { createScratch } from './scratch.ts'

/** A fresh, migrated store; closed and removed when the test ends. Options given go over the defaults (system clock, silent log). */
export type OpenTestStore = (options?: Partial<StoreOptions>) => Promise<Store>
/** Where a store can live: for a test that opens one place twice. Removed when the test ends. */
export type Place = Pick<StoreOptions, 'databaseUrl' | 'dataDir'>

/**
 * The same suite once on SQLite and once on PostgreSQL (each store a database of its own on the run's server):
 * `describeOnEachEngine('a queue', (openStore) => { it('…', async () => { const store = await openStore() … }) })`.
 * Open stores inside tests or `beforeEach`.
 */
export function describeOnEachEngine(
  name: string,
  suite: (openStore: OpenTestStore, more: { engine: Engine; newPlace(): Promise<Place> }) => void,
): void {
  const server = inject('postgresUrl')
  describe(`${name}, on SQLite`, () => {
    suite(opener(newSqlitePlace), { engine: 'sqlite', newPlace: newSqlitePlace })
  })
  describe.skipIf(server === null)(`${name}, on PostgreSQL`, () => {
    const newPlace = () => newPostgresPlace(server ?? '')
    suite(opener(newPlace), { engine: 'postgres', newPlace })
  })
}

const opener =
  (newPlace: () => Promise<Place>): OpenTestStore =>
  async (options = {}) => {
    const place = options.dataDir === undefined ? await newPlace() : {}
    const store = await openStore({ databaseUrl: null, dataDir: '', log: silentLog, clock: systemClock, ...place, ...options })
    atEnd(() => store.close())
    return store
  }

async function newSqlitePlace(): Promise<Place> {
  const scratch = await createScratch('store')
  atEnd(() => scratch.remove())
  return { databaseUrl: null, dataDir: scratch.path }
}

async function newPostgresPlace(server: string): Promise<Place> {
  const { dataDir } = await newSqlitePlace()
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

// Last registered, first done: a store is closed before its place is removed.
const atEnd = (work: () => Promise<void>): void => onTestFinished(work)
