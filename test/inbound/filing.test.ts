import { expect, it } from 'vitest'
import type { Address } from '../../server/model/address.ts'
import { type MailboxId, newId } from '../../server/model/ids.ts'
import type { Filing, Letter } from '../../server/inbound/filing/email-rows.ts'
import { createFiler } from '../../server/inbound/filing/filer.ts'
import type { HandOn } from '../../server/inbound/filing/hand-on.ts'
import { type ParsedMessage, unreadMessage } from '../../server/inbound/message/parsed-message.ts'
import type { Store } from '../../server/store/db.ts'
import { verifyLog } from '../../server/store/log.ts'
import { describeOnEachEngine } from '../support/stores.ts'
import { addTenant, now } from '../store/rows.ts'

const handOn = { onDsn: () => Promise.resolve([]), onComplaint: () => Promise.resolve([]), onUnsubscribe: () => Promise.resolve([]) }

async function letter(store: Store, id: string, parsed: Partial<ParsedMessage> = {}, size = 20): Promise<Letter> {
  return {
    parsed: { ...unreadMessage([]), messageId: `<${id}@remote.test>`, subject: id, ...parsed },
    flags: [],
    senderIdentity: null,
    results: {
      spf: { result: 'none', domain: null },
      dkim: [],
      dmarc: { result: 'none', policy: null, domain: null },
      arc: { result: 'none' },
    },
    content: { reasons: [], hidden: null },
    report: null,
    automatic: null,
    proven: false,
    requireTls: false,
    reversePath: null,
    raw: await store.blobs.stage(Buffer.from(id.padEnd(size, '.'))),
    attachmentBlobs: [],
    receivedAt: now,
    holdExpiryMs: 1_000,
  }
}
const to = (mailboxId: MailboxId): Filing[] => [
  {
    emailId: newId('email', now),
    mailboxId,
    forwardPaths: ['ann@ours.test' as Address],
    bounceOf: null,
    unsubscribes: [],
    toNobody: false,
    verdict: { spam: null, score: 0, reasons: [] },
  },
]

describeOnEachEngine('letters that are filed at the same moment', (open) => {
  it('share one transaction, and are all there when they are said to be', async () => {
    const store = await open()
    const { mailbox } = await addTenant(store, 'ours')
    let transactions = 0
    const counting: Store = { ...store, transaction: (work) => (transactions++, store.transaction(work)) }
    const filer = createFiler({ store: counting, handOn })
    const letters = await Promise.all(Array.from({ length: 50 }, (_, at) => letter(store, `n${at}`)))
    await Promise.all(letters.map((one) => filer.file(one, to(mailbox.id))))
    expect(transactions).toBe(1)
    const subjects = (await store.db.selectFrom('emails').select('subject').orderBy('id').execute()).map(({ subject }) => subject)
    expect(subjects).toEqual(letters.map(({ parsed }) => parsed.subject))
    expect((await store.db.selectFrom('events').select('id').execute()).length).toBe(50)
    expect(await verifyLog(store.db)).toMatchObject({ ok: true })
  })

  it('share it also when each answers the one before, and all join its thread', async () => {
    const store = await open()
    const { mailbox } = await addTenant(store, 'ours')
    let transactions = 0
    const counting: Store = { ...store, transaction: (work) => (transactions++, store.transaction(work)) }
    const filer = createFiler({ store: counting, handOn })
    const answers = Array.from({ length: 30 }, (_, at) => letter(store, `n${at + 1}`, { inReplyTo: [`<n${at}@remote.test>`] }))
    const letters = [await letter(store, 'n0'), ...(await Promise.all(answers)), await letter(store, 'other')]
    await Promise.all(letters.map((one) => filer.file(one, to(mailbox.id))))
    expect(transactions).toBe(1)
    const emails = await store.db.selectFrom('emails').select(['subject', 'thread_id']).execute()
    const threads = Map.groupBy(emails, ({ thread_id }) => thread_id)
    expect([...threads.values()].map((one) => one.length).toSorted((a, b) => a - b)).toEqual([1, 31])
    expect(await verifyLog(store.db)).toMatchObject({ ok: true })
  })

  it('find their thread also when each is on its own because one of them cannot be filed', async () => {
    const store = await open()
    const { mailbox } = await addTenant(store, 'ours')
    const filer = createFiler({ store, handOn })
    const orders: [Letter, Filing[]][] = [
      [await letter(store, 'question'), to(mailbox.id)],
      [await letter(store, 'lost', { inReplyTo: ['<question@remote.test>'] }), to(newId('mailbox', now))],
      [await letter(store, 'again', { inReplyTo: ['<lost@remote.test>', '<question@remote.test>'] }), to(mailbox.id)],
      [await letter(store, 'and again', { inReplyTo: ['<again@remote.test>'] }), to(mailbox.id)],
    ]
    const outcomes = await Promise.allSettled(orders.map(([one, filings]) => filer.file(one, filings)))
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled'])
    const threads = await store.db.selectFrom('emails').select('thread_id').distinct().execute()
    expect(threads).toHaveLength(1)
  })

  it('fail alone', async () => {
    const store = await open()
    const { mailbox } = await addTenant(store, 'ours')
    const filer = createFiler({ store, handOn })
    const twice = to(mailbox.id)
    const orders: [Letter, Filing[]][] = [
      [await letter(store, 'first'), to(mailbox.id)],
      [await letter(store, 'of nobody'), to(newId('mailbox', now))],
      [await letter(store, 'second'), twice],
      [await letter(store, 'of the same id'), twice],
      [await letter(store, 'third'), to(mailbox.id)],
    ]
    const outcomes = await Promise.allSettled(orders.map(([one, filings]) => filer.file(one, filings)))
    const [first, ofNobody, second, ofTheSameId, third] = outcomes.map(({ status }) => status)
    expect([first, ofNobody, third]).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    // On PostgreSQL either of the two may come first, once each is on its own.
    expect(new Set([second, ofTheSameId])).toEqual(new Set(['fulfilled', 'rejected']))
    const subjects = (await store.db.selectFrom('emails').select('subject').execute()).map(({ subject }) => subject)
    expect(subjects.toSorted()).toEqual(['first', second === 'fulfilled' ? 'second' : 'of the same id', 'third'].toSorted())
    expect(await verifyLog(store.db)).toMatchObject({ ok: true })
  })

  it('have all come to an end when the transaction of several is taken back', async () => {
    const store = await open()
    const { mailbox } = await addTenant(store, 'ours')
    const events: string[] = []
    const watched: Store = {
      ...store,
      transaction: (work) => store.transaction((tx) => work(tx).finally(() => events.push('over'))),
    }
    const onDsn: HandOn['onDsn'] = async (tx, _report, { emailId }) => {
      if (emailId === spoiled[0]?.emailId) throw new Error('no')
      for (let at = 0; at < 3; at++) await tx.selectFrom('emails').select('id').execute()
      events.push('handed on')
      return []
    }
    const filer = createFiler({ store: watched, handOn: { ...handOn, onDsn } })
    const spoiled = to(mailbox.id)
    const about = {
      kind: 'delivery',
      report: { reportingMta: null, originalEnvelopeId: null, originalMessageId: null, recipients: [] },
    } as const
    const first = { ...(await letter(store, 'first')), report: about }
    const second = { ...(await letter(store, 'second')), report: about }
    const filed = await Promise.allSettled([filer.file(first, spoiled), filer.file(second, to(mailbox.id))])
    expect(filed.map(({ status }) => status)).toEqual(['rejected', 'fulfilled'])
    expect(events.slice(0, 2)).toEqual(['handed on', 'over'])
  })

  it('are not so many at one time that others wait long for their turn', async () => {
    const store = await open()
    const { mailbox } = await addTenant(store, 'ours')
    let transactions = 0
    const counting: Store = { ...store, transaction: (work) => (transactions++, store.transaction(work)) }
    const filer = createFiler({ store: counting, handOn })
    const large = await Promise.all(Array.from({ length: 80 }, (_, at) => letter(store, `n${at}`, {}, 60_000)))
    await Promise.all(large.map((one) => filer.file(one, to(mailbox.id))))
    expect(transactions).toBe(2)
    expect((await store.db.selectFrom('emails').select('id').execute()).length).toBe(80)
  })

  it('tell how many wait when the disk is slow, and catch up', async () => {
    const store = await open()
    const { mailbox } = await addTenant(store, 'ours')
    const disk = Promise.withResolvers<void>()
    const slow: Store = { ...store, transaction: (work) => disk.promise.then(() => store.transaction(work)) }
    const filer = createFiler({ store: slow, handOn })
    const one = await letter(store, 'one')
    const first = filer.file(one, to(mailbox.id))
    await new Promise((resolve) => void setImmediate(resolve))
    const more = Array.from({ length: 250 }, () => filer.file(one, to(mailbox.id)))
    expect(filer.load()).toBe(0.251)
    disk.resolve()
    await Promise.all([first, ...more])
    expect(filer.load()).toBe(0)
  })
})
