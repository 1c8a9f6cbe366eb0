import { afterAll, expect, it } from 'vitest'
import { parseDomainName } from '../../dns/name.ts'
import { createWorkers } from '../../server/inbound/examine/workers.ts'
import type { ContentHash } from '../../server/model/envelope.ts'
import { newId } from '../../server/model/ids.ts'
import { readReturnPath, returnPath } from '../../server/model/return-path.ts'
import { readUnsubscribeAddress, unsubscribeLinks } from '../../server/outbound/unsubscribe/unsubscribe.ts'
import { release } from '../../server/oversight/release.ts'
import { silentLog } from '../../server/platform/log.ts'
import type { Store } from '../../server/store/db.ts'
import { type EmailRow, emailById, insertEmail } from '../../server/store/emails.ts'
import { setNotices } from '../../server/store/notices.ts'
import { installationSecret } from '../../server/store/secrets.ts'
import { plainEmail } from '../support/plain-email.ts'
import { createRemoteSender, letter } from '../support/remote-sender.ts'
import { describeOnEachEngine } from '../support/stores.ts'
import { type PostOffice, openPostOffice } from './post-office.ts'

const workers = createWorkers({ log: silentLog })
afterAll(() => workers.close())
const domain = parseDomainName('ours.test')
if (domain === null) throw new Error('no domain')
const secret = 'c'.repeat(64)

/** A report that quotes nothing of the message, and names nobody we wrote to. */
const bareReport = [
  'From: Mail Delivery System <mailer-daemon@inner.remote.test>',
  'To: <whoever@ours.test>',
  'Subject: Undelivered',
  'Date: Sun, 22 Nov 2026 12:00:00 +0000',
  'Message-ID: <bounce-1@inner.remote.test>',
  'MIME-Version: 1.0',
  'Content-Type: multipart/report; report-type=delivery-status; boundary=x',
  '',
  '--x',
  'Content-Type: text/plain',
  '',
  'It did not work.',
  '--x',
  'Content-Type: message/delivery-status',
  '',
  'Reporting-MTA: dns; inner.remote.test',
  '',
  'Final-Recipient: rfc822; internal-9@inner.remote.test',
  'Action: failed',
  'Status: 5.1.1',
  'Diagnostic-Code: smtp; 550 5.1.1 No such user',
  '--x--',
  '',
].join('\r\n')

describeOnEachEngine('what comes to a return path', (openStore) => {
  type World = { store: Store; office: PostOffice; email: EmailRow; path: string }
  const open = async (box = 'ann@ours.test'): Promise<World> => {
    const store = await openStore()
    const bounceOf = (address: Parameters<typeof readReturnPath>[1]) => readReturnPath(secret, address, Date.now())
    const office = await openPostOffice(store, {
      workers,
      zone: createRemoteSender({ dmarc: 'p=none' }).zone,
      signed: { bounceOf, unsubscribeOf: (address) => readUnsubscribeAddress(secret, address) },
      facts: { judgesByIp: () => false },
    })
    const mailbox = await store.db.selectFrom('mailboxes').selectAll().where('address', '=', box).executeTakeFirstOrThrow()
    const email = await sent(store, mailbox)
    return { store, office, email, path: returnPath(secret, email.id, domain, Date.now()) }
  }

  /** An email that the remote host has taken. */
  const sent = async (
    store: Store,
    { id, account_id }: { id: EmailRow['mailbox_id']; account_id: EmailRow['account_id'] },
  ): Promise<EmailRow> => {
    const now = Date.now()
    const row = plainEmail(now, {
      id: newId('email', now),
      account_id,
      world: 'live',
      mailbox_id: id,
      thread_id: newId('thread', now),
      direction: 'outbound',
      status: 'sent',
      message_id: '<never-quoted@ours.test>',
      to_json: '[{"address":"bo@remote.test"}]',
      forward_paths_json: '["bo@remote.test"]',
      content_hash: 'c'.repeat(64) as ContentHash,
    })
    await store.transaction(async (tx) => {
      await tx
        .insertInto('threads')
        .values({ id: row.thread_id, account_id, world: 'live', mailbox_id: id, subject: '', created_at: now, last_activity_at: now })
        .execute()
      await insertEmail(tx, row)
      await release(tx, {
        email: row,
        contentHash: 'c'.repeat(64) as ContentHash,
        grounds: { kind: 'policy', rule: 'test' },
        actor: { kind: 'system', part: 'host' },
        now,
        giveUpAfterMs: 1_000,
      })
      await tx.updateTable('deliveries').set({ state: 'delivered', attempts: 1, settled_at: now }).execute()
    })
    return row
  }
  const eventsOf = async ({ store }: World, type: string) => {
    const rows = await store.db.selectFrom('events').selectAll().where('type', '=', type).orderBy('seq').execute()
    return rows.map((row) => JSON.parse(row.data_json) as Record<string, unknown>)
  }
  const bounce = ({ office }: World, to: string) => office.send({ from: '', to, data: bareReport })

  it('a report that quotes nothing is of the email, changes it, suppresses its recipient, and is no mail for the agent', async () => {
    const world = await open()
    expect(await bounce(world, world.path)).toMatch(/^250 /)
    expect(await emailById(world.store.db, world.email.id)).toMatchObject({ bounce_type: 'hard', bounced_at: expect.any(Number) })
    expect(await eventsOf(world, 'message.bounced')).toMatchObject([
      { email_id: world.email.id, recipient: 'bo@remote.test', suppressed: true, diagnostic: '550 5.1.1 No such user' },
    ])
    expect(await eventsOf(world, 'message.received')).toEqual([])
    const arrived = (await world.office.emails()).find(({ direction }) => direction === 'inbound')
    expect(arrived).toMatchObject({ status: 'cancelled', automatic: 'delivery-report' })
    expect(await world.store.db.selectFrom('suppressions').select(['address', 'reason', 'email_id']).execute()).toEqual([
      { address: 'bo@remote.test', reason: 'hard_bounce', email_id: world.email.id },
    ])
    // Sent once more, it is told once more and changes nothing.
    const before = await emailById(world.store.db, world.email.id)
    await bounce(world, world.path.toUpperCase().replace('OURS.TEST', 'ours.test'))
    expect(await emailById(world.store.db, world.email.id)).toMatchObject({ bounced_at: before?.bounced_at, bounce_type: 'hard' })
  })

  it('a mailbox that is told by mail is told of it, once, in our own words', async () => {
    const world = await open()
    const { store, email } = world
    await store.transaction((tx) => setNotices(tx, email.mailbox_id, true, Date.now()))
    await bounce(world, world.path)
    await bounce(world, world.path)
    const notices = (await world.office.emails()).filter(({ direction, status }) => direction === 'inbound' && status === 'unread')
    expect(notices).toMatchObject([
      { subject: 'Undelivered mail', thread_id: email.thread_id, automatic: 'delivery-report', reverse_path: '' },
    ])
    expect(notices[0]?.markdown).toContain('bo@remote.test\n    550 5.1.1 No such user')
  })

  it('where a reviewer decides what the agent reads, the words of the report stay out of the event, and nothing is held', async () => {
    const world = await open('bea@ours.test')
    await bounce(world, world.path)
    expect(await eventsOf(world, 'message.bounced')).toMatchObject([{ diagnostic: '', bounce_code: '550 5.1.1' }])
    expect(await world.store.db.selectFrom('holds').selectAll().execute()).toEqual([])
  })

  it('what we never sent does not bounce: a forged, outdated or unknown return path is nobody’s', async () => {
    const world = await open()
    const unknown = returnPath(secret, newId('email', Date.now()), domain, Date.now())
    const old = returnPath(secret, world.email.id, domain, Date.now() - 91 * 24 * 60 * 60_000)
    const forged = world.path.replace(/.{4}@/, '0000@')
    for (const to of [unknown, old, forged]) {
      const client = await world.office.connect()
      expect(await client.send({ from: '', to, data: bareReport })).toMatch(/^550 5\.1\.1 /)
      client.close()
    }
    expect(await eventsOf(world, 'message.bounced')).toEqual([])
    expect((await world.office.emails()).map(({ id }) => id)).toEqual([world.email.id])
  })

  it('an absence notice is a letter like any other', async () => {
    const world = await open()
    const away = letter({ 'Auto-Submitted': 'auto-replied' })
    expect(await world.office.send({ from: '', to: world.path, data: away })).toMatch(/^250 /)
    expect((await world.office.emails()).at(-1)).toMatchObject({ direction: 'inbound', status: 'unread' })
    expect(await eventsOf(world, 'message.received')).toHaveLength(1)
    expect(await eventsOf(world, 'message.bounced')).toEqual([])
  })

  const plea = (email: EmailRow): string => {
    const links = unsubscribeLinks({ publicUrl: 'http://localhost', host: 'mx.ours.test', secret })
    return /mailto:([^?]+)/.exec(links(email.id).mailto ?? '')?.[1] ?? ''
  }
  const suppressed = ({ store }: World) => store.db.selectFrom('suppressions').select(['address', 'reason', 'email_id']).execute()

  it('mail to an unsubscribe address takes its recipient off, whoever wrote it and whatever it says, and is no mail for the agent', async () => {
    const world = await open('bea@ours.test')
    for (const to of [plea(world.email), plea(world.email).toUpperCase()])
      expect(await world.office.send({ from: 'other@remote.test', to, data: letter({ Subject: 'unsubscribe' }) })).toMatch(/^250 /)
    expect(await suppressed(world)).toEqual([{ address: 'bo@remote.test', reason: 'unsubscribe', email_id: world.email.id }])
    expect((await world.office.emails()).filter(({ direction }) => direction === 'inbound').map(({ status }) => status)).toEqual([
      'cancelled',
      'cancelled',
    ])
    expect([...(await eventsOf(world, 'message.received')), ...(await eventsOf(world, 'oversight.pending'))]).toEqual([])
    expect(await world.store.db.selectFrom('correspondents').select('address').where('received', '>', 0).execute()).toEqual([])
    const logged = await world.store.db.selectFrom('log_entries').select('action').where('action', '=', 'suppression.added').execute()
    expect(logged).toHaveLength(1)
  })

  it('who writes to the mailbox as well is read', async () => {
    const world = await open()
    await world.office.send({ from: 'bo@remote.test', to: [plea(world.email), 'ann@ours.test'], data: letter() })
    expect(await suppressed(world)).toMatchObject([{ reason: 'unsubscribe' }])
    expect((await world.office.emails()).at(-1)).toMatchObject({ direction: 'inbound', status: 'unread' })
  })

  it('an unsubscribe address that was never given out is nobody’s, and changes nothing', async () => {
    const world = await open()
    const forged = plea(world.email).replace(/.{4}@/, (end) => (end === '0000@' ? '1111@' : '0000@'))
    const unknown = plea({ ...world.email, id: newId('email', Date.now()) })
    for (const to of [forged, unknown]) {
      const client = await world.office.connect()
      expect(await client.send({ from: 'bo@remote.test', to, data: letter() })).toMatch(/^550 5\.1\.1 /)
      client.close()
    }
    expect(await suppressed(world)).toEqual([])
  })
})

describeOnEachEngine('a secret of the installation', (openStore, { newPlace }) => {
  it('is made once, also when two nodes ask at the same moment, and another for each use', async () => {
    const place = await newPlace()
    const stores = [await openStore(place), await openStore(place)]
    const secrets = await Promise.all(stores.map((store) => installationSecret(store, 'return-path', 1)))
    expect(new Set(secrets).size).toBe(1)
    expect(secrets[0]).toMatch(/^[0-9a-f]{64}$/)
    expect(await installationSecret(stores[0] as Store, 'unsubscribe', 1)).not.toBe(secrets[0])
  })
})
