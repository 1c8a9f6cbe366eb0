import { expect, it } from 'vitest'
import type { Resolver } from '../../dns/resolver.ts'
import { createDeliverer } from '../../server/outbound/deliver.ts'
import type { Transport } from '../../server/outbound/transport.ts'
import { silentLog } from '../../server/platform/log.ts'
import type { Store } from '../../server/store/db.ts'
import { createLeaving, statesOf } from '../support/leaving.ts'
import { type Answers, createRemoteMx } from '../support/remote-mx.ts'
import { describeOnEachEngine } from '../support/stores.ts'

const minute = 60_000
const hour = 60 * minute

/** A network that whoever touches it fails by. */
const resolver = new Proxy({} as Resolver, {
  get(_target, name) {
    throw new Error(`the test world asked the DNS (${String(name)})`)
  },
})
const transport: Transport = () => {
  throw new Error('the test world dialled')
}

const world = async (store: Store) => {
  const leaving = await createLeaving(store, { world: 'test', signed: false, transport })
  const route = { hostname: 'mx.ours.test', port: 9, smarthost: null, allowPrivateTargets: true, ownListener: null }
  const deliver = createDeliverer({ store, resolver, route, transport, clock: leaving.clock, log: silentLog })
  const runner = leaving.anotherRunner({ deliver })
  return { store, leaving, runner }
}

/** From the release to the end. */
const lifeOf = async ({ leaving, runner }: Awaited<ReturnType<typeof world>>, to: string) => {
  const email = await leaving.queue({ to: [to] })
  const queuedAt = leaving.clock.now()
  for (;;) {
    await runner.drain()
    const due = await leaving.nextDue()
    if (due === null) break
    await leaving.clock.advance(Math.max(0, due - leaving.clock.now()))
  }
  const [state] = await statesOf(leaving, email)
  const told = (await leaving.events()).filter(({ data, type }) => data['email_id'] === email.id && type !== 'message.sent')
  return { email: await leaving.email(email), state, told, took: leaving.clock.now() - queuedAt }
}

/** After a quarter of an hour, and after four hours. */
const late = (bounceClass: string): string[] => [`message.delayed ${bounceClass}`, `message.delayed ${bounceClass}`]

describeOnEachEngine('a magic recipient of the test world', (openStore) => {
  it.each<[string, string, string[], (took: number) => boolean]>([
    ['bo', 'delivered', ['message.delivered'], (took) => took === 0],
    ['bounce', 'bounced', ['message.bounced hard recipient'], (took) => took === 0],
    ['hardbounce', 'bounced', ['message.bounced hard recipient'], (took) => took === 0],
    ['HardBounce+2', 'bounced', ['message.bounced hard recipient'], (took) => took === 0],
    ['reject', 'bounced', ['message.bounced hard content'], (took) => took === 0],
    ['greylist', 'delivered', ['message.delivered'], (took) => took > 5 * minute && took < 6 * minute],
    ['delayed', 'delivered', ['message.delayed temporary', 'message.delivered'], (took) => took >= 30 * minute && took < hour],
    ['softbounce', 'expired', [...late('temporary'), 'message.bounced soft temporary'], (took) => took === 72 * hour],
    ['inboxfull', 'expired', [...late('mailbox-full'), 'message.bounced soft mailbox-full'], (took) => took === 72 * hour],
    ['complaint', 'delivered', ['message.delivered', 'message.complained'], (took) => took === 0],
  ])('%s ends %s, and tells %j, without asking for a name or dialling', async (name, state, told, inTime) => {
    const life = await lifeOf(await world(await openStore()), `${name}@remote.test`)
    const words = life.told.map(({ type, data }) => [type, data['bounce_type'], data['bounce_class']].filter(Boolean).join(' '))
    expect([life.state, words, inTime(life.took)]).toEqual([state, told, true])
    expect(life.email.delivered_at !== null).toBe(state === 'delivered')
  })

  it.each<[string, Answers]>([
    ['bo', {}],
    ['bounce', { rcpt: '550 5.1.1 No such user (simulated)' }],
    ['greylist', { rcpt: ['450 4.2.0 Greylisted (simulated)', '250 Ok'] }],
    ['softbounce', { rcpt: '451 4.3.0 Try again later (simulated)' }],
    ['reject', { dot: '554 5.7.1 Message rejected as spam (simulated)' }],
  ])('%s has the same life as a real one that answers so: events, states, attempts and entries of the log', async (name, answers) => {
    const store = await openStore()
    const leaving = await createLeaving(store, { remote: await createRemoteMx({ answers, extensions: [] }) })
    const simulated = await world(await openStore())
    const lives = []
    for (const one of [simulated, { store, leaving, runner: leaving.runner }])
      lives.push(comparable({ ...(await lifeOf(one, `${name}@remote.test`)), log: await actionsIn(one.store) }))
    expect(lives[0]).toEqual(lives[1])
  })
})

const actionsIn = async (store: Store): Promise<string[]> =>
  (await store.db.selectFrom('log_entries').select('action').orderBy('seq').execute()).map(({ action }) => action)

type Life = Awaited<ReturnType<typeof lifeOf>> & { log: string[] }

/** Without what is different in each: ids, domains, the host, and the remote's last word. */
const comparable = (life: Life) => ({
  state: life.state,
  took: life.took,
  status: life.email.status,
  bounceType: life.email.bounce_type,
  log: life.log,
  told: life.told.map(({ type, data }) => [
    type,
    Object.keys(data).toSorted(),
    data['bounce_code'],
    data['bounce_class'],
    data['diagnostic'],
    data['suppress'],
    data['suppressed'],
    data['attempts'],
  ]),
})
