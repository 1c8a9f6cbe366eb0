import { expect, it } from 'vitest'
import { fail, ok } from '../../server/model/result.ts'
import { insertAccount } from '../../server/store/accounts.ts'
import type { Store, Tx } from '../../server/store/db.ts'
import { newId } from '../../server/model/ids.ts'
import { withRider } from '../../server/store/rider.ts'
import { describeOnEachEngine } from '../support/stores.ts'

const account = (name: string) => ({ id: newId('account', 0), name, slug: name, created_at: 0 })
const rider = {
  enter: (tx: Tx) => insertAccount(tx, account('rider')),
  leave: async (tx: Tx) => void (await tx.deleteFrom('accounts').where('slug', '=', 'rider').execute()),
}
const names = async ({ db }: Store): Promise<string[]> =>
  (await db.selectFrom('accounts').select('slug').orderBy('slug').execute()).map(({ slug }) => slug)

describeOnEachEngine('what rides along with a transaction', (openStore) => {
  it('is written with the first that commits, once', async () => {
    const store = await openStore()
    const { arrived } = await withRider(rider, async () => {
      await store.transaction((tx) => insertAccount(tx, account('a')))
      await store.transaction((tx) => insertAccount(tx, account('b')))
    })
    expect(arrived).toBe(true)
    expect(await names(store)).toEqual(['a', 'b', 'rider'])
  })

  it('is taken back with a transaction that fails, and goes with the next', async () => {
    const store = await openStore()
    const fails = () =>
      store.transaction(async (tx) => {
        await insertAccount(tx, account('a'))
        throw new Error('no')
      })
    const { arrived } = await withRider(rider, () => fails().catch(() => undefined))
    expect(arrived).toBe(false)
    expect(await names(store)).toEqual([])
    await withRider(rider, async () => {
      await fails().catch(() => undefined)
      await store.transaction((tx) => insertAccount(tx, account('b')))
    })
    expect(await names(store)).toEqual(['b', 'rider'])
  })

  it('leaves a transaction that answers with a failure', async () => {
    const store = await openStore()
    const { arrived } = await withRider(rider, () => store.transaction(() => Promise.resolve(fail('NOT_A_DRAFT'))))
    expect([arrived, await names(store)]).toEqual([false, []])
    expect(await withRider(rider, () => store.transaction(() => Promise.resolve(ok(1))))).toMatchObject({ arrived: true })
  })

  it('goes with one of several at once, and never waits for itself', async () => {
    const store = await openStore()
    await withRider(rider, () => Promise.all(['a', 'b', 'c'].map((name) => store.transaction((tx) => insertAccount(tx, account(name))))))
    expect(await names(store)).toEqual(['a', 'b', 'c', 'rider'])
  })

  it('is not there for what goes on in the background afterwards', async () => {
    const store = await openStore()
    let later: () => Promise<void> = () => Promise.resolve()
    const until = new Promise<void>((resolve) => {
      later = async () => resolve()
    })
    let background: Promise<void> = Promise.resolve()
    await withRider(rider, async () => {
      background = until.then(() => store.transaction((tx) => insertAccount(tx, account('late'))))
    })
    await later()
    await background
    expect(await names(store)).toEqual(['late'])
  })
})
