import { expect, it } from 'vitest'
import type { Store } from '../../server/store/db.ts'
import { type Due, beforeAllLanes, dueOfLanes, dueOfMailboxes, longestDue } from '../../server/store/queue-order.ts'
import { deliveryById } from '../../server/store/queue.ts'
import { type Leaving, createLeaving } from '../support/leaving.ts'
import { describeOnEachEngine } from '../support/stores.ts'

describeOnEachEngine('the order of the queue', (openStore) => {
  const names = (count: number, domain: (at: number) => string): string[] =>
    Array.from({ length: count }, (_, at) => `r${at}@${domain(at)}`)
  const pathsOf = async (store: Store, rows: readonly Due[]): Promise<string[]> =>
    (await Promise.all(rows.map(({ id }) => deliveryById(store.db, id)))).map((row) => row?.forward_path ?? '')
  const office = (store: Store): Promise<Leaving> => createLeaving(store, { signed: false })

  it('shows the longest due first, and no more than asked for', async () => {
    const store = await openStore()
    const one = await office(store)
    await one.queue({ to: names(5, () => 'x.test') })
    const now = one.clock.now()
    expect(await longestDue(store.db, { now, limit: 3 })).toHaveLength(3)
    expect(await longestDue(store.db, { now: now - 1, limit: 3 })).toEqual([])
  })

  it('finds who stands behind many of another mailbox, and what is urgent there', async () => {
    const store = await openStore()
    const [many, few] = [await office(store), await office(store)]
    await many.queue({ to: names(40, () => 'x.test') })
    await few.queue({ to: ['a@x.test', 'b@x.test'] })
    await store.db.updateTable('deliveries').set({ priority: 0 }).where('forward_path', '=', 'r39@x.test').execute()
    const now = many.clock.now()
    const found = await dueOfMailboxes(store.db, now, '')
    expect(found.next).toBe('')
    expect((await pathsOf(store, found.rows)).toSorted()).toEqual(['a@x.test', 'r0@x.test', 'r39@x.test'])
    expect((await dueOfMailboxes(store.db, now, few.office.mailbox.id)).rows).toEqual([])
  })

  it('finds what one mailbox has for other domains behind many for one', async () => {
    const store = await openStore()
    const [one, other] = [await office(store), await office(store)]
    await one.queue({ to: [...names(40, () => 'slow.test'), 'bo@quick.test'] })
    await other.queue({ to: ['bo@slow.test'] })
    const found = await dueOfLanes(store.db, one.clock.now(), beforeAllLanes)
    const lanes = found.rows.map((row) => [row.mailbox_id, row.domain].join(' '))
    expect(new Set(lanes)).toEqual(
      new Set([`${one.office.mailbox.id} quick.test`, `${one.office.mailbox.id} slow.test`, `${other.office.mailbox.id} slow.test`]),
    )
    expect(found.next).toEqual(beforeAllLanes)
  })

  it('comes to every lane in turn, however many there are, a bounded number at a time', async () => {
    const store = await openStore()
    const one = await office(store)
    await one.queue({ to: names(150, (at) => `d${String(at).padStart(3, '0')}.test`) })
    const seen: string[] = []
    let lane = beforeAllLanes
    do {
      const found = await dueOfLanes(store.db, one.clock.now(), lane)
      expect(found.rows.length).toBeLessThanOrEqual(64)
      seen.push(...found.rows.map((row) => row.domain))
      lane = found.next
    } while (lane.mailbox !== '')
    expect(seen).toHaveLength(150)
    expect(new Set(seen).size).toBe(150)
  })
})
