import { beforeAll, describe, expect, it } from 'vitest'
import type { DomainName } from '../../../dns/name.ts'
import { type Zone, createZoneResolver } from '../../../dns/resolver.ts'
import { fetchStsPolicy } from '../../../server/outbound/tls/mta-sts-fetch.ts'
import { type StsPolicies, createStsPolicies } from '../../../server/outbound/tls/mta-sts.ts'
import { silentLog } from '../../../server/platform/log.ts'
import type { Store } from '../../../server/store/db.ts'
import { removeExpiredStsPolicies, stsPolicyOf } from '../../../server/store/sts-policies.ts'
import { type Authority, createAuthority } from '../../support/authority.ts'
import { type Answering, type HttpsHost, createHttpsHost, says } from '../../support/https-host.ts'
import { describeOnEachEngine } from '../../support/stores.ts'
import { createVirtualClock } from '../../support/virtual-clock.ts'

const domain = 'remote.test' as DomainName
const file = (mode: string, age = 7 * 86_400, mx = 'mx.remote.test'): string =>
  `version: STSv1\r\nmode: ${mode}\r\nmx: ${mx}\r\nmax_age: ${age}\r\n`
const hour = 3_600_000

let authority: Authority
let certificate: { key: string; cert: string }
beforeAll(async () => {
  authority = await createAuthority()
  certificate = await authority.issue({ names: ['mta-sts.remote.test'] })
})

const zoneOf = (id: string | null): Zone => ({
  ...(id !== null && { '_mta-sts.remote.test': { TXT: [`v=STSv1; id=${id};`] } }),
  'mta-sts.remote.test': { A: ['127.0.0.1'] },
})

type World = {
  policies: StsPolicies
  host: HttpsHost
  zone: Zone
  clock: ReturnType<typeof createVirtualClock>
  announce(id: string | null): void
}

async function worldOf(store: Store, how: Answering = says(file('enforce'))): Promise<World> {
  const host = await createHttpsHost(certificate, how)
  const clock = createVirtualClock(Date.UTC(2026, 10, 22))
  const zone = zoneOf('1')
  const resolver = createZoneResolver(zone)
  const policies = createStsPolicies({
    store,
    log: silentLog,
    clock,
    resolver,
    allowPrivateTargets: true,
    port: host.port,
    ca: authority.cert,
  })
  const announce = (id: string | null): void => {
    delete zone['_mta-sts.remote.test']
    Object.assign(zone, zoneOf(id))
  }
  return { policies, host, zone, clock, announce }
}

describeOnEachEngine('the MTA-STS policy of a domain', (openStore) => {
  it('is fetched from its own host, once for several who want to know, and kept', async () => {
    const store = await openStore()
    const { policies, host, clock } = await worldOf(store)
    const [one, other] = await Promise.all([policies.find(domain), policies.find(domain)])
    expect(one).toMatchObject({ policy: { mode: 'enforce', mx: ['mx.remote.test'], policyId: '1' }, trouble: null })
    expect(other).toEqual(one)
    expect(host.asked).toMatchObject([
      { method: 'GET', host: 'mta-sts.remote.test', path: '/.well-known/mta-sts.txt', type: '', body: Buffer.alloc(0) },
    ])
    await clock.advance(23 * hour)
    expect(await policies.find(domain)).toEqual(one)
    expect(host.asked).toHaveLength(1)
  })

  it('is fetched anew when its id changes, and when it is a day old', async () => {
    const { policies, host, clock, announce } = await worldOf(await openStore())
    await policies.find(domain)
    host.answer(says(file('testing')))
    announce('2')
    expect((await policies.find(domain)).policy).toMatchObject({ mode: 'testing', policyId: '2' })
    host.answer(says(file('enforce')))
    await clock.advance(24 * hour)
    expect((await policies.find(domain)).policy).toMatchObject({ mode: 'enforce' })
    expect(host.asked).toHaveLength(3)
  })

  it('holds until its time is over, whatever keeps us from asking again', async () => {
    const store = await openStore()
    const { policies, host, zone, clock, announce } = await worldOf(store)
    await policies.find(domain)
    host.answer(says('gone', { status: 404 }))
    for (const id of [null, '2', '3']) {
      announce(id)
      expect((await policies.find(domain)).policy).toMatchObject({ mode: 'enforce', policyId: '1' })
    }
    zone['_mta-sts.remote.test'] = { SERVFAIL: true }
    await clock.advance(7 * 24 * hour - 1)
    expect((await policies.find(domain)).policy).toMatchObject({ mode: 'enforce' })
    await clock.advance(1)
    expect((await policies.find(domain)).policy).toBeNull()
    await removeExpiredStsPolicies(store.db, clock.now())
    expect(await stsPolicyOf(store.db, domain)).toBeUndefined()
  })

  it('is fetched anew before mail has to wait for that, for as long as the domain gets some', async () => {
    const store = await openStore()
    const { policies, host, clock } = await worldOf(store)
    const refresh = () => policies.refreshing.work(clock.now())
    await policies.find(domain)
    await clock.advance(19 * hour)
    await refresh()
    expect(host.asked).toHaveLength(1)
    await clock.advance(hour)
    await refresh()
    expect(host.asked).toHaveLength(2)
    await clock.advance(23 * hour)
    await policies.find(domain)
    expect(host.asked).toHaveLength(2)
    for (let days = 0; days < 185; days++) {
      await refresh()
      await clock.advance(24 * hour)
    }
    // Nothing was sent for half a year; from then on it runs out by itself.
    const asked = host.asked.length
    expect(asked).toBeGreaterThan(180)
    expect(await stsPolicyOf(store.db, domain)).toMatchObject({ mode: 'enforce' })
    await clock.advance(4 * 24 * hour)
    await refresh()
    expect([host.asked.length, await stsPolicyOf(store.db, domain)]).toEqual([asked, undefined])
  })

  it('is not forgotten when it cannot be fetched anew, and one that is taken back is', async () => {
    const store = await openStore()
    const { policies, host, clock, announce } = await worldOf(store)
    await policies.find(domain)
    host.answer(says('', { status: 500 }))
    await clock.advance(20 * hour)
    await policies.refreshing.work(clock.now())
    expect((await policies.find(domain)).policy).toMatchObject({ mode: 'enforce' })
    host.answer(says('version: STSv1\nmode: none\nmax_age: 86400\n'))
    announce('2')
    await clock.advance(hour)
    await policies.refreshing.work(clock.now())
    expect(await stsPolicyOf(store.db, domain)).toMatchObject({ mode: 'none' })
  })

  it('stops being fetched when the appliance does', async () => {
    const { policies, host, clock } = await worldOf(await openStore())
    await policies.find(domain)
    host.answer(() => {})
    await clock.advance(20 * hour)
    const working = policies.refreshing.work(clock.now())
    await host.untilAsked(2)
    policies.stop()
    await working
    expect((await policies.find(domain)).policy).toMatchObject({ mode: 'enforce' })
  })

  it('is taken back by a policy that says so', async () => {
    const { policies, host, announce } = await worldOf(await openStore())
    await policies.find(domain)
    host.answer(says('version: STSv1\nmode: none\nmax_age: 86400\n'))
    announce('2')
    expect(await policies.find(domain)).toEqual({ policy: null, trouble: null })
    await policies.find(domain)
    expect(host.asked).toHaveLength(2)
  })

  it('is not asked for at every message while its host has trouble', async () => {
    const { policies, host, clock } = await worldOf(await openStore(), says('', { status: 500 }))
    for (let i = 0; i < 3; i++) expect(await policies.find(domain)).toEqual({ policy: null, trouble: 'sts-policy-fetch-error' })
    expect(host.asked).toHaveLength(1)
    host.answer(says(file('enforce')))
    await clock.advance(hour)
    expect((await policies.find(domain)).policy).toMatchObject({ mode: 'enforce' })
  })

  it('is not asked for where none is announced', async () => {
    const { policies, host, announce } = await worldOf(await openStore())
    announce(null)
    expect(await policies.find(domain)).toEqual({ policy: null, trouble: null })
    expect(host.asked).toHaveLength(0)
  })
})

describe('the host of a policy', () => {
  const fetched = async (
    how: Answering,
    change: { certificate?: { key: string; cert: string }; ca?: string; private?: boolean; zone?: Zone } = {},
  ) => {
    const host = await createHttpsHost(change.certificate ?? certificate, how)
    const clock = createVirtualClock(0)
    const resolver = createZoneResolver(change.zone ?? zoneOf('1'))
    const deps = { clock, resolver, allowPrivateTargets: change.private ?? true, port: host.port, ca: change.ca ?? authority.cert }
    return { host, clock, result: fetchStsPolicy(deps, domain) }
  }

  it.each<[string, Answering, string]>([
    ['sends us somewhere else', says('', { status: 302, headers: { Location: 'https://127.0.0.1/' } }), 'sts-policy-fetch-error'],
    ['says what is no text', says(file('enforce'), { type: 'text/html' }), 'sts-policy-invalid'],
    ['says what begins like text', says(file('enforce'), { type: 'text/plainer' }), 'sts-policy-invalid'],
    ['says what is no policy', says('<html>'), 'sts-policy-invalid'],
    ['does not end', says(`${file('enforce')}${'x: y\n'.repeat(14_000)}`), 'sts-policy-fetch-error'],
    [
      'hangs up in the middle',
      (response) => void response.writeHead(200, { 'Content-Length': '500' }).write('version', () => response.destroy()),
      'sts-policy-fetch-error',
    ],
  ])('that %s has none', async (_, how, code) => {
    const { result, host } = await fetched(how)
    expect(await result).toMatchObject({ ok: false, code })
    expect(host.asked).toHaveLength(1)
  })

  it('may say which letters its text is in', async () => {
    const { result } = await fetched(says(file('testing'), { type: 'Text/Plain; charset=utf-8' }))
    expect(await result).toMatchObject({ ok: true, value: { mode: 'testing' } })
  })

  it.each<[string, () => Promise<object>]>([
    [
      'of another name',
      async () => ({
        certificate: await authority.issue({ names: ['remote.test', '*.mta-sts.remote.test'], commonName: 'mta-sts.remote.test' }),
      }),
    ],
    ['without a name', async () => ({ certificate: await authority.issue({ commonName: 'mta-sts.remote.test' }) })],
    ['that is over', async () => ({ certificate: await authority.issue({ names: ['mta-sts.remote.test'], expired: true }) })],
    ['from nobody whom the world trusts', async () => ({ ca: (await createAuthority()).cert })],
  ])('is not believed with a certificate %s', async (_, change) => {
    const { result, host } = await fetched(says(file('enforce')), await change())
    expect(await result).toMatchObject({ ok: false, code: 'sts-webpki-invalid' })
    expect(host.asked).toHaveLength(0)
  })

  it('is not looked for in our own network, however the address is written', async () => {
    for (const records of [
      { A: ['127.0.0.1', '10.0.0.1', '169.254.169.254'] },
      { AAAA: ['::1', '::ffff:127.0.0.1', 'fd00:ec2::254', '64:ff9b::7f00:1'] },
    ]) {
      const { result, host } = await fetched(says(file('enforce')), { private: false, zone: { 'mta-sts.remote.test': records } })
      expect(await result).toMatchObject({ ok: false, code: 'sts-policy-fetch-error' })
      expect(host.asked).toHaveLength(0)
    }
  })

  it('that says nothing is left after a while', async () => {
    const { result, host, clock } = await fetched(() => {})
    await host.untilAsked()
    await clock.advance(10_000)
    expect(await result).toMatchObject({ ok: false, code: 'sts-policy-fetch-error', detail: 'time is up' })
  })

  it('that says one octet after the other is left just the same', async () => {
    const { result, host, clock } = await fetched((response) => void response.writeHead(200, { 'Content-Type': 'text/plain' }).write('v'))
    await host.untilAsked()
    await clock.advance(10_000)
    expect(await result).toMatchObject({ ok: false, code: 'sts-policy-fetch-error' })
  })
})
