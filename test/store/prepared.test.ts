import { expect, it } from 'vitest'
import { newId } from '../../server/model/ids.ts'
import { isUniqueViolation } from '../../server/store/errors.ts'
import { insertPrepared, prepare, prepareChange, prepareShapes } from '../../server/store/prepared.ts'
import { describeOnEachEngine } from '../support/stores.ts'
import { accountRow, now } from './rows.ts'

const bySlug = prepare((db, { slug, from }: { slug: string; from: number }) =>
  db.selectFrom('accounts').select(['slug', 'name']).where('created_at', '>=', from).where('slug', '=', slug),
)
const rename = prepareChange((db, { name, slug }: { name: string; slug: string }) =>
  db.updateTable('accounts').set({ name }).where('slug', '=', slug),
)

let made = 0
const among = prepareShapes((db, { slugs, since, named }: { slugs: readonly string[]; since?: number; named: boolean }) => {
  made += 1
  let query = db
    .selectFrom('accounts')
    .select(named ? ['slug', 'name'] : ['slug'])
    .where('slug', 'in', [...slugs])
  if (since !== undefined) query = query.where('created_at', '>=', since)
  return query.orderBy('slug')
})

describeOnEachEngine('a prepared statement', (open) => {
  const account = (slug: string) => accountRow(newId('account', now), slug)

  it('takes its values by name, each time others', async () => {
    const store = await open()
    await store.transaction(async (tx) => {
      for (const slug of ['one', 'two']) await insertPrepared(tx, 'accounts', account(slug))
      await rename(tx, { slug: 'two', name: 'Two' })
    })
    expect(await bySlug(store.db, { from: 0, slug: 'one' })).toEqual([{ slug: 'one', name: 'one' }])
    expect(await bySlug(store.db, { slug: 'two', from: 0 })).toEqual([{ slug: 'two', name: 'Two' }])
    expect(await bySlug(store.db, { slug: 'two', from: now + 1 })).toEqual([])
  })

  it('has a text for each way of asking, put together once', async () => {
    const store = await open()
    await store.transaction(async (tx) => {
      for (const slug of ['one', 'two', 'three']) await insertPrepared(tx, 'accounts', account(slug))
    })
    made = 0
    const slugs = async (...of: Parameters<typeof among>) => (await among(...of)).map(({ slug }) => slug)
    expect(await slugs(store.db, { slugs: ['one', 'two'], named: false })).toEqual(['one', 'two'])
    expect(await slugs(store.db, { slugs: ['three', "'; --"], named: false })).toEqual(['three'])
    expect(made).toBeLessThanOrEqual(1)
    expect(await slugs(store.db, { slugs: ['three'], named: false })).toEqual(['three'])
    expect(await slugs(store.db, { slugs: ['three'], since: now + 1, named: false })).toEqual([])
    expect(await slugs(store.db, { slugs: ['three'], since: now, named: false })).toEqual(['three'])
    expect(await among(store.db, { slugs: ['two'], named: true })).toEqual([{ slug: 'two', name: 'two' }])
    // One after the other beyond what is kept, and the first again.
    for (let length = 1; length <= 205; length++) await among(store.db, { slugs: Array.from({ length }, () => 'one'), named: true })
    expect(await slugs(store.db, { slugs: ['one', 'two'], named: false })).toEqual(['one', 'two'])
  })

  it('takes a NUL from outside as U+FFFD', async () => {
    const store = await open()
    await store.transaction((tx) => insertPrepared(tx, 'accounts', { ...account('nul'), name: 'a\0b' }))
    expect(await bySlug(store.db, { slug: 'nul', from: 0 })).toEqual([{ slug: 'nul', name: 'a\ufffdb' }])
  })

  it('sees what was sent before it in the same transaction', async () => {
    const store = await open()
    await store.transaction(async (tx) => {
      void insertPrepared(tx, 'accounts', account('mine'))
      expect(await bySlug(tx, { slug: 'mine', from: 0 })).toHaveLength(1)
    })
  })

  it('that fails takes its transaction with it, with the error of the database, and nobody else', async () => {
    const store = await open()
    const neighbour = (slug: string) => store.transaction((tx) => insertPrepared(tx, 'accounts', account(slug)))
    const twice = store.transaction(async (tx) => {
      await insertPrepared(tx, 'accounts', account('twice'))
      await insertPrepared(tx, 'accounts', account('twice'))
      await insertPrepared(tx, 'accounts', account('never'))
    })
    const outcomes = await Promise.allSettled([neighbour('before'), twice, neighbour('after')])
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect(isUniqueViolation(await twice.catch((error: unknown) => error))).toBe(true)
    const slugs = (await store.db.selectFrom('accounts').select('slug').orderBy('slug').execute()).map(({ slug }) => slug)
    expect(slugs).toEqual(['after', 'before'])
  })

  it('that fails keeps its transaction from going on', async () => {
    const store = await open()
    const work = store.transaction(async (tx) => {
      await insertPrepared(tx, 'accounts', account('twice'))
      await insertPrepared(tx, 'accounts', account('twice'))
      await bySlug(tx, { slug: 'twice', from: 0 })
      throw new Error('it went on')
    })
    await expect(work).rejects.not.toThrow('it went on')
    expect(await bySlug(store.db, { slug: 'twice', from: 0 })).toEqual([])
  })

  it('that failed leaves no trace when its transaction is taken back for another reason', async () => {
    const store = await open()
    const work = store.transaction(async (tx) => {
      await insertPrepared(tx, 'accounts', account('twice'))
      await Promise.allSettled([insertPrepared(tx, 'accounts', account('twice'))])
      throw new RangeError('changed my mind')
    })
    await expect(work).rejects.toThrow('changed my mind')
    await store.transaction((tx) => insertPrepared(tx, 'accounts', account('twice')))
    expect(await bySlug(store.db, { slug: 'twice', from: 0 })).toHaveLength(1)
  })
})
