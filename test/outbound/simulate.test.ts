import { expect, it } from 'vitest'
import type { Resolver } from '../../dns/resolver.ts'
import { createDeliverer } from '../../server/outbound/deliver.ts'
import type { Transport } from '../../server/outbound/transport.ts'
import { silentLog } from '../../server/platform/log.ts'
import type { Store } from '../../server/store/db.ts'
import type { Runner } from '../../server/outbound/runner.ts'
import type { EmailRow } from '../../server/store/emails.ts'
import { type Leaving, createLeaving } from '../support/leaving.ts'
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

type World = { store: Store; leaving: Leaving; runner: Runner }

/** Until nothing is queued any more. */
const toTheEnd = async ({ leaving, runner }: World): Promise<void> => {
  for (;;) {
    await runner.drain()
    const due = await leaving.nextDue()
    if (due === null) return
    await leaving.clock.advance(Math.max(0, due - leaving.clock.now()))
  }
}

const lifeOf = async ({ leaving }: World, email: EmailRow) => {
  const [delivery] = await leaving.deliveries(email)
  if (delivery === undefined) throw new Error('no delivery')
  const told = (await leaving.events()).filter(({ data, type }) => data['email_id'] === email.id && type !== 'message.sent')
  return { email: await leaving.email(email), state: delivery.state, told, took: (delivery.settled_at ?? NaN) - delivery.queued_at }
}

/** After a quarter of an hour, and after four hours. */
const late = (bounceClass: string): string[] => [`message.delayed ${bounceClass}`, `message.delayed ${bounceClass}`]

/** How each ends, what is told of it, and in what time. */
const stories: Readonly<Record<string, readonly [string, readonly string[], (took: number) => boolean]>> = {
  bo: ['delivered', ['message.delivered'], (took) => took === 0],
  bounce: ['bounced', ['message.bounced hard recipient'], (took) => took === 0],
  hardbounce: ['bounced', ['message.bounced hard recipient'], (took) => took === 0],
  'HardBounce+2': ['bounced', ['message.bounced hard recipient'], (took) => took === 0],
  reject: ['bounced', ['message.bounced hard content'], (took) => took === 0],
  greylist: ['delivered', ['message.delivered'], (took) => took > 5 * minute && took < 6 * minute],
  delayed: ['delivered', ['message.delayed temporary', 'message.delivered'], (took) => took >= 30 * minute && took < hour],
  softbounce: ['expired', [...late('temporary'), 'message.bounced soft temporary'], (took) => took === 72 * hour],
  inboxfull: ['expired', [...late('mailbox-full'), 'message.bounced soft mailbox-full'], (took) => took === 72 * hour],
  complaint: ['delivered', ['message.delivered', 'message.complained'], (took) => took === 0],
}

/** The scripted remote counts on from one to the next, so what answers in turn is first. */
const replies: Readonly<Record<string, Answers>> = {
  greylist: { rcpt: ['450 4.2.0 Greylisted (simulated)', '250 Ok'] },
  bo: {},
  bounce: { rcpt: '550 5.1.1 No such user (simulated)' },
  softbounce: { rcpt: '451 4.3.0 Try again later (simulated)' },
  reject: { dot: '554 5.7.1 Message rejected as spam (simulated)' },
}

describeOnEachEngine('a magic recipient of the test world', (openStore) => {
  it('ends as its name says, and it is told, without anybody asking for a name or dialling', async () => {
    const test = await world(await openStore())
    const emails = new Map<string, EmailRow>()
    for (const name of Object.keys(stories)) emails.set(name, await test.leaving.queue({ to: [`${name}@remote.test`] }))
    await toTheEnd(test)
    for (const [name, email] of emails) {
      const life = await lifeOf(test, email)
      const [state, told, inTime] = stories[name] ?? []
      const words = life.told.map(({ type, data }) => [type, data['bounce_type'], data['bounce_class']].filter(Boolean).join(' '))
      expect([name, life.state, words, inTime?.(life.took)]).toEqual([name, state, told, true])
      expect([name, life.email.delivered_at !== null]).toEqual([name, state === 'delivered'])
    }
  })

  it('has the same life as a real one that answers so: events, states, attempts and entries of the log', async () => {
    const simulated = await world(await openStore())
    const remote = await createRemoteMx({ extensions: [] })
    const store = await openStore()
    const leaving = await createLeaving(store, { remote })
    for (const [name, answers] of Object.entries(replies)) {
      remote.answer(answers)
      const lives = []
      for (const one of [simulated, { store, leaving, runner: leaving.runner }]) {
        const before = (await actionsIn(one.store)).length
        const email = await one.leaving.queue({ to: [`${name}@remote.test`] })
        await toTheEnd(one)
        lives.push(comparable({ ...(await lifeOf(one, email)), log: (await actionsIn(one.store)).slice(before) }))
      }
      expect([name, lives[0]]).toEqual([name, lives[1]])
    }
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
