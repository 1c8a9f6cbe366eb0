import { expect, it } from 'vitest'
import { forgettingDuplicates } from '../../server/outbound/duplicates.ts'
import { type Answer, openDesk } from '../support/desk.ts'
import { describeOnEachEngine } from '../support/stores.ts'

describeOnEachEngine('the same email twice', (openStore) => {
  const open = async (monthly: number | null = null) => {
    const desk = await openDesk(openStore, { monthly })
    const letter = { mailbox_id: desk.ours.gated.id, to: ['bo@remote.test', 'cy@remote.test'], subject: 'Hello', markdown: 'Hi' }
    const send = (more: object = {}): Promise<Answer> => desk.call(desk.ours.keys.agent, 'POST', '/send_email', { ...letter, ...more })
    return { desk, send }
  }
  const twice = (first: Answer) => ({
    status: 409,
    body: { code: 'DUPLICATE_EMAIL', error: expect.stringContaining(String(first.body['id'])) },
  })

  it('is refused for a minute, and the first of them is named', async () => {
    const { desk, send } = await open()
    const first = await send()
    expect(await send()).toMatchObject(twice(first))
    expect(await send({ to: ['cy@remote.test', 'bo@remote.test'] })).toMatchObject(twice(first))
    await desk.clock.advance(59_999)
    expect(await send()).toMatchObject(twice(first))
    await desk.clock.advance(1)
    const second = await send()
    expect(second.status).toBe(200)
    expect(await send()).toMatchObject(twice(second))
    await desk.clock.advance(60_000)
    await forgettingDuplicates(desk.store.db).work(desk.clock.now())
    expect(await desk.store.db.selectFrom('recent_submissions').selectAll().execute()).toEqual([])
  })

  it('is another email when anything differs, in another mailbox, or with an idempotency key', async () => {
    const { desk, send } = await open()
    const file = (text: string) => [{ name: 'a.txt', content_type: 'text/plain', content_base64: Buffer.from(text).toString('base64') }]
    const others = [
      {},
      { subject: 'Hello again' },
      { markdown: 'Hi there' },
      { to: ['bo@remote.test'] },
      { cc: ['di@remote.test'] },
      { attachments: file('1') },
      { attachments: file('2') },
      { send_at: '2026-03-03T09:00:00Z' },
      { mailbox_id: desk.ours.free.id },
      { idempotency_key: 'meant' },
    ]
    for (const one of others) expect([one, (await send(one)).status]).toEqual([one, 200])
    const mail = await desk.receive(desk.ours.gated)
    const reply = () => desk.call(desk.ours.keys.agent, 'POST', '/reply_email', { email_id: mail.id, markdown: 'Hi' })
    const first = await reply()
    expect(await reply()).toMatchObject(twice(first))
    const elsewhere = await desk.receive(desk.ours.gated)
    expect(await desk.call(desk.ours.keys.agent, 'POST', '/reply_email', { email_id: elsewhere.id, markdown: 'Hi' })).toMatchObject({
      status: 200,
    })
  })

  it('may be said again when the first was withdrawn or turned down', async () => {
    const { desk, send } = await open()
    const first = await send()
    await desk.call(desk.ours.keys.agent, 'POST', '/cancel_message', { email_id: first.body['id'] })
    const second = await send()
    expect(second.status).toBe(200)
    await desk.call(desk.ours.keys.reviewer, 'POST', '/decide_email', { email_id: second.body['id'], action: 'reject', reason: 'no' })
    const third = await send()
    expect(third.status).toBe(200)
    expect(await send()).toMatchObject(twice(third))
  })

  it('is taken once when it comes eight times at once', async () => {
    const { desk, send } = await open()
    const answers = await Promise.all(Array.from({ length: 8 }, () => send()))
    expect(answers.map(({ status }) => status).toSorted((one, other) => one - other)).toEqual([
      200,
      ...Array.from({ length: 7 }, () => 409),
    ])
    expect(await desk.store.db.selectFrom('emails').select('id').execute()).toHaveLength(1)
  })
})

describeOnEachEngine('the messages of a month', (openStore) => {
  it('are counted for each recipient and account; more are refused until the 1st, in the words that clients look for', async () => {
    const desk = await openDesk(openStore, { monthly: 3 })
    const letter = { mailbox_id: desk.ours.free.id, to: ['bo@remote.test', 'cy@remote.test'], markdown: 'Hi' }
    const send = (subject: string, more: object = {}, key = desk.ours.keys.agent) =>
      desk.call(key, 'POST', '/send_email', { ...letter, subject, ...more })
    expect((await send('1')).status).toBe(200)
    const over = await send('2')
    expect(over).toMatchObject({ status: 429, body: { code: 'QUOTA_EXCEEDED', error: expect.stringContaining('quota') } })
    const untilApril = (Date.parse('2026-04-01T00:00:00Z') - desk.clock.now()) / 1000
    expect(over.headers.get('retry-after')).toBe(String(untilApril))
    expect(over.body).not.toHaveProperty('warmup_stage')
    // What was refused is no first of two, and costs nothing.
    expect(await send('2')).toMatchObject({ status: 429, body: { code: 'QUOTA_EXCEEDED' } })
    expect((await send('3', { to: ['bo@remote.test'] })).status).toBe(200)
    expect((await send('4', { to: ['bo@remote.test'] })).status).toBe(429)
    expect((await send('4', { mailbox_id: desk.ours.test.id }, desk.ours.keys.test)).status).toBe(200)
    expect((await send('4', { mailbox_id: desk.theirs.free.id }, desk.theirs.keys.agent)).status).toBe(200)
    await desk.clock.advance(untilApril * 1000)
    expect((await send('4')).status).toBe(200)
  })

  it('are counted for whoever an edit adds', async () => {
    const desk = await openDesk(openStore, { monthly: 3 })
    const { agent } = desk.ours.keys
    const send_at = new Date(desk.clock.now() + 3_600_000).toISOString()
    const letter = { mailbox_id: desk.ours.free.id, to: ['bo@remote.test', 'cy@remote.test'], subject: 'Hi', markdown: 'Hi', send_at }
    const { id } = (await desk.call(agent, 'POST', '/send_email', letter)).body
    const edit = (to: string[]) => desk.call(agent, 'POST', '/edit_scheduled_email', { email_id: id, to })
    expect(await edit(['a@remote.test', 'b@remote.test'])).toMatchObject({ status: 429, body: { code: 'QUOTA_EXCEEDED' } })
    expect((await edit(['Bo@remote.test', 'cy@remote.test', 'di@remote.test'])).status).toBe(200)
    expect((await edit(['cy@remote.test', 'di@remote.test'])).status).toBe(200)
    expect((await edit(['cy@remote.test', 'ed@remote.test'])).status).toBe(429)
  })

  it('are counted once when a draft is sent twice at once', async () => {
    const desk = await openDesk(openStore, { monthly: 2 })
    const { agent } = desk.ours.keys
    const letter = { mailbox_id: desk.ours.free.id, to: ['bo@remote.test'], subject: 'Hi', markdown: 'Hi' }
    const mail = await desk.receive(desk.ours.free)
    const { id } = (await desk.call(agent, 'POST', '/draft_reply', { email_id: mail.id, markdown: 'Soon.' })).body
    const send = () => desk.call(agent, 'POST', '/send_email', { draft_id: id })
    const answers = await Promise.all([send(), send(), send()])
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    expect((await desk.call(agent, 'POST', '/send_email', { ...letter, subject: 'Two' })).status).toBe(200)
    expect((await desk.call(agent, 'POST', '/send_email', { ...letter, subject: 'Three' })).status).toBe(429)
  })

  it('are never passed by several at once', async () => {
    const desk = await openDesk(openStore, { monthly: 5 })
    const answers = await Promise.all(
      Array.from({ length: 12 }, (_, count) =>
        desk.call(desk.ours.keys.agent, 'POST', '/send_email', {
          mailbox_id: count % 2 === 0 ? desk.ours.free.id : desk.ours.gated.id,
          to: ['bo@remote.test'],
          subject: `${count}`,
          markdown: 'Hi',
        }),
      ),
    )
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(5)
  })
})
