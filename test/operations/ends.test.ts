import { expect, it } from 'vitest'
import { expireDue } from '../../server/oversight/expiry.ts'
import { silentLog } from '../../server/platform/log.ts'
import { eventsAfter } from '../../server/store/events.ts'
import { listLog } from '../../server/store/log.ts'
import { ann, signedIn } from '../support/browser.ts'
import { type Desk, openDesk } from '../support/desk.ts'
import { describeOnEachEngine } from '../support/stores.ts'

const day = 86_400_000
let count = 0
const send = (desk: Desk, more: object = {}, key = desk.ours.keys.agent) =>
  desk.call(key, 'POST', '/send_email', {
    mailbox_id: desk.ours.gated.id,
    to: ['bo@remote.test'],
    subject: `Offer ${(count += 1)}`,
    markdown: 'It costs 5.',
    ...more,
  })
const held = async (desk: Desk, more: object = {}): Promise<string> => {
  const { status, body } = await send(desk, more)
  if (status !== 200 || body['status'] !== 'pending_approval') throw new Error(JSON.stringify(body))
  return String(body['id'])
}
const decide = (desk: Desk, email_id: string, input: object) =>
  desk.call(desk.ours.keys.reviewer, 'POST', '/decide_email', { email_id, ...input })
const read = async (desk: Desk, id: string) => (await desk.call(desk.ours.keys.agent, 'GET', `/read_email?email_id=${id}`)).body
const pending = async (desk: Desk) =>
  (await desk.call(desk.ours.keys.reviewer, 'GET', '/list_pending')).body['pending'] as Record<string, unknown>[]
const eventsOf = async (desk: Desk, id: string) =>
  (await eventsAfter(desk.store.db, 0, 200))
    .map(({ type, data_json }) => ({ type, data: JSON.parse(data_json) as Record<string, unknown> }))
    .filter(({ data }) => data['email_id'] === id)
const holdState = async ({ store }: Desk, id: string) =>
  (
    await store.db
      .selectFrom('holds')
      .select('state')
      .where('email_id', '=', id as never)
      .executeTakeFirstOrThrow()
  ).state

describeOnEachEngine('how the waiting of an email ends', (openStore) => {
  it('is one of five things, which its agent tells apart, with who ended it and why', async () => {
    const desk = await openDesk(openStore)
    const [approved, rejected, expired, cancelled, superseded, waiting] = [
      await held(desk),
      await held(desk),
      await held(desk),
      await held(desk),
      await held(desk),
      await held(desk),
    ]
    expect((await decide(desk, approved, { action: 'approve' })).body).toMatchObject({ status: 'approved_and_sent', reason_code: null })
    expect((await decide(desk, rejected, { action: 'reject', reason_code: 'wrong_facts', reason: 'It costs 6.' })).body).toMatchObject({
      action: 'reject',
      status: 'rejected',
      reason_code: 'wrong_facts',
      redo_asked: false,
    })
    await desk.call(desk.ours.keys.agent, 'POST', '/cancel_message', { email_id: cancelled })
    const other = String((await send(desk, { replaces: superseded })).body['id'])
    expect(await read(desk, waiting)).toMatchObject({ status: 'pending_approval', outcome: null })
    await desk.clock.advance(3 * day)
    await expireDue({ store: desk.store, log: silentLog }, desk.clock.now())
    const outcome = async (id: string) => (await read(desk, id))['outcome']
    const none = { code: null, reason: null, redo_asked: false, replaced_by: null, next: expect.any(String) }
    expect(await outcome(approved)).toEqual({ ...none, kind: 'approved', by: 'key' })
    expect(await outcome(rejected)).toEqual({ ...none, kind: 'rejected', by: 'key', code: 'wrong_facts', reason: 'It costs 6.' })
    expect(await outcome(expired)).toEqual({ ...none, kind: 'expired', by: 'system' })
    expect(await outcome(cancelled)).toEqual({ ...none, kind: 'cancelled', by: 'key' })
    expect(await outcome(superseded)).toEqual({ ...none, kind: 'superseded', by: 'key', replaced_by: other })
    // Events say the same.
    const last = async (id: string) => (await eventsOf(desk, id)).findLast(({ type }) => type.startsWith('oversight.'))
    expect(await last(rejected)).toMatchObject({
      type: 'oversight.rejected',
      data: {
        outcome: 'rejected',
        action: 'reject',
        reason: 'It costs 6.',
        reason_code: 'wrong_facts',
        decided_by_kind: 'key',
        redo_asked: false,
      },
    })
    expect(await last(approved)).toMatchObject({ type: 'oversight.approved', data: { outcome: 'approved', decided_by_kind: 'key' } })
    expect(await last(expired)).toMatchObject({ type: 'oversight.expired', data: { outcome: 'expired', decided_by_kind: 'system' } })
    expect(await last(superseded)).toMatchObject({ type: 'oversight.superseded', data: { outcome: 'superseded', replaced_by: other } })
  })

  it('says that it was a person, and keeps their words out of what is hashed', async () => {
    const desk = await openDesk(openStore)
    const browser = await signedIn(desk, desk.ours.accountId, ann)
    const id = await held(desk)
    const { content_hash } = (await browser.get(`/session/pending/${id}`)).body
    const no = { email_id: id, content_hash, action: 'reject' }
    expect((await browser.post('/session/decide', { ...no, reason_code: 'other' })).status).toBe(400)
    expect((await browser.post('/session/decide', { ...no, reason_code: 'rude' })).status).toBe(400)
    expect((await browser.post('/session/decide', { ...no, action: 'approve', reason_code: 'tone' })).status).toBe(400)
    expect((await browser.post('/session/decide', { ...no, reason_code: 'tone', reason: 'Bo is a friend.' })).status).toBe(200)
    expect(await read(desk, id)).toMatchObject({
      outcome: { kind: 'rejected', by: 'person', code: 'tone' },
      rejection_reason: 'Bo is a friend.',
    })
    const [entry] = (await listLog(desk.store.db, desk.ours.gated.tenancy, { limit: 20 })).filter(
      ({ action }) => action === 'email.rejected',
    )
    expect(entry).toMatchObject({ metadata: { code: 'tone', redo_asked: false }, details: { reason: 'Bo is a friend.' } })
    expect(JSON.stringify(entry?.metadata)).not.toContain('friend')
  })

  it('is as it was for who sends neither word nor reason', async () => {
    const desk = await openDesk(openStore)
    const id = await held(desk)
    expect((await desk.call(desk.ours.keys.reviewer, 'POST', '/v1/oversight/decide', { email_id: id, action: 'reject' })).status).toBe(200)
    expect(await read(desk, id)).toMatchObject({ status: 'rejected', outcome: { code: null, reason: null } })
  })
})

describeOnEachEngine('another version', (openStore) => {
  it('is asked for by a reviewer, named by the agent, and shown as one to the reviewer', async () => {
    const desk = await openDesk(openStore)
    const id = await held(desk)
    expect((await decide(desk, id, { action: 'redo' })).status).toBe(400)
    const answer = await decide(desk, id, { action: 'redo', reason: 'Say when it leaves.' })
    expect(answer).toMatchObject({ status: 200, body: { action: 'redo', status: 'rejected', redo_asked: true, queued_at: null } })
    expect(await read(desk, id)).toMatchObject({
      status: 'rejected',
      outcome: { kind: 'rejected', redo_asked: true, reason: 'Say when it leaves.', next: expect.stringContaining(id) },
    })
    expect((await eventsOf(desk, id)).at(-1)).toMatchObject({ type: 'oversight.rejected', data: { action: 'reject', redo_asked: true } })
    const next = await held(desk, { replaces: id, markdown: 'It costs 5 and leaves on Monday.' })
    expect(await read(desk, next)).toMatchObject({ replaces: id, thread_id: (await read(desk, id))['thread_id'] })
    expect(await pending(desk)).toMatchObject([
      {
        id: next,
        replaces: { email_id: id, outcome: { kind: 'rejected', redo_asked: true, reason: 'Say when it leaves.', replaced_by: next } },
      },
    ])
    expect(await read(desk, id)).toMatchObject({ status: 'rejected', outcome: { kind: 'rejected', replaced_by: next } })
    expect((await listLog(desk.store.db, desk.ours.gated.tenancy, { limit: 50 })).map(({ action }) => action)).toContain('email.superseded')
  })

  it('is another email to an idempotency key when it replaces another', async () => {
    const desk = await openDesk(openStore)
    const first = await held(desk)
    const same = { subject: 'Same', idempotency_key: 'k1', replaces: first }
    const { body } = await send(desk, same)
    expect((await send(desk, same)).body).toMatchObject({ id: body['id'] })
    for (const replaces of [undefined, body['id']])
      expect(await send(desk, { ...same, replaces })).toMatchObject({ status: 409, body: { code: 'IDEMPOTENCY_CONFLICT' } })
  })

  it('of an answer stays an answer, by reply and by draft', async () => {
    const desk = await openDesk(openStore)
    const { agent } = desk.ours.keys
    const email = await desk.receive(desk.ours.gated)
    const reply = async (more: object = {}) =>
      String(
        (await desk.call(agent, 'POST', '/reply_email', { email_id: email.id, markdown: `Soon ${(count += 1)}.`, ...more })).body['id'],
      )
    const first = await reply()
    await decide(desk, first, { action: 'redo', reason_code: 'tone' })
    const second = await reply({ replaces: first })
    expect(await read(desk, second)).toMatchObject({ replaces: first, in_reply_to: email.message_id })
    await decide(desk, second, { action: 'redo', reason_code: 'tone' })
    const draft = await desk.call(agent, 'POST', '/draft_reply', { email_id: email.id, markdown: 'Soon, I hope.' })
    const third = await desk.call(agent, 'POST', '/send_email', { draft_id: draft.body['id'], replaces: second })
    expect(third).toMatchObject({ status: 200, body: { status: 'pending_approval' } })
    expect(await read(desk, String(third.body['id']))).toMatchObject({ replaces: second })
    // A new letter in its place keeps the conversation.
    await decide(desk, String(third.body['id']), { action: 'redo', reason_code: 'tone' })
    const fourth = await held(desk, { replaces: third.body['id'] })
    expect(await read(desk, fourth)).toMatchObject({ thread_id: email.thread_id, in_reply_to: email.message_id })
  })

  it('takes the place of what is still held, which nobody approves from then on', async () => {
    const desk = await openDesk(openStore)
    const id = await held(desk)
    const next = await held(desk, { replaces: id })
    expect((await pending(desk)).map((one) => one['id'])).toEqual([next])
    expect(await decide(desk, id, { action: 'approve' })).toMatchObject({ status: 409, body: { code: 'NOT_PENDING' } })
    expect(await holdState(desk, id)).toBe('cancelled')
    expect((await decide(desk, next, { action: 'approve' })).status).toBe(200)
  })

  it('is of one email of the same mailbox that may be replaced, once', async () => {
    const desk = await openDesk(openStore)
    const { agent, bound } = desk.ours.keys
    const [id, sent, taken] = [await held(desk), await held(desk), await held(desk)]
    await decide(desk, sent, { action: 'approve' })
    await desk.call(agent, 'POST', '/cancel_message', { email_id: taken })
    const email = await desk.receive(desk.ours.gated)
    for (const replaces of [sent, taken]) expect((await send(desk, { replaces })).body).toMatchObject({ code: 'NOT_REPLACEABLE' })
    for (const replaces of [email.id, 'em_1', `em_${'0'.repeat(26)}`])
      expect((await send(desk, { replaces })).body).toMatchObject({ code: 'EMAIL_NOT_FOUND' })
    // Not from another mailbox, nor of another account.
    expect((await send(desk, { replaces: id, mailbox_id: desk.ours.free.id })).body).toMatchObject({ code: 'EMAIL_NOT_FOUND' })
    const theirs = await send(desk, { replaces: id, mailbox_id: desk.theirs.gated.id }, desk.theirs.keys.agent)
    expect(theirs).toMatchObject({ status: 404, body: { code: 'EMAIL_NOT_FOUND' } })
    expect((await send(desk, { replaces: id }, bound)).status).toBe(200)
    expect((await send(desk, { replaces: id })).body).toMatchObject({ code: 'NOT_REPLACEABLE' })
    expect(await holdState(desk, sent)).toBe('approved')
  })

  it('comes once with one idempotency key', async () => {
    const desk = await openDesk(openStore)
    const id = await held(desk)
    const mail = { replaces: id, subject: 'Again', idempotency_key: 'again-1' }
    const [first, second] = [await send(desk, mail), await send(desk, mail)]
    expect([second.status, second.body['id'], second.body['idempotent']]).toEqual([200, first.body['id'], true])
  })

  it('is never asked of arriving mail', async () => {
    const desk = await openDesk(openStore)
    const email = await desk.receive(desk.ours.guarded, { status: 'pending_inbound_approval' })
    expect(await decide(desk, email.id, { action: 'redo', reason: 'no' })).toMatchObject({
      status: 409,
      body: { code: 'REDO_NOT_POSSIBLE' },
    })
    expect(await holdState(desk, email.id)).toBe('open')
  })

  it('meets another version, a decision and a cancellation at the same moment: one of them has its way', { timeout: 60_000 }, async () => {
    const desk = await openDesk(openStore)
    for (let round = 0; round < 5; round += 1) {
      const id = await held(desk)
      const rivals = [
        () => send(desk, { replaces: id }),
        () => send(desk, { replaces: id }),
        () => decide(desk, id, { action: 'approve' }),
        () => desk.call(desk.ours.keys.agent, 'POST', '/cancel_message', { email_id: id }),
      ]
      const order = rivals.map((_, place) => (place + round) % rivals.length)
      const answers = new Map(await Promise.all(order.map(async (which) => [which, await rivals[which]?.()] as const)))
      const { replaced_by_id } = await desk.store.db
        .selectFrom('emails')
        .select('replaced_by_id')
        .where('id', '=', id as never)
        .executeTakeFirstOrThrow()
      // What another version took the place of is cancelled, and cancelling it once more is answered as done.
      const won = [0, 1, 2, 3].filter((which) => answers.get(which)?.status === 200 && !(which === 3 && replaced_by_id !== null))
      expect(won).toHaveLength(1)
      const state = await holdState(desk, id)
      expect(state).toBe(won[0] === 2 ? 'approved' : 'cancelled')
      expect(replaced_by_id).toBe(won[0] === 0 || won[0] === 1 ? answers.get(won[0])?.body['id'] : null)
    }
  })
})
