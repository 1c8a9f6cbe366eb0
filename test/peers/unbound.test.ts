/** DANE with DNSSEC as it is: a zone that Knot signed, judged by Unbound, and what our relay makes of it. */
import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { DomainName } from '../../dns/name.ts'
import { asksItself } from '../../dns/own-resolver.ts'
import { createResolver } from '../../dns/resolver.ts'
import { createDeliverer } from '../../server/outbound/deliver.ts'
import { createTlsCounter } from '../../server/outbound/tls/counter.ts'
import { createTlsGuard } from '../../server/outbound/tls/guard.ts'
import { createStsPolicies } from '../../server/outbound/tls/mta-sts.ts'
import { createSmtpTransport } from '../../server/outbound/transport/smtp.ts'
import { systemClock } from '../../server/platform/clock.ts'
import { silentLog } from '../../server/platform/log.ts'
import type { Store } from '../../server/store/db.ts'
import { tlsResultsOf } from '../../server/store/tls-results.ts'
import { type Pair, createAuthority, octetsOf } from '../support/authority.ts'
import { type Knot, signZone, startKnot } from '../support/knot.ts'
import { createLeaving } from '../support/leaving.ts'
import { missingPeer } from '../support/peers.ts'
import { createRemoteMx } from '../support/remote-mx.ts'
import { describeOnEachEngine } from '../support/stores.ts'
import { type Unbound, startUnbound } from '../support/unbound.ts'

const otherKey = 'ee'.repeat(32)
const forgedKey = 'dd'.repeat(32)

/** A domain with one mail host on this machine. The port is a test's own, so that the key is at all ports. */
const mailDomain = (name: string, key: string | null): string => `
${name} 300 MX 10 mx.${name}
mx.${name} 300 A 127.0.0.1
${key === null ? '' : `*._tcp.mx.${name} 300 TLSA 3 1 1 ${key}`}
`

const apex = (ns: string): string => `
@ 3600 SOA ${ns} hostmaster.test. 1 7200 900 1209600 120
@ 3600 NS ${ns}
`

const zone = (key: string): string => `${apex('ns')}
ns 3600 A 192.0.2.53
plain 3600 NS ns
${mailDomain('good', key)}
${mailDomain('wrong', otherKey)}
${mailDomain('none', null)}
${mailDomain('forged', forgedKey)}
${mailDomain('stripped', key)}
`
const plainZone = `${apex('ns.test.')}
${mailDomain('mail', otherKey)}
`

/** Whoever stands between us and the name server would have us believe in a key, or in none. */
const tamperedWith = (signed: string, key: string): string =>
  signed
    .replaceAll(forgedKey.toUpperCase(), key)
    .split('\n')
    .filter((line) => !(line.startsWith('*._tcp.mx.stripped') && line.includes('TLSA\t3 1 1')))
    .join('\n')

describe.skipIf(missingPeer('knotd', 'unbound'))('a resolver that validates', () => {
  let pair: Pair
  const started: (Knot | Unbound)[] = []
  let unbound: Unbound
  let late: Unbound
  beforeAll(async () => {
    pair = await (await createAuthority()).issue({ names: ['elsewhere.test'] })
    const key = createHash('sha256').update(octetsOf(pair.cert).key).digest('hex')
    const signed = await signZone(zone(key))
    const knot = await startKnot(tamperedWith(signed.zone, key), { 'plain.test': plainZone })
    const options = { server: knot.address, zones: ['test', 'plain.test'], anchor: signed.anchor }
    started.push(knot, (unbound = await startUnbound(options)), (late = await startUnbound({ ...options, date: '20371231235959' })))
  })
  afterAll(async () => void (await Promise.all(started.map((one) => one.stop()))))
  const ask = (server: Unbound) => createResolver({ servers: [server.address], clock: systemClock })

  it('says what is proved, what is not, and what is wrong', async () => {
    const resolver = ask(unbound)
    const proved = { answer: { kind: 'found' }, authenticated: true }
    expect(await resolver.timed('good.test', 'MX')).toMatchObject(proved)
    expect(await resolver.timed('mx.good.test', 'A')).toMatchObject(proved)
    expect(await resolver.timed('_25._tcp.mx.good.test', 'TLSA')).toMatchObject(proved)
    expect(await resolver.timed('_25._tcp.mx.none.test', 'TLSA')).toMatchObject({ answer: { kind: 'no-domain' }, authenticated: true })
    expect(await resolver.timed('mail.plain.test', 'MX')).toMatchObject({ answer: { kind: 'found' }, authenticated: false })
    const failed = { answer: { kind: 'failed', reason: 'ESERVFAIL' } }
    for (const name of ['forged', 'stripped']) expect(await resolver.timed(`_25._tcp.mx.${name}.test`, 'TLSA')).toMatchObject(failed)
    expect(await ask(late).timed('good.test', 'MX')).toMatchObject(failed)
  })

  describeOnEachEngine('and a delivery', (openStore) => {
    const deliver = async (store: Store, to: string, server = unbound) => {
      const remote = await createRemoteMx({ tls: 'works', certificate: pair })
      const leaving = await createLeaving(store, { remote })
      const { clock } = leaving
      const resolver = ask(server)
      const counter = createTlsCounter({ store, clock, log: silentLog })
      const tls = createTlsGuard({
        resolver,
        policies: createStsPolicies({ store, log: silentLog, resolver, clock, allowPrivateTargets: true }),
        validates: asksItself([server.address]),
        count: counter.count,
      })
      const route = { hostname: 'mx.ours.test', port: remote.port, smarthost: null, allowPrivateTargets: true, ownListener: null }
      const transport = createSmtpTransport({ hostname: 'mx.ours.test', clock })
      const runner = leaving.anotherRunner({ deliver: createDeliverer({ store, resolver, route, transport, tls, clock, log: silentLog }) })
      const email = await leaving.queue({ to: [`bo@${to}`] })
      await runner.drain()
      const again = async () => {
        await clock.advance(60 * 60_000)
        await runner.drain()
      }
      const counted = async () => {
        await counter.flush()
        const results = await tlsResultsOf(store.db, Math.floor(clock.now() / 86_400_000), to as DomainName)
        return results.map(({ counted: { policy, result } }) => [policy.type, result])
      }
      return { remote, again, counted, delivery: async () => (await leaving.deliveries(email))[0] }
    }

    it('to a host with the key that the DNS proves goes through, whatever its certificate says', async () => {
      const { remote, counted, delivery } = await deliver(await openStore(), 'good.test')
      expect(await delivery()).toMatchObject({ state: 'delivered' })
      expect(await remote.received()).toMatchObject([{ tls: true }])
      expect(await counted()).toEqual([['tlsa', null]])
    })

    it.each([
      ['with another key', 'wrong.test', 'tlsa', 'certificate-not-trusted'],
      ['whose key was forged on the way', 'forged.test', 'tlsa', 'dnssec-invalid'],
      ['whose key was taken away on the way', 'stripped.test', 'tlsa', 'dnssec-invalid'],
    ])('to a host %s waits, and is never sent any other way', async (_what, to, ...result) => {
      const { remote, again, counted, delivery } = await deliver(await openStore(), to)
      expect(await delivery()).toMatchObject({ state: 'queued', attempts: 1, last_reply: expect.stringContaining('451 4.7.5') })
      expect(await counted()).toEqual([result])
      await again()
      expect(await delivery()).toMatchObject({ state: 'queued', attempts: 2 })
      expect(await remote.received(0)).toEqual([])
    })

    it('to a domain whose signatures have expired waits, and nobody is dialled', async () => {
      const { remote, again, delivery } = await deliver(await openStore(), 'good.test', late)
      expect(await delivery()).toMatchObject({ state: 'queued', last_reply: expect.stringContaining('451 4.4.3') })
      await again()
      expect(await delivery()).toMatchObject({ state: 'queued', attempts: 2 })
      expect(remote.sessions()).toBe(0)
    })

    it.each(['none.test', 'mail.plain.test'])('to %s, which has no key or cannot prove one, is opportunistic', async (to) => {
      const { remote, counted, delivery } = await deliver(await openStore(), to)
      expect(await delivery()).toMatchObject({ state: 'delivered' })
      expect(await remote.received()).toMatchObject([{ tls: true }])
      expect(await counted()).toEqual([['no-policy-found', null]])
    })
  })
})
