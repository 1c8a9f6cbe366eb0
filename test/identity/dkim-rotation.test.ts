import { describe, expect, it } from 'vitest'
import { dkimText } from '../../dns/records.ts'
import { type Zone, createZoneResolver } from '../../dns/resolver.ts'
import { makeDkimKeys, publicKeyOf } from '../../server/identity/dkim-keys.ts'
import { createRotation } from '../../server/identity/dkim-rotation.ts'
import { setUp } from '../../server/identity/setup.ts'
import { type DomainId, newId } from '../../server/model/ids.ts'
import { createLog } from '../../server/platform/log.ts'
import type { Store } from '../../server/store/db.ts'
import { activeDkimKeys, dkimKeysOf } from '../../server/store/dkim-keys.ts'
import { verifyLog } from '../../server/store/log.ts'
import { knownDkim } from '../support/known-dkim.ts'
import { describeOnEachEngine } from '../support/stores.ts'
import { createVirtualClock } from '../support/virtual-clock.ts'

const start = Date.UTC(2026, 10, 22, 12)
const day = 86_400_000
const both = ['rsa-sha256', 'ed25519-sha256'] as const

/** Keys with new names in no time: the secrets are of no interest here. */
const quickDkim: typeof makeDkimKeys = async (now, taken) => {
  const [known, named] = [await knownDkim(now), `mm${new Date(now).toISOString().slice(0, 10).replaceAll('-', '')}`]
  const free = taken?.includes(`${named}r`) ? `${named}-2` : named
  return known.map((make) => (id) => {
    const key = make(id)
    return { ...key, id: newId('dkimKey', now), selector: free + key.selector.slice(-1), state_since: now, use_from: now, created_at: now }
  })
}

async function open(store: Store, change: { rotateAfterMs?: number | null; algorithms?: readonly (typeof both)[number][] } = {}) {
  const clock = createVirtualClock(start)
  const setup = await setUp({ store, clock, makeDkim: quickDkim }, { domain: 'ours.test', mailbox: 'ann' })
  if (!setup.ok) throw new Error(setup.code)
  const logged: Record<string, unknown>[] = []
  const log = createLog({ level: 'info', destination: { write: (line) => void logged.push(JSON.parse(line) as Record<string, unknown>) } })
  const zone: Zone = {}
  const policy = { rotateAfterMs: 90 * day, algorithms: both, ...change }
  const node = () => createRotation({ store, resolver: createZoneResolver(zone), clock, log, policy, makeDkim: quickDkim })
  const keys = () => dkimKeysOf(store.db, setup.value.domain.id)
  return {
    clock,
    log: logged,
    zone,
    node,
    rotation: node(),
    keys,
    states: async () => Object.fromEntries((await keys()).map(({ selector, state }) => [selector, state])),
    publish: async (which: RegExp = /./) => {
      for (const key of await keys())
        if (which.test(key.selector)) zone[`${key.selector}._domainkey.ours.test`] = { TXT: [dkimText(publicKeyOf(key))] }
    },
    actions: async () =>
      (await store.db.selectFrom('log_entries').select(['action', 'body']).where('action', 'like', 'dkim.%').orderBy('seq').execute()).map(
        ({ action, body }) => [action, (JSON.parse(body) as { metadata: { dkim_selectors: string[] } }).metadata.dkim_selectors],
      ),
  }
}

const first = { mm20261122e: 'active', mm20261122r: 'active' }

describeOnEachEngine('the life of DKIM keys', (openStore) => {
  it('is: next, published early; active once the DNS shows it; retired without its secret; gone', async () => {
    const store = await openStore()
    const { clock, rotation, states, publish, keys, actions, log } = await open(store)
    await clock.advance(75 * day)
    await rotation.review()
    expect(await states()).toEqual(first)

    await clock.advance(day)
    await rotation.review()
    const waiting = { ...first, mm20270206e: 'next', mm20270206r: 'next' }
    expect(await states()).toEqual(waiting)
    expect(log.at(-1)).toMatchObject({ msg: 'dkim.publish-next', domain: 'ours.test', useFrom: '2027-02-20T12:00:00.000Z' })
    await publish()
    await rotation.review()
    expect(await states()).toEqual(waiting) // not before its day

    await clock.advance(14 * day)
    await rotation.review()
    const after = { mm20261122e: 'retired', mm20261122r: 'retired', mm20270206e: 'active', mm20270206r: 'active' }
    expect(await states()).toEqual(after)
    expect((await keys()).map(({ private_key }) => private_key !== '')).toEqual([false, false, true, true])
    expect((await activeDkimKeys(store.db, 'ours.test')).map(({ selector }) => selector)).toEqual(['mm20270206e', 'mm20270206r'])

    await clock.advance(30 * day - 1)
    await rotation.review()
    expect(await states()).toEqual(after)
    await clock.advance(1)
    await rotation.review()
    expect(await states()).toEqual({ ...after, mm20261122e: 'gone', mm20261122r: 'gone' })

    const [old, new_] = [
      ['mm20261122e', 'mm20261122r'],
      ['mm20270206e', 'mm20270206r'],
    ].map((selectors) => expect.arrayContaining(selectors))
    expect(await actions()).toEqual([
      ['dkim.next_made', new_],
      ['dkim.activated', new_],
      ['dkim.retired', old],
      ['dkim.gone', old],
    ])
    expect(await verifyLog(store.db)).toMatchObject({ ok: true })
  })

  it('waits, with a warning and the old key at work, for as long as the DNS does not show every new key', async () => {
    const { clock, rotation, states, publish, log } = await open(await openStore())
    await clock.advance(80 * day)
    await rotation.review()
    await publish(/^mm2027.*r$/)
    await clock.advance(100 * day)
    await rotation.review()
    expect(await states()).toMatchObject(first)
    expect(log.at(-1)).toMatchObject({
      msg: 'dkim.waiting-for-dns',
      domain: 'ours.test',
      missing: ['mm20270210e._domainkey.ours.test'],
    })
    await publish()
    await rotation.review()
    expect(await states()).toMatchObject({ mm20261122r: 'retired', mm20270210e: 'active', mm20270210r: 'active' })
  })

  it('is not cut short by a DNS that answers with another key, or not at all', async () => {
    const { clock, rotation, states, zone } = await open(await openStore())
    await clock.advance(80 * day)
    await rotation.review()
    zone['mm20270210r._domainkey.ours.test'] = { TXT: ['v=DKIM1; k=rsa; p=OTHER'] }
    zone['mm20270210e._domainkey.ours.test'] = { SERVFAIL: true }
    await clock.advance(20 * day)
    await rotation.review()
    expect(await states()).toMatchObject(first)
  })

  it('does not wait for the record of a key that is not to sign', async () => {
    const { clock, rotation, states, publish } = await open(await openStore(), { algorithms: ['rsa-sha256'] })
    await clock.advance(80 * day)
    await rotation.review()
    await publish(/r$/)
    await clock.advance(10 * day)
    await rotation.review()
    expect(await states()).toMatchObject({ mm20270210e: 'active', mm20270210r: 'active' })
  })

  it('of a domain that two nodes look at at once goes on by one step, not two', async () => {
    const { clock, node, states, publish, actions } = await open(await openStore())
    const nodes = [node(), node(), node()]
    const review = () => Promise.all(nodes.map((one) => one.review()))
    await clock.advance(80 * day)
    await review()
    expect(Object.keys(await states())).toHaveLength(4)
    await publish()
    await clock.advance(10 * day)
    await review()
    await clock.advance(30 * day)
    await review()
    expect((await actions()).map(([action]) => action)).toEqual(['dkim.next_made', 'dkim.activated', 'dkim.retired', 'dkim.gone'])
  })

  it('is that of the operator alone when rotation is off, who asks for new keys and gets them when they are published', async () => {
    const { clock, rotation, states, publish, actions } = await open(await openStore(), { rotateAfterMs: null })
    await clock.advance(1000 * day)
    await rotation.review()
    expect(await states()).toEqual(first)
    const asked = await rotation.rotate('ours.test')
    expect(asked).toMatchObject({ ok: true, value: { selectors: ['mm20290818e', 'mm20290818r'], waitingFor: [{}, {}] } })
    expect(await states()).toMatchObject(first)
    await publish()
    expect(await rotation.rotate('ours.test')).toMatchObject({ ok: true, value: { waitingFor: [] } })
    expect(await states()).toMatchObject({ mm20261122r: 'retired', mm20290818r: 'active' })
    expect((await actions()).map(([action]) => action)).toEqual(['dkim.next_made', 'dkim.activated', 'dkim.retired'])
  })

  it('has a second pair of one day under another name', async () => {
    const { rotation, states } = await open(await openStore())
    expect(await rotation.rotate('ours.test')).toMatchObject({ ok: true })
    expect(await states()).toEqual({ ...first, 'mm20261122-2e': 'next', 'mm20261122-2r': 'next' })
    expect(await rotation.rotate('theirs.test')).toMatchObject({ ok: false, code: 'NO_DOMAIN' })
  })
})

describe('names of keys', () => {
  it('are used once', async () => {
    const selectors = (await makeDkimKeys(start, ['mm20261122r', 'mm20261122-2e'])).map((make) => make('dom_1' as DomainId).selector)
    expect(selectors.toSorted()).toEqual(['mm20261122-3e', 'mm20261122-3r'])
  })
})
