import { expect, it, onTestFinished } from 'vitest'
import { type Live, createLive } from '../../server/events/live.ts'
import type { Stream } from '../../server/events/stream.ts'
import type { KeyActor } from '../../server/model/actor.ts'
import type { Tenancy } from '../../server/model/world.ts'
import { type MailboxId, newId } from '../../server/model/ids.ts'
import { silentLog } from '../../server/platform/log.ts'
import type { Store, Tx } from '../../server/store/db.ts'
import { appendEvent } from '../../server/store/events.ts'
import { describeOnEachEngine, describeOnPostgres } from '../support/stores.ts'
import { type VirtualClock, createVirtualClock } from '../support/virtual-clock.ts'
import { type Tenant, addTenant } from '../store/rows.ts'

type Bench = { store: Store; clock: VirtualClock; live: Live; ours: Tenant; theirs: Tenant; good: { key: boolean } }

async function bench(store: Store): Promise<Bench> {
  const clock = createVirtualClock(1_000_000)
  const good = { key: true }
  const live = createLive({ store, clock, log: silentLog, isGood: () => Promise.resolve(good.key) })
  onTestFinished(() => live.close())
  return { store, clock, live, good, ours: await addTenant(store, 'ours'), theirs: await addTenant(store, 'theirs') }
}
const tell = (tx: Tx, tenant: Tenant, n: number, mailboxId: MailboxId | null = tenant.mailbox.id): Promise<void> =>
  appendEvent(tx, { tenancy: tenant, mailboxId, type: 'message.received', data: { n }, now: 0 })
const say = ({ store }: Bench, tenant: Tenant, n: number, mailboxId?: MailboxId | null): Promise<void> =>
  store.transaction((tx) => tell(tx, tenant, n, mailboxId))
const caller = (of: Tenancy, keyId = newId('key', 1)): KeyActor => ({
  ...of,
  kind: 'key',
  keyId,
  name: '',
  scopes: ['read'],
  mailboxIds: null,
})
const open = ({ live, ours }: Bench, from: string | null = null): Promise<Stream> =>
  live.stream({ tenancy: ours, mailboxIds: null }, { actor: caller(ours), types: null, from })

/** The next items, as their kind or the number that was told, and the position of the last. */
async function take(stream: Stream, count: number): Promise<{ said: unknown[]; position: string }> {
  const said: unknown[] = []
  let position = ''
  for (let n = 0; n < count; n++) {
    const item = await stream.next()
    if (item.kind === 'end') said.push(item.why)
    else {
      said.push(item.kind === 'event' ? (JSON.parse(item.event.data_json) as { n: number }).n : item.kind)
      position = item.position
    }
  }
  return { said, position }
}

describeOnEachEngine('what happens', (openStore) => {
  it('wakes those alone whom it concerns, of five thousand that listen', async () => {
    const all = await bench(await openStore())
    const woken: number[] = []
    const ids = Array.from({ length: 5_000 }, () => newId('mailbox', 1))
    ids[7] = all.ours.mailbox.id
    const before = process.memoryUsage().heapUsed
    const closing = await Promise.all(
      ids.map((id, n) =>
        all.live.listen({ tenancy: all.ours, mailboxIds: [id] }, { onEvent: () => void woken.push(n), onClosed: () => undefined }),
      ),
    )
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(50 * 1024 * 1024)
    const stream = await open(all)
    await say(all, all.theirs, 1)
    await say(all, all.ours, 2)
    expect((await take(stream, 2)).said).toEqual(['ready', 2])
    expect(woken).toEqual([7])
    stream.close()
    for (const { close } of closing) close()
    expect(all.live.listening()).toBe(0)
  })

  it('is told to a stream that comes back from where it was, each thing once', async () => {
    const all = await bench(await openStore())
    const first = await open(all)
    await say(all, all.ours, 1)
    await say(all, all.ours, 2)
    expect((await take(first, 2)).said).toEqual(['ready', 1])
    const { position } = await take(await open(all), 1)
    first.close()
    for (const n of [3, 4, 5]) await say(all, all.ours, n)
    const again = await open(all, position)
    await say(all, all.ours, 6)
    expect((await take(again, 5)).said).toEqual([3, 4, 5, 'ready', 6])
    for (const unknown of ['x', '99999']) expect((await take(await open(all, unknown), 1)).said).toEqual(['resync'])
  })

  it('is too much to be told again at some time, and that is said', async () => {
    const all = await bench(await openStore())
    await say(all, all.ours, 0)
    await all.store.transaction(async (tx) => {
      for (let n = 0; n < 1_001; n++) await tell(tx, all.ours, n)
    })
    expect((await take(await open(all, '1'), 1)).said).toEqual(['resync'])
    expect((await take(await open(all, '2'), 1_001)).said.at(-1)).toBe('ready')
  })

  it('is not kept for a stream that nobody reads: it ends, and what it missed is there when it comes back', async () => {
    const all = await bench(await openStore())
    const stream = await open(all)
    const { position } = await take(stream, 1)
    await all.store.transaction(async (tx) => {
      for (let n = 0; n < 300; n++) await tell(tx, all.ours, n)
    })
    const { said } = await take(stream, 257)
    expect(said.at(-1)).toBe('slow')
    expect((await take(await open(all, position), 301)).said).toEqual([...Array(300).keys(), 'ready'])
  })

  it('ends with the key, with its caller, and with the server', async () => {
    const all = await bench(await openStore())
    const [cut, closed] = [await open(all), await open(all)]
    await take(cut, 1)
    all.good.key = false
    await all.clock.advance(30_000)
    expect((await take(cut, 1)).said).toEqual(['key'])
    all.good.key = true
    const gone = new AbortController()
    const left = await all.live.stream(
      { tenancy: all.ours, mailboxIds: null },
      { actor: caller(all.ours), types: null, from: null, signal: gone.signal },
    )
    gone.abort()
    expect((await take(left, 2)).said).toContain('gone')
    all.live.close()
    expect((await take(closed, 2)).said).toContain('key')
    expect((await take(await open(all), 2)).said).toContain('closed')
  })

  it('has room for so many of one key and one account', async () => {
    const all = await bench(await openStore())
    const keyId = newId('key', 1)
    const actor = (key: KeyActor['keyId']): KeyActor => caller(all.ours, key)
    const held = Array.from({ length: 10 }, () => all.live.admit('stream', actor(keyId)))
    expect(held).not.toContain(null)
    expect(all.live.admit('stream', actor(keyId))).toBeNull()
    expect(all.live.admit('wait', actor(keyId))).not.toBeNull()
    const others = Array.from({ length: 100 }, (_, n) => all.live.admit('stream', actor(newId('key', n))))
    expect(others.filter((one) => one === null)).toHaveLength(10)
    expect([all.live.admitted('stream'), all.live.admitted('wait')]).toEqual([100, 1])
    held[0]?.release()
    held[0]?.release()
    expect(all.live.admitted('stream')).toBe(99)
    expect(all.live.admit('stream', actor(keyId))).not.toBeNull()
    expect(all.live.admit('stream', actor(newId('key', 1)))).toBeNull()
  })
})

describeOnPostgres('events of transactions that end in another order than they began', (openStore) => {
  it('are all told, live and to a stream that was away meanwhile', async () => {
    const all = await bench(await openStore())
    const stream = await open(all)
    const [goOn, begun] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const late = all.store.transaction(async (tx) => {
      await tell(tx, all.ours, 1)
      begun.resolve()
      await goOn.promise
    })
    await begun.promise
    await say(all, all.ours, 2)
    const { said, position } = await take(stream, 2)
    expect(said).toEqual(['ready', 2])
    const away = await open(all, position)
    away.close()
    goOn.resolve()
    await late
    expect((await take(stream, 1)).said).toEqual([1])
    expect((await take(await open(all, position), 2)).said).toEqual([1, 'ready'])
  })
})
