import { Socket, connect } from 'node:net'
import { dkimVerify } from 'mailauth/lib/dkim/verify.js'
import { expect, it } from 'vitest'
import { createSmtpTransport } from '../../server/outbound/transport/smtp.ts'
import type { Store } from '../../server/store/db.ts'
import { listLog } from '../../server/store/log.ts'
import { attemptsOf } from '../../server/store/queue.ts'
import type { EmailRow } from '../../server/store/emails.ts'
import { newId } from '../../server/model/ids.ts'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Leaving, createLeaving, statesOf } from '../support/leaving.ts'
import { knownDkim } from '../support/known-dkim.ts'
import { createRemoteMx } from '../support/remote-mx.ts'
import { describeOnEachEngine } from '../support/stores.ts'
import { createVirtualClock } from '../support/virtual-clock.ts'

describeOnEachEngine('a released message', (openStore, { newPlace }) => {
  it('arrives signed, with its Date in front and the approved octets behind it', async () => {
    const store = await openStore()
    const remote = await createRemoteMx({ tls: 'works' })
    const leaving = await createLeaving(store, { remote })
    const email = await leaving.queue()
    await leaving.runner.drain()
    const [mail] = await remote.received()
    expect(mail).toMatchObject({ reversePath: leaving.office.mailbox.address, forwardPaths: ['bo@remote.test'] })
    const composed = await store.blobs.read(store.db, email.raw_hash ?? '')
    const raw = mail?.raw ?? Buffer.alloc(0)
    expect(raw.subarray(-(composed?.length ?? 0)).equals(composed ?? Buffer.alloc(0))).toBe(true)
    expect(raw.subarray(0, -(composed?.length ?? 0)).toString()).toMatch(/^(DKIM-Signature: (.+\r\n\s)*.+\r\n){2}Date: .+\r\n$/)
    const results = await verified(leaving, raw)
    expect(results.toSorted()).toEqual(['ed25519-sha256 pass', 'rsa-sha256 pass'])
    const [delivery] = await leaving.deliveries(email)
    expect(delivery).toMatchObject({
      state: 'delivered',
      attempts: 1,
      last_reply: '250 2.0.0 Ok: queued as 1',
      last_host: 'mx.remote.test',
      bounce_class: null,
      may_be_accepted: 0,
    })
    expect(await attemptsOf(store.db, delivery!.id)).toMatchObject([
      {
        outcome: 'delivered',
        tls: expect.stringMatching(/^TLSv1/),
        remote_address: '127.0.0.1',
        signatures: expect.stringMatching(/^DKIM-Signature/),
      },
    ])
    expect(leaving.logged.map((entry) => entry.event)).toEqual([
      'delivery.leased',
      'delivery.connected',
      'delivery.sending',
      'delivery.accepted',
      'delivery.settled',
    ])
  })

  it('goes to each recipient in a transaction of its own', async () => {
    const store = await openStore()
    const remote = await createRemoteMx({ answers: { rcpt: ['250 Ok', '550 5.1.1 No such user', '250 Ok'] }, extensions: [] })
    const leaving = await createLeaving(store, { remote, runner: { concurrency: 1 } })
    const email = await leaving.queue({ to: ['a@remote.test', 'b@remote.test', 'c@remote.test'] })
    await leaving.runner.drain()
    expect((await remote.received(2)).map((mail) => mail.forwardPaths)).toEqual([['a@remote.test'], ['c@remote.test']])
    expect(await statesOf(leaving, email)).toEqual(['delivered', 'bounced', 'delivered'])
  })

  it('is released by a rule as well as by a decision', async () => {
    const store = await openStore()
    const remote = await createRemoteMx()
    const leaving = await createLeaving(store, { remote })
    const email = await leaving.queue({ approved: false })
    await leaving.runner.drain()
    expect(await statesOf(leaving, email)).toEqual(['delivered'])
  })

  type Tampering = (store: Store, email: EmailRow) => Promise<unknown>
  const inEmail =
    (change: object): Tampering =>
    (store, email) =>
      store.db.updateTable('emails').set(change).where('id', '=', email.id).execute()
  const inRelease =
    (change: object): Tampering =>
    (store, email) =>
      store.db.updateTable('releases').set(change).where('email_id', '=', email.id).execute()
  const inDecision =
    (change: object): Tampering =>
    (store, email) =>
      store.db.updateTable('decisions').set(change).where('email_id', '=', email.id).execute()
  const inDelivery =
    (change: object): Tampering =>
    (store, email) =>
      store.db.updateTable('deliveries').set(change).where('email_id', '=', email.id).execute()
  const tamperings: [string, string, Tampering][] = [
    [
      'an octet of its bytes',
      'OTHER_CONTENT',
      async (store, email) => {
        const bytes = (await store.blobs.read(store.db, email.raw_hash ?? '')) ?? Buffer.alloc(0)
        const changed = Buffer.from(bytes.toString().replace('Hello', 'Hallo'))
        await store.db
          .updateTable('blobs')
          .set({ bytes: changed })
          .where('hash', '=', email.raw_hash ?? '')
          .execute()
      },
    ],
    [
      'its bytes are those of another message',
      'OTHER_CONTENT',
      async (store, email) => {
        const other = await store.blobs.stage(Buffer.from('From: a@b.test\r\n\r\nother\r\n'))
        await store.transaction((tx) => store.blobs.put(tx, other, 0))
        await inEmail({ raw_hash: other.hash })(store, email)
      },
    ],
    ['its forward-paths', 'OTHER_CONTENT', inEmail({ forward_paths_json: '["bo@remote.test","eve@remote.test"]' })],
    [
      'its forward-paths are no addresses',
      'BAD_ENVELOPE',
      inEmail({ forward_paths_json: '["bo@remote.test\\r\\nRCPT TO:<eve@remote.test>"]' }),
    ],
    ['its forward-paths are no list', 'BAD_ENVELOPE', inEmail({ forward_paths_json: '{' })],
    ['its reverse-path', 'OTHER_CONTENT', inEmail({ reverse_path: 'ceo@ours.test' })],
    ['its status', 'NOT_SENT', inEmail({ status: 'pending_send_approval' })],
    ['its world', 'OTHER_TENANT', inEmail({ world: 'test' })],
    ['the world of the delivery', 'OTHER_TENANT', inDelivery({ world: 'test' })],
    ['the hash of the release', 'OTHER_CONTENT', inRelease({ content_hash: '0'.repeat(64) })],
    ['the decision was to reject', 'NO_DECISION', inDecision({ action: 'reject' })],
    ['the decision named other content', 'NO_DECISION', inDecision({ content_hash: '0'.repeat(64) })],
    [
      'the hold was rejected',
      'NO_DECISION',
      (store, email) => store.db.updateTable('holds').set({ state: 'rejected' }).where('email_id', '=', email.id).execute(),
    ],
    [
      'more people had to approve it',
      'NO_DECISION',
      (store, email) => store.db.updateTable('holds').set({ people: 2 }).where('email_id', '=', email.id).execute(),
    ],
    [
      'what stands in front has a recipient more',
      'FOREIGN_FIELD',
      inRelease({ prepended: 'Date: Sun, 22 Nov 2026 12:00:00 +0000\r\nBcc: eve@remote.test\r\n' }),
    ],
    [
      'what stands in front has a body',
      'FOREIGN_FIELD',
      inRelease({ prepended: 'Date: Sun, 22 Nov 2026 12:00:00 +0000\r\n\r\nBuy now\r\n' }),
    ],
    ['the recipient of the delivery', 'OTHER_RECIPIENT', inDelivery({ forward_path: 'eve@remote.test' })],
  ]
  it('of which anything was changed in the store is not sent, and is reported', async () => {
    const store = await openStore()
    const remote = await createRemoteMx()
    const leaving = await createLeaving(store, { remote })
    const found = []
    for (const [what, , tamper] of tamperings) {
      const email = await leaving.queue({ subject: what })
      await tamper(store, email)
      await leaving.runner.drain()
      const [delivery] = await leaving.deliveries(email)
      const reported = leaving.logged.find(({ event, fields }) => event === 'delivery.refused-unreleased' && fields['emailId'] === email.id)
      const { type, data } = (await leaving.events()).at(-1) ?? { type: '', data: {} }
      const entry = await store.db.selectFrom('log_entries').select(['action', 'resource_id']).orderBy('seq', 'desc').executeTakeFirst()
      expect([what, delivery?.state, delivery?.bounce_class, (await leaving.email(email)).status]).toEqual([
        what,
        'cancelled',
        'integrity',
        'send_failed',
      ])
      expect([type, data['bounce_class'], data['bounce_type'], data['email_id']]).toEqual(['message.bounced', 'integrity', null, email.id])
      expect(entry).toEqual({ action: 'delivery.refused', resource_id: delivery?.id })
      expect(data['diagnostic']).toBe(reported?.fields['reason'])
      found.push([what, reported?.fields['reason']])
    }
    expect(found).toEqual(tamperings.map(([what, reason]) => [what, reason]))
    expect(remote.sessions()).toBe(0)
  })

  it('of which a file was changed or is gone is not sent either', async () => {
    const place = await newPlace()
    const store = await openStore(place)
    const remote = await createRemoteMx()
    const leaving = await createLeaving(store, { remote })
    const composed = Buffer.from(`From: ${leaving.office.mailbox.address}\r\nSubject: Large\r\n\r\n${'Hello.\r\n'.repeat(20_000)}`)
    const email = await leaving.queue({ composed })
    const hash = email.raw_hash ?? ''
    const file = join(place.dataDir, 'blobs', hash.slice(0, 2), hash.slice(2, 4), hash)
    await writeFile(file, (await readFile(file, 'latin1')).replace('Hello', 'Hallo'), 'latin1')
    const again = await leaving.queue({ composed: Buffer.concat([composed, composed]) })
    const gone = again.raw_hash ?? ''
    await rm(join(place.dataDir, 'blobs', gone.slice(0, 2), gone.slice(2, 4), gone))
    await leaving.runner.drain()
    expect(remote.sessions()).toBe(0)
    expect(await leaving.deliveries(email)).toMatchObject([{ state: 'cancelled', bounce_class: 'integrity' }])
    expect(await leaving.deliveries(again)).toMatchObject([{ state: 'cancelled', bounce_class: 'integrity' }])
  })

  it.each([
    ['after', 0],
    ['before', -1],
  ])(
    'is not sent to a recipient whom somebody added to the queue, and still to those who were released %s that',
    async (_order, offset) => {
      const store = await openStore()
      const remote = await createRemoteMx()
      const leaving = await createLeaving(store, { remote, runner: { concurrency: 1 } })
      const email = await leaving.queue()
      const [legitimate] = await leaving.deliveries(email)
      const added = { forward_path: 'eve@remote.test', next_attempt_at: leaving.clock.now() + offset }
      await store.db
        .insertInto('deliveries')
        .values({ ...legitimate!, ...added, id: newId('delivery', leaving.clock.now()) })
        .execute()
      await leaving.runner.drain()
      expect((await remote.received(0)).map((mail) => mail.forwardPaths)).toEqual([['bo@remote.test']])
      expect((await leaving.deliveries(email)).map(({ forward_path, state }) => [forward_path, state])).toEqual([
        ['bo@remote.test', 'delivered'],
        ['eve@remote.test', 'cancelled'],
      ])
      expect((await leaving.email(email)).status).toBe('sent')
    },
  )

  it('without a key to sign with waits for one, and says so', async () => {
    const store = await openStore()
    const remote = await createRemoteMx()
    const leaving = await createLeaving(store, { remote, signed: false })
    const email = await leaving.queue()
    await leaving.runner.drain()
    expect(remote.sessions()).toBe(0)
    expect(await leaving.deliveries(email)).toMatchObject([{ state: 'queued', bounce_class: 'signing' }])
    const [make] = await knownDkim(leaving.clock.now())
    await store.db.insertInto('dkim_keys').values(make!(leaving.office.mailbox.domain_id)).execute()
    await leaving.clock.advance(5 * 60_000)
    await leaving.runner.drain()
    expect(await statesOf(leaving, email)).toEqual(['delivered'])
  })

  it('is not signed with the key of another tenant', async () => {
    const store = await openStore()
    const remote = await createRemoteMx()
    const other = await createLeaving(store, { remote })
    const leaving = await createLeaving(store, { remote, signed: false })
    const email = await leaving.queue({ composed: Buffer.from(`From: ${other.office.mailbox.address}\r\nSubject: x\r\n\r\nx\r\n`) })
    await leaving.runner.drain()
    expect(await leaving.deliveries(email)).toMatchObject([{ state: 'queued', bounce_class: 'signing' }])
    expect(remote.sessions()).toBe(0)
  })

  it('is signed for a mailbox at the domain of another tenant when it is from that very address, and not from any other there', async () => {
    const store = await openStore()
    const remote = await createRemoteMx()
    const host = await createLeaving(store, { remote })
    const leaving = await createLeaving(store, { remote })
    const { address, domain_id } = leaving.office.mailbox
    await store.db.updateTable('domains').set({ account_id: host.office.mailbox.account_id }).where('id', '=', domain_id).execute()
    const own = await leaving.queue()
    const forged = await leaving.queue({ composed: Buffer.from(`From: boss@${String(address.split('@')[1])}\r\nSubject: x\r\n\r\nx\r\n`) })
    await leaving.runner.drain()
    expect(await statesOf(leaving, own)).toEqual(['delivered'])
    expect(await leaving.deliveries(forged)).toMatchObject([{ state: 'queued', bounce_class: 'signing' }])
  })
})

describeOnEachEngine('mail of the test world', (openStore) => {
  const guarded = async () => {
    const store = await openStore()
    const dialled: unknown[] = []
    const clock = createVirtualClock(Date.UTC(2026, 10, 22))
    const dial = (target: unknown): Socket => {
      dialled.push(target)
      return new Socket()
    }
    const transport = createSmtpTransport({ hostname: 'mx.ours.test', clock, dial })
    const leaving = await createLeaving(store, {
      world: 'test',
      clock,
      transport,
      signed: false,
      route: { smarthost: { host: '127.0.0.1', port: 9 } },
    })
    return { leaving, dialled, store }
  }

  it('is answered by the recipient’s name, without a connection, even with a smarthost', async () => {
    const { leaving, dialled } = await guarded()
    const expected = [
      ['bo@remote.test', 'delivered', '250 2.0.0 Accepted (simulated)', true],
      ['complaint@remote.test', 'delivered', '250 2.0.0 Accepted (simulated)', true],
      ['bounce@remote.test', 'bounced', '550 5.1.1 No such user (simulated)', false],
      ['HardBounce@remote.test', 'bounced', '550 5.1.1 No such user (simulated)', false],
      ['softbounce@remote.test', 'queued', '451 4.3.0 Try again later (simulated)', false],
    ]
    const found = []
    for (const [to] of expected) {
      const email = await leaving.queue({ to: [String(to)] })
      await leaving.runner.drain()
      const [delivery] = await leaving.deliveries(email)
      found.push([to, delivery?.state, delivery?.last_reply, (await leaving.email(email)).delivered_at !== null])
    }
    expect(found).toEqual(expected)
    expect(dialled).toEqual([])
  })

  it('is held to its release like any other', async () => {
    const { leaving, store } = await guarded()
    const email = await leaving.queue()
    await store.db.updateTable('emails').set({ reverse_path: 'ceo@ours.test' }).where('id', '=', email.id).execute()
    await leaving.runner.drain()
    expect(await statesOf(leaving, email)).toEqual(['cancelled'])
  })

  it('stands in its own log', async () => {
    const { leaving, store } = await guarded()
    await leaving.queue()
    await leaving.runner.drain()
    const live = { ...leaving.office.tenancy, world: 'live' as const }
    expect(await listLog(store.db, live, { limit: 10 })).toEqual([])
    expect((await listLog(store.db, leaving.office.tenancy, { limit: 10 })).map((entry) => entry.action)).toEqual([
      'delivery.delivered',
      'delivery.attempted',
      'email.released',
    ])
  })
})

describeOnEachEngine('the hosts of a domain', (openStore) => {
  const twoHosts = {
    'remote.test': {
      MX: [
        { priority: 10, exchange: 'a.test' },
        { priority: 20, exchange: 'b.test' },
      ],
    },
  }
  const zone = { ...twoHosts, 'a.test': { A: ['127.0.0.1'] }, 'b.test': { A: ['127.0.0.2'] } }
  const deliverTo = async (store: Store, first: object, second: object = {}) => {
    const a = await createRemoteMx(first)
    const b = await createRemoteMx({ ...second, address: '127.0.0.2' })
    const clock = createVirtualClock(Date.UTC(2026, 10, 22))
    const dial = ({ address }: { address: string }) => connect({ host: address, port: address === '127.0.0.1' ? a.port : b.port })
    const leaving = await createLeaving(store, { clock, zone, transport: createSmtpTransport({ hostname: 'mx.ours.test', clock, dial }) })
    const email = await leaving.queue()
    await leaving.runner.drain()
    const [delivery] = await leaving.deliveries(email)
    return { sessions: [a.sessions(), b.sessions()], delivery }
  }

  it('are tried in turn until one has decided', async () => {
    const store = await openStore()
    const expected: [string, object, number[], string][] = [
      ['greets with a refusal', { answers: { greeting: '554 5.3.2 No' } }, [1, 1], 'delivered'],
      ['hangs up', { answers: { greeting: 'cut' } }, [1, 1], 'delivered'],
      ['is busy', { answers: { mail: '451 4.3.2 Busy' }, extensions: [] }, [1, 1], 'delivered'],
      ['is cut before the message', { answers: { data: 'cut' }, extensions: [] }, [1, 1], 'delivered'],
      ['refuses the recipient', { answers: { rcpt: '550 5.1.1 No' }, extensions: [] }, [1, 0], 'bounced'],
      ['may have taken it', { answers: { dot: 'cut' } }, [1, 0], 'queued'],
      ['wants it later', { answers: { dot: '451 4.3.0 Later' } }, [1, 0], 'queued'],
    ]
    const found = []
    for (const [what, first] of expected) {
      const { sessions, delivery } = await deliverTo(store, first)
      found.push([what, first, sessions, delivery?.state])
    }
    expect(found).toEqual(expected)
  })

  it('are reported by the attempt that came furthest', async () => {
    const { delivery } = await deliverTo(
      await openStore(),
      { answers: { rcpt: '450 4.2.0 Greylisted' }, extensions: [] },
      { answers: { greeting: 'cut' } },
    )
    expect(delivery).toMatchObject({ state: 'queued', bounce_class: 'greylisted', last_host: 'a.test' })
  })
})

const verified = async (leaving: Leaving, raw: Buffer): Promise<string[]> => {
  const made = (await knownDkim(0)).map((make) => make(leaving.office.mailbox.domain_id))
  const resolver = (name: string): Promise<string[][]> => {
    const key = made.find((one) => name.startsWith(`${one.selector}._domainkey.`))
    return Promise.resolve([[`v=DKIM1; k=${key?.algorithm === 'rsa-sha256' ? 'rsa' : 'ed25519'}; p=${key?.public_key}`]])
  }
  const { results } = await dkimVerify(raw, { resolver, curTime: new Date(leaving.clock.now()), sender: leaving.office.mailbox.address })
  return results.map((one) => `${one.algo} ${one.status.result}`)
}
