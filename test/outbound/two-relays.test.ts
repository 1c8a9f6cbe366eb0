import { afterEach, describe, expect, inject, it } from 'vitest'
import type { Zone } from '../../dns/resolver.ts'
import { everything, resumeSending, stopSending } from '../../server/outbound/control/stops.ts'
import { systemClock } from '../../server/platform/clock.ts'
import type { Store } from '../../server/store/db.ts'
import type { Engine } from '../../server/store/engine.ts'
import { fillQueue } from '../support/backlog.ts'
import type { Appliance } from '../support/child-appliance.ts'
import { expectSound } from '../support/crash-checks.ts'
import { type Remote, startRemote } from '../support/crash-remote.ts'
import { type Premises, createPremises } from '../support/premises.ts'

// As many as leave within seconds. MULTIMAIL_TEST_BACKLOG=10000 is the whole promise, and takes minutes.
const count = Number(process.env['MULTIMAIL_TEST_BACKLOG'] ?? 600)
// A busy machine takes its time.
const timeoutMs = 120_000 + count * 100
const minuteMs = 60_000
const robot = 'robot@ours.test'
/** So that the remote knows who is who. */
const victimName = 'victim.ours.test'
const actor = { kind: 'system', part: 'outbound' } as const

// Each is a company of its own, or the limits of one would be what is seen.
const domains = ['one.test', 'two.test', 'three.test', 'four.test']
const names: Zone = Object.fromEntries(
  domains.flatMap((domain) => [
    [domain, { MX: [{ priority: 10, exchange: `mx.${domain}` }] }],
    [`mx.${domain}`, { A: ['127.0.0.1'] }],
  ]),
)
const recipients = (many: number): string[] => Array.from({ length: many }, (_, at) => `r${at}@${domains[at % domains.length]}`)
/** All places of one relay, those of slow attempts too. */
const mostUnderWay = 80

let remote: Remote
let premises: Premises
afterEach(async () => {
  await premises.remove()
  await remote.stop()
})
async function open(engine: Engine): Promise<void> {
  remote = await startRemote('mx.remote.test')
  premises = await createPremises({ engine, remotePort: remote.port, names })
}
const emptiedBy = (relay: Appliance) =>
  premises.inspect((store) => relay.finds(async () => ((await queued(store)).length === 0 ? true : undefined), 'an empty queue', minuteMs))
const resume = () => premises.inspect((store) => resumeSending({ store, clock: systemClock }, { scope: everything, actor }))

describe.skipIf(inject('postgresUrl') === null)('two relays on one PostgreSQL', () => {
  it(
    `share a queue of ${count}, also when one is killed half-way, and twice comes only what it had sent and not recorded`,
    { timeout: timeoutMs },
    async () => {
      await open('postgres')
      await premises.inspect(async (store) => {
        await stopSending({ store, clock: systemClock }, { scope: everything, actor })
        await fillQueue(store, robot, recipients(count), systemClock.now())
      })
      const [survivor, victim] = await Promise.all([premises.start(), premises.start({ env: { MULTIMAIL_HOSTNAME: victimName } })])
      // In the window in which nobody can tell whether a message was taken; and others are elsewhere on their way.
      await victim.killAt('delivery.accepted', Math.floor(count / 4))
      await resume()
      await victim.died(timeoutMs)
      await remote.taken(count - mostUnderWay, timeoutMs)
      await premises.inspect((store) => idle(store, survivor))
      // The leases of the dead lapse after two minutes: many have by now, when there was much to do.
      await survivor.sleep(3 * minuteMs)
      await emptiedBy(survivor)

      const orphans = await premises.inspect(leftWithoutAWord)
      const [ofVictim, ofSurvivor] = [pathsOf((helo) => helo === victimName), pathsOf((helo) => helo !== victimName)]
      expect(noneTwice(ofVictim) && noneTwice(ofSurvivor)).toBe(true)
      expect(new Set([...ofVictim, ...ofSurvivor]).size).toBe(count)
      const twice = ofVictim.filter((path) => ofSurvivor.includes(path))
      expect(twice.toSorted()).toEqual(orphans.filter((path) => ofVictim.includes(path)).toSorted())
      expect(twice.length).toBeGreaterThan(0)
      await premises.inspect(async (store) => {
        expect(await endings(store)).toEqual({
          'delivered: delivered': count - orphans.length,
          'delivered, may be there already: unknown, delivered': orphans.length,
        })
        await expectSound(store)
      })
    },
  )
})

const pathsOf = (isBy: (helo: string) => boolean): string[] =>
  remote
    .letters()
    .filter(({ helo }) => isBy(helo))
    .flatMap(({ forwardPaths }) => forwardPaths)
const noneTwice = (paths: readonly string[]): boolean => new Set(paths).size === paths.length

const queued = (store: Store) => store.db.selectFrom('deliveries').select(['id', 'lease']).where('state', '=', 'queued').execute()

/** Resolves once nothing is left but what the dead relay has under lease. */
async function idle(store: Store, survivor: Appliance): Promise<void> {
  const look = async (): Promise<true | undefined> => {
    const left = await queued(store)
    if (left.length > mostUnderWay || left.some(({ lease }) => lease === null)) return undefined
    const own = new Set((await survivor.events('delivery.leased')).map(({ deliveryId }) => deliveryId))
    return left.some(({ id }) => own.has(id)) ? undefined : true
  }
  await survivor.finds(look, 'an end of what it can do', timeoutMs)
}

/** Whose attempts have no end. */
async function leftWithoutAWord(store: Store): Promise<string[]> {
  const attempts = store.db.selectFrom('attempts').innerJoin('deliveries', 'deliveries.id', 'attempts.delivery_id')
  return (await attempts.select('forward_path').where('outcome', 'is', null).execute()).map(({ forward_path }) => forward_path)
}

/** How often deliveries ended in this way, by their own words and those of their attempts. */
async function endings(store: Store): Promise<Record<string, number>> {
  const deliveries = await store.db.selectFrom('deliveries').select(['id', 'state', 'may_be_accepted']).execute()
  const attempts = Map.groupBy(
    await store.db.selectFrom('attempts').select(['delivery_id', 'outcome']).orderBy('number').execute(),
    (one) => one.delivery_id,
  )
  const found: Record<string, number> = {}
  for (const { id, state, may_be_accepted } of deliveries) {
    const outcomes = (attempts.get(id) ?? []).map(({ outcome }) => outcome ?? 'unknown')
    const words = `${state}${may_be_accepted === 1 ? ', may be there already' : ''}: ${outcomes.join(', ')}`
    found[words] = (found[words] ?? 0) + 1
  }
  return found
}

describe('a second relay on one SQLite', () => {
  it('ends before it does anything, says who is there, and the first goes on', { timeout: timeoutMs }, async () => {
    await open('sqlite')
    const first = await premises.start()
    await expect(premises.start()).rejects.toThrow(/another MultiMail is running on .*: stop it first/)
    await premises.inspect((store) => fillQueue(store, robot, recipients(5), systemClock.now()))
    await remote.taken(5)
    await emptiedBy(first)
    await premises.inspect(async (store) => expect(await endings(store)).toEqual({ 'delivered: delivered': 5 }))
  })
})
