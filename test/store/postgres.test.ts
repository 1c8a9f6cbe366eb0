import { sql } from 'kysely'
import { expect, it } from 'vitest'
import { newId } from '../../server/model/ids.ts'
import { insertAccount, listAccounts } from '../../server/store/accounts.ts'
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

describeOnPostgres('an integer that is too large for a number', (open) => {
  it('is an error instead of a slightly different number', async () => {
    const store = await open()
    await expect(sql`select 9007199254740993::bigint as n`.execute(store.db)).rejects.toThrow(RangeError)
  })
})
