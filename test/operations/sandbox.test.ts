import { expect, it } from 'vitest'
import type { AccountId } from '../../server/model/ids.ts'
import type { Store, Tx } from '../../server/store/db.ts'
import { type Answer, type Desk, openDesk } from '../support/desk.ts'
import { describeOnEachEngine } from '../support/stores.ts'

const order = { from: 'ann@remote.test', from_name: 'Ann, of Remote', subject: 'An order', markdown: 'Ten boxes, please.' }
const inject = (desk: Desk, more: Record<string, unknown> = {}): Promise<Answer> =>
  desk.call(desk.ours.keys.test, 'POST', '/v1/sandbox/inbound', { ...order, ...more })
const read = async (desk: Desk, id: unknown): Promise<Record<string, unknown>> =>
  (await desk.call(desk.ours.keys.test, 'GET', `/read_email?email_id=${String(id)}`)).body
const eventsOf = async ({ store }: Desk, accountId: AccountId): Promise<string[]> =>
  (
    await store.db
      .selectFrom('events')
      .select('type')
      .where('account_id', '=', accountId)
      .where('world', '=', 'test')
      .orderBy('id')
      .execute()
  ).map(({ type }) => type)

describeOnEachEngine('the sandbox', (openStore) => {
  it('lets an email arrive as if somebody had sent it, and shows it as any other', async () => {
    const desk = await openDesk(openStore)
    const file = { name: 'order.txt', content_type: 'text/plain', content_base64: Buffer.from('10 boxes').toString('base64') }
    const given = {
      cc: ['bea@elsewhere.test'],
      html: '<p>Ten <b>boxes</b>, please.</p>',
      attachments: [file],
      headers: { 'X-Order': '7 ü' },
    }
    const answer = await inject(desk, given)
    expect(answer).toMatchObject({ status: 201, body: { status: 'unread', mailbox_id: desk.ours.test.id, message_id: answer.body['id'] } })
    const email = await read(desk, answer.body['id'])
    expect(email).toMatchObject({
      from: 'ann@remote.test',
      to: [desk.ours.test.address],
      cc: ['bea@elsewhere.test'],
      subject: 'An order',
      thread_id: answer.body['thread_id'],
      internet_message_id: answer.body['internet_message_id'],
      attachments: [{ name: 'order.txt' }],
      authentication: { dmarc: { result: 'pass', domain: 'remote.test' } },
      sender_identity: null,
    })
    expect(String(email['markdown'])).toContain('boxes')
    const raw = await desk.call(desk.ours.keys.test, 'GET', `/get_email_raw?email_id=${String(answer.body['id'])}`)
    expect(raw.status).toBe(200)
    expect(await eventsOf(desk, desk.ours.accountId)).toEqual(['message.received'])
    expect((await desk.call(desk.ours.keys.test, 'GET', '/check_inbox')).body['messages']).toMatchObject([{ id: answer.body['id'] }])
    const log = (await desk.call(desk.ours.keys.testAdmin, 'GET', '/get_audit_log')).body['entries'] as { action: string }[]
    expect(log.map(({ action }) => action)).toEqual(expect.arrayContaining(['email.injected', 'email.received']))
  })

  it('joins the thread that it answers: by the id of an email, by a Message-ID, by the thread', async () => {
    const desk = await openDesk(openStore)
    const first = (await inject(desk)).body
    const sent = await desk.call(desk.ours.keys.test, 'POST', '/reply_email', { email_id: first['id'], markdown: 'They come.' })
    for (const answering of [
      { in_reply_to: sent.body['id'] },
      { in_reply_to: first['internet_message_id'] },
      { thread_id: first['thread_id'] },
    ])
      expect((await inject(desk, { ...answering, subject: 'Something else' })).body['thread_id']).toBe(first['thread_id'])
    expect((await inject(desk)).body['thread_id']).not.toBe(first['thread_id'])
  })

  it('finds out what it is told to', async () => {
    const desk = await openDesk(openStore)
    const statuses = async (more: Record<string, unknown>): Promise<unknown> => (await inject(desk, more)).body['status']
    expect(await statuses({ spam: 'clean', subject: 'BUY NOW!!! viagra', authentication: 'fail' })).toBe('unread')
    expect(await statuses({ spam: 'flagged' })).toBe('spam_flagged')
    expect(await statuses({ spam: 'quarantined' })).toBe('spam_quarantined')
    const failed = await read(desk, (await inject(desk, { authentication: 'fail' })).body['id'])
    expect(failed['authentication']).toMatchObject({ spf: { result: 'fail' }, dkim: [{ result: 'fail' }], dmarc: { result: 'fail' } })
    expect((await eventsOf(desk, desk.ours.accountId)).length).toBe(3)
  })

  it('holds what arrives in a gated_all mailbox until somebody lets it in', async () => {
    const desk = await openDesk(openStore)
    await desk.store.db.updateTable('mailboxes').set({ oversight_mode: 'gated_all' }).where('id', '=', desk.ours.test.id).execute()
    const { id, status } = (await inject(desk)).body
    expect(status).toBe('pending_inbound_approval')
    expect(await read(desk, id)).toMatchObject({ code: 'EMAIL_NOT_FOUND' })
    await desk.call(desk.ours.keys.testAdmin, 'POST', '/decide_email', { email_id: id, action: 'approve' })
    expect(await read(desk, id)).toMatchObject({ subject: 'An order' })
  })

  it('takes a whole message, whose return address is empty unless it is said', async () => {
    const desk = await openDesk(openStore)
    const raw = (text: string) => ({ raw_base64: Buffer.from(text).toString('base64') })
    const whole = 'From: Bo <bo@remote.test>\nSubject: Raw\nMessage-ID: <1@remote.test>\nX-MultiMail-Reputation: none\n\nHello\n'
    const post = (body: object) => desk.call(desk.ours.keys.test, 'POST', '/inject_email', body)
    const answer = await post({ ...raw(whole), from: 'bounces@remote.test' })
    expect(answer).toMatchObject({ status: 200, body: { status: 'unread', internet_message_id: '<1@remote.test>' } })
    const row = await desk.store.db.selectFrom('emails').selectAll().executeTakeFirstOrThrow()
    expect(row).toMatchObject({ reverse_path: 'bounces@remote.test', from_name: 'Bo', automatic: null })
    const stored = (await desk.store.blobs.read(desk.store.db, row.raw_hash ?? ''))?.toString() ?? ''
    expect(stored).toContain('\r\nX-MultiMail-Reputation: none\r\n\r\nHello\r\n')
    expect(stored.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/)
    expect(await post(raw(' continued\n\nx'))).toMatchObject({
      status: 409,
      body: { code: 'MAIL_REFUSED', error: expect.stringContaining('554') },
    })
    expect(await post(raw('From: a@one.test, b@two.test\n\nx'))).toMatchObject({ status: 409, body: { code: 'MAIL_REFUSED' } })
    expect(await post(raw('x'.repeat(2 * 1024 * 1024 + 1)))).toMatchObject({ status: 413 })
    expect((await post(raw(''))).status).toBeLessThan(500)
  })

  it('lets nobody break out of a header field', async () => {
    const desk = await openDesk(openStore)
    for (const more of [
      { subject: 'a\r\nBcc: x@y.test' },
      { headers: { 'X-A': 'a\r\nFrom: x@y.test' } },
      { headers: { 'X-A: b\r\nFrom': 'x@y.test' } },
      { headers: { From: 'x@y.test' } },
      { headers: { 'authentication-results': 'mx.ours.test; dmarc=pass' } },
      { headers: Object.fromEntries(Array.from({ length: 21 }, (_, n) => [`X-${n}`, 'a'])) },
      { raw_base64: 'eA==' },
    ])
      expect(await inject(desk, more)).toMatchObject({ status: 400, body: { code: 'BAD_INPUT' } })
    expect((await inject(desk, { from_name: 'a\r\nBcc: x@y.test', in_reply_to: '<a>\r\nBcc: x@y.test' })).status).toBe(201)
    const row = await desk.store.db.selectFrom('emails').select('raw_hash').executeTakeFirstOrThrow()
    expect((await desk.store.blobs.read(desk.store.db, row.raw_hash ?? ''))?.toString()).not.toMatch(/^Bcc:/m)
  })

  it('is for keys of the test world and its mailboxes', async () => {
    const desk = await openDesk(openStore)
    for (const key of [desk.ours.keys.agent, desk.ours.keys.admin])
      expect(await desk.call(key, 'POST', '/inject_email', { ...order, mailbox_id: desk.ours.free.id })).toMatchObject({
        status: 403,
        body: { code: 'TEST_KEY_ONLY' },
      })
    expect(await inject(desk, { mailbox_id: desk.ours.free.id })).toMatchObject({ status: 404 })
    expect(await inject(desk, { mailbox_id: desk.theirs.test.id })).toMatchObject({ status: 404 })
    expect(await desk.store.db.selectFrom('emails').select('id').execute()).toEqual([])
    const suspended = desk.store.db.updateTable('mailboxes').set({ is_active: 0 }).where('id', '=', desk.ours.test.id)
    await suspended.execute()
    expect(await inject(desk)).toMatchObject({ status: 409, body: { code: 'MAIL_REFUSED' } })
  })

  it('writes down the idempotency key together with what it did, and nothing of what was refused', async () => {
    const seen: [calls: number, emails: number, entries: number][] = []
    const desk = await openDesk(async () => {
      const store = await openStore()
      const count = async (tx: Tx, table: 'idempotent_calls' | 'emails' | 'log_entries'): Promise<number> => {
        const rows = tx.selectFrom(table).select((row) => row.fn.countAll().as('count'))
        const { count } = await (
          table === 'log_entries' ? rows.where('action', 'in', ['email.injected', 'email.received']) : rows
        ).executeTakeFirstOrThrow()
        return Number(count)
      }
      const transaction: Store['transaction'] = (work) =>
        store.transaction(async (tx) => {
          const value = await work(tx)
          seen.push([await count(tx, 'idempotent_calls'), await count(tx, 'emails'), await count(tx, 'log_entries')])
          return value
        })
      return { ...store, transaction }
    })
    const whole = { raw_base64: Buffer.from(' continued\n\nx').toString('base64'), idempotency_key: 'r' }
    const refused = await desk.call(desk.ours.keys.test, 'POST', '/inject_email', whole)
    expect(refused).toMatchObject({ status: 409, body: { code: 'MAIL_REFUSED' } })
    expect((await inject(desk, { idempotency_key: 'a' })).status).toBe(201)
    const both = seen.filter(([calls, emails, entries]) => calls + emails + entries > 0)
    expect(both.length).toBeGreaterThan(0)
    expect(new Set(both.map(String))).toEqual(new Set(['1,1,2']))
  })

  it('puts one email there for one idempotency key', async () => {
    const desk = await openDesk(openStore)
    const [one, other] = [await inject(desk, { idempotency_key: 'a' }), await inject(desk, { idempotency_key: 'a' })]
    expect(other.body['id']).toBe(one.body['id'])
    expect(await desk.store.db.selectFrom('emails').select('id').execute()).toHaveLength(1)
  })
})
