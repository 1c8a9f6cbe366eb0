import { randomUUID } from 'node:crypto'
import Sqlite from 'better-sqlite3'
import { join } from 'node:path'
import pg from 'pg'
import { describe, expect, inject, it, onTestFinished } from 'vitest'
import type { Zone } from '../../dns/resolver.ts'
import type { Store } from '../../server/store/db.ts'
import type { Engine } from '../../server/store/engine.ts'
import type { Appliance } from '../support/child-appliance.ts'
import { expectSound } from '../support/crash-checks.ts'
import { type Premises, createPremises } from '../support/premises.ts'
import { type Answers, type RemoteMx, createRemoteMx } from '../support/remote-mx.ts'

const hourMs = 3_600_000
const minuteMs = 60_000
// Several starts of the whole appliance, which a busy machine takes its time for.
const timeoutMs = 120_000

/** A message that is brought to a stop somewhere on its way. `silent`: the name about which the DNS says nothing. `before`: so many messages went over
 *  the same connection, `refused` or not. `copies`: how often it arrives in the end. */
type Stop = {
  at: string
  copies: 1 | 2
  answers?: Answers
  tls?: 'works'
  silent?: (port: number) => string
  before?: number
  refused?: true
}

const stops: readonly Stop[] = [
  { at: 'route', copies: 1, silent: () => 'at-route.test' },
  { at: 'mta-sts', copies: 1, silent: () => '_mta-sts.at-mta-sts.test' },
  { at: 'dane', copies: 1, silent: (port) => `_${port}._tcp.mx.at-dane.test` },
  { at: 'greeting', copies: 1, answers: { greeting: 'hang' } },
  { at: 'ehlo', copies: 1, answers: { ehlo: 'hang' } },
  { at: 'starttls', copies: 1, answers: { starttls: 'hang' }, tls: 'works' },
  { at: 'mail', copies: 1, answers: { mail: 'hang' } },
  { at: 'rcpt', copies: 1, answers: { rcpt: 'hang' } },
  { at: 'data', copies: 1, answers: { data: 'hang' } },
  { at: 'body', copies: 1, answers: { body: 'hang' } },
  // Over a connection that is open already.
  { at: 'rset', copies: 1, answers: { dot: '554 5.6.0 Not like this', rset: 'hang' }, before: 1, refused: true },
  { at: 'mail-again', copies: 1, answers: { mail: ['250 Ok', 'hang'] }, before: 1 },
  { at: 'dot-again', copies: 2, answers: { dot: ['250 Ok', 'hang'] }, before: 1 },
  // The remote has it all, and says so to somebody who is not there any more (RFC 1047).
  { at: 'dot', copies: 2, answers: { dot: 'hang' } },
]

suite('sqlite')
suite('postgres')

function suite(engine: Engine): void {
  describe.skipIf(engine === 'postgres' && inject('postgresUrl') === null)(
    `an appliance on ${engine}, killed in the middle of attempts`,
    { timeout: timeoutMs },
    () => {
      it('with a message at every stage, delivers each once in the end, and only what had been sent in full twice', async () => {
        const world = await openWorld(engine, stops)
        const victim = await world.premises.start()
        for (const stop of stops) if (stop.before === undefined) await world.send(victim, stop.at)
        for (const stop of stops.filter(({ before }) => before !== undefined)) {
          await victim.logged('delivery.settled', await world.send(victim, stop.at))
          await world.send(victim, stop.at)
        }
        await Promise.all(stops.map((stop) => world.stuck(stop)))
        await victim.kill()
        await world.premises.inspect(expectSound)

        world.mend()
        await world.deliverTheRest()
        for (const { at, copies, before = 0, refused = false } of stops) {
          const found = await world.premises.inspect((store) => historyOf(store, at))
          expect([at, await world.copies(at), found]).toEqual([
            at,
            before + copies,
            [
              ...Array.from({ length: before }, () => ({
                state: refused ? 'bounced' : 'delivered',
                may_be_accepted: 0,
                attempts: [refused ? 'failed' : 'delivered'],
              })),
              // Nobody can know how far it came, so all that is known of it is said.
              { state: 'delivered', may_be_accepted: 1, attempts: [null, 'delivered'] },
            ],
          ])
        }
      })

      it('while the ends of attempts are written, has written none of them in part', async () => {
        const answer = Promise.withResolvers<string>()
        const world = await openWorld(engine, [
          { at: 'accepted', copies: 2, answers: { dot: answer.promise.then(() => '250 2.0.0 Ok') } },
          { at: 'deferred', copies: 1, answers: { rcpt: answer.promise.then(() => '451 4.3.0 Later') } },
          { at: 'refused', copies: 1, answers: { rcpt: answer.promise.then(() => '550 5.1.1 No such user') } },
        ])
        const victim = await world.premises.start()
        for (const at of ['accepted', 'deferred', 'refused']) await world.send(victim, at)
        await Promise.all([
          world.remote('accepted').reached('dot'),
          world.remote('deferred').reached('rcpt'),
          world.remote('refused').reached('rcpt'),
        ])
        const lock = await lockOut(world.premises)
        answer.resolve('')
        await victim.logged('delivery.accepted')
        await lock.someoneWaits()
        await victim.kill()
        await lock.release()
        await world.premises.inspect(expectSound)
        for (const at of ['accepted', 'deferred', 'refused'])
          expect(await world.premises.inspect((store) => historyOf(store, at))).toEqual([
            { state: 'queued', may_be_accepted: 0, attempts: [null] },
          ])

        world.remote('accepted').answer({})
        world.remote('deferred').answer({})
        await world.deliverTheRest()
        const end = { may_be_accepted: 1 }
        const found = await world.premises.inspect(async (store) => ({
          accepted: await historyOf(store, 'accepted'),
          deferred: await historyOf(store, 'deferred'),
          refused: await historyOf(store, 'refused'),
          suppressed: await store.db.selectFrom('suppressions').select('address').execute(),
        }))
        expect(found).toEqual({
          accepted: [{ ...end, state: 'delivered', attempts: [null, 'delivered'] }],
          deferred: [{ ...end, state: 'delivered', attempts: [null, 'delivered'] }],
          refused: [{ ...end, state: 'bounced', attempts: [null, 'failed'] }],
          suppressed: [{ address: 'bo@at-refused.test' }],
        })
        expect([await world.copies('accepted'), await world.copies('deferred'), await world.copies('refused')]).toEqual([2, 1, 0])
      })
    },
  )
}

type World = {
  premises: Premises
  remote(at: string): RemoteMx
  /** Has the robot send to Bo there. @returns the email's id */
  send(by: Appliance, at: string): Promise<string>
  /** Resolves once the message has come to where it is stopped. */
  stuck(stop: Stop): Promise<void>
  /** From now on everybody answers. */
  mend(): void
  /** Another start, when the leases of the dead have lapsed. */
  deliverTheRest(): Promise<void>
  copies(at: string): Promise<number>
}

/** Each stop is the domain of a company of its own, with its mail server at an address of its own. */
async function openWorld(engine: Engine, all: readonly Stop[]): Promise<World> {
  const remotes = new Map<string, RemoteMx>()
  let port = 0
  for (const [index, { at, answers = {}, tls = null }] of all.entries()) {
    const remote = await createRemoteMx({ answers, tls, address: `127.0.0.${20 + index}`, port, extensions: [] })
    remotes.set(at, remote)
    port = remote.port
  }
  const silence = createSilence(all.flatMap(({ silent }) => silent?.(port) ?? []))
  const premises = await createPremises({ engine, remotePort: port, names: namesOf(all), habits: { spoil: silence.spoil } })
  onTestFinished(() => premises.remove())
  const remote = (at: string): RemoteMx => {
    const found = remotes.get(at)
    if (found === undefined) throw new Error(`nobody is at ${at}`)
    return found
  }
  return {
    premises,
    remote,
    async send(by, at) {
      // More than one may go to a place, and each is meant.
      const letter = { to: [`bo@at-${at}.test`], subject: at, markdown: 'Hello.', idempotency_key: randomUUID() }
      return ((await by.post(premises.keys.robot, 'send_email', letter)) as { id: string }).id
    },
    async stuck({ at, silent, answers = {} }) {
      if (silent !== undefined) return await silence.asked(silent(port))
      const steps = Object.entries(answers) as [keyof Answers, string | readonly string[]][]
      for (const [step, scripted] of steps) await remote(at).reached(step, typeof scripted === 'string' ? 1 : scripted.length)
    },
    mend() {
      silence.end()
      for (const one of remotes.values()) one.answer({})
    },
    async deliverTheRest() {
      const next = await premises.start({ aheadMs: hourMs })
      const isEmpty = async (store: Store): Promise<true | undefined> => ((await queued(store)) === 0 ? true : undefined)
      await premises.inspect((store) => next.finds(() => isEmpty(store), 'an empty queue', minuteMs))
      await next.stop()
    },
    copies: async (at) => (await remote(at).received(0)).length,
  }
}

const namesOf = (all: readonly Stop[]): Zone =>
  Object.fromEntries(
    all.flatMap(({ at }, index) => [
      [`at-${at}.test`, { MX: [{ priority: 10, exchange: `mx.at-${at}.test` }], SECURE: true as const }],
      [`mx.at-${at}.test`, { A: [`127.0.0.${20 + index}`], SECURE: true as const }],
    ]),
  )

/** A DNS that says nothing about some names, until it is over. */
function createSilence(names: readonly string[]) {
  const heard = new Map(names.map((name) => [name, Promise.withResolvers<void>()]))
  let isOver = false
  return {
    spoil(answer: Buffer, { name }: { name: string }): readonly Buffer[] {
      const silent = heard.get(name.toLowerCase())
      silent?.resolve()
      return silent === undefined || isOver ? [answer] : []
    },
    asked: async (name: string): Promise<void> => await heard.get(name)?.promise,
    end: () => void (isOver = true),
  }
}

const queued = async (store: Store): Promise<number> =>
  (await store.db.selectFrom('deliveries').select('id').where('state', '=', 'queued').execute()).length

async function historyOf(store: Store, at: string) {
  const rows = await store.db
    .selectFrom('deliveries')
    .select(['id', 'state', 'may_be_accepted'])
    .where('forward_path', '=', `bo@at-${at}.test`)
    .orderBy('id')
    .execute()
  const attempts = await store.db.selectFrom('attempts').select(['delivery_id', 'outcome']).orderBy('number').execute()
  return rows.map(({ id, state, may_be_accepted }) => ({
    state,
    may_be_accepted,
    attempts: attempts.filter((one) => one.delivery_id === id).map(({ outcome }) => outcome),
  }))
}

/** Keeps whoever writes from coming to an end: on PostgreSQL at the log, which comes last, on SQLite at the beginning. */
type Lock = { someoneWaits(): Promise<void>; release(): Promise<void> }

async function lockOut({ databaseUrl, dataDir }: Premises): Promise<Lock> {
  if (databaseUrl === null) {
    const writer = new Sqlite(join(dataDir, 'multimail.db'))
    writer.exec('begin immediate')
    return { someoneWaits: async () => {}, release: async () => void writer.close() }
  }
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  await client.query('begin')
  await client.query('select * from log_head for update')
  return { someoneWaits: () => untilSomeoneWaits(databaseUrl), release: () => client.end() }
}

/** PostgreSQL tells nobody that somebody waits for a lock; it can only be asked. */
async function untilSomeoneWaits(databaseUrl: string): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  const deadline = AbortSignal.timeout(minuteMs / 2)
  try {
    for (let waiting = 0; waiting === 0; deadline.throwIfAborted()) {
      const found = await client.query("select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'")
      waiting = found.rowCount ?? 0
    }
  } finally {
    await client.end()
  }
}
