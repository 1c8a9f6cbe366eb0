import { beforeAll, expect, it } from 'vitest'
import { createZoneResolver } from '../../../dns/resolver.ts'
import { createDeliverer } from '../../../server/outbound/deliver.ts'
import { createTlsCounter } from '../../../server/outbound/tls/counter.ts'
import { createTlsGuard } from '../../../server/outbound/tls/guard.ts'
import { createStsPolicies } from '../../../server/outbound/tls/mta-sts.ts'
import { createSmtpTransport } from '../../../server/outbound/transport/smtp.ts'
import type { Session, SessionEnd } from '../../../server/outbound/transport.ts'
import { silentLog } from '../../../server/platform/log.ts'
import type { Store } from '../../../server/store/db.ts'
import { tlsResultsOf } from '../../../server/store/tls-results.ts'
import type { DomainName } from '../../../dns/name.ts'
import { createAuthority } from '../../support/authority.ts'
import { createHttpsHost, says } from '../../support/https-host.ts'
import { createLeaving, statesOf } from '../../support/leaving.ts'
import { type RemoteMx, createRemoteMx } from '../../support/remote-mx.ts'
import { describeOnEachEngine } from '../../support/stores.ts'

const certificate: { key: string; cert: string; ca: string } = { key: '', cert: '', ca: '' }
beforeAll(async () => {
  const authority = await createAuthority()
  Object.assign(certificate, await authority.issue({ names: ['mta-sts.remote.test'] }), { ca: authority.cert })
})

const accepted: SessionEnd = {
  stage: 'dot',
  reply: { code: 250, status: '2.0.0', text: 'Ok' },
  by: 'remote',
  mayBeAccepted: false,
  remoteAddress: '127.0.0.1',
  tls: 'TLSv1.3 X',
  tlsTrouble: null,
}

/** A mail host that may be reached for real, and whom it is trusted by. */
type Reached = { remote: RemoteMx; authority: string }

/** `remote.test` with two mail hosts and a policy; a transport that takes everything and tells what it was asked for. */
async function worldOf(store: Store, policy: string, reached?: Reached) {
  const host = await createHttpsHost(certificate, says(policy))
  const zone = {
    'remote.test': {
      MX: [
        { priority: 10, exchange: 'mx.remote.test' },
        { priority: 20, exchange: 'backup.test' },
      ],
    },
    'backup.test': { A: ['127.0.0.1'] },
    '_mta-sts.remote.test': { TXT: ['v=STSv1; id=1;'] },
    'mta-sts.remote.test': { A: ['127.0.0.1'] },
  }
  const leaving = await createLeaving(store, { zone })
  const resolver = createZoneResolver(leaving.zone)
  const asked: Session[] = []
  const { clock } = leaving
  const counter = createTlsCounter({ store, clock, log: silentLog })
  const https = { resolver, clock, allowPrivateTargets: true, port: host.port, ca: certificate.ca }
  const tls = createTlsGuard({
    resolver,
    policies: createStsPolicies({ store, log: silentLog, ...https }),
    validates: true,
    count: counter.count,
  })
  const route = {
    hostname: 'mx.ours.test',
    port: reached?.remote.port ?? 25,
    smarthost: null,
    allowPrivateTargets: true,
    ownListener: null,
  }
  const smtp = reached && createSmtpTransport({ hostname: 'mx.ours.test', clock, authorities: [reached.authority] })
  const transport = (session: Session): Promise<SessionEnd> => {
    asked.push(session)
    return smtp === undefined ? Promise.resolve(accepted) : smtp(session)
  }
  const deliver = createDeliverer({ store, resolver, route, transport, tls, clock, log: silentLog })
  return { leaving, asked, counter, runner: leaving.anotherRunner({ deliver }) }
}

const policy = (mode: string, mx: string): string => `version: STSv1\nmode: ${mode}\nmx: ${mx}\nmax_age: 86400\n`
const today = (now: number): number => Math.floor(now / 86_400_000)

describeOnEachEngine('a delivery to a domain with a policy', (openStore) => {
  it('goes past the host that the policy does not name, and both are counted', async () => {
    const store = await openStore()
    const { leaving, asked, counter, runner } = await worldOf(store, policy('enforce', 'backup.test'))
    const email = await leaving.queue()
    await runner.drain()
    expect(await statesOf(leaving, email)).toEqual(['delivered'])
    expect(asked.map(({ target, tls }) => [target.host, tls])).toEqual([
      ['backup.test', { kind: 'verified', because: 'mta-sts', names: ['backup.test'] }],
    ])
    await counter.flush()
    const results = await tlsResultsOf(store.db, today(leaving.clock.now()), 'remote.test' as DomainName)
    expect(results.map(({ counted, sessions }) => [counted.host, counted.result, sessions])).toEqual([
      ['backup.test', null, 1],
      ['mx.remote.test', 'validation-failure', 1],
    ])
    expect(results[0]?.counted.policy).toEqual({
      type: 'sts',
      strings: ['version: STSv1', 'mode: enforce', 'mx: backup.test', 'max_age: 86400'],
      mx: ['backup.test'],
    })
  })

  it.each([
    ['goes to the host whose certificate is right', 'enforce', 'mx.remote.test', 'delivered', null],
    ['waits while the host shows a certificate for another name', 'enforce', 'other.test', 'queued', 'certificate-host-mismatch'],
    [
      'goes although the certificate is wrong while the policy is tested, and that is counted',
      'testing',
      'other.test',
      'delivered',
      'certificate-host-mismatch',
    ],
  ])('%s', async (_what, mode, name, state, result) => {
    const store = await openStore()
    const authority = await createAuthority()
    const remote = await createRemoteMx({ tls: 'works', certificate: await authority.issue({ names: [name] }) })
    const { leaving, counter, runner } = await worldOf(store, policy(mode, 'mx.remote.test'), { remote, authority: authority.cert })
    const email = await leaving.queue()
    await runner.drain()
    expect(await leaving.deliveries(email)).toMatchObject([
      { state, ...(state === 'queued' && { last_reply: expect.stringContaining('451 4.7.5') }) },
    ])
    expect((await remote.received(0)).map(({ tls }) => tls)).toEqual(state === 'delivered' ? [true] : [])
    await counter.flush()
    const results = await tlsResultsOf(store.db, today(leaving.clock.now()), 'remote.test' as DomainName)
    expect(results.find(({ counted }) => counted.host === 'mx.remote.test')?.counted).toMatchObject({ policy: { type: 'sts' }, result })
  })

  it('waits while the host does not offer TLS that its policy wants, and never goes in plain text', async () => {
    const remote = await createRemoteMx()
    const { leaving, runner } = await worldOf(await openStore(), policy('enforce', 'mx.remote.test'), { remote, authority: certificate.ca })
    const email = await leaving.queue()
    for (let time = 0; time < 3; time++) {
      await runner.drain()
      await leaving.clock.advance(60 * 60_000)
    }
    expect(await leaving.deliveries(email)).toMatchObject([
      { state: 'queued', attempts: 3, last_reply: expect.stringContaining('451 4.7.') },
    ])
    expect([remote.sessions(), await remote.received(0)]).toEqual([3, []])
  })

  it('waits while the policy names none of its hosts', async () => {
    const { leaving, asked, runner } = await worldOf(await openStore(), policy('enforce', 'elsewhere.test'))
    const email = await leaving.queue()
    await runner.drain()
    expect(asked).toEqual([])
    expect(await leaving.deliveries(email)).toMatchObject([{ state: 'queued', attempts: 1, last_reply: expect.stringContaining('4.7.5') }])
  })

  it('ends when its message must be protected and no host is proved', async () => {
    const store = await openStore()
    const { leaving, asked, runner } = await worldOf(store, policy('none', 'elsewhere.test'))
    const email = await leaving.queue()
    await store.db.updateTable('emails').set({ require_tls: 1 }).where('id', '=', email.id).execute()
    await runner.drain()
    expect(asked).toEqual([])
    expect(await leaving.deliveries(email)).toMatchObject([{ state: 'bounced', last_reply: expect.stringContaining('550 5.7.30') }])
  })

  it('adds what was counted to what was counted before', async () => {
    const store = await openStore()
    const { leaving, counter, runner } = await worldOf(store, policy('testing', '*.test'))
    for (let i = 0; i < 3; i++) {
      await leaving.queue({ to: ['a@remote.test', 'b@remote.test'] })
      await runner.drain()
      await leaving.clock.advance(60_000)
      await counter.flush()
    }
    const results = await tlsResultsOf(store.db, today(leaving.clock.now()), 'remote.test' as DomainName)
    expect(results.map(({ sessions, counted }) => [sessions, counted.result])).toEqual([[6, 'validation-failure']])
  })
})
