import { gunzipSync } from 'node:zlib'
import { dkimVerify } from 'mailauth/lib/dkim/verify.js'
import PostalMime from 'postal-mime'
import { beforeAll, expect, it } from 'vitest'
import type { DomainName } from '../../../../dns/name.ts'
import { createZoneResolver } from '../../../../dns/resolver.ts'
import { type Address, domainOf } from '../../../../server/model/address.ts'
import { createTlsCounter } from '../../../../server/outbound/tls/counter.ts'
import { everything, resumeSending, stopSending } from '../../../../server/outbound/control/stops.ts'
import { type Reporter, createReporter } from '../../../../server/outbound/tls/reports/reporter.ts'
import { submitterFor } from '../../../../server/outbound/tls/reports/submitter.ts'
import { createSmtpTransport } from '../../../../server/outbound/transport/smtp.ts'
import { silentLog } from '../../../../server/platform/log.ts'
import type { Store } from '../../../../server/store/db.ts'
import { createAuthority } from '../../../support/authority.ts'
import { type HttpsHost, createHttpsHost, says } from '../../../support/https-host.ts'
import { type Leaving, createLeaving } from '../../../support/leaving.ts'
import { type RemoteMx, createRemoteMx } from '../../../support/remote-mx.ts'
import { describeOnEachEngine } from '../../../support/stores.ts'

const minute = 60_000
const hour = 60 * minute
const certificate = { key: '', cert: '', ca: '' }
beforeAll(async () => {
  const authority = await createAuthority()
  Object.assign(certificate, await authority.issue({ names: ['reports.test'] }), { ca: authority.cert })
})

type World = {
  store: Store
  leaving: Leaving
  remote: RemoteMx
  web: HttpsHost
  reporter: Reporter
  anotherReporter(change?: { allowPrivateTargets?: boolean }): Reporter
  /** Counts so many sessions with the host of a domain, at the time it is. */
  count(domain?: string, result?: 'certificate-expired' | null, policy?: 'tlsa'): Promise<void>
  work(reporter?: Reporter): Promise<void>
  reports(): Promise<{ domain: string; state: string; tries: number; places_json: string }[]>
}

const asksBoth = 'v=TLSRPTv1;rua=mailto:tls@remote.test,https://reports.test/v1?x=y'
const asksMail = 'v=TLSRPTv1;rua=mailto:tls@remote.test'

async function worldOf(store: Store, rua: string | null = asksMail): Promise<World> {
  const remote = await createRemoteMx()
  const web = await createHttpsHost(certificate, says(''))
  const leaving = await createLeaving(store, { remote })
  const { clock, zone } = leaving
  Object.assign(zone, { 'reports.test': { A: ['127.0.0.1'] }, ...(rua !== null && { '_smtp._tls.remote.test': { TXT: [rua] } }) })
  const resolver = createZoneResolver(zone)
  const route = { hostname: 'mx.ours.test', port: remote.port, smarthost: null, ownListener: null }
  const counter = createTlsCounter({ store, clock, log: silentLog })
  const anotherReporter: World['anotherReporter'] = ({ allowPrivateTargets = true } = {}) =>
    createReporter({
      store,
      resolver,
      route: { ...route, allowPrivateTargets },
      transport: createSmtpTransport({ hostname: 'mx.ours.test', clock }),
      https: { resolver, clock, allowPrivateTargets, port: web.port, ca: certificate.ca },
      clock,
      log: silentLog,
      sends: true,
      algorithms: ['rsa-sha256', 'ed25519-sha256'],
      random: () => 0.5,
    })
  const reporter = anotherReporter()
  const none = { type: 'no-policy-found', strings: [], mx: [] } as const
  return {
    store,
    leaving,
    remote,
    web,
    reporter,
    anotherReporter,
    async count(domain = 'remote.test', result = null, type) {
      const policy = type === 'tlsa' ? ({ type, strings: ['3 1 1 aa'], mx: [] } as const) : none
      counter.count({ domain: domain as DomainName, host: 'mx.remote.test', policy, result })
      await counter.flush()
    },
    work: async (one = reporter) => await one.jobs.find(({ name }) => name === 'tls-reports')?.work(clock.now()),
    reports: () => store.db.selectFrom('tls_reports').select(['domain', 'state', 'tries', 'places_json']).orderBy('domain').execute(),
  }
}

/** From noon, when the sessions are counted, past the time at which all of yesterday's reports are due. */
const untilDue = 16 * hour + minute

describeOnEachEngine('the daily reports on TLS', (openStore) => {
  it('go to each place that the domain names, by mail and by HTTPS, and say the same', async () => {
    const { leaving, remote, web, count, work, reports } = await worldOf(await openStore(), asksBoth)
    await count()
    await count('remote.test', 'certificate-expired')
    await leaving.clock.advance(untilDue)
    await work()
    const [mail] = await remote.received()
    expect(mail).toMatchObject({ reversePath: '', forwardPaths: ['tls@remote.test'] })
    expect(web.asked).toMatchObject([{ method: 'POST', host: 'reports.test', path: '/v1?x=y', type: 'application/tlsrpt+gzip' }])
    const report = JSON.parse(gunzipSync(web.asked[0]?.body ?? '').toString()) as unknown
    expect(report).toMatchObject({
      'date-range': { 'start-datetime': '2026-11-22T00:00:00Z' },
      policies: [{ summary: { 'total-successful-session-count': 1, 'total-failure-session-count': 1 } }],
    })
    const { attachments } = await PostalMime.parse(mail?.raw ?? '')
    expect(JSON.parse(gunzipSync(Buffer.from(attachments[0]?.content as ArrayBuffer)).toString())).toEqual(report)
    expect(await reports()).toMatchObject([{ domain: 'remote.test', state: 'sent', tries: 1 }])
  })

  it('are signed by the domain that they come from', async () => {
    const { store, leaving, remote, count, work } = await worldOf(await openStore())
    await count()
    await leaving.clock.advance(untilDue)
    await work()
    const [mail] = await remote.received()
    const domain = domainOf(leaving.office.mailbox.address as Address)
    const resolver = createZoneResolver(await publishedKeys(store, domain))
    const verified = await dkimVerify(mail?.raw ?? Buffer.alloc(0), {
      resolver: async (name: string) => {
        const found = await resolver.txt(name)
        return found.kind === 'found' ? found.value : []
      },
      curTime: new Date(leaving.clock.now()),
    })
    expect(verified.results.map(({ status, signingDomain }) => [status.result, signingDomain])).toEqual([
      ['pass', domain],
      ['pass', domain],
    ])
  })

  it('come from the domain that our host name is in, or else from the first', async () => {
    const store = await openStore()
    const { leaving } = await worldOf(store)
    const first = domainOf(leaving.office.mailbox.address as Address)
    const { office } = await createLeaving(store)
    const other = domainOf(office.mailbox.address as Address)
    const both = ['rsa-sha256', 'ed25519-sha256'] as const
    expect(await submitterFor(store, 'mx.elsewhere.test', both)).toMatchObject({
      domain: first,
      keys: [{ domain: first }, { domain: first }],
    })
    expect(await submitterFor(store, `mx.${other}`, ['rsa-sha256'])).toMatchObject({ domain: other, keys: [{ algorithm: 'rsa-sha256' }] })
    expect(await submitterFor(await openStore(), 'mx.elsewhere.test', both)).toBeNull()
  })

  it('are about a whole day, wait for its end, and are spread over four hours', async () => {
    const { store, leaving, remote, count, work } = await worldOf(await openStore())
    await count()
    for (const time of [11 * hour, hour, 5 * minute]) {
      await leaving.clock.advance(time)
      await work()
      expect(await store.db.selectFrom('tls_reports').selectAll().execute()).toEqual([])
    }
    await leaving.clock.advance(5 * minute)
    await work()
    const midnight = Date.UTC(2026, 10, 23)
    expect(await store.db.selectFrom('tls_reports').select('next_try_at').execute()).toEqual([{ next_try_at: midnight + 125 * minute }])
    expect(remote.sessions()).toBe(0)
    await leaving.clock.advance(2 * hour)
    await work()
    expect(await remote.received()).toHaveLength(1)
  })

  it('go once, when two nodes come to them at the same time and again later', async () => {
    const { leaving, remote, anotherReporter, count, work, reports } = await worldOf(await openStore())
    await count()
    await leaving.clock.advance(untilDue)
    const nodes = [anotherReporter(), anotherReporter()]
    for (let time = 0; time < 3; time++) {
      await Promise.all(nodes.map(work))
      await leaving.clock.advance(8 * hour)
    }
    expect(await remote.received()).toHaveLength(1)
    expect(await reports()).toMatchObject([{ state: 'sent', tries: 1 }])
  })

  it('go to nobody who did not ask, or of whom nothing is known', async () => {
    const { leaving, remote, web, count, work, reports } = await worldOf(await openStore(), null)
    await count()
    await count('other.test')
    await leaving.clock.advance(untilDue)
    await work()
    expect(await reports()).toMatchObject([
      { domain: 'other.test', state: 'unwanted' },
      { domain: 'remote.test', state: 'unwanted' },
    ])
    expect([remote.sessions(), web.asked.length]).toEqual([0, 0])
  })

  it('go to a mail host with keys in the DNS as well, which asks for itself', async () => {
    const { leaving, remote, count, work, reports } = await worldOf(await openStore(), null)
    leaving.zone['_smtp._tls.mx.remote.test'] = { TXT: ['v=TLSRPTv1;rua=mailto:host@remote.test'] }
    await count('remote.test', null, 'tlsa')
    await count('other.test', null, 'tlsa')
    await leaving.clock.advance(untilDue)
    await work()
    expect(await remote.received()).toMatchObject([{ forwardPaths: ['host@remote.test'] }])
    expect((await reports()).map(({ domain, state }) => [domain, state])).toEqual([
      ['mx.remote.test', 'sent'],
      ['other.test', 'unwanted'],
      ['remote.test', 'unwanted'],
    ])
  })

  it('are tried again where they did not arrive, and there alone', async () => {
    const { leaving, remote, web, count, work, reports } = await worldOf(await openStore(), asksBoth)
    web.answer(says('', { status: 503 }))
    await count()
    await leaving.clock.advance(untilDue)
    await work()
    expect(await reports()).toMatchObject([{ state: 'due', tries: 1 }])
    await leaving.clock.advance(14 * minute)
    await work()
    expect(web.asked).toHaveLength(1)
    web.answer(says('', { status: 201 }))
    await leaving.clock.advance(minute)
    await work()
    expect(web.asked).toHaveLength(2)
    expect(await remote.received()).toHaveLength(1)
    expect(await reports()).toMatchObject([{ state: 'sent', tries: 2 }])
  })

  it('end with a refusal, or after a day of trying, and no bounce comes of it', async () => {
    const { leaving, remote, web, count, work, reports } = await worldOf(await openStore(), asksBoth)
    remote.answer({ rcpt: '550 5.1.1 No such user' })
    web.answer(says('', { status: 500 }))
    await count()
    await leaving.clock.advance(untilDue)
    for (let time = 0; time < 26 * 4; time++) {
      await work()
      await leaving.clock.advance(15 * minute)
    }
    expect(await reports()).toMatchObject([{ state: 'failed', tries: 7, places_json: '{"mailto:tls@remote.test":"refused"}' }])
    expect([remote.sessions(), web.asked.length]).toEqual([1, 7])
  })

  it('wait while the DNS does not answer', async () => {
    const { leaving, remote, count, work, reports } = await worldOf(await openStore())
    leaving.zone['_smtp._tls.remote.test'] = { SERVFAIL: true }
    await count()
    await leaving.clock.advance(untilDue)
    await work()
    expect(await reports()).toMatchObject([{ state: 'due', tries: 1 }])
    leaving.zone['_smtp._tls.remote.test'] = { TXT: [asksMail] }
    await leaving.clock.advance(15 * minute)
    await work()
    expect(await remote.received()).toHaveLength(1)
  })

  it('are sent without insisting on TLS, and their own sessions are not counted', async () => {
    const { store, leaving, remote, count, work } = await worldOf(await openStore())
    leaving.zone['_mta-sts.remote.test'] = { TXT: ['v=STSv1; id=1;'] }
    await count('remote.test', 'certificate-expired')
    await leaving.clock.advance(untilDue)
    await work()
    expect(await remote.received()).toMatchObject([{ tls: false }])
    await leaving.clock.advance(24 * hour)
    await work()
    expect(await store.db.selectFrom('tls_results').select('day').execute()).toHaveLength(1)
    expect(await remote.received()).toHaveLength(1)
  })

  it('stay here while sending is stopped, and what is under way then is broken off', async () => {
    const { store, leaving, remote, count, work, reports } = await worldOf(await openStore())
    const { clock } = leaving
    const actor = { kind: 'system', part: 'host' } as const
    await count()
    await clock.advance(untilDue)
    await stopSending({ store, clock }, { scope: everything, actor })
    await work()
    expect(remote.sessions()).toBe(0)
    expect(await reports()).toMatchObject([{ state: 'due', tries: 0 }])
    await resumeSending({ store, clock }, { scope: everything, actor })
    remote.answer({ mail: ['hang', '250 2.1.0 Ok'] })
    const working = work()
    await remote.reached('mail')
    await stopSending({ store, clock }, { scope: everything, actor })
    await advanceUntil(working, clock)
    expect(await reports()).toMatchObject([{ state: 'due', tries: 1 }])
    await resumeSending({ store, clock }, { scope: everything, actor })
    await clock.advance(15 * minute)
    await work()
    expect(await remote.received()).toHaveLength(1)
  })

  it('stay here for a domain to which nothing is sent', async () => {
    const { store, leaving, remote, count, work, reports } = await worldOf(await openStore())
    const scope = { ...everything, domain: 'remote.test' }
    await stopSending({ store, clock: leaving.clock }, { scope, actor: { kind: 'system', part: 'host' } })
    await count()
    await leaving.clock.advance(untilDue)
    await work()
    expect(remote.sessions()).toBe(0)
    expect(await reports()).toMatchObject([{ state: 'due' }])
  })

  it('are broken off when the appliance stops', async () => {
    const { leaving, remote, reporter, count, work, reports } = await worldOf(await openStore())
    remote.answer({ ehlo: 'hang' })
    await count()
    await leaving.clock.advance(untilDue)
    const working = work()
    await remote.reached('ehlo')
    reporter.stop()
    await working
    expect(await reports()).toMatchObject([{ state: 'due', tries: 1 }])
  })

  it('are not sent into our own network, whatever a record says', async () => {
    const { leaving, remote, web, anotherReporter, count, work, reports } = await worldOf(await openStore(), asksBoth)
    await count()
    await leaving.clock.advance(untilDue)
    await work(anotherReporter({ allowPrivateTargets: false }))
    expect([remote.sessions(), web.asked.length]).toEqual([0, 0])
    expect(await reports()).toMatchObject([{ state: 'due', tries: 1 }])
  })

  it('are on the record, once each', async () => {
    const { store, leaving, count, work } = await worldOf(await openStore(), asksBoth)
    await count()
    await leaving.clock.advance(untilDue)
    await work()
    const entries = await store.db
      .selectFrom('log_entries')
      .select(['action', 'details_json'])
      .where('action', '=', 'tls_report.sent')
      .execute()
    expect(entries.map(({ details_json }) => JSON.parse(details_json ?? '') as unknown)).toMatchObject([{ domain: 'remote.test' }])
  })

  it('and what they were made of are forgotten after a while', async () => {
    const { store, leaving, reporter, count, work, reports } = await worldOf(await openStore())
    const clean = async () => await reporter.jobs.find(({ name }) => name === 'tls-cleaning')?.work(leaving.clock.now())
    await count()
    await leaving.clock.advance(untilDue)
    await work()
    await leaving.clock.advance(6 * 24 * hour)
    await clean()
    expect(await store.db.selectFrom('tls_results').select('day').execute()).toHaveLength(1)
    await leaving.clock.advance(3 * 24 * hour)
    await clean()
    expect(await store.db.selectFrom('tls_results').select('day').execute()).toEqual([])
    expect(await reports()).toHaveLength(1)
    await leaving.clock.advance(60 * 24 * hour)
    await clean()
    expect(await reports()).toEqual([])
  })
})

const publishedKeys = async (store: Store, domain: DomainName) => {
  const rows = await store.db.selectFrom('dkim_keys').select(['selector', 'public_key', 'algorithm']).execute()
  return Object.fromEntries(
    rows.map(({ selector, public_key, algorithm }) => [
      `${selector}._domainkey.${domain}`,
      { TXT: [`v=DKIM1; k=${algorithm === 'rsa-sha256' ? 'rsa' : 'ed25519'}; p=${public_key}`] },
    ]),
  )
}

/** Time goes on, in small steps, until it is done. */
async function advanceUntil(working: Promise<void>, clock: Leaving['clock']): Promise<void> {
  const done = working.then(() => true)
  while (!(await Promise.race([done, clock.advance(100).then(() => false)])));
}
