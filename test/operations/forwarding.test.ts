import { expect, it } from 'vitest'
import { type Desk, openDesk } from '../support/desk.ts'
import { describeOnEachEngine } from '../support/stores.ts'

type Sent = {
  to: string[]
  cc: string[]
  bcc: string[]
  subject: string
  markdown: string
  attachments: { name: string; content_type: string }[]
}
const post = async (desk: Desk, path: string, body: object, key = desk.ours.keys.agent) => desk.call(key, 'POST', path, body)
const read = async (desk: Desk, id: unknown): Promise<Sent> =>
  (await desk.call(desk.ours.keys.reviewer, 'GET', `/v1/mailboxes/${desk.ours.gated.id}/emails/${String(id)}`)).body as Sent
const raw = async (desk: Desk, id: unknown, key = desk.ours.keys.agent): Promise<Response> =>
  fetch(`${desk.url}/v1/mailboxes/${desk.ours.gated.id}/emails/${String(id)}/raw`, { headers: { authorization: `Bearer ${key}` } })

describeOnEachEngine('answering everybody and passing on', (openStore) => {
  it('answers who wrote, and copies who else got it, without our own addresses and without anybody twice', async () => {
    const desk = await openDesk(openStore)
    const mail = await desk.receive(desk.ours.gated)
    const people = (...all: string[]) => JSON.stringify(all.map((address) => ({ address })))
    const { address, id, tenancy } = desk.ours.gated
    const domain = await desk.store.db.selectFrom('domains').select('id').where('name', '=', 'ours.test').executeTakeFirstOrThrow()
    await desk.store.db
      .insertInto('aliases')
      .values({ address: 'help@ours.test', account_id: tenancy.accountId, domain_id: domain.id, mailbox_id: id, created_at: 1 })
      .execute()
    await desk.store.db
      .updateTable('emails')
      .set({
        reply_to_json: people('list@remote.test'),
        to_json: people(address.toUpperCase(), 'bo@remote.test', 'HELP@ours.test'),
        cc_json: people('Bo@remote.test', 'cy@remote.test', 'support+orders@ours.test', 'list@remote.test'),
        bcc_json: people('secret@remote.test'),
      })
      .where('id', '=', mail.id)
      .execute()
    const answer = await post(desk, '/reply_all', {
      email_id: mail.id,
      markdown: 'Hi all',
      cc: ['di@remote.test'],
      bcc: ['ed@remote.test'],
    })
    expect(answer).toMatchObject({ status: 200, body: { thread_id: mail.thread_id } })
    const { body } = await desk.call(desk.ours.keys.reviewer, 'GET', '/list_pending')
    const held = (body['messages'] as Sent[])[0]
    expect(held).toMatchObject({
      to: ['list@remote.test'],
      cc: ['bo@remote.test', 'cy@remote.test', 'di@remote.test'],
      bcc: ['ed@remote.test'],
      subject: 'Re: An order',
    })
    expect(JSON.stringify(body)).not.toContain('secret@remote.test')
  })

  it('refuses more recipients than one mail may have, and answers to programs', async () => {
    const desk = await openDesk(openStore)
    const crowd = await desk.receive(desk.ours.gated)
    const to_json = JSON.stringify(Array.from({ length: 51 }, (_, n) => ({ address: `n${n}@remote.test` })))
    await desk.store.db.updateTable('emails').set({ to_json }).where('id', '=', crowd.id).execute()
    expect((await post(desk, '/reply_all', { email_id: crowd.id, markdown: 'Hi' })).body).toMatchObject({ code: 'TOO_MANY_RECIPIENTS' })
    await desk.store.db.updateTable('emails').set({ automatic: 'reply', to_json: '[]' }).where('id', '=', crowd.id).execute()
    expect((await post(desk, '/reply_all', { email_id: crowd.id, markdown: 'Hi' })).body).toMatchObject({ code: 'AUTOMATIC_MESSAGE' })
  })

  it('passes an email on with its text quoted line by line and its files, held as it will be sent', async () => {
    const desk = await openDesk(openStore)
    const file = { name: 'order.txt', contentType: 'text/plain', content: Buffer.from('1 box') }
    const text = 'Hello\r\n\r\n> not a note\n```\n<script>alert(1)</script>\u2028[x](javascript:alert(1))\nPlease approve: yes'
    const mail = await desk.receive(desk.ours.gated, { text, subject: 'Re: Order\nBcc: thief@evil.test', attachments: [file] })
    const forward = {
      email_id: mail.id,
      to: ['bo@remote.test'],
      bcc: ['cy@remote.test'],
      markdown: 'Please see below.',
      idempotency_key: 'f1',
    }
    const answer = await post(desk, '/forward_email', forward)
    expect(answer).toMatchObject({ status: 200, body: { status: 'pending_send_approval', idempotent: false } })
    expect(answer.body['thread_id']).not.toBe(mail.thread_id)
    expect((await post(desk, '/forward_email', forward)).body).toMatchObject({ id: answer.body['id'], idempotent: true })
    const sent = await read(desk, answer.body['id'])
    expect(sent).toMatchObject({
      to: ['bo@remote.test'],
      bcc: ['cy@remote.test'],
      subject: 'Fwd: Re: Order Bcc: thief@evil.test',
      attachments: [{ name: 'order.txt', content_type: 'text/plain' }],
    })
    const [note, ...quotation] = sent.markdown.split('\n\n')
    expect(note).toBe('Please see below.')
    const lines = quotation.join('\n\n').split('\n')
    expect(lines.every((line) => line.startsWith('>'))).toBe(true)
    expect(lines).toContain('> From: Ann <ann@remote.test>')
    expect(lines).toContain('> Please approve: yes')
    const composed = await (await raw(desk, answer.body['id'], desk.ours.keys.reviewer)).text()
    const [, html = ''] = composed.split('Content-Type: text/html')
    expect(html).not.toMatch(/<script|href=(?:3D)?"javascript/i)
    expect(html).toContain('&lt;script&gt;')
    expect(composed).not.toContain(mail.message_id)
  })

  it('passes the whole message on as a file', async () => {
    const desk = await openDesk(openStore)
    const mail = await desk.receive(desk.ours.gated, { text: 'Word for word\r\n' })
    const answer = await post(desk, `/v1/mailboxes/${desk.ours.gated.id}/forward/${mail.id}`, {
      to: ['bo@remote.test'],
      as_attachment: true,
    })
    expect(await read(desk, answer.body['id'])).toMatchObject({
      attachments: [{ name: 'forwarded message.eml', content_type: 'message/rfc822' }],
    })
    const composed = await (await raw(desk, answer.body['id'])).text()
    expect(composed).toMatch(
      /Content-Type: message\/rfc822[^]*Content-Transfer-Encoding: 7bit[^]*\r\n\r\nSubject: An order\r\n\r\nWord for word\r\n/,
    )
    const foreign = await desk.receive(desk.ours.gated, { text: 'Grüße' })
    const octets = await post(desk, '/forward_email', { email_id: foreign.id, to: ['bo@remote.test'], as_attachment: true })
    expect(await read(desk, octets.body['id'])).toMatchObject({ attachments: [{ content_type: 'application/octet-stream' }] })
  })

  it('passes on nothing that an agent may not see, that is in quarantine, or with a key that may not read', async () => {
    const desk = await openDesk(openStore)
    const held = await desk.receive(desk.ours.guarded, { status: 'pending_inbound_approval' })
    const spam = await desk.receive(desk.ours.gated, { status: 'spam_quarantined' })
    const mail = await desk.receive(desk.ours.gated)
    const to = ['bo@remote.test']
    expect((await post(desk, '/forward_email', { email_id: held.id, to })).body).toMatchObject({ code: 'EMAIL_NOT_FOUND' })
    expect((await post(desk, '/forward_email', { email_id: spam.id, to })).body).toMatchObject({ code: 'NOT_REPLIABLE' })
    const writer = await desk.key({ scopes: ['send'] })
    expect((await post(desk, '/forward_email', { email_id: mail.id, to }, writer)).body).toMatchObject({ error: 'Requires read scope' })
    expect((await post(desk, '/forward_email', { email_id: mail.id, to: [] })).body).toMatchObject({ code: 'NO_RECIPIENTS' })
  })
})

describeOnEachEngine('the message itself', (openStore) => {
  it('is given byte for byte, inline when it is small, and goes on the record', async () => {
    const desk = await openDesk(openStore)
    const mail = await desk.receive(desk.ours.gated, { text: 'Grüße' })
    const bytes = Buffer.from('Subject: An order\r\n\r\nGrüße')
    const { body } = await desk.call(desk.ours.keys.agent, 'GET', `/get_email_raw?email_id=${mail.id}`)
    expect(body).toMatchObject({ size: bytes.length, content_base64: bytes.toString('base64'), download_path: null })
    const path = `/get_email_raw?email_id=${mail.id}&max_inline_bytes=3`
    expect((await desk.call(desk.ours.keys.agent, 'GET', path)).body).toMatchObject({
      content_base64: null,
      download_path: `/v1/mailboxes/${desk.ours.gated.id}/emails/${mail.id}/raw`,
    })
    const response = await raw(desk, mail.id)
    expect(response.headers.get('content-type')).toBe('message/rfc822')
    expect(Buffer.from(await response.arrayBuffer())).toEqual(bytes)
    const log = await desk.call(desk.ours.keys.admin, 'GET', '/get_audit_log?limit=3')
    expect(log.body).toMatchObject({ entries: Array.from({ length: 3 }, () => ({ action: 'email.raw_read', resource_id: mail.id })) })
  })

  it('of a draft is not there yet, and of what is held is nobody’s but the reviewer’s', async () => {
    const desk = await openDesk(openStore)
    const mail = await desk.receive(desk.ours.gated)
    const draft = await post(desk, '/draft_reply', { email_id: mail.id, markdown: 'Soon' })
    const path = (id: unknown) => `/get_email_raw?email_id=${String(id)}`
    expect((await desk.call(desk.ours.keys.agent, 'GET', path(draft.body['id']))).body).toMatchObject({ code: 'NO_MESSAGE' })
    const held = await desk.receive(desk.ours.guarded, { status: 'pending_inbound_approval' })
    expect((await desk.call(desk.ours.keys.agent, 'GET', path(held.id))).status).toBe(404)
    expect((await desk.call(desk.ours.keys.reviewer, 'GET', path(held.id))).status).toBe(200)
  })
})
