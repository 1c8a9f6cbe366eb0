import { beforeEach, describe, expect, it } from 'vitest'
import { createZoneResolver, type Resolver } from '../../../dns/resolver.ts'
import { watchNames } from '../../../server/outbound/trouble/names.ts'
import { checkSources } from '../../../server/outbound/trouble/own-sources.ts'
import { type OwnTrouble, createOwnTrouble } from '../../../server/outbound/trouble/own-trouble.ts'
import { createReach, watchReach } from '../../../server/outbound/trouble/reach.ts'
import { type SessionEnd, type Stage, type Target, ourEnding } from '../../../server/outbound/transport.ts'
import { silentLog } from '../../../server/platform/log.ts'
import { listAlarms, raiseAlarm } from '../../../server/store/alarms.ts'
import type { Store } from '../../../server/store/db.ts'
import { eventsAfter } from '../../../server/store/events.ts'
import { address, openOffice } from '../../support/offices.ts'
import { describeOnEachEngine } from '../../support/stores.ts'
import { type VirtualClock, createVirtualClock } from '../../support/virtual-clock.ts'

const start = Date.UTC(2026, 10, 22, 12)
const target = (host: string, at: string): Target => ({ host, address: at, port: 25 })
const ended = (stage: Stage): SessionEnd => ({
  ...(stage === 'connect' ? ourEnding('connect', 451, '4.4.1', 'Connection timeout') : ourEnding(stage, 250, '2.0.0', 'Ok')),
  remoteAddress: null,
  tls: null,
})
const silent = ended('connect')

describe('that nobody can be reached on port 25', () => {
  it('is known once three who have nothing to do with each other are silent, and over with the first who is not', () => {
    const note = createReach()
    expect(note(target('mx1.one.example', '8.8.8.8'), silent)).toBeNull()
    expect(note(target('mx2.one.example', '8.8.8.9'), silent)).toBeNull()
    expect(note(target('mx.two.example', '8.8.4.4'), silent)).toBeNull()
    expect(note(target('mx.three.example', '1.1.1.1'), silent)).toBe('blocked')
    expect(note(target('mx.four.example', '1.0.0.1'), silent)).toBeNull()
    expect(note(target('mx.two.example', '8.8.4.4'), ended('greeting'))).toBe('open')
    expect(note(target('mx.two.example', '8.8.4.4'), ended('dot'))).toBeNull()
  })

  it('is known of two silent addresses of a provider that is never down', () => {
    const note = createReach()
    expect(note(target('gmail-smtp-in.l.google.com', '8.8.8.8'), silent)).toBeNull()
    expect(note(target('gmail-smtp-in.l.google.com', '8.8.8.8'), silent)).toBeNull()
    expect(note(target('alt1.gmail-smtp-in.l.google.com', '8.8.4.4'), silent)).toBe('blocked')
  })

  it('does not follow from missing IPv6, from our own network, from a smarthost, or when somebody answered between', () => {
    const note = createReach()
    const relay = { tls: 'starttls', login: null } as const
    for (let at = 1; at < 9; at += 1) {
      expect(note(target(`mx.six${at}.example`, `2001:4860:4860::${at}`), silent)).toBeNull()
      expect(note({ ...target(`mx.own${at}.example`, `127.0.0.${at}`), trusted: true }, silent)).toBeNull()
      expect(note({ ...target(`relay${at}.example`, `8.8.8.${at}`), relay }, silent)).toBeNull()
    }
    expect(note(target('mx.one.example', '8.8.8.8'), ended('mail'))).toBe('open')
    expect(note(target('mx.two.example', '8.8.8.9'), silent)).toBeNull()
    expect(note(target('mx.three.example', '8.8.4.4'), silent)).toBeNull()
    expect(note(target('mx.one.example', '8.8.8.8'), ended('ehlo'))).toBeNull()
    expect(note(target('mx.four.example', '1.1.1.1'), silent)).toBeNull()
  })
})

describeOnEachEngine('trouble of this machine', (openStore) => {
  let store: Store
  let clock: VirtualClock
  let trouble: OwnTrouble
  beforeEach(async () => {
    store = await openStore()
    clock = createVirtualClock(start)
    trouble = createOwnTrouble({ store, clock, log: silentLog })
    await openOffice(store, start)
  })
  const told = async () =>
    (await eventsAfter(store.db, 0, 50)).map((event) => ({ type: event.type, ...(JSON.parse(event.data_json) as object) }))
  const logged = async () =>
    (await store.db.selectFrom('log_entries').select('action').where('action', 'like', 'alarm.%').orderBy('seq').execute()).map(
      ({ action }) => action,
    )

  it('a closed port 25 is an alarm with the remedy, told once, until somebody answers', async () => {
    const answers: SessionEnd[] = [silent, silent, silent, silent, ended('dot'), ended('dot')]
    let count = 0
    const transport = watchReach(() => Promise.resolve(answers[count++] ?? silent), trouble)
    const dispatch = { reversePath: null, forwardPath: address('bo@remote.test'), message: Buffer.from('') }
    const send = (host: string, at: string) =>
      transport({ target: target(host, at), dispatch, signal: new AbortController().signal, log: silentLog })
    await raiseOther(store)
    for (const at of [1, 2, 3, 4]) await send(`mx.domain${at}.example`, `8.8.8.${at}`)
    expect(await listAlarms(store.db)).toMatchObject([
      { class: 'unreachable', source: 'port 25', provider: '', reply: 'Connection timeout', count: 1 },
      { class: 'ptr' },
    ])
    expect(await told()).toMatchObject([
      { type: 'operator.alarm', class: 'unreachable', remedy: expect.stringContaining('MULTIMAIL_SMARTHOST') },
    ])
    await send('mx.domain1.example', '8.8.8.1')
    await send('mx.domain1.example', '8.8.8.1')
    expect(await listAlarms(store.db)).toMatchObject([{ class: 'ptr' }])
    expect(await logged()).toEqual(['alarm.raised', 'alarm.ended'])
  })

  it('an address to send from that is not here is named at the start, and no more when it is', async () => {
    // 192.0.2.0/24 is nobody's (RFC 5737).
    const sources = [
      { address: '127.0.0.1', name: null },
      { address: '192.0.2.77', name: null },
    ]
    expect(await checkSources(sources, trouble)).toEqual(['192.0.2.77'])
    expect(await listAlarms(store.db)).toMatchObject([{ class: 'source-address', source: '192.0.2.77', reply: 'EADDRNOTAVAIL' }])
    expect(await told()).toMatchObject([{ class: 'source-address', remedy: expect.stringContaining('MULTIMAIL_SOURCE_ADDRESSES') }])
    expect(await checkSources(sources.slice(0, 1), trouble)).toEqual([])
    expect(await listAlarms(store.db)).toEqual([])
  })

  it('tells the account of whoever runs the server, and none that somebody signed up for', async () => {
    await store.db.updateTable('accounts').set({ signed_up_at: start }).execute()
    await trouble.raise({ class: 'source-address', source: '192.0.2.77', reply: 'EADDRNOTAVAIL' })
    expect(await listAlarms(store.db)).toMatchObject([{ class: 'source-address' }])
    expect(await told()).toEqual([])
  })

  it('a DNS that answers nothing is an alarm; five domains that fail are not', async () => {
    let isUp = true
    let ended = Promise.withResolvers<void>()
    const settled = { raise: track(trouble.raise), end: track(trouble.end) }
    function track<A extends unknown[]>(work: (...asked: A) => Promise<void>) {
      return (...asked: A) => work(...asked).then(() => ended.resolve())
    }
    const resolver = watchNames(
      flaky(() => isUp),
      settled,
    )
    await resolver.a('mx.remote.test')
    await ended.promise
    for (let at = 0; at < 9; at += 1) await resolver.mx(`broken${at}.test`)
    expect(await listAlarms(store.db)).toEqual([])
    isUp = false
    ended = Promise.withResolvers()
    for (let at = 0; at < 9; at += 1) await resolver.mx(`broken${at}.test`)
    await ended.promise
    expect(await listAlarms(store.db)).toMatchObject([{ class: 'dns', reply: 'ETIMEOUT' }])
    expect(await told()).toMatchObject([{ class: 'dns', remedy: expect.stringContaining('MULTIMAIL_DNS_SERVERS') }])
    isUp = true
    ended = Promise.withResolvers()
    await resolver.a('mx.remote.test')
    await ended.promise
    expect(await listAlarms(store.db)).toEqual([])
  })

  it('that cannot be written down stops nobody', async () => {
    const broken = createOwnTrouble({
      store: { transaction: () => Promise.reject(new Error('disk')) } as unknown as Store,
      clock,
      log: silentLog,
    })
    await broken.raise({ class: 'dns', source: 'the resolver', reply: 'ETIMEOUT' })
    await broken.end('dns')
  })
})

const raiseOther = (store: Store) =>
  store.transaction((tx) =>
    raiseAlarm(tx, { class: 'ptr', source: '', provider: 'remote.test', reply: '450 4.7.1 no PTR', link: null }, start - 1),
  )

/** Names that fail, among some that do not while the DNS is up. */
function flaky(isUp: () => boolean): Resolver {
  const zone = createZoneResolver({ 'mx.remote.test': { A: ['8.8.8.8'] }, 'a.root-servers.net': { A: ['198.41.0.4'] } })
  const failed = { kind: 'failed', reason: 'ETIMEOUT' } as const
  return { ...zone, a: (name) => (isUp() ? zone.a(name) : Promise.resolve(failed)), mx: () => Promise.resolve(failed) }
}
