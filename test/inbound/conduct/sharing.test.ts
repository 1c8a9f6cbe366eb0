import { expect, it, onTestFinished } from 'vitest'
import { networkOf } from '../../../server/inbound/conduct/prefixes.ts'
import { startSharing } from '../../../server/inbound/conduct/sharing.ts'
import { type Windows, createWindows } from '../../../server/inbound/conduct/windows.ts'
import { silentLog } from '../../../server/platform/log.ts'
import type { Store } from '../../../server/store/db.ts'
import { addVisitorCounts, removeVisitorCounts } from '../../../server/store/visitor-windows.ts'
import { describeOnEachEngine } from '../../support/stores.ts'
import { type VirtualClock, createVirtualClock } from '../../support/virtual-clock.ts'
import { type Hall, createHall, start } from './hall.ts'

const [bo, eve] = ['192.0.2.1', '198.51.100.1']
const minute = 60_000
const counts = (prefix: string, connections: number, window_start = start) => ({ prefix, window_start, connections, messages: 2, bytes: 3 })

describeOnEachEngine('the counts of several nodes', (openStore) => {
  it('add up, in one statement, and the sums come back', async () => {
    const { db } = await openStore()
    expect(await addVisitorCounts(db, [])).toEqual([])
    expect(await addVisitorCounts(db, [counts('a', 1), counts('b', 2)])).toEqual([counts('a', 1), counts('b', 2)])
    expect(await addVisitorCounts(db, [counts('b', 5), counts('c', 1)])).toEqual([
      { ...counts('b', 7), messages: 4, bytes: 6 },
      counts('c', 1),
    ])
    expect(await addVisitorCounts(db, [counts('b', 1, start + minute)])).toEqual([counts('b', 1, start + minute)])
  })

  it('take a thousand networks at once, and are removed when they are old', async () => {
    const { db } = await openStore()
    const many = Array.from({ length: 1_000 }, (_, n) => counts(`${n}`, 9_000_000_000))
    expect(await addVisitorCounts(db, many)).toHaveLength(1_000)
    await addVisitorCounts(db, [counts('new', 1, start + minute)])
    await removeVisitorCounts(db, start + minute)
    expect(await rowsOf(db)).toMatchObject([{ prefix: 'new' }])
  })

  it('reach the other node within two seconds, and keep out there whoever had enough here', async () => {
    const { db } = await openStore()
    const [here, there] = [node(db), node(db)]
    visit(here.hall, bo, 200)
    visit(there.hall, bo, 99)
    await here.second()
    await there.second()
    // 299 are known there now.
    visit(there.hall, bo, 1)
    expect(there.hall.refusal(bo)).toMatch(/^421 4\.7\.0 Too many connections from your network within a minute/)
    visit(here.hall, bo, 1)
    await there.second()
    await here.second()
    expect(here.hall.refusal(bo)).toMatch(/^421/)
    for (const { hall } of [here, there]) visit(hall, eve, 10)
  })

  it('say nothing of who hardly ever comes', async () => {
    const { db } = await openStore()
    const one = node(db)
    for (let n = 0; n < 200; n++) visit(one.hall, `2001:${(0x1000 + n).toString(16)}::1`, 5)
    await one.second()
    expect(await rowsOf(db)).toEqual([])
    visit(one.hall, '2001:1000::1', 1)
    await one.second()
    expect(await rowsOf(db)).toMatchObject([{ connections: 6 }, { connections: 6 }, { connections: 6 }])
  })

  it('of past minutes go', async () => {
    const { db } = await openStore()
    const one = node(db)
    visit(one.hall, bo, 10)
    await one.second()
    expect(await rowsOf(db)).toHaveLength(3)
    for (let n = 0; n < 5; n++) await one.wait(minute)
    expect(await rowsOf(db)).toEqual([])
  })

  it('are not lost while the store is away', async () => {
    const store = await openStore()
    const windows = createWindows({ isShared: true })
    const { clock, nextAlarm } = watchedClock()
    let isAway = true
    const db = new Proxy(store.db, {
      get(target, name) {
        if (name === 'insertInto' && isAway) throw new Error('away')
        const value: unknown = Reflect.get(target, name, target)
        return typeof value === 'function' ? (value.bind(target) as unknown) : value
      },
    })
    const sharing = startSharing({ db, windows, clock, log: silentLog })
    onTestFinished(() => sharing.stop())
    const second = async (): Promise<void> => {
      count(windows, 10)
      const done = nextAlarm()
      await clock.advance(1_000)
      await done
    }
    await second()
    isAway = false
    await second()
    expect(await rowsOf(store.db)).toMatchObject([{ connections: 20 }, { connections: 20 }, { connections: 20 }])
  })
})

const rowsOf = (db: Store['db']) => db.selectFrom('visitor_windows').selectAll().orderBy('prefix').execute()

/** One node on this store, closed with the test. `wait`: time passes there, and what falls due is done, once. */
function node(db: Store['db']) {
  const { clock, nextAlarm } = watchedClock()
  const hall = createHall({}, { sharedIn: db, clock })
  onTestFinished(() => hall.conduct.close())
  const wait = async (ms: number): Promise<void> => {
    const done = nextAlarm()
    await clock.advance(ms)
    await done
  }
  return { hall, wait, second: () => wait(1_000) }
}

/** A clock of which the next alarm can be awaited: whoever works by it is done with the work before. */
function watchedClock(): { clock: VirtualClock; nextAlarm(): Promise<void> } {
  const clock = createVirtualClock(start)
  let tell = (): void => {}
  const at: VirtualClock['at'] = (time, work) => {
    tell()
    return clock.at(time, work)
  }
  return { clock: { ...clock, at }, nextAlarm: () => new Promise((resolve) => (tell = resolve)) }
}

function visit(hall: Hall, ip: string, times: number): void {
  for (let n = 0; n < times; n++) hall.enter(ip).left()
}

function count(windows: Windows, times: number): void {
  const network = networkOf(bo)
  if (network === null) return expect.fail()
  for (let n = 0; n < times; n++) {
    const arrival = windows.arrive(network, start)
    if (arrival.kind === 'counted') windows.leave(arrival.stay)
  }
}
