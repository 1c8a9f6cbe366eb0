import { sql } from 'kysely'
import { expect, it } from 'vitest'
import { newId } from '../../server/model/ids.ts'
import { insertAccount, listAccounts } from '../../server/store/accounts.ts'
import type { Store, Tx } from '../../server/store/db.ts'
import { isUniqueViolation } from '../../server/store/errors.ts'
import { describeOnEachEngine } from '../support/stores.ts'
import { accountRow, now } from './rows.ts'

const add = (slug: string) => (tx: Tx) => insertAccount(tx, accountRow(newId('account', now), slug))
const slugs = async (store: Store): Promise<string[]> => (await listAccounts(store.db)).map((account) => account.slug).toSorted()

describeOnEachEngine('a transaction', (open, { engine, newPlace }) => {
  it('gives what its work gives', async () => {
    const store = await open()
    expect(await store.transaction(() => Promise.resolve(7))).toBe(7)
  })

  it('is all or nothing, and throws what its work throws', async () => {
    const store = await open()
    const work = store.transaction(async (tx) => {
      await add('first')(tx)
      await add('second')(tx)
      throw new RangeError('changed my mind')
    })
    await expect(work).rejects.toThrow(new RangeError('changed my mind'))
    expect(await slugs(store)).toEqual([])
  })

  it('sees its own writing at once; others see it when it has resolved', async () => {
    const store = await open()
    await store.transaction(async (tx) => {
      await add('mine')(tx)
      expect((await tx.selectFrom('accounts').select('slug').execute()).length).toBe(1)
      expect(await slugs(store)).toEqual([])
    })
    expect(await slugs(store)).toEqual(['mine'])
  })

  it('is there for a reader from the moment it resolves, in every one of many at once', async () => {
    const store = await open()
    const seen = await Promise.all(
      Array.from({ length: 60 }, async (_, at) => {
        await store.transaction(add(`n${at}`))
        return (await slugs(store)).includes(`n${at}`)
      }),
    )
    expect(seen).not.toContain(false)
  })

  it('that fails does its neighbours no harm', async () => {
    const store = await open()
    // By a neighbour it would be a race where transactions run side by side: who comes first has it.
    await store.transaction(add('taken'))
    const outcomes = await Promise.allSettled(
      Array.from({ length: 40 }, (_, at) =>
        store.transaction(async (tx) => {
          await add(`n${at}`)(tx)
          if (at % 4 === 1) throw new Error('on purpose')
          if (at % 4 === 3) await add('taken')(tx)
        }),
      ),
    )
    expect(outcomes.map((one) => one.status)).toEqual(outcomes.map((_, at) => (at % 2 === 0 ? 'fulfilled' : 'rejected')))
    expect(await slugs(store)).toEqual(['taken', ...outcomes.flatMap((_, at) => (at % 2 === 0 ? [`n${at}`] : []))].toSorted())
  })

  it('that goes on after a refused statement is taken back or committed as a whole', async () => {
    const store = await open()
    await store.transaction(add('taken'))
    const work = store.transaction(async (tx) => {
      await add('before')(tx)
      await add('taken')(tx).catch(() => {})
      await add('after')(tx)
    })
    const outcome = await work.then(
      () => 'committed',
      () => 'taken back',
    )
    expect(await slugs(store)).toEqual(outcome === 'committed' ? ['after', 'before', 'taken'] : ['taken'])
  })

  it('inside another is refused at once instead of waiting for itself', async () => {
    const store = await open()
    await expect(store.transaction(() => store.transaction(add('inner')))).rejects.toThrow(/inside another/)
    await store.transaction(add('later'))
    expect(await slugs(store)).toEqual(['later'])
  })

  it('is still there when the store is opened again', async () => {
    const place = await newPlace()
    const first = await open(place)
    await first.transaction(add('kept'))
    await first.close()
    expect(await slugs(await open(place))).toEqual(['kept'])
  })

  it('that was begun before closing is finished; one begun after is refused', async () => {
    const place = await newPlace()
    const store = await open(place)
    const begun = ['a', 'b', 'c'].map((slug) => store.transaction(add(slug)))
    const closing = store.close()
    await Promise.all(begun)
    await closing
    await expect(store.transaction(add('late'))).rejects.toThrow(/closed|destroyed/)
    expect(await slugs(await open(place))).toEqual(['a', 'b', 'c'])
  })

  it('of a single statement needs no brackets, and tells a taken key', async () => {
    const store = await open()
    const row = accountRow(newId('account', now), 'once')
    await store.db.insertInto('accounts').values(row).execute()
    const again = await store.db
      .insertInto('accounts')
      .values(row)
      .execute()
      .catch((error: unknown) => error)
    expect(isUniqueViolation(again)).toBe(true)
    const changed = await store.db.updateTable('accounts').set({ name: 'Other' }).where('slug', '=', 'once').executeTakeFirst()
    expect(changed.numUpdatedRows).toBe(1n)
    const none = await store.db.deleteFrom('accounts').where('slug', '=', 'nobody').executeTakeFirst()
    expect(none.numDeletedRows).toBe(0n)
  })

  it('gives bytes back as a Buffer of their own, of any size', async () => {
    const store = await open()
    for (const size of [0, 1, 65_536, 1_000_000]) {
      // A view into the middle of a larger block, as small Buffers are.
      const bytes = Buffer.alloc(size + 20, 'xy').subarray(7, size + 7)
      const hash = `h${size}`
      await store.transaction((tx) => store.blobs.put(tx, { hash, size, bytes }, now))
      const [row] = await store.db.selectFrom('blobs').select('bytes').where('hash', '=', hash).execute()
      expect(Buffer.isBuffer(row?.bytes)).toBe(true)
      expect(bytes.equals(row?.bytes ?? Buffer.from('no row'))).toBe(true)
    }
  })

  const again = {
    sqlite: () => Promise.reject(Object.assign(new Error('again, please'), { code: '40001' })),
    postgres: (tx: Tx) => sql`do $$ begin raise exception 'again, please' using errcode = '40001'; end $$`.execute(tx),
  }[engine]

  it('is run again when the database asks for it', async () => {
    const store = await open()
    let tries = 0
    await store.transaction(async (tx) => {
      await add('retried')(tx)
      if (++tries < 3) await again(tx)
    })
    expect([tries, await slugs(store)]).toEqual([3, ['retried']])
  })

  it('is not run again for ever', async () => {
    const store = await open()
    let tries = 0
    const work = store.transaction(async (tx) => {
      tries++
      await again(tx)
    })
    await expect(work).rejects.toThrow('again, please')
    expect(tries).toBe(5)
  })
})
