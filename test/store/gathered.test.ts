import fc from 'fast-check'
import { expect, it } from 'vitest'
import { newId } from '../../server/model/ids.ts'
import { insertAccount } from '../../server/store/accounts.ts'
import type { Store } from '../../server/store/db.ts'
import { gathered } from '../../server/store/gathered.ts'
import { describeOnEachEngine } from '../support/stores.ts'
import { accountRow, now } from './rows.ts'

/** Adds accounts by their slugs; `bad` ones fail, and with them their transaction. @returns also the groups that it was done in */
function adding(store: Store, most = 4) {
  const groups: string[][] = []
  const slugs = gathered(
    store,
    () => most,
    async (tx, items: readonly string[]) => {
      groups.push([...items])
      for (const slug of items) {
        await insertAccount(tx, accountRow(newId('account', now), slug))
        if (slug.startsWith('bad')) throw new Error(`${slug} is bad`)
      }
      return items.map((slug) => slug.toUpperCase())
    },
  )
  return { slugs, groups }
}

const stored = async (store: Store): Promise<string[]> =>
  (await store.db.selectFrom('accounts').select('slug').orderBy('slug').execute()).map(({ slug }) => slug)

describeOnEachEngine('what is asked for at the same moment', (open) => {
  it('is done together, in the order in which it came, and no more at once than may be', async () => {
    const store = await open()
    const { slugs, groups } = adding(store)
    const names = Array.from({ length: 9 }, (_, n) => `s${n}`)
    expect(await Promise.all(names.map((name) => slugs.add(name)))).toEqual(names.map((name) => name.toUpperCase()))
    expect(groups.map((group) => group.length)).toEqual([4, 4, 1])
    expect(groups.flat()).toEqual(names)
    expect(slugs.waiting()).toBe(0)
    expect(await stored(store)).toEqual(names)
  })

  it('fails alone, whatever fails beside it, and is done once, in any order of coming', async () => {
    const store = await open()
    const { slugs } = adding(store)
    const wanted = new Set<string>()
    let serial = 0
    const batches = fc.array(fc.array(fc.boolean(), { minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 5 })
    await fc.assert(
      fc.asyncProperty(batches, async (batch) => {
        const told: Promise<unknown>[] = []
        for (const some of batch) {
          for (const isGood of some) {
            const slug = `${isGood ? 'good' : 'bad'}${serial++}`
            if (isGood) wanted.add(slug)
            told.push(
              slugs.add(slug).then(
                (answer) => expect([isGood, answer]).toEqual([true, slug.toUpperCase()]),
                (error: unknown) => expect([isGood, String(error)]).toEqual([false, `Error: ${slug} is bad`]),
              ),
            )
          }
          await new Promise((resolve) => void setImmediate(resolve))
        }
        await Promise.all(told)
        expect(await stored(store)).toEqual([...wanted].toSorted())
      }),
      { numRuns: 10 },
    )
  })
})
