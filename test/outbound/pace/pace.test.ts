import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { newId } from '../../../server/model/ids.ts'
import { type Destinations, createDestinations } from '../../../server/outbound/pace/destinations.ts'
import { type Admission, type Admit, type Going, type Pace, createPace } from '../../../server/outbound/pace/pace.ts'
import { firstWindow } from '../../../server/outbound/pace/pacing.ts'
import { type Session, type SessionEnd, type Target, type Transport, ourEnding } from '../../../server/outbound/transport.ts'
import { silentLog } from '../../../server/platform/log.ts'
import { createMetrics } from '../../../server/platform/metrics.ts'
import type { Store } from '../../../server/store/db.ts'
import { measuresAfter, saveMeasure } from '../../../server/store/pace-measures.ts'
import { createLeaving, statesOf } from '../../support/leaving.ts'
import { address } from '../../support/offices.ts'
import { describeOnEachEngine } from '../../support/stores.ts'
import { type VirtualClock, createVirtualClock } from '../../support/virtual-clock.ts'

const minute = 60_000
const hour = 60 * minute
const start = Date.UTC(2026, 10, 22, 12)

const target = (host: string, last = 7): Target => ({ host, address: `203.0.114.${last}`, port: 25 })
const google = target('gmail-smtp-in.l.google.com')

const end = (code: number, text: string, more: Partial<SessionEnd> = {}): SessionEnd => ({
  stage: 'dot',
  reply: { code, status: null, text },
  by: 'remote',
  mayBeAccepted: false,
  remoteAddress: '203.0.114.7',
  tls: null,
  ...more,
})
const accepted = end(250, 'OK')
const tss04 = end(421, '4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred', { stage: 'greeting' })
const refused: SessionEnd = { ...ourEnding('connect', 451, '4.4.1', 'connect ECONNREFUSED'), remoteAddress: null, tls: null }
const silent: SessionEnd = { ...ourEnding('connect', 451, '4.4.1', 'No answer within 30 seconds'), remoteAddress: null, tls: null }

describeOnEachEngine('the pace', (openStore) => {
  let store: Store
  let clock: VirtualClock
  beforeAll(async () => {
    store = await openStore()
  })
  beforeEach(async () => {
    await store.db.deleteFrom('pace_measures').execute()
    clock = createVirtualClock(start)
  })

  /** What a test opened has written down its measures before the next test forgets them. */
  const opened: Destinations[] = []
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((destinations) => destinations.stop()))
  })

  const open = async (metrics = createMetrics()) => {
    const destinations = createDestinations({ store, clock, log: silentLog, metrics })
    opened.push(destinations)
    await destinations.start()
    return { pace: createPace({ destinations, clock }), destinations, metrics }
  }
  const delivery = (domain = 'remote.test', more: Partial<Going> = {}): Going => ({
    id: newId('delivery', clock.now()),
    world: 'live',
    domain,
    give_up_at: start + 72 * hour,
    ...more,
  })
  const sessionTo = (to: Target): Session => ({
    target: to,
    dispatch: { reversePath: null, forwardPath: address('bo@remote.test'), message: Buffer.alloc(0) },
    signal: new AbortController().signal,
    log: silentLog,
  })
  const admitted = (pace: Admit, one = delivery(), targets = [google]): Extract<Admission, { kind: 'go' }> => {
    const admission = pace.admit(one, targets)
    if (admission.kind === 'wait') throw new Error(`waits: ${admission.reason}`)
    return admission
  }
  /** One message that goes to the first of these targets and ends like this. */
  const send = async (pace: Admit, ended: SessionEnd, domain = 'remote.test', targets = [google]) => {
    const { over, targets: left, done } = admitted(pace, delivery(domain), targets)
    await over(async () => ended)(sessionTo(left[0] ?? google))
    done()
  }

  it('is one for all domains of a provider', async () => {
    const { pace } = await open()
    const going = Array.from({ length: firstWindow }, (_, at) => admitted(pace, delivery(`d${at}.test`)))
    expect(pace.admit(delivery('another.test'), [google])).toMatchObject({ kind: 'wait', reason: 'full' })
    expect(pace.admit(delivery('elsewhere.test'), [target('mx.example.org')])).toMatchObject({ kind: 'go' })
    going[0]?.done()
    going[0]?.done()
    admitted(pace, delivery('another.test'))
    expect(pace.admit(delivery('one-more.test'), [google])).toMatchObject({ kind: 'wait' })
  })

  it('is asked before routing about whoever took the domain’s mail the last time', async () => {
    const { pace } = await open()
    const first = pace.turn(delivery(), 'remote.test')
    expect(first.kind).toBe('go')
    await send(pace, tss04)
    expect(pace.turn(delivery(), 'remote.test')).toMatchObject({ kind: 'wait', reason: 'suspended', until: expect.any(Number) })
    expect(pace.turn(delivery('new.test'), 'new.test').kind).toBe('go')
    expect(pace.turn(delivery('remote.test', { world: 'test' }), 'remote.test').kind).toBe('go')
  })

  it('takes one place for a delivery that was asked about twice, and gives it back once', async () => {
    const { pace } = await open()
    await send(pace, accepted)
    for (let round = 0; round < 20; round++) {
      const one = delivery()
      const turn = pace.turn(one, one.domain)
      const { done } = admitted(pace, one)
      done()
      if (turn.kind === 'go') turn.done()
    }
    // The domain has moved: its place is where its mail goes now.
    const moved = delivery()
    pace.turn(moved, moved.domain)
    admitted(pace, moved, [target('mx.example.org')])
    expect(Array.from({ length: firstWindow }, (_, at) => admitted(pace, delivery(`d${at}.test`)))).toHaveLength(firstWindow)
  })

  it('counts a connection that was not opened for none', async () => {
    const { pace } = await open()
    for (let message = 0; message < 150; message++) {
      const { over, done } = admitted(pace)
      await over(async () => ({ ...accepted, reused: message > 0 }))(sessionTo(google))
      done()
    }
    for (let message = 0; message < 99; message++) await send(pace, accepted)
    expect(pace.admit(delivery(), [google])).toMatchObject({ kind: 'wait', reason: 'rate' })
  })

  it('leaves a host that could not be reached alone for two minutes, one that was silent for fifteen', async () => {
    const { pace } = await open()
    const [one, other] = [target('mx1.example.org', 1), target('mx2.example.org', 2)]
    const both = [one, other]
    await send(pace, refused, 'remote.test', both)
    expect(admitted(pace, delivery(), both).targets).toEqual([other])
    await send(pace, silent, 'remote.test', both)
    expect(pace.admit(delivery(), both)).toEqual({ kind: 'wait', until: start + 2 * minute, reason: 'unreachable' })
    await clock.advance(2 * minute)
    expect(admitted(pace, delivery(), both).targets).toEqual([one])
    await clock.advance(13 * minute)
    expect(admitted(pace, delivery(), both).targets).toEqual(both)
  })

  it('says nothing against a host when we broke off ourselves', async () => {
    const { pace } = await open()
    const { over, done } = admitted(pace)
    const abort = new AbortController()
    abort.abort()
    await over(async () => silent)({ ...sessionTo(google), signal: abort.signal })
    done()
    expect(admitted(pace).targets).toEqual([google])
  })

  it('grants the last attempt of a delivery, and lets none wait beyond its time', async () => {
    const { pace } = await open()
    await send(pace, tss04)
    const soon = delivery('remote.test', { give_up_at: start + minute })
    expect(pace.turn(soon, soon.domain)).toMatchObject({ kind: 'wait', until: start + minute })
    expect(pace.admit(soon, [google])).toMatchObject({ kind: 'wait', until: start + minute })
    await clock.advance(minute)
    expect(pace.turn(soon, soon.domain).kind).toBe('go')
    expect(pace.admit(soon, [google])).toMatchObject({ kind: 'go', targets: [google] })
  })

  it('does not let a restart forget what a provider asked for, nor another node', async () => {
    const first = await open()
    await send(first.pace, tss04)
    await first.destinations.stop()
    expect(await measuresAfter(store.db, start)).toEqual([
      expect.objectContaining({ destination: 'google', kind: 'hold', because: 'tss04', until_at: start + 2 * hour }),
    ])
    const second = await open()
    expect(second.pace.admit(delivery(), [google])).toMatchObject({ kind: 'wait', reason: 'suspended' })
    await clock.advance(2 * hour)
    expect(second.pace.admit(delivery(), [google]).kind).toBe('go')
    expect((await open()).pace.admit(delivery(), [google]).kind).toBe('go')
    await second.destinations.stop()
  })

  it('keeps the longer of two measures, forgets what is over, and never more than a thousand', async () => {
    const about = { provider: 'other', kind: 'hold' as const, because: 'told', per_minute: null, connections: null }
    const save = (destination: string, until_at: number, now = start) => saveMeasure(store, { ...about, destination, until_at }, now)
    await save('a.example', start + hour)
    await save('a.example', start + minute)
    expect(await measuresAfter(store.db, start)).toMatchObject([{ until_at: start + hour }])
    await save('b.example', start + 3 * hour, start + 2 * hour)
    expect(await measuresAfter(store.db, start)).toMatchObject([{ destination: 'b.example' }])
    await store.transaction(async (tx) => {
      const rows = Array.from({ length: 1_000 }, (_, at) => ({ ...about, destination: `d${at}.example`, until_at: start + hour + at }))
      for (let from = 0; from < rows.length; from += 250)
        await tx
          .insertInto('pace_measures')
          .values(rows.slice(from, from + 250))
          .execute()
    })
    await save('c.example', start + 4 * hour)
    const kept = await measuresAfter(store.db, start)
    expect(kept.length).toBeLessThanOrEqual(1_000)
    expect(kept.map(({ destination }) => destination)).toContain('c.example')
    expect(kept.map(({ destination }) => destination)).not.toContain('d0.example')
  })

  it('is counted for the operator, by provider and never by a stranger’s name', async () => {
    const { pace, metrics } = await open()
    await send(pace, tss04)
    pace.admit(delivery(), [google])
    admitted(pace, delivery('remote.test'), [target('mx.secret.example')])
    const text = await metrics.text()
    expect(text).toContain('multimail_outbound_pace_measures_total{provider="google",because="tss04"} 1')
    expect(text).toContain('multimail_outbound_pace_waits_total{provider="google",reason="suspended"} 1')
    expect(text).toContain('multimail_outbound_pace_under_way{provider="other"} 1')
    expect(text).not.toContain('secret')
  })
})

describeOnEachEngine('a delivery that has to wait for its turn', (openStore) => {
  it('waits without an attempt, and goes when its turn has come', async () => {
    const store = await openStore()
    const clock = createVirtualClock(start)
    const destinations = createDestinations({ store, clock, log: silentLog, metrics: createMetrics() })
    const pace: Pace & Admit = createPace({ destinations, clock })
    let answer = tss04
    const dialled: string[] = []
    const transport: Transport = async ({ dispatch }) => {
      dialled.push(dispatch.forwardPath)
      return answer
    }
    const zone = {
      'a.test': { MX: [{ priority: 10, exchange: google.host }] },
      'b.test': { MX: [{ priority: 10, exchange: google.host }] },
    }
    const leaving = await createLeaving(store, { clock, transport, pace, zone: { ...zone, [google.host]: { A: [google.address] } } })
    const first = await leaving.queue({ to: ['x@a.test'] })
    await leaving.runner.drain()
    answer = accepted
    // The first is deferred by what the provider said. Of the second nobody knew who takes its mail until it was routed.
    const second = await leaving.queue({ to: ['y@b.test'] })
    await leaving.runner.drain()
    expect(dialled).toEqual(['x@a.test'])
    const [waiting] = await leaving.deliveries(second)
    expect(waiting).toMatchObject({ state: 'queued', attempts: 0, lease: null, may_be_accepted: 0, last_reply: null })
    expect(waiting?.next_attempt_at).toBeGreaterThanOrEqual(start + 2 * hour)
    expect(waiting === undefined ? null : await leaving.attempts(waiting.id)).toEqual([])
    // The third is asked about before it is leased.
    const third = await leaving.queue({ to: ['z@b.test'] })
    await leaving.runner.drain()
    expect((await leaving.deliveries(third))[0]).toMatchObject({ state: 'queued', attempts: 0 })

    await clock.advance(3 * hour)
    await leaving.runner.drain()
    expect([await statesOf(leaving, first), await statesOf(leaving, second), await statesOf(leaving, third)]).toEqual([
      ['delivered'],
      ['delivered'],
      ['delivered'],
    ])
    expect((await leaving.deliveries(second))[0]).toMatchObject({ attempts: 1 })
    await destinations.stop()
  })
})
