import { once } from 'node:events'
import PostalMime from 'postal-mime'
import { dkimVerify } from 'mailauth/lib/dkim/verify.js'
import { expect, it } from 'vitest'
import { createZoneResolver } from '../../../dns/resolver.ts'
import { newId } from '../../../server/model/ids.ts'
import { everything, resumeSending, stopSending } from '../../../server/outbound/control/stops.ts'
import { createPostman } from '../../../server/outbound/operator-mail/postman.ts'
import type { Reply } from '../../../server/model/reply.ts'
import type { Transport } from '../../../server/outbound/transport.ts'
import { createSmtpTransport } from '../../../server/outbound/transport/smtp.ts'
import { silentLog } from '../../../server/platform/log.ts'
import type { Store } from '../../../server/store/db.ts'
import { activeDkimKeys } from '../../../server/store/dkim-keys.ts'
import { insertDomain } from '../../../server/store/domains.ts'
import { insertOperatorMail } from '../../../server/store/operator-mails.ts'
import { createLeaving } from '../../support/leaving.ts'
import { createRemoteMx } from '../../support/remote-mx.ts'
import { describeOnEachEngine } from '../../support/stores.ts'

const minute = 60_000
const hour = 60 * minute
const body = 'An API key wants to create an API key.\n\n  A7X2-9KQ4\n\nÜber “all”.\n'

/** In front of a transport: whoever is at slow….test gets no end before somebody breaks it off. `begun`: to whom, in order. */
function slowHosts() {
  const begun: string[] = []
  let told = (): void => undefined
  return {
    begun,
    before:
      (transport: Transport): Transport =>
      async (session) => {
        const { dispatch, signal } = session
        begun.push(dispatch.forwardPath)
        told()
        if (!dispatch.forwardPath.includes('@slow')) return transport(session)
        if (!signal.aborted) await once(signal, 'abort')
        const reply: Reply = { code: 421, status: '4.4.2', text: 'too slow' }
        return { stage: 'greeting', by: 'us', reply, mayBeAccepted: false, remoteAddress: null, tls: null }
      },
    /** Resolves when this many were begun. */
    async until(count: number): Promise<string[]> {
      while (begun.length < count) await new Promise<void>((resolve) => (told = resolve))
      return begun.toSorted()
    },
  }
}

async function worldOf(store: Store, { signed = true, slow = slowHosts() } = {}) {
  const remote = await createRemoteMx()
  const leaving = await createLeaving(store, { remote, signed })
  const { clock, office } = leaving
  for (let n = 0; n < 12; n++) leaving.zone[`slow${n}.test`] = { MX: [{ priority: 10, exchange: 'mx.remote.test' }] }
  const resolver = createZoneResolver(leaving.zone)
  const route = { hostname: 'mx.ours.test', port: remote.port, smarthost: null, ownListener: null, allowPrivateTargets: true }
  const newPostman = () =>
    createPostman({
      store,
      resolver,
      route,
      transport: slow.before(createSmtpTransport({ hostname: 'mx.ours.test', clock })),
      algorithms: ['rsa-sha256', 'ed25519-sha256'],
      clock,
      log: silentLog,
    })
  const domain = office.mailbox.address.slice(office.mailbox.address.indexOf('@') + 1)
  return {
    store,
    remote,
    clock,
    domain,
    office,
    newPostman,
    postman: newPostman(),
    write: (recipient = 'boss@remote.test', ofSignup = false) =>
      store.transaction((tx) =>
        insertOperatorMail(tx, {
          accountId: office.mailbox.account_id,
          recipient,
          subject: 'Approval needed: create an API key',
          body,
          now: clock.now(),
          giveUpAt: clock.now() + 24 * hour,
          ofSignup,
        }),
      ),
    rows: () => store.db.selectFrom('operator_mails').selectAll().orderBy('id').execute(),
  }
}

describeOnEachEngine('letters to the operator', (openStore) => {
  it('leave signed by a domain of the account, say what they say, and are not kept', async () => {
    const { store, remote, domain, postman, write, rows } = await worldOf(await openStore())
    await write()
    await postman.work()
    const [mail, ...more] = await remote.received()
    expect(more).toEqual([])
    expect(mail).toMatchObject({ reversePath: '', forwardPaths: ['boss@remote.test'] })
    const letter = await PostalMime.parse(mail?.raw ?? '')
    expect(letter).toMatchObject({
      from: { address: `postmaster@${domain}` },
      to: [{ address: 'boss@remote.test' }],
      replyTo: [{ address: 'boss@remote.test' }],
      subject: 'Approval needed: create an API key',
    })
    expect(letter.text?.replaceAll('\r\n', '\n').trimEnd()).toBe(body.trimEnd())
    const fields = Object.fromEntries(letter.headers.map(({ key, value }) => [key, value]))
    expect(fields).toMatchObject({
      'x-ai-generated': 'false',
      'auto-submitted': 'auto-generated',
      'message-id': expect.stringContaining('opm_'),
    })
    const keys = await activeDkimKeys(store.db, domain)
    const published = Object.fromEntries(
      keys.map(({ selector, algorithm, public_key }) => [
        `${selector}._domainkey.${domain}`,
        [[`v=DKIM1; k=${algorithm.split('-')[0]}; p=${public_key}`]],
      ]),
    )
    const verified = await dkimVerify(mail?.raw ?? Buffer.alloc(0), { resolver: async (name: string) => published[name] ?? [] })
    expect(verified.results.map(({ status, signingDomain }) => [status.result, signingDomain])).toEqual([
      ['pass', domain],
      ['pass', domain],
    ])
    expect(await rows()).toMatchObject([{ state: 'sent', subject: '', body: '', tries: 1 }])
    await postman.work()
    expect(await remote.received()).toHaveLength(1)
  })

  it('are sent once, however many nodes there are', async () => {
    const { remote, newPostman, write } = await worldOf(await openStore())
    await write()
    await Promise.all([newPostman().work(), newPostman().work(), newPostman().work()])
    expect(await remote.received()).toHaveLength(1)
  })

  it('are tried again while the host of the operator says later, until they are of no use', async () => {
    const { remote, clock, postman, write, rows } = await worldOf(await openStore())
    remote.answer({ rcpt: ['451 4.3.0 later', '250 2.1.5 Ok'] })
    await write()
    await postman.work()
    await postman.work()
    expect(await rows()).toMatchObject([{ state: 'due', tries: 1, body }])
    await clock.advance(minute)
    await postman.work()
    expect(await rows()).toMatchObject([{ state: 'sent', tries: 2, body: '' }])
  })

  it('do not wait for slow hosts, of which strangers may have named as many as they like', async () => {
    const slow = slowHosts()
    const { clock, postman, write, rows, remote } = await worldOf(await openStore(), { slow })
    for (let n = 0; n < 30; n++) await write(`stranger${n}@slow0.test`, true)
    for (let n = 1; n < 6; n++) await write(`stranger@slow${n}.test`, true)
    await write()
    void postman.work()
    // One at the domain of thirty, four of strangers at once, and whoever is known here.
    expect(await slow.until(5)).toEqual(['boss@remote.test', 'stranger0@slow0.test', ...[1, 2, 3].map((n) => `stranger@slow${n}.test`)])
    await remote.received(1)
    await write('boss2@remote.test')
    postman.wake()
    await remote.received(2)
    expect(slow.begun).toHaveLength(6)
    await clock.advance(minute)
    // Broken off after a minute, they leave their places to the next ones.
    expect(await slow.until(10)).toEqual(expect.arrayContaining(['stranger1@slow0.test', 'stranger@slow4.test', 'stranger@slow5.test']))
    await postman.stop()
    expect((await rows()).filter(({ state }) => state === 'sent')).toHaveLength(2)
  })

  it('leave ten at a time, to one domain one', async () => {
    const slow = slowHosts()
    const { clock, postman, write } = await worldOf(await openStore(), { slow })
    for (let n = 0; n < 12; n++) for (const name of ['ann', 'bo']) await write(`${name}@slow${n}.test`)
    const ten = Array.from({ length: 10 }, (_, n) => `ann@slow${n}.test`).toSorted()
    void postman.work()
    expect(await slow.until(10)).toEqual(ten)
    await postman.jobs[0]?.work(clock.now())
    expect(slow.begun).toHaveLength(10)
    await postman.stop()
  })

  it('are given up when their time is over, and nothing of them stays', async () => {
    const { clock, postman, write, rows, remote } = await worldOf(await openStore())
    await write()
    await clock.advance(24 * hour)
    await postman.work()
    expect(await rows()).toMatchObject([{ state: 'failed', subject: '', body: '' }])
    expect(remote.sessions()).toBe(0)
  })

  it('wait while sending is stopped', async () => {
    const { store, remote, clock, postman, write, rows } = await worldOf(await openStore())
    const request = { scope: everything, actor: { kind: 'system', part: 'host' } } as const
    await write()
    await stopSending({ store, clock }, request)
    await postman.work()
    expect([remote.sessions(), await rows()]).toMatchObject([0, [{ state: 'due', tries: 0 }]])
    await resumeSending({ store, clock }, request)
    await postman.work()
    expect(await remote.received()).toHaveLength(1)
  })

  it('do not go where an agent may read, though the domain came here after they were written', async () => {
    const { store, remote, office, clock, postman, write, rows } = await worldOf(await openStore())
    await write()
    const domain = { id: newId('domain', clock.now()), account_id: office.mailbox.account_id, name: 'remote.test', created_at: clock.now() }
    await store.transaction((tx) => insertDomain(tx, domain))
    await postman.work()
    expect([remote.sessions(), await rows()]).toMatchObject([0, [{ state: 'failed', body: '' }]])
  })

  it('do not leave unsigned', async () => {
    const { remote, postman, write, rows } = await worldOf(await openStore(), { signed: false })
    await write()
    await postman.work()
    expect([remote.sessions(), await rows()]).toMatchObject([0, [{ state: 'due' }]])
  })
})
