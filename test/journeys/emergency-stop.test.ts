/**
 * The switch under load (design promise 4). What counts is what the other hosts saw, in the order in which they saw it: each session is held still at some step
 * of SMTP, the stop is answered, and only then does the other host go on. Whatever still comes after that would have left after the stop. The clock does not
 * move meanwhile, so nothing of this waits for a look that comes every now and then.
 */
import { expect, it, onTestFinished } from 'vitest'
import type { Zone } from '../../dns/resolver.ts'
import { everything, resumeSending, stopSending } from '../../server/outbound/control/stops.ts'
import type { Store } from '../../server/store/db.ts'
import { expectSound } from '../support/crash-checks.ts'
import { type InProcess, startInProcess } from '../support/in-process.ts'
import { createPremises } from '../support/premises.ts'
import { type Answers, type RemoteMx, createRemoteMx } from '../support/remote-mx.ts'
import { describeOnEachEngine, describeOnPostgres } from '../support/stores.ts'
import { createVirtualClock } from '../support/virtual-clock.ts'

const start = Date.UTC(2026, 10, 22, 12)
const [second, minute, hour] = [1_000, 60_000, 3_600_000]
// A busy machine takes its time.
const timeout = 120_000
const host = { kind: 'system', part: 'host' } as const
// Each is a company of its own, or the limits of one would be what is seen.
const domains = ['one.test', 'two.test', 'three.test', 'four.test', 'five.test', 'six.test']
const zone: Zone = Object.fromEntries(
  domains.flatMap((domain) => [
    [domain, { MX: [{ priority: 10, exchange: `mx.${domain}` }] }],
    [`mx.${domain}`, { A: ['127.0.0.1'] }],
  ]),
)
const recipients = (name: string, count: number): string[] =>
  Array.from({ length: count }, (_, at) => `${name}${at}@${domains[at % domains.length]}`)
const forty = { MULTIMAIL_DELIVERY_CONCURRENCY: '40', MULTIMAIL_MAILBOX_NEW_RECIPIENTS: '0', MULTIMAIL_MAILBOX_DAILY: '0' }

const times = <T>(count: number, one: T): T[] => Array.from({ length: count }, () => one)

/** The first `delivered` messages arrive, over connections that are used again; then so many each hang at the end of the message, at DATA and at RCPT, and all
 *  others at MAIL; until somebody lets go. */
const delivered = 6
const each = 3
/** One mailbox has three quarters of the forty places (turns.ts). When all of them hang, nothing else begins. */
const places = 30
function heldStill(): { answers: Answers; reached(remote: RemoteMx): Promise<unknown>; letGo(): void } {
  const gate = Promise.withResolvers<void>()
  const after = (reply: string): Promise<string> => gate.promise.then(() => reply)
  const ok = '250 2.0.0 Ok'
  return {
    answers: {
      dot: [...times(delivered, ok), after(ok)],
      data: [...times(delivered + each, '354 Go ahead'), after('354 Go ahead')],
      rcpt: [...times(delivered + 2 * each, ok), after(ok)],
      mail: [...times(delivered + 3 * each, ok), after(ok)],
    },
    reached: (remote) =>
      Promise.all([
        remote.reached('dot', delivered + each),
        remote.reached('data', delivered + 2 * each),
        remote.reached('rcpt', delivered + 3 * each),
        remote.reached('mail', delivered + places),
      ]),
    letGo: () => gate.resolve(),
  }
}

/** Whatever was begun has come to an end of which there is a record. */
const settled = (app: InProcess): Promise<void> =>
  app.until(
    () => app.count('delivery.leased') === app.count('delivery.settled') + app.count('delivery.deferred') + app.count('delivery.paced'),
  )

const arrivals = async (remote: RemoteMx): Promise<string[]> =>
  (await remote.received(0)).flatMap(({ forwardPaths }) => forwardPaths).toSorted()

async function hand(app: InProcess, key: string, to: string[], more: object = {}): Promise<string> {
  const letter = { to: to.slice(0, 10), bcc: to.slice(10), subject: `To ${to[0]}`, markdown: 'Hello.', ...more }
  const { status, body } = await app.call(key, 'POST', '/send_email', letter)
  if (status >= 300) throw new Error(JSON.stringify(body))
  return body.id as string
}

async function approve(app: InProcess, key: string, email_id: string): Promise<void> {
  const answer = await app.call(key, 'POST', '/decide_email', { email_id, action: 'approve' })
  expect(answer).toMatchObject({ status: 200 })
}

/** How many attempts are on the record between the stop and the resumption, or the end. */
async function attemptsWhileStopped({ db }: Store): Promise<number> {
  const rows = await db.selectFrom('log_entries').select('action').orderBy('seq').execute()
  const actions = rows.map(({ action }) => action)
  const [from, to] = [actions.indexOf('sending.stopped'), actions.indexOf('sending.resumed')]
  return actions.slice(from, to < 0 ? undefined : to).filter((action) => action === 'delivery.attempted').length
}

describeOnEachEngine('the emergency stop', (_open, { engine, newPlace }) => {
  it(
    'under load lets nothing out after its answer but what was being sent in full; approved, scheduled and late approvals included',
    { timeout },
    async () => {
      const still = heldStill()
      const remote = await createRemoteMx({ answers: still.answers, extensions: [] })
      const clock = createVirtualClock(start)
      const app = await startInProcess({ place: await newPlace(), clock, zone, remote, env: forty })
      const [ours, theirs] = [await app.account('ours.test', 'support'), await app.account('theirs.test', 'support')]
      const waiting = [recipients('a', 18), recipients('b', 18), recipients('c', 18)]
      const ids = await Promise.all(waiting.map((to) => hand(app, ours.agent, to)))
      const late = await hand(app, ours.agent, ['late@one.test'])
      const scheduled = await hand(app, ours.agent, ['scheduled@two.test'], { send_at: new Date(start + hour).toISOString() })
      await approve(app, ours.reviewer, scheduled)

      for (const id of ids) await approve(app, ours.reviewer, id)
      await still.reached(remote)
      const stopped = await app.call(ours.reviewer, 'POST', '/stop_sending', { reason: 'It writes to the wrong people.' })
      expect(stopped).toMatchObject({ status: 200, body: { status: 'stopped', changed: true } })
      still.letGo()
      await settled(app)
      // Sent in full before: those, and no octet of any other.
      const inFull = delivered + each
      expect([remote.count('data'), remote.count('body'), remote.count('dot')]).toEqual([inFull + each, inFull, inFull])
      const before = { sessions: remote.sessions(), mail: remote.count('mail') }

      // Whatever else could let something out meanwhile does not.
      remote.answer({})
      await approve(app, ours.reviewer, late)
      await app.drain()
      await clock.advance(hour)
      await app.until(() => app.count('submission.due') === 1)
      await app.drain()
      const { body: queue } = await app.call(ours.reviewer, 'GET', '/list_queue?limit=100')
      expect(new Set((queue.deliveries as { state: string }[]).map(({ state }) => state))).toEqual(new Set(['stopped']))
      const [waits] = queue.deliveries as { id: string }[]
      expect((await app.call(ours.reviewer, 'POST', '/retry_delivery', { delivery_id: waits?.id })).status).toBe(200)
      await app.drain()
      expect({ sessions: remote.sessions(), mail: remote.count('mail') }).toEqual(before)
      expect(remote.count('dot')).toBe(inFull)
      // Other tenants are not stopped by it.
      await approve(app, theirs.reviewer, await hand(app, theirs.agent, ['neighbour@one.test']))
      await app.drain()
      expect(await arrivals(remote)).toHaveLength(inFull + 1)

      expect((await app.call(ours.reviewer, 'POST', '/resume_sending', {})).status).toBe(200)
      await app.drain()
      // What was broken off had not been sent: each has it once.
      expect(await arrivals(remote)).toEqual([...waiting.flat(), 'late@one.test', 'scheduled@two.test', 'neighbour@one.test'].toSorted())
      expect(await attemptsWhileStopped(app.store)).toBe(1)
    },
  )

  it(
    'by somebody else than this process is obeyed within half a second, whatever is done to the clock, and nothing begins meanwhile',
    { timeout },
    async () => {
      const still = heldStill()
      const remote = await createRemoteMx({ answers: still.answers, extensions: [] })
      const clock = createVirtualClock(start)
      const app = await startInProcess({ place: await newPlace(), clock, zone, remote, env: forty })
      const ours = await app.account('ours.test', 'support')
      const to = recipients('a', 40)
      const ids = [await hand(app, ours.agent, to.slice(0, 20)), await hand(app, ours.agent, to.slice(20))]
      for (const id of ids) await approve(app, ours.reviewer, id)
      await still.reached(remote)
      // As `multimail relay stop` does on the host, while its clock is set back by hours.
      await stopSending({ store: app.store, clock }, { scope: everything, actor: host })
      await clock.setBy(-3 * hour)
      await clock.advance(second / 2)
      await app.until(() => app.count('delivery.broken-off') > 0)
      still.letGo()
      await settled(app)
      const inFull = delivered + each
      expect([remote.count('body'), remote.count('dot')]).toEqual([inFull, inFull])
      expect(await attemptsWhileStopped(app.store)).toBe(0)

      remote.answer({})
      await resumeSending({ store: app.store, clock }, { scope: everything, actor: host })
      // It was set right again.
      await clock.setBy(3 * hour)
      await app.drain()
      expect(await arrivals(remote)).toEqual(to.toSorted())
    },
  )

  it('outlives a process that is killed straight after its answer: nothing leaves until it is resumed', { timeout }, async () => {
    const hanging = await createRemoteMx({ answers: { rcpt: 'hang' }, extensions: [] })
    const premises = await createPremises({ engine, remotePort: hanging.port, names: zone })
    onTestFinished(() => premises.remove())
    const { support, reviewer } = premises.keys
    const victim = await premises.start()
    const to = recipients('a', 12)
    const { id: email_id } = await victim.post(support, 'send_email', { to, subject: 'Hello', markdown: 'Hello.' })
    await victim.post(reviewer, 'decide_email', { email_id, action: 'approve' })
    await hanging.reached('rcpt', to.length / 2)
    await victim.post(reviewer, 'stop_sending', {})
    await victim.kill()

    const remote = await createRemoteMx({ extensions: [] })
    // The leases of the dead have lapsed.
    const clock = createVirtualClock(Date.now() + hour)
    const next = await startInProcess({ place: premises, clock, zone: premises.zone, remote })
    await next.drain()
    await clock.advance(24 * hour)
    await next.drain()
    expect([remote.sessions(), next.count('delivery.leased')]).toEqual([0, 0])
    expect((await next.call(reviewer, 'POST', '/resume_sending', {})).status).toBe(200)
    await next.drain()
    expect(await arrivals(remote)).toEqual(to.toSorted())
    await next.stop()
    await premises.inspect(expectSound)
  })
})

describeOnPostgres('the emergency stop of two nodes on one database', (_open, { newPlace }) => {
  it('at one of them breaks off what the other has under way with its next look, half a second later at most', { timeout }, async () => {
    const place = await newPlace()
    const [here, there] = [createVirtualClock(start), createVirtualClock(start)]
    const [ourStill, theirStill] = [heldStill(), heldStill()]
    const ourRemote = await createRemoteMx({ answers: ourStill.answers, extensions: [] })
    const theirRemote = await createRemoteMx({ answers: theirStill.answers, extensions: [] })
    const asked = await startInProcess({ place, clock: here, zone, remote: ourRemote, env: forty })
    const ours = await asked.account('ours.test', 'support')
    const to = [recipients('a', 36), recipients('b', 36), recipients('c', 36)]
    const ids = []
    for (const some of to) ids.push(await hand(asked, ours.agent, some))
    for (const id of ids) await approve(asked, ours.reviewer, id)
    await ourStill.reached(ourRemote)
    const other = await startInProcess({ place, clock: there, zone, remote: theirRemote, env: forty })
    await theirStill.reached(theirRemote)

    expect((await asked.call(ours.reviewer, 'POST', '/stop_sending', {})).status).toBe(200)
    const leased = other.count('delivery.leased')
    ourStill.letGo()
    await settled(asked)
    await there.advance(second / 2)
    await other.until(() => other.count('delivery.broken-off') > 0)
    theirStill.letGo()
    await settled(other)
    const inFull = delivered + each
    for (const remote of [ourRemote, theirRemote]) expect([remote.count('body'), remote.count('dot')]).toEqual([inFull, inFull])
    await Promise.all([asked.drain(), other.drain()])
    for (const clock of [here, there]) await clock.advance(10 * minute)
    await Promise.all([asked.drain(), other.drain()])
    expect(other.count('delivery.leased')).toBe(leased)

    for (const remote of [ourRemote, theirRemote]) remote.answer({})
    expect((await other.call(ours.reviewer, 'POST', '/resume_sending', {})).status).toBe(200)
    await Promise.all([asked.drain(), other.drain()])
    expect([...(await arrivals(ourRemote)), ...(await arrivals(theirRemote))].toSorted()).toEqual(to.flat().toSorted())
  })
})
