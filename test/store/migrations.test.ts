import { join } from 'node:path'
import { Kysely } from 'kysely'
import { Migrator } from 'kysely/migration'
import { expect, it } from 'vitest'
import { systemClock } from '../../server/platform/clock.ts'
import { createLog, silentLog } from '../../server/platform/log.ts'
import { openStore } from '../../server/store/db.ts'
import { migrations } from '../../server/store/migrations/list.ts'
import { openSqlite } from '../../server/store/sqlite/open.ts'
import { describeOnEachEngine, describeOnOneEngine } from '../support/stores.ts'
import { addTenant } from './rows.ts'

type MigrationTable = { kysely_migration: { name: string; timestamp: string } }

describeOnEachEngine('the migrations', (open, { newPlace }) => {
  it('are in the order of their numbers, of which none is there twice', () => {
    const names = migrations.map((one) => one.name)
    expect(names).toEqual(names.toSorted())
    expect(new Set(names.map((name) => name.slice(0, 3))).size).toBe(names.length)
  })

  it('are applied once, however often the store is opened, and keep what is there', async () => {
    const place = await newPlace()
    const first = await open(place)
    await addTenant(first, 'ours')
    const second = await open(place)
    expect(await second.db.selectFrom('accounts').select('slug').execute()).toEqual([{ slug: 'ours' }])
    expect(await second.db.$extendTables<MigrationTable>().selectFrom('kysely_migration').select('name').execute()).toEqual(
      migrations.map(({ name }) => ({ name })),
    )
  })

  it('are applied once when two processes start at the same moment', async () => {
    const place = await newPlace()
    const stores = await Promise.all([open(place), open(place)])
    for (const store of stores) expect(await store.db.selectFrom('log_head').select('next_seq').execute()).toEqual([{ next_seq: 1 }])
  })

  it('refuse a database of a newer version, by name, and leave it as it is', async () => {
    const place = await newPlace()
    const store = await open(place)
    await store.db
      .$extendTables<MigrationTable>()
      .insertInto('kysely_migration')
      .values({ name: '999-later', timestamp: new Date(0).toISOString() })
      .execute()
    await expect(openStore({ ...place, log: silentLog, clock: systemClock })).rejects.toThrow(/newer version.*999-later/)
    expect(await store.db.selectFrom('log_head').select('next_seq').execute()).toEqual([{ next_seq: 1 }])
  })
})

describeOnOneEngine('an upgrade', (_open, { newPlace }) => {
  it('tells the operator that it has begun, for it may take minutes, and that it is over; a new store and one that is up to date say nothing', async () => {
    const words: string[] = []
    const log = createLog({ level: 'info', destination: { write: (line) => void words.push((JSON.parse(line) as { msg: string }).msg) } })
    const place = await newPlace()
    await (await openStore({ ...(await newPlace()), log, clock: systemClock })).close()
    expect(words).toEqual([])
    await installWithout(1, place.dataDir)
    await (await openStore({ ...place, log, clock: systemClock })).close()
    expect(words).toEqual(['store.upgrading', 'store.upgraded'])
    await (await openStore({ ...place, log, clock: systemClock })).close()
    expect(words).toHaveLength(2)
  })
})

/** As an older version left it. */
async function installWithout(newest: number, dataDir: string): Promise<void> {
  const { dialect, close } = await openSqlite(join(dataDir, 'multimail.db'), systemClock)
  const db = new Kysely<unknown>({ dialect })
  const older = Object.fromEntries(migrations.slice(0, -newest).map(({ name, build }) => [name, build('sqlite')]))
  const { error } = await new Migrator({ db, provider: { getMigrations: () => Promise.resolve(older) } }).migrateToLatest()
  expect(error).toBeUndefined()
  await db.destroy()
  await close()
}
