import { expect, it } from 'vitest'
import { createIdentity } from '../../../server/outbound/identity/identity.ts'
import { documentOf, publicHalf, serviceKey } from '../../../server/outbound/identity/service-key.ts'
import { readServiceKeys, reviewServiceKeys, shownBeforeMs } from '../../../server/outbound/identity/service-keys.ts'
import type { Store } from '../../../server/store/db.ts'
import { describeOnEachEngine } from '../../support/stores.ts'
import { createVirtualClock } from '../../support/virtual-clock.ts'

const start = Date.UTC(2026, 10, 22, 12)
const day = 24 * 60 * 60_000

describeOnEachEngine('the keys of the service', (openStore) => {
  const kids = async (store: Store, now: number) => {
    const { signing, others } = await readServiceKeys(store, now)
    return { signing: signing.kid, others: others.map(({ kid }) => kid) }
  }
  const actions = async (store: Store) =>
    (await store.db.selectFrom('log_entries').select('action').orderBy('seq').execute()).map(({ action }) => action)

  it('are replaced after their time: shown a day before they sign, and shown for good when they sign no more, their secret half destroyed', async () => {
    const store = await openStore()
    const clock = createVirtualClock(start)
    const review = () => reviewServiceKeys({ store, clock }, 90 * day)
    await review()
    const first = (await kids(store, start)).signing
    await clock.advance(89 * day - 1)
    await review()
    expect(await kids(store, clock.now())).toEqual({ signing: first, others: [] })
    await clock.advance(1)
    await Promise.all([review(), review(), review()])
    const { others } = await kids(store, clock.now())
    const [second = ''] = others
    expect(others).toHaveLength(1)
    expect(await kids(store, clock.now() + shownBeforeMs - 1)).toEqual({ signing: first, others: [second] })
    await clock.advance(shownBeforeMs)
    expect(await kids(store, clock.now())).toEqual({ signing: second, others: [first] })
    await review()
    expect(await actions(store)).toEqual(['service_key.made'])
    await clock.advance(day)
    await review()
    await review()
    expect(await kids(store, clock.now())).toEqual({ signing: second, others: [first] })
    expect(await actions(store)).toEqual(['service_key.made', 'service_key.retired'])
    const secrets = await store.db.selectFrom('installation_secrets').select('secret').where('name', '=', 'service-identity').execute()
    expect(secrets.map(({ secret }) => secret.length)).toEqual([130])
  })

  it('stay as they are where nobody wants new ones', async () => {
    const store = await openStore()
    const clock = createVirtualClock(start)
    const { signing } = await kids(store, start)
    await clock.advance(1_000 * day)
    await reviewServiceKeys({ store, clock }, null)
    expect(await kids(store, clock.now())).toEqual({ signing, others: [] })
  })

  it('are known to every node within minutes', async () => {
    const store = await openStore()
    const clock = createVirtualClock(start)
    const node = await createIdentity({ store, clock, issuer: 'https://mail.ours.test' })
    await clock.advance(90 * day)
    await reviewServiceKeys({ store, clock }, 90 * day)
    await clock.advance(5 * 60_000)
    expect((await node.document()).keys).toHaveLength(2)
    expect(await node.keys()).toHaveLength(2)
    await clock.advance(shownBeforeMs)
    const { kid, keys } = await node.document()
    expect([kid, keys.map((key) => key.kid).indexOf(kid)]).toEqual([keys[0]?.kid, 0])
    expect(JSON.stringify(await node.document())).not.toMatch(/PRIVATE|"d":/)
  })
})

it('what is left of a key that signs no more checks what it signed', () => {
  const whole = serviceKey('1f'.repeat(32), start)
  const half = serviceKey(publicHalf('1f'.repeat(32)), start)
  expect(half).toMatchObject({ kid: whole.kid, jwk: whole.jwk, privateKey: null })
  expect(publicHalf(publicHalf('1f'.repeat(32)))).toBe(publicHalf('1f'.repeat(32)))
  expect(documentOf(half, [])).toEqual(documentOf(whole, []))
})
