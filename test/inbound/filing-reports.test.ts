import { gzipSync } from 'node:zlib'
import { afterAll, expect, it } from 'vitest'
import { mostTurns } from '../../server/inbound/automatic/loops.ts'
import { createWorkers } from '../../server/inbound/examine/workers.ts'
import type { ContentHash } from '../../server/model/envelope.ts'
import { newId } from '../../server/model/ids.ts'
import { release } from '../../server/oversight/release.ts'
import { silentLog } from '../../server/platform/log.ts'
import type { Store } from '../../server/store/db.ts'
import { insertEmail } from '../../server/store/emails.ts'
import { verifyLog } from '../../server/store/log.ts'
import { listReports, readReports, summaryOf } from '../../server/store/reports.ts'
import type { Row } from '../../server/store/schema.ts'
import { plainEmail } from '../support/plain-email.ts'
import { createRemoteSender, letter } from '../support/remote-sender.ts'
import { describeOnEachEngine } from '../support/stores.ts'
import { type PostOffice, openPostOffice } from './post-office.ts'
import { gigabyte } from './reports/bomb.ts'
import { ourMessageId, sample, withFile } from './reports/corpus.ts'

const workers = createWorkers({ log: silentLog })
afterAll(() => workers.close())

const name = 'remote.test!ours.test!1795305600!1795391999.xml.gz'
/** The sample as a report from remote.test. */
const report = async (change: (xml: string) => string = (xml) => xml): Promise<string> =>
  withFile(gzipSync(change((await sample('dmarc-7489.xml')).toString())), { name }).toString()

describeOnEachEngine('a report that arrives', (openStore) => {
  const send = async (office: PostOffice, data: string | Buffer, more: object = {}): Promise<Row<'emails'>> => {
    expect(await office.send({ from: 'bo@remote.test', data, ...more })).toMatch(/^250 /)
    const last = (await office.emails()).at(-1)
    if (last === undefined) throw new Error('nothing was stored')
    return last
  }
  type Opened = { office: PostOffice; store: Store; signed(data: Promise<string>): Promise<Buffer> }
  const open = async (): Promise<Opened> => {
    const store = await openStore()
    const remote = createRemoteSender({ dmarc: 'p=none' })
    // As behind a NAT: only a signature proves anything, and nobody new has to wait.
    const office = await openPostOffice(store, { workers, zone: remote.zone, facts: { judgesByIp: () => false } })
    return { store, office, signed: async (data) => remote.sign(await data) }
  }
  const all = (store: Store) => readReports(store.db, { accountId: null, limit: 100 })

  it('about a domain of ours is kept, once, and its email is no letter', async () => {
    const { office, store, signed } = await open()
    const email = await send(office, await signed(report()))
    expect(email).toMatchObject({ automatic: 'aggregate-report', status: 'unread' })
    await send(office, await report())
    const rows = await all(store)
    expect(rows).toMatchObject([{ kind: 'dmarc', domain: 'ours.test', organization: 'Remote & Co', email_id: email.id }])
    expect(summaryOf(rows[0] as Row<'received_reports'>)).toEqual({
      verified: true,
      fromDomain: 'remote.test',
      policy: 'reject',
      passed: 12,
      failed: 40,
      omitted: 0,
    })
    const entries = await store.db
      .selectFrom('log_entries')
      .select(['action', 'resource_id'])
      .where('action', '=', 'report.received')
      .execute()
    expect(entries).toEqual([{ action: 'report.received', resource_id: rows[0]?.id }])
  })

  it('about a domain of others is a letter, and nothing of it is kept', async () => {
    const { office, store } = await open()
    const email = await send(office, await report((xml) => xml.replace('<domain>ours.test</domain>', '<domain>theirs.test</domain>')))
    expect(email.automatic).toBeNull()
    expect(await all(store)).toEqual([])
    expect(await listReports(store.db, { accountId: newId('account', 1), limit: 10 })).toEqual([])
  })

  it('that nobody vouches for keeps little, and makes room for the real one', async () => {
    const { office, store, signed } = await open()
    const rows = '<record><row><source_ip>192.0.2.1</source_ip><count>1</count></row></record>'.repeat(1_000)
    const forged = await report((xml) => xml.replace('</feedback>', `${rows}</feedback>`))
    await send(office, forged)
    const [unproven] = await all(store)
    expect(unproven === undefined ? null : summaryOf(unproven)).toMatchObject({
      verified: false,
      fromDomain: 'remote.test',
      failed: 1_040,
      omitted: 802,
    })
    const real = await send(office, await signed(report()))
    const [proven, ...more] = await all(store)
    expect(more).toEqual([])
    expect(proven).toMatchObject({ id: unproven?.id, email_id: real.id })
    expect(proven === undefined ? null : summaryOf(proven)).toMatchObject({ verified: true, passed: 12 })
    await send(office, forged)
    expect(await all(store)).toEqual([proven])
  })

  /** An email of ann's to these, which their server took. */
  const hasLeft = async (office: PostOffice, store: Store, to: string[]): Promise<Row<'emails'>> => {
    const first = await send(office, letter())
    const now = first.received_at
    const contentHash = 'f'.repeat(64) as ContentHash
    const email = plainEmail(now, {
      ...first,
      id: newId('email', now),
      direction: 'outbound',
      status: 'sent',
      message_id: ourMessageId,
      content_hash: contentHash,
      forward_paths_json: JSON.stringify(to),
    })
    await store.transaction(async (tx) => {
      await insertEmail(tx, email)
      const grounds = { kind: 'policy', rule: 'autonomous' } as const
      await release(tx, { email, contentHash, grounds, actor: { kind: 'system', part: 'oversight' }, now, giveUpAfterMs: 1_000 })
      await tx.updateTable('deliveries').set({ state: 'delivered', settled_at: now }).execute()
    })
    return email
  }

  it('of failed delivery, or of a complaint, tells who wrote the email that it is about', async () => {
    const { office, store } = await open()
    const email = await hasLeft(office, store, ['bo@remote.test', 'dora@remote.test'])
    const bounce = await send(office, await sample('google.eml'), { from: '' })
    await send(office, await sample('exchange-2003.eml'), { from: '', to: 'bea@ours.test' })
    const complaint = await send(office, await sample('arf.eml'), { to: 'bea@ours.test' })
    const all = await store.db.selectFrom('events').select(['type', 'data_json']).orderBy('seq').execute()
    const told = all.filter(({ type }) => type === 'message.bounced' || type === 'message.complained')
    expect(told.map(({ type, data_json }) => [type, JSON.parse(data_json)])).toMatchObject([
      ['message.bounced', { email_id: email.id, recipient: 'bo@remote.test', bounce_type: 'hard', report_email_id: bounce.id }],
      ['message.complained', { email_id: email.id, recipient: 'bo@remote.test', report_email_id: complaint.id }],
    ])
    expect((await office.emails()).find(({ id }) => id === email.id)).toMatchObject({ bounce_type: 'hard', bounced_at: bounce.received_at })
    expect(await verifyLog(store.db)).toMatchObject({ ok: true })
  })

  it('and is a bomb of a gigabyte costs only itself: it is a letter, and so is what comes beside it', { timeout: 60_000 }, async () => {
    const { office, store } = await open()
    const bomb = withFile(gigabyte(), { name })
    const slow = office.send({ from: 'bo@remote.test', data: bomb })
    const quick = office.send({ from: 'bo@remote.test', data: letter() })
    expect(await Promise.all([slow, quick])).toEqual([expect.stringMatching(/^250 /), expect.stringMatching(/^250 /)])
    expect(await all(store)).toEqual([])
    expect((await office.emails()).map(({ automatic }) => automatic)).toEqual([null, null])
  })

  it('of failed delivery or of a complaint about nothing of ours is marked and changes nothing', async () => {
    const { office, store } = await open()
    expect(await send(office, await sample('qmail.eml'), { from: '' })).toMatchObject({ automatic: 'delivery-report' })
    expect(await send(office, await sample('arf.eml'))).toMatchObject({ automatic: 'complaint' })
    const events = await store.db.selectFrom('events').select('type').execute()
    expect(events.map(({ type }) => type)).toEqual(['message.received', 'message.received'])
  })
})

describeOnEachEngine('a loop', (openStore) => {
  const open = async (): Promise<{ office: PostOffice; store: Store }> => {
    const store = await openStore()
    return { store, office: await openPostOffice(store, { workers, zone: createRemoteSender({ dmarc: 'p=none' }).zone }) }
  }
  /** As many emails as there are turns in one thread of ann's, both ways. */
  const converse = async (office: PostOffice, store: Store, turns: number, sentAt: (now: number) => number): Promise<void> => {
    expect(await office.send({ from: 'bo@remote.test', data: letter({ 'Message-ID': '<first@remote.test>' }) })).toMatch(/^250 /)
    const [first] = await office.emails()
    if (first === undefined) throw new Error('nothing was stored')
    const at = sentAt(first.received_at)
    await store.transaction(async (tx) => {
      for (let turn = 0; turn < turns; turn++) {
        const common = {
          account_id: first.account_id,
          world: first.world,
          mailbox_id: first.mailbox_id,
          thread_id: first.thread_id,
          raw_hash: first.raw_hash,
        }
        await insertEmail(tx, plainEmail(at, { ...common, id: newId('email', at), message_id: `<in${turn}@remote.test>` }))
        const sent = { direction: 'outbound', status: 'sent', message_id: `<out${turn}@ours.test>` } as const
        await insertEmail(tx, plainEmail(at, { ...common, id: newId('email', at), ...sent }))
      }
    })
  }
  const next = async (office: PostOffice, fields: Record<string, string> = {}): Promise<string | null> => {
    const data = letter({ 'Message-ID': '<next@remote.test>', 'In-Reply-To': '<out0@ours.test>', ...fields })
    expect(await office.send({ from: 'bo@remote.test', data })).toMatch(/^250 /)
    return (
      (await office.emails()).find(
        (one) => one.message_id === (fields['Message-ID'] ?? '<next@remote.test>') && one.direction === 'inbound',
      )?.automatic ?? null
    )
  }

  it('is a conversation in which each side has had its turns within the hour', async () => {
    const { office, store } = await open()
    await converse(office, store, mostTurns, (now) => now - 10 * 60_000)
    expect(await next(office)).toBe('loop')
    // What is a report stays one.
    expect(await next(office, { 'Message-ID': '<dsn@remote.test>', 'Content-Type': 'multipart/report; report-type=delivery-status' })).toBe(
      'delivery-report',
    )
    expect(await next(office, { 'Message-ID': '<other@remote.test>', 'In-Reply-To': '<none@ours.test>' })).toBeNull()
  })

  it('is none with one turn fewer, or more slowly', async () => {
    const { office, store } = await open()
    await converse(office, store, mostTurns - 1, (now) => now - 10 * 60_000)
    expect(await next(office)).toBeNull()
    const slow = await open()
    await converse(slow.office, slow.store, mostTurns + 5, (now) => now - 61 * 60_000)
    expect(await next(slow.office)).toBeNull()
  })

  it('is our own message that comes back to the mailbox that sent it; in another one it is mail', async () => {
    const { office, store } = await open()
    await converse(office, store, 1, (now) => now - 60_000)
    expect(await next(office, { 'Message-ID': '<out0@ours.test>', 'In-Reply-To': '<in0@remote.test>' })).toBe('loop')
    const data = letter({ 'Message-ID': '<out0@ours.test>' })
    expect(await office.send({ from: 'bo@remote.test', to: 'bea@ours.test', data })).toMatch(/^250 /)
    expect((await office.emails()).at(-1)?.automatic).toBeNull()
    // A Message-ID of ours that nobody sent proves nothing.
    expect(await next(office, { 'Message-ID': '<never@ours.test>' })).toBeNull()
  })
})
