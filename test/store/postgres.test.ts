import { sql } from 'kysely'
import pg from 'pg'
import { expect, it } from 'vitest'
import { newId } from '../../server/model/ids.ts'
import { insertAccount, listAccounts } from '../../server/store/accounts.ts'
import { createMuteProxy } from '../support/mute-proxy.ts'
import { describeOnPostgres } from '../support/stores.ts'
import { accountRow, now } from './rows.ts'

describeOnPostgres('a lost connection', (open) => {
  it('fails the transaction it had, and nothing else', async () => {
    const store = await open()
    const work = store.transaction(async (tx) => {
      await insertAccount(tx, accountRow(newId('account', now), 'lost'))
      const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(tx)
      await sql`select pg_terminate_backend(${rows[0]?.pid ?? 0})`.execute(store.db)
      await insertAccount(tx, accountRow(newId('account', now), 'after'))
    })
    await expect(work).rejects.toThrow(/terminat|connection|ECONNRESET/i)
    await store.transaction((tx) => insertAccount(tx, accountRow(newId('account', now), 'next')))
    expect((await listAccounts(store.db)).map((one) => one.slug)).toEqual(['next'])
  })

  it('that was idle is replaced', async () => {
    const store = await open()
    await Promise.all([listAccounts(store.db), listAccounts(store.db)])
    const others = sql<{
      ended: boolean
    }>`select pg_terminate_backend(pid, 10000) as ended from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`
    const { rows } = await others.execute(store.db)
    expect(rows).toEqual([{ ended: true }])
    expect(await listAccounts(store.db)).toEqual([])
  })
})

describeOnPostgres('a database that falls silent', (open, { newPlace }) => {
  const answerMs = 4_000

  it('fails what waits for it, in a transaction or not, and is asked over new connections from then on', async () => {
    const place = await newPlace()
    const url = new URL(place.databaseUrl ?? '')
    const proxy = await createMuteProxy(Number(url.port))
    url.port = String(proxy.port)
    const store = await open({ ...place, databaseUrl: url.href, patience: { statementMs: 15_000, answerMs } })
    const inside = Promise.withResolvers<void>()
    const goOn = Promise.withResolvers<void>()
    const work = store.transaction(async (tx) => {
      await insertAccount(tx, accountRow(newId('account', now), 'lost'))
      inside.resolve()
      await goOn.promise
      await insertAccount(tx, accountRow(newId('account', now), 'lost-too'))
    })
    await inside.promise
    // Every place of the pool has a connection.
    await Promise.all(Array.from({ length: 9 }, () => listAccounts(store.db)))
    expect(proxy.mute()).toBeGreaterThan(1)
    goOn.resolve()
    const began = performance.now()
    const ends = await Promise.allSettled([work, ...Array.from({ length: 9 }, () => listAccounts(store.db))])
    expect(ends[0]).toMatchObject({ status: 'rejected' })
    expect(ends.some((end) => end.status === 'rejected' && String(end.reason).includes('has not answered'))).toBe(true)
    expect(performance.now() - began).toBeLessThan(10 * answerMs)
    await store.transaction((tx) => insertAccount(tx, accountRow(newId('account', now), 'next')))
    const all = await Promise.all(Array.from({ length: 20 }, () => listAccounts(store.db)))
    expect(all.map((accounts) => accounts.map(({ slug }) => slug))).toEqual(all.map(() => ['next']))
  })

  it('is given the time that a migration takes, and a statement is not', async () => {
    const place = await newPlace()
    const client = new pg.Client({ connectionString: place.databaseUrl ?? '' })
    await client.connect()
    // The first tables take longer than a statement may.
    await client.query(`
      create function slow() returns event_trigger language plpgsql as $$
      begin if to_regclass('accounts') is null then perform pg_sleep(1.5); end if; end $$;
      create event trigger slow on ddl_command_start when tag in ('CREATE TABLE') execute function slow()`)
    await client.end()
    const store = await open({ ...place, patience: { statementMs: 1_000, answerMs: 60_000 } })
    expect(await listAccounts(store.db)).toEqual([])
    await expect(sql`select pg_sleep(1.5)`.execute(store.db)).rejects.toThrow(/statement timeout/)
  })
})

describeOnPostgres('an integer that is too large for a number', (open) => {
  it('is an error instead of a slightly different number', async () => {
    const store = await open()
    await expect(sql`select 9007199254740993::bigint as n`.execute(store.db)).rejects.toThrow(RangeError)
  })
})
