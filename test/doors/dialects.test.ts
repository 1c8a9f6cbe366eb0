import { expect, it } from 'vitest'
import { openDesk } from '../support/desk.ts'
import { describeOnEachEngine } from '../support/stores.ts'

const file = { name: 'naïve "order".txt', contentType: 'text/html', content: Buffer.from('<script>alert(1)</script>') }

describeOnEachEngine('what old clients need', (openStore) => {
  it('lists the inbox under the names each of them reads', async () => {
    const desk = await openDesk(openStore)
    const { gated, keys } = desk.ours
    const mail = await desk.receive(gated, { subject: 'Re: Fwd: Order' })
    await desk.call(keys.agent, 'POST', '/send_email', {
      from: gated.address.toUpperCase(),
      to: 'bo@remote.test, cy@remote.test',
      subject: 'Out',
      body: 'x',
    })
    const common = {
      id: mail.id,
      message_id: mail.id,
      from: 'ann@remote.test',
      from_address: 'ann@remote.test',
      to_addresses: [gated.address],
      is_read: false,
    }

    const v1 = await desk.call(
      keys.agent,
      'GET',
      `/v1/mailboxes/${gated.address}/emails?limit=50&offset=0&since_id=&_=1`.replace('since_id=&', ''),
    )
    expect(v1.body).toMatchObject({
      emails: [
        { direction: 'outbound', status: 'pending_send_approval', to: ['bo@remote.test', 'cy@remote.test'] },
        { ...common, subject: 'Order', to: [gated.address] },
      ],
    })

    const flat = await desk.call(keys.agent, 'GET', '/check_inbox')
    expect(flat.body).toMatchObject({ messages: [{ ...common, subject: 'Re: Fwd: Order' }] })
    expect(flat.body).not.toHaveProperty('emails')

    const zapier = await desk.call(keys.agent, 'GET', `/v1/emails/inbox?mailbox=${gated.address}&limit=5`)
    expect(zapier.body).toMatchObject({ emails: [{ ...common, to: gated.address }] })
    const pending = await desk.call(keys.agent, 'GET', '/check_inbox?status=pending_approval')
    expect(pending.body).toMatchObject({ messages: [{ status: 'pending_approval', direction: 'outbound' }] })
  })

  it('understands every way of asking for a listing', async () => {
    const asked: [string, number][] = [
      ['status=unread', 1],
      ['unread_only=True', 1],
      ['unread_only=1', 1],
      ['unread_only=false', 2],
      ['direction=unread', 1],
      ['status=archived', 0],
      ['status=scheduled', 0],
      ['since_id=2026-03-02T08:00:00Z', 2],
      ['since_id=2027-01-01T00:00:00Z', 0],
      ['has_attachments=true', 0],
      ['has_attachments=False', 2],
      ['sender=ANN', 2],
      ['subject_contains=second', 1],
      ['offset=1', 1],
      ['whatever=1', 2],
    ]
    const desk = await openDesk(openStore)
    await desk.receive(desk.ours.gated, { status: 'read' })
    await desk.receive(desk.ours.gated, { subject: 'The second' })
    for (const [query, count] of asked) {
      const { body } = await desk.call(desk.ours.keys.agent, 'GET', `/check_inbox?${query}`)
      expect([query, body['messages']]).toEqual([query, expect.objectContaining({ length: count })])
    }
  })

  it('says on v1 that a mail is being scanned, and on the flat form that it waits', async () => {
    const desk = await openDesk(openStore)
    const { gated, free, keys } = desk.ours
    const mail = await desk.receive(gated)
    const letter = { to: ['bo@remote.test'], subject: 'Hi', markdown: 'Hello' }
    const taken = {
      id: expect.stringMatching(/^em_/),
      status: 'pending_scan',
      thread_id: expect.stringMatching(/^thr_/),
      message: expect.any(String),
    }
    expect(await desk.call(keys.agent, 'POST', `/v1/mailboxes/${gated.id}/send`, letter)).toMatchObject({ status: 202, body: taken })
    expect(await desk.call(keys.agent, 'POST', `/v1/mailboxes/${gated.id}/reply/${mail.id}`, { markdown: 'a' })).toMatchObject({
      status: 202,
      body: taken,
    })
    expect(await desk.call(keys.agent, 'POST', `/v1/mailboxes/${gated.id}/emails/${mail.id}/reply`, { markdown: 'b' })).toMatchObject({
      status: 202,
      body: taken,
    })
    expect(await desk.call(keys.agent, 'POST', '/send_email', { ...letter, subject: 'Again', from: gated.address })).toMatchObject({
      status: 200,
      body: { status: 'pending_approval' },
    })
    expect(await desk.call(keys.agent, 'POST', '/send_email', { ...letter, from: free.address })).toMatchObject({
      status: 200,
      body: { status: 'sent' },
    })
    const zapier = { to: 'bo@remote.test', subject: 'Again', body: 'Hello', mailbox: free.address, cc: '', bcc: null }
    expect(await desk.call(null, 'POST', '/v1/emails/send', zapier, { 'x-api-key': keys.agent })).toMatchObject({
      status: 202,
      body: { status: 'sent' },
    })
  })

  it('answers a repeated idempotency key with what it did before', async () => {
    const desk = await openDesk(openStore)
    const { gated, keys } = desk.ours
    const letter = { to: ['bo@remote.test'], subject: 'Hi', markdown: 'Hello', idempotency_key: 'k1' }
    const path = `/v1/mailboxes/${gated.id}/send`
    const first = await desk.call(keys.agent, 'POST', path, letter)
    const { id, thread_id } = first.body
    expect(await desk.call(keys.agent, 'POST', path, letter)).toMatchObject({
      status: 200,
      body: { id, message_id: id, thread_id, status: 'already_sent', idempotent: true },
    })
    expect(await desk.call(keys.agent, 'POST', path, { ...letter, markdown: 'Other' })).toMatchObject({
      status: 409,
      body: { code: 'IDEMPOTENCY_CONFLICT' },
    })
  })

  it('gives one email with and without what only some may read', async () => {
    const desk = await openDesk(openStore)
    const { gated, keys } = desk.ours
    const mail = await desk.receive(gated, { text: 'Hello there' })
    const path = `/v1/mailboxes/${gated.id}/emails/${mail.id}`
    const plain = await desk.call(keys.agent, 'GET', path)
    expect(plain.body).toMatchObject({
      markdown: 'Hello there',
      body: 'Hello there',
      direction: 'inbound',
      tags: {},
      attachments: [],
      status: 'read',
    })
    expect(plain.body).not.toHaveProperty('text_body')
    expect((await desk.call(keys.agent, 'GET', path, undefined, { 'user-agent': 'python-httpx/0.28' })).body).toMatchObject({
      text_body: 'Hello there',
    })
    expect((await desk.call(keys.agent, 'GET', `/v1/emails/${mail.id}`)).body).toMatchObject({ to: gated.address, body: 'Hello there' })
  })

  it('shows a thread without texts on v1, where a client prints it as trusted', async () => {
    const desk = await openDesk(openStore)
    const { gated, keys } = desk.ours
    const mail = await desk.receive(gated)
    const v1 = await desk.call(keys.agent, 'GET', `/v1/mailboxes/${gated.id}/threads/${mail.thread_id}`)
    expect(v1.body).toMatchObject({
      thread_id: mail.thread_id,
      message_count: 1,
      has_unanswered_inbound: true,
      participants: ['ann@remote.test', gated.address],
    })
    expect(JSON.stringify(v1.body)).not.toContain('Where is my order?')
    expect(Object.values(v1.body).filter(Array.isArray)).toHaveLength(2)
    expect((await desk.call(keys.agent, 'GET', `/v1/emails/thread/${mail.thread_id}`)).body).toMatchObject({
      emails: [{ body: 'Where is my order?' }],
    })
  })

  it('lists what is pending under all three keys, and decides under both words', async () => {
    const desk = await openDesk(openStore)
    const { gated, keys } = desk.ours
    const letter = { to: ['bo@remote.test'], bcc: ['cy@remote.test'], subject: 'Hi', markdown: 'Hello' }
    const { body } = await desk.call(keys.agent, 'POST', `/v1/mailboxes/${gated.id}/send`, letter)
    const pending = await desk.call(keys.reviewer, 'GET', '/v1/oversight/pending')
    const item = {
      id: body['id'],
      bcc: ['cy@remote.test'],
      body_markdown: 'Hello',
      body: 'Hello',
      status: 'pending_send_approval',
      content_hash: expect.any(String),
      reason: expect.any(String),
    }
    expect(pending.body).toMatchObject({ emails: [item], pending: [item], data: [item], cursor: null })
    expect((await desk.call(keys.reviewer, 'GET', '/list_pending')).body).toMatchObject({
      messages: [{ status: 'pending_approval' }],
      pending: [{ status: 'pending_approval' }],
    })
    const stale = { email_id: body['id'], action: 'approve', content_hash: 'f'.repeat(64) }
    expect(await desk.call(keys.reviewer, 'POST', '/v1/oversight/decide', stale)).toMatchObject({
      status: 409,
      body: { code: 'CONTENT_CHANGED' },
    })
    const decided = await desk.call(keys.reviewer, 'POST', `/v1/emails/${String(body['id'])}/decide`, { decision: 'approve', reason: null })
    expect(decided).toMatchObject({
      status: 200,
      body: {
        id: body['id'],
        email_id: body['id'],
        status: 'approved_and_sent',
        delivered_at: expect.any(String),
        postmark_message_id: expect.stringMatching(/^</),
      },
    })
    expect(await desk.call(keys.reviewer, 'POST', '/v1/oversight/decide', { message_id: body['id'], decision: 'reject' })).toMatchObject({
      status: 409,
      body: { code: 'NOT_PENDING' },
    })
  })

  it('lets two names of one field not contradict each other', async () => {
    const desk = await openDesk(openStore)
    const mail = await desk.receive(desk.ours.gated)
    const body = { email_id: mail.id, message_id: 'em_other', action: 'approve', decision: 'reject' }
    expect(await desk.call(desk.ours.keys.reviewer, 'POST', '/decide_email', body)).toMatchObject({
      status: 400,
      body: { code: 'BAD_INPUT' },
    })
    expect(await desk.call(desk.ours.keys.agent, 'POST', '/draft_reply', { email_id: mail.id, body: 'a', markdown: 'b' })).toMatchObject({
      status: 200,
    })
    expect((await desk.call(desk.ours.keys.agent, 'GET', `/get_thread?thread_id=${mail.thread_id}`)).body).toMatchObject({
      messages: [{}, { body: 'b', status: 'draft' }],
    })
  })

  it('refuses HTML where old clients send it, rather than mail its tags', async () => {
    const desk = await openDesk(openStore)
    const letter = { to: 'bo@remote.test', subject: 'Hi', body: '<p>Hello</p>', mailbox: desk.ours.free.address }
    expect(await desk.call(desk.ours.keys.agent, 'POST', '/v1/emails/send', letter)).toMatchObject({
      status: 400,
      body: { code: 'HTML_NOT_ACCEPTED' },
    })
    expect(await desk.call(desk.ours.keys.agent, 'POST', '/v1/emails/send', { ...letter, body: 'a < b and c > d' })).toMatchObject({
      status: 202,
    })
  })

  it('has the mailbox of the hosted service', async () => {
    const desk = await openDesk(openStore)
    const { gated, keys } = desk.ours
    const mailbox = {
      id: gated.id,
      address: gated.address,
      oversight_mode: 'gated_send',
      is_active: 1,
      forward_inbound: 0,
      created_at: desk.clock.now(),
      tenant_id: desk.ours.accountId,
      mcp_configured: 0,
    }
    expect((await desk.call(keys.bound, 'GET', '/v1/mailboxes')).body).toMatchObject({ mailboxes: [mailbox] })
    expect((await desk.call(keys.bound, 'GET', `/v1/mailboxes/${gated.id}`)).body).toMatchObject(mailbox)
  })

  it('gives an attachment as bytes that no browser will run, or as base64', async () => {
    const desk = await openDesk(openStore)
    const { gated, keys } = desk.ours
    const mail = await desk.receive(gated, {
      attachments: [
        file,
        { name: 'big.bin', contentType: 'x', content: Buffer.alloc(50_001, 1) },
        { ...file, content: Buffer.alloc(50_000, 2) },
      ],
    })
    const raw = (name: string) =>
      fetch(`${desk.url}/v1/mailboxes/${gated.id}/emails/${mail.id}/attachments/${encodeURIComponent(name)}`, {
        headers: { authorization: `Bearer ${keys.reader}` },
      })
    const answer = await raw(file.name)
    expect(Buffer.from(await answer.arrayBuffer())).toEqual(file.content)
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'content-type': 'text/html',
      'content-disposition': `attachment; filename="attachment"; filename*=UTF-8''na%C3%AFve%20%22order%22.txt`,
      'x-content-type-options': 'nosniff',
    })
    expect((await raw('big.bin')).headers.get('content-type')).toBe('application/octet-stream')
    expect((await raw('none')).status).toBe(404)
    const flat = (query: string) => desk.call(keys.reader, 'GET', `/download_attachment?email_id=${mail.id}&${query}`)
    expect((await flat('index=0')).body).toMatchObject({
      filename: file.name,
      content_base64: file.content.toString('base64'),
      download_path: null,
    })
    expect((await flat('filename=big.bin')).body).toMatchObject({
      content_base64: null,
      size: 50_001,
      // The number too: two attachments may have one name.
      download_path: `/v1/mailboxes/${gated.id}/emails/${mail.id}/attachments/big.bin?index=1`,
    })
    expect((await flat('index=2')).body).toMatchObject({ size: 50_000, content_base64: expect.any(String) })
    expect(await flat('')).toMatchObject({ status: 400, body: { error: expect.stringContaining('give filename or index') } })
  })
})
