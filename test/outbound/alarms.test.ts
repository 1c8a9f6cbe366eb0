import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { noteAlarms, providerOf } from '../../server/outbound/alarms.ts'
import { verdict } from '../../server/outbound/classify-meanings.ts'
import { delistLink, listOperators } from '../../server/outbound/list-operators.ts'
import { unsent } from '../../server/outbound/outcome.ts'
import { listAlarms, raiseAlarm } from '../../server/store/alarms.ts'
import { type Leaving, createLeaving } from '../support/leaving.ts'
import { createRemoteMx } from '../support/remote-mx.ts'
import { describeOnEachEngine } from '../support/stores.ts'

const blocked =
  '554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org; https://www.spamhaus.org/query/ip/192.0.2.1'

describeOnEachEngine('an operator', (openStore) => {
  const ofAlarms = async (leaving: Leaving) => (await leaving.events()).filter((event) => event.type === 'operator.alarm')
  const next = async (leaving: Leaving): Promise<void> => {
    const due = await leaving.nextDue()
    if (due !== null) await leaving.clock.advance(Math.max(0, due - leaving.clock.now()))
    await leaving.runner.drain()
  }

  it('is told once of a block list, with the place to ask; and no more after the first delivery that passes there', async () => {
    const store = await openStore()
    const remote = await createRemoteMx({ answers: { rcpt: [blocked, blocked, '250 Ok'] }, extensions: [] })
    const leaving = await createLeaving(store, { remote })
    await leaving.queue()
    await leaving.runner.drain()
    const raisedAt = leaving.clock.now()
    expect(await listAlarms(store.db)).toMatchObject([
      {
        class: 'blocklisted',
        provider: 'remote.test',
        source: '',
        link: 'https://www.spamhaus.org/query/ip/192.0.2.1',
        count: 1,
        first_at: raisedAt,
      },
    ])
    await next(leaving)
    expect(await listAlarms(store.db)).toMatchObject([{ count: 2, first_at: raisedAt, last_at: leaving.clock.now() }])
    expect(await ofAlarms(leaving)).toMatchObject([
      { data: { class: 'blocklisted', provider: 'remote.test', remedy: expect.stringContaining('delisting') } },
    ])
    await next(leaving)
    expect(await listAlarms(store.db)).toEqual([])
    const logged = await store.db.selectFrom('log_entries').select('action').where('action', 'like', 'alarm.%').orderBy('seq').execute()
    expect(logged.map((entry) => entry.action)).toEqual(['alarm.raised', 'alarm.ended'])
  })

  it('is told also when another message passed there at the same moment', async () => {
    const store = await openStore()
    const leaving = await createLeaving(store)
    await leaving.queue()
    const email = await store.db.selectFrom('emails').selectAll().executeTakeFirstOrThrow()
    const facts = { host: 'mx.remote.test', remoteAddress: null, tls: null, signatures: null, reply: null }
    const refused = { ...unsent(verdict('blocklisted', 'retry'), blocked), facts }
    const passed = { ...unsent(verdict('delivered', 'delivered'), '250 Ok'), facts }
    const now = leaving.clock.now()
    for (const outcomes of [
      [refused, passed],
      [passed, refused],
    ]) {
      await store.transaction(async (tx) =>
        noteAlarms(
          tx,
          outcomes.map((outcome) => ({ email, outcome, now })),
        ),
      )
      expect(await listAlarms(store.db)).toMatchObject([{ class: 'blocklisted', provider: 'remote.test' }])
    }
  })

  it('learns which domain does not pass, and not that somebody mistyped an address', async () => {
    const store = await openStore()
    const remote = await createRemoteMx({
      answers: { rcpt: ['550 5.1.1 No such user', '550 5.7.26 Unauthenticated email is not accepted'] },
      extensions: [],
    })
    const leaving = await createLeaving(store, { remote, runner: { concurrency: 1 } })
    await leaving.queue({ to: ['a@remote.test', 'b@remote.test'] })
    await leaving.runner.drain()
    const [domain] = leaving.office.mailbox.address.split('@').slice(1)
    expect(await listAlarms(store.db)).toMatchObject([{ class: 'authentication', provider: 'remote.test', source: domain }])
  })

  it('is not told of what happens in the test world', async () => {
    const store = await openStore()
    const leaving = await createLeaving(store, { world: 'test' })
    await leaving.queue({ to: ['reject@remote.test'] })
    await leaving.runner.drain()
    expect(await listAlarms(store.db)).toEqual([])
  })

  it('keeps no more alarms than somebody can read, however many names strangers have', async () => {
    const store = await openStore()

    await store.transaction(async (tx) => {
      for (let at = 0; at < 205; at += 1) {
        await raiseAlarm(tx, { class: 'blocklisted', source: '', provider: `p${at}.test`, reply: '554 No', link: null }, at)
      }
    })
    const kept = await listAlarms(store.db)
    expect([kept.length, kept[0]?.provider, kept.at(-1)?.provider]).toEqual([200, 'p204.test', 'p5.test'])
  })
})

describe('the link to ask at', () => {
  it.each([
    ['see https://www.spamhaus.org/query/ip/192.0.2.1.', 'https://www.spamhaus.org/query/ip/192.0.2.1'],
    ['blocked by spamhaus', 'https://check.spamhaus.org/'],
    ['(S3140)', 'https://olcsupport.office.com/'],
    ['see https://evil.test/spamhaus.org', 'https://check.spamhaus.org/'],
    ['see https://www.spamhaus.org.evil.test/ now', 'https://check.spamhaus.org/'],
    ['see https://www.spamhaus.org@evil.test/', 'https://check.spamhaus.org/'],
    ['see https://psbl.org:8443/', 'https://psbl.org/remove'],
    ['see javascript:alert(1)', null],
    ['see https://evil.test/', null],
  ])('%s: %s', (reply, link) => {
    expect(delistLink(`554 5.7.1 ${reply}`)).toBe(link)
  })

  it('is none but a known operator’s, whatever a stranger writes', () => {
    const hosts = listOperators.flatMap((operator) => operator.hosts)
    const pages = new Set(listOperators.map((operator) => operator.page))
    const text = fc
      .array(fc.oneof(fc.webUrl(), fc.string(), fc.constantFrom(...hosts, 'https://', '@', '.evil.test/')))
      .map((parts) => parts.join(''))
    fc.assert(
      fc.property(text, (reply) => {
        const link = delistLink(reply)
        if (link === null || pages.has(link)) return
        const { protocol, hostname } = new URL(link)
        expect(['http:', 'https:']).toContain(protocol)
        expect(hosts.some((host) => hostname === host || hostname.endsWith(`.${host}`))).toBe(true)
      }),
    )
    delistLink('https://a'.repeat(20_000))
  })
})

it('providers are known by their registered name', () => {
  expect(['mx01.mail.icloud.com', 'aspmx.l.google.com', 'mx.remote.co.uk', '192.0.2.1', 'localhost', null].map(providerOf)).toEqual([
    'icloud.com',
    'google.com',
    'remote.co.uk',
    '192.0.2.1',
    'localhost',
    '',
  ])
})
