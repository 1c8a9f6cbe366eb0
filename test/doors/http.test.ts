import { connect } from 'node:net'
import { expect, it } from 'vitest'
import { type Desk, openDesk } from '../support/desk.ts'
import { describeOnEachEngine } from '../support/stores.ts'

const problem = (code: string) => ({ error: expect.any(String), code, fix: expect.any(String), request_id: expect.stringMatching(/^req_/) })

async function counts({ store }: Desk): Promise<unknown> {
  const log = await store.db.selectFrom('log_head').select('next_seq').executeTakeFirst()
  const emails = await store.db
    .selectFrom('emails')
    .select((q) => q.fn.countAll().as('n'))
    .executeTakeFirst()
  return { log, emails }
}

describeOnEachEngine('what is refused at the door', (openStore) => {
  it('answers each kind of bad request in JSON, and nothing is changed', async () => {
    const desk = await openDesk(openStore)
    const { agent } = desk.ours.keys
    const before = await counts(desk)
    const send = (body: unknown) => desk.call(agent, 'POST', '/v1/mailboxes/' + desk.ours.gated.id + '/send', body)
    const letter = { to: ['bo@remote.test'], subject: 'Hi', markdown: 'Hello' }

    expect(await send('{"to":')).toMatchObject({ status: 400, body: problem('BAD_JSON') })
    expect(await send('{"__proto__":{"a":1}}')).toMatchObject({ status: 400, body: problem('BAD_JSON') })
    expect(await send('[1]')).toMatchObject({ status: 400, body: problem('BAD_INPUT') })
    expect(await send({ ...letter, urgency: 'high' })).toMatchObject({
      status: 400,
      body: { ...problem('BAD_INPUT'), error: 'urgency: unknown field', errors: [{ path: 'urgency', message: 'unknown field' }] },
    })
    expect(await send({ ...letter, send_at: 'tomorrow' })).toMatchObject({ status: 400, body: { errors: [{ path: 'send_at' }] } })
    expect(await send({ ...letter, subject: 7 })).toMatchObject({ status: 400, body: { errors: [{ path: 'subject' }] } })
    expect(await send({ ...letter, subject: 'a\r\nBcc: eve@evil.test' })).toMatchObject({
      status: 400,
      body: { errors: [{ path: 'subject' }] },
    })
    expect(await send({ ...letter, to: ['Bo <bo@remote.test>'] })).toMatchObject({ status: 400, body: { errors: [{ path: 'to.0' }] } })
    expect(await send({ ...letter, to: Array.from({ length: 51 }, (_, n) => `a${n}@b.test`) })).toMatchObject({
      status: 400,
      body: { errors: [{ path: 'to' }] },
    })
    expect(await send({ ...letter, to: [] })).toMatchObject({ status: 400, body: problem('NO_RECIPIENTS') })
    expect(await send({ to: ['bo@remote.test'] })).toMatchObject({
      status: 400,
      body: {
        errors: [
          { path: 'subject', message: 'is required' },
          { path: 'markdown', message: 'is required' },
        ],
      },
    })
    expect(await send({ ...letter, attachments: [{ name: 'a', content_type: 'text/plain', content_base64: '*' }] })).toMatchObject({
      status: 400,
      body: { errors: [{ path: 'attachments.0.content_base64' }] },
    })
    expect(await send({ ...letter, markdown: 'x'.repeat(262_145) })).toMatchObject({
      status: 400,
      body: { errors: [{ path: 'markdown' }] },
    })
    expect(await desk.call(agent, 'POST', '/send_email', '<a/>', { 'content-type': 'text/xml' })).toMatchObject({
      status: 415,
      body: problem('UNSUPPORTED_MEDIA_TYPE'),
    })
    expect(await desk.call(agent, 'GET', '/send_email')).toMatchObject({ status: 404, body: problem('UNKNOWN_ROUTE') })
    expect(await desk.call(agent, 'GET', '/v1/%ff')).toMatchObject({ status: 404, body: problem('UNKNOWN_ROUTE') })
    expect(await desk.call(agent, 'GET', `/v1/mailboxes/${'a'.repeat(4000)}`)).toMatchObject({ status: 404 })
    expect(await desk.call(agent, 'GET', '/check_inbox?limit=0')).toMatchObject({ status: 400, body: { errors: [{ path: 'limit' }] } })
    expect(await desk.call(agent, 'GET', '/check_inbox?limit=5&limit=6')).toMatchObject({
      status: 400,
      body: { errors: [{ path: 'limit' }] },
    })
    expect(await desk.call(agent, 'GET', '/check_inbox?cursor=abc')).toMatchObject({ status: 400, body: problem('BAD_CURSOR') })
    expect(await desk.call(agent, 'POST', '/send_email', letter)).toMatchObject({ status: 400, body: problem('MAILBOX_REQUIRED') })
    expect(await desk.call(agent, 'POST', '/cancel_message', { email_id: 'a'.repeat(65) })).toMatchObject({
      status: 400,
      body: { errors: [{ path: 'email_id' }] },
    })
    expect(await counts(desk)).toEqual(before)
  })

  it('stops a body that is too large before it is read whole, and one of a stranger before it is read at all', async () => {
    const desk = await openDesk(openStore)
    const large = JSON.stringify({ markdown: 'x'.repeat(600_000) })
    expect(await desk.call(desk.ours.keys.agent, 'POST', '/cancel_message', large)).toMatchObject({
      status: 413,
      body: problem('BODY_TOO_LARGE'),
    })
    expect(await desk.call(null, 'POST', '/cancel_message', large)).toMatchObject({ status: 401 })
  })

  it('takes an empty JSON body for an empty object, as old clients send it', async () => {
    const desk = await openDesk(openStore)
    const { agent } = desk.ours.keys
    const json = { 'content-type': 'application/json' }
    expect(await desk.call(agent, 'GET', '/check_inbox', undefined, json)).toMatchObject({ status: 200 })
    const mail = await desk.receive(desk.ours.gated)
    const draft = await desk.call(agent, 'POST', '/draft_reply', { email_id: mail.id, body: 'hm' })
    const path = `/v1/mailboxes/${desk.ours.gated.id}/emails/${String(draft.body['id'])}/cancel`
    expect(await desk.call(agent, 'POST', path, '', json)).toMatchObject({ status: 200, body: { status: 'cancelled' } })
    expect(await desk.call(agent, 'POST', path)).toMatchObject({ status: 200, body: { status: 'cancelled' } })
  })

  it('shows nothing of a fault of ours', async () => {
    const desk = await openDesk(openStore)
    await desk.store.db.schema.dropTable('attachments').execute()
    const mail = await desk.receive(desk.ours.gated)
    const answer = await desk.call(desk.ours.keys.reader, 'GET', `/read_email?email_id=${mail.id}`)
    expect(answer).toMatchObject({ status: 500, body: { ...problem('INTERNAL'), error: 'The server failed to answer' } })
    expect(JSON.stringify(answer.body)).not.toMatch(/attachments|sqlite|relation|node_modules/i)
    // The read did not happen, so it is neither marked nor on the record.
    expect(await desk.store.db.selectFrom('emails').select('status').where('id', '=', mail.id).executeTakeFirst()).toEqual({
      status: 'unread',
    })
  })

  it('lets no browser guess, run, frame or keep an answer', async () => {
    const desk = await openDesk(openStore)
    const { headers } = await desk.call(desk.ours.keys.agent, 'GET', '/check_inbox')
    expect(Object.fromEntries(headers)).toMatchObject({
      'content-type': 'application/json; charset=utf-8',
      'x-content-type-options': 'nosniff',
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'; sandbox",
      'cache-control': 'no-store',
      'x-request-id': expect.stringMatching(/^req_/),
    })
  })

  it('is well while its store is, and says so to anybody', async () => {
    const desk = await openDesk(openStore)
    expect(await desk.call(null, 'GET', '/health')).toMatchObject({ status: 200, body: { status: 'ok' } })
    expect(await desk.call(null, 'GET', '/')).toMatchObject({ status: 200, body: { name: 'multimail' } })
    await desk.store.db.schema.dropTable('log_head').execute()
    expect(await desk.call(null, 'GET', '/health')).toMatchObject({ status: 503, body: { status: 'degraded' } })
  })

  it('answers what is not HTTP in JSON too, and hangs up', async () => {
    const desk = await openDesk(openStore)
    const text = await speak(desk.url, 'EHLO mail.evil.test\r\n\r\n')
    expect(text).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/)
    expect(JSON.parse(text.split('\r\n\r\n')[1] ?? '')).toMatchObject(problem('BAD_HTTP'))
    expect(await speak(desk.url, `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`)).toMatch(/^HTTP\/1\.1 431 /)
  })
})

const speak = (url: string, text: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    const socket = connect(Number(new URL(url).port), '127.0.0.1', () => socket.write(text))
    socket.on('data', (chunk) => chunks.push(chunk))
    socket.on('end', () => resolve(Buffer.concat(chunks).toString()))
    socket.on('error', reject)
  })
