import { stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import Sqlite from 'better-sqlite3'
import { Kysely, sql } from 'kysely'
import { describe, expect, it, onTestFinished } from 'vitest'
import { newId } from '../../server/model/ids.ts'
import { systemClock } from '../../server/platform/clock.ts'
import { silentLog } from '../../server/platform/log.ts'
import { insertAccount, listAccounts } from '../../server/store/accounts.ts'
import { openStore } from '../../server/store/db.ts'
import { startThread } from '../../server/store/sqlite/link.ts'
import { openSqlite } from '../../server/store/sqlite/open.ts'
import { createScratch } from '../support/scratch.ts'
import { createVirtualClock } from '../support/virtual-clock.ts'
import { accountRow, now } from './rows.ts'

async function scratch(): Promise<string> {
  const { path, remove } = await createScratch('threads')
  onTestFinished(remove)
  return path
}

describe('SQLite in threads', () => {
  it('lets the event loop run, and readers read, while a commit waits for the disk', async () => {
    const dataDir = await scratch()
    const store = await openStore({ databaseUrl: null, dataDir, log: silentLog, clock: systemClock })
    onTestFinished(() => store.close())
    // Another program holds the file, so the writer's thread is stuck in its statement for as long as we like.
    const other = new Sqlite(join(dataDir, 'multimail.db'))
    onTestFinished(() => void other.close())
    other.exec('begin immediate')

    const order: string[] = []
    const writing = store
      .transaction((tx) => insertAccount(tx, accountRow(newId('account', now), 'slow')))
      .then(() => order.push('written'))
    for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => void setImmediate(resolve))
    order.push('the loop turned')
    expect(await listAccounts(store.db)).toEqual([])
    order.push('a reader read')
    other.exec('commit')
    await writing
    expect(order).toEqual(['the loop turned', 'a reader read', 'written'])
  })

  it('says so when a thread dies, to everybody who waits and to everybody who comes later', async () => {
    const file = join(await scratch(), 'some.db')
    const thread = startThread({ file, readOnly: false })
    const link = await thread.open()
    const long = 'with recursive n(i) as (select 1 union all select i + 1 from n limit 3000000) select count(*) from n'
    const waiting = link.run(long, [], 'alone').catch(String)
    await thread.abandon()
    expect(await waiting).toMatch(/database thread ended/)
    await expect(link.run('select 1', [], 'alone')).rejects.toThrow(/database thread ended/)
    expect((await link.failed).message).toMatch(/database thread ended/)
    await link.close()
  })

  it('keeps what may have to be taken back in memory, and takes it back', async () => {
    const store = await openStore({ databaseUrl: null, dataDir: await scratch(), log: silentLog, clock: systemClock })
    onTestFinished(() => store.close())
    const inMemory = 2
    expect((await sql`pragma temp_store`.execute(store.db)).rows).toEqual([{ temp_store: inMemory }])
    const filled = (letter: string) => ({ bytes: Buffer.alloc(30_000, letter), size: 30_000, created_at: now })
    const hashes = Array.from({ length: 50 }, (_, at) => `${at}`)
    for (const hash of hashes)
      await store.db
        .insertInto('blobs')
        .values({ hash, ...filled('a') })
        .execute()
    const changing = store.transaction(async (tx) => {
      await tx.updateTable('blobs').set(filled('b')).execute()
      throw new Error('no')
    })
    await expect(changing).rejects.toThrow('no')
    const bytes = (await store.db.selectFrom('blobs').select('bytes').execute()).map((row) => Buffer.from(row.bytes ?? []))
    expect(bytes.every((one) => one.equals(filled('a').bytes))).toBe(true)
    expect(bytes).toHaveLength(hashes.length)
  })

  it('gives a migration the time that it takes', async () => {
    const clock = createVirtualClock(0)
    const sqlite = await openSqlite(join(await scratch(), 'some.db'), clock)
    onTestFinished(() => sqlite.close())
    const db = new Kysely<Record<string, never>>({ dialect: sqlite.forMigrations() })
    await db.transaction().execute(async (tx) => {
      await sql`create table large (id integer)`.execute(tx)
      await clock.advance(3_600_000)
      await sql`insert into large values (1)`.execute(tx)
    })
    expect((await sql`select id from large`.execute(db)).rows).toEqual([{ id: 1 }])
  })

  it('does not call being closed a failure', async () => {
    const link = await startThread({ file: join(await scratch(), 'some.db'), readOnly: false }).open()
    let failed = false
    void link.failed.then(() => (failed = true))
    const last = link.run('select 1 as one', [], 'alone')
    await link.close()
    expect((await last).rows).toEqual({ columns: ['one'], values: [[1]] })
    await expect(link.run('select 1', [], 'alone')).rejects.toThrow(/closed/)
    expect(failed).toBe(false)
  })

  it('says which file it cannot open', async () => {
    const dataDir = await scratch()
    await expect(openSqlite(join(dataDir, 'no-such-folder', 'some.db'), systemClock)).rejects.toThrow(/no-such-folder/)
    const text = join(dataDir, 'text.db')
    await writeFile(text, 'not a database, whatever its name says'.repeat(200))
    await expect(openSqlite(text, systemClock)).rejects.toThrow(/text\.db.*not a database/)
  })

  it('refuses a statement of a group that is gone, so that it cannot run on its own', async () => {
    const link = await startThread({ file: join(await scratch(), 'some.db'), readOnly: false }).open()
    onTestFinished(() => link.close())
    await link.run('create table t (a)', [], 'alone')
    await expect(link.run('insert into t values (1)', [], 'group')).rejects.toMatchObject({ inTransaction: false })
    expect((await link.run('select count(*) as n from t', [], 'alone')).rows?.values).toEqual([[0]])
  })

  it('refuses a single statement of its own inside a transaction at once, instead of waiting for itself', async () => {
    const store = await openStore({ databaseUrl: null, dataDir: await scratch(), log: silentLog, clock: systemClock })
    onTestFinished(() => store.close())
    const row = accountRow(newId('account', now), 'inner')
    await expect(store.transaction(() => store.db.insertInto('accounts').values(row).execute())).rejects.toThrow(/inside another/)
  })

  it('makes files that only its own user can read', async () => {
    const dataDir = await scratch()
    const store = await openStore({ databaseUrl: null, dataDir, log: silentLog, clock: systemClock })
    onTestFinished(() => store.close())
    for (const name of ['multimail.db', 'multimail.db-wal', 'multimail.db-shm'])
      expect((await stat(join(dataDir, name))).mode & 0o777).toBe(0o600)
  })

  it('keeps a reader from writing', async () => {
    const file = join(await scratch(), 'some.db')
    const writer = await startThread({ file, readOnly: false }).open()
    const reader = await startThread({ file, readOnly: true }).open()
    onTestFinished(async () => void (await Promise.all([writer.close(), reader.close()])))
    await expect(reader.run('create table t (a)', [], 'alone')).rejects.toMatchObject({ code: 'SQLITE_READONLY' })
  })

  it('opens the file as promised: write-ahead log, an fsync for each commit, foreign keys', async () => {
    const link = await startThread({ file: join(await scratch(), 'some.db'), readOnly: false }).open()
    onTestFinished(() => link.close())
    const pragma = async (name: string) => (await link.run(`pragma ${name}`, [], 'alone')).rows?.values[0]?.[0]
    expect([await pragma('journal_mode'), await pragma('synchronous'), await pragma('foreign_keys')]).toEqual(['wal', 2, 1])
  })

  it('writes the write-ahead log back before it is large', async () => {
    const file = join(await scratch(), 'some.db')
    const link = await startThread({ file, readOnly: false }).open()
    onTestFinished(() => link.close())
    await link.run('create table t (bytes blob) strict', [], 'alone')
    const bytes = Buffer.alloc(1024 * 1024)
    for (let megabytes = 0; megabytes < 40; megabytes++) await link.run('insert into t values (?)', [bytes], 'alone')
    const [log, all] = [await stat(`${file}-wal`), await stat(file)]
    expect(log.size).toBeLessThan(20 * 1024 * 1024)
    expect(all.size).toBeGreaterThan(20 * 1024 * 1024)
  })
})
