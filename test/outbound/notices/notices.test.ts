import { expect, it } from 'vitest'
import { noticeOf, statusOf } from '../../../server/outbound/notices/when.ts'
import type { Store } from '../../../server/store/db.ts'
import type { EmailRow } from '../../../server/store/emails.ts'
import { verifyLog } from '../../../server/store/log.ts'
import { setNotices } from '../../../server/store/notices.ts'
import { recognise } from '../../inbound/reports/corpus.ts'
import { type Leaving, createLeaving } from '../../support/leaving.ts'
import { type Answers, createRemoteMx } from '../../support/remote-mx.ts'
import { describeOnEachEngine } from '../../support/stores.ts'

const hour = 60 * 60_000

describeOnEachEngine('a notice by mail of what became of mail', (openStore) => {
  const open = async (answers: Answers, wanted = true) => {
    const store = await openStore()
    const leaving = await createLeaving(store, { remote: await createRemoteMx({ answers, extensions: [] }), runner: { concurrency: 1 } })
    if (wanted) await store.transaction((tx) => setNotices(tx, leaving.office.mailbox.id, true, leaving.clock.now()))
    return { store, leaving }
  }
  const runUntil = async (leaving: Leaving, until: number): Promise<void> => {
    for (;;) {
      await leaving.runner.drain()
      const due = await leaving.nextDue()
      if (due === null || due > until) return
      await leaving.clock.advance(Math.max(0, due - leaving.clock.now()))
    }
  }
  const noticesIn = (store: Store): Promise<EmailRow[]> =>
    store.db.selectFrom('emails').selectAll().where('automatic', '=', 'delivery-report').orderBy('id').execute()
  const reportIn = async (store: Store, { raw_hash }: EmailRow) =>
    recognise((await store.blobs.read(store.db, raw_hash ?? '')) ?? Buffer.alloc(0))

  it('comes into the mailbox that sent it, in the thread of the mail, when it fails for good', async () => {
    const { store, leaving } = await open({ rcpt: '550 5.1.1 No such user' })
    const email = await leaving.queue()
    await runUntil(leaving, Infinity)
    const [notice, ...others] = await noticesIn(store)
    if (notice === undefined) throw new Error('no notice')
    expect(others).toEqual([])
    expect(notice).toMatchObject({
      mailbox_id: email.mailbox_id,
      thread_id: email.thread_id,
      direction: 'inbound',
      status: 'unread',
      reverse_path: '',
      in_reply_to: email.message_id,
      subject: 'Undelivered mail',
      from_name: 'Mail Delivery System',
    })
    expect(notice.markdown).toContain('bo@remote.test\n    550 5.1.1 No such user')
    expect(await reportIn(store, notice)).toMatchObject({
      kind: 'delivery',
      report: {
        originalMessageId: '<one@ours.test>',
        recipients: [{ finalRecipient: 'bo@remote.test', action: 'failed', status: '5.1.1', diagnosticCode: '550 5.1.1 No such user' }],
      },
    })
    const received = (await leaving.events()).filter(({ data }) => data['email_id'] === notice.id)
    expect(received).toMatchObject([{ type: 'message.received', data: { thread_id: email.thread_id, direction: 'inbound' } }])
    expect(await verifyLog(store.db)).toMatchObject({ ok: true })
  })

  it('quotes the header as it was sent', async () => {
    const { store, leaving } = await open({ rcpt: '550 5.1.1 No such user' })
    await leaving.queue({ subject: 'About the boat' })
    await runUntil(leaving, Infinity)
    const [notice] = await noticesIn(store)
    const bytes = (await store.blobs.read(store.db, notice?.raw_hash ?? '')) ?? Buffer.alloc(0)
    expect(bytes.toString()).toContain('\r\nContent-Type: text/rfc822-headers\r\n\r\nFrom: Ann the Agent <ann@')
    expect(bytes.toString()).toContain('\r\nSubject: About the boat\r\n')
  })

  it('tells once that mail is late, after four hours, and once that its time is over', async () => {
    const { store, leaving } = await open({ rcpt: '451 4.3.0 Later' })
    await leaving.queue()
    const queuedAt = leaving.clock.now()
    await runUntil(leaving, queuedAt + 4 * hour - 1)
    expect(await noticesIn(store)).toEqual([])
    await runUntil(leaving, queuedAt + 71 * hour)
    expect(await noticesIn(store)).toMatchObject([{ subject: 'Delayed mail (still being tried)' }])
    await runUntil(leaving, Infinity)
    const all = await noticesIn(store)
    expect(all.map(({ subject }) => subject)).toEqual(['Delayed mail (still being tried)', 'Undelivered mail'])
    const [late, failed] = await Promise.all(all.map((one) => reportIn(store, one)))
    expect([late, failed]).toMatchObject([
      { report: { recipients: [{ action: 'delayed', status: '4.3.0' }] } },
      { report: { recipients: [{ action: 'failed', status: '4.3.0' }] } },
    ])
  })

  it('comes once for each recipient', async () => {
    const { store, leaving } = await open({ rcpt: ['550 5.1.1 No', '250 Ok', '550 5.7.1 No'] })
    await leaving.queue({ to: ['a@remote.test', 'b@remote.test', 'c@remote.test'] })
    await runUntil(leaving, Infinity)
    const all = await noticesIn(store)
    expect(all.map(({ markdown }) => /(\w)@remote/.exec(markdown)?.[1])).toEqual(['a', 'c'])
  })

  it('comes to no mailbox that did not ask for it', async () => {
    const { store, leaving } = await open({ rcpt: '550 5.1.1 No such user' }, false)
    await leaving.queue()
    await runUntil(leaving, Infinity)
    expect(await noticesIn(store)).toEqual([])
    expect((await leaving.events()).map(({ type }) => type)).toContain('message.bounced')
  })

  it('is never about mail without a reverse-path, or to the writer of notices', async () => {
    const { store, leaving } = await open({ rcpt: '550 5.1.1 No such user' })
    const silent = await leaving.queue()
    await store.db.updateTable('emails').set({ reverse_path: '' }).where('id', '=', silent.id).execute()
    const domain = leaving.office.mailbox.address.split('@')[1] ?? ''
    const answer = await leaving.queue({ to: ['Mailer-Daemon@remote.test'] })
    await store.db
      .updateTable('deliveries')
      .set({ forward_path: `Mailer-Daemon@${domain}` })
      .where('email_id', '=', answer.id)
      .execute()
    await runUntil(leaving, Infinity)
    expect(await noticesIn(store)).toEqual([])
  })

  it('is not there when the transaction that found it out did not end, and is there once when it did', async () => {
    const { store, leaving } = await open({ rcpt: '550 5.1.1 No such user' })
    await leaving.queue()
    const cut = { ...store, transaction: store.transaction }
    let failed = 0
    cut.transaction = ((work: Parameters<Store['transaction']>[0]) =>
      store.transaction(async (tx) => {
        const result = await work(tx)
        const there = await tx.selectFrom('emails').select('id').where('automatic', '=', 'delivery-report').execute()
        if (there.length === 0 || failed > 0) return result
        failed += 1
        throw new Error('the power went')
      })) as Store['transaction']
    await leaving.anotherRunner({ store: cut }).drain()
    expect([failed, (await noticesIn(store)).length]).toEqual([1, 0])
    await leaving.lapse(
      (await store.db.selectFrom('emails').selectAll().where('direction', '=', 'outbound').executeTakeFirst()) as EmailRow,
    )
    await runUntil(leaving, Infinity)
    expect(await noticesIn(store)).toHaveLength(1)
  })
})

it.each([
  ['bounced', 'recipient', 0, 'failed'],
  ['expired', 'temporary', 72 * hour, 'failed'],
  ['cancelled', 'integrity', 0, 'failed'],
  ['cancelled', 'temporary', 5 * hour, null],
  ['delivered', 'ok', 5 * hour, null],
  ['queued', 'temporary', 4 * hour - 1, null],
  ['queued', 'temporary', 4 * hour, 'delayed'],
] as const)('of a delivery that is %s (%s) after %d ms it tells: %s', (state, bounceClass, age, told) => {
  expect(noticeOf({ state, bounceClass: bounceClass as 'temporary', queuedAt: 1_000, now: 1_000 + age })).toBe(told)
})

it.each([
  ['failed', '550 5.1.1', '5.1.1'],
  ['failed', '550', '5.0.0'],
  ['failed', null, '4.4.7'],
  ['delayed', '451 4.3.0', '4.3.0'],
  ['delayed', null, '4.4.7'],
] as const)('its status, when it %s after %s, is %s', (action, code, status) => {
  expect(statusOf(action, code)).toBe(status)
})
