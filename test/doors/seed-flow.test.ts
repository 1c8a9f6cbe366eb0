import { expect, it } from 'vitest'
import { describeOnEachEngine } from '../support/stores.ts'
import { openDesk } from '../support/desk.ts'

describeOnEachEngine('the flow of the seed page, over plain HTTP', (openStore) => {
  it('reads, replies, waits, decides, and is told when it was handed over', async () => {
    const desk = await openDesk(openStore)
    const { test: mailbox, keys } = desk.ours
    const question = await desk.receive(mailbox)
    const key = keys.testAdmin

    const inbox = await desk.call(key, 'GET', `/check_inbox?mailbox=${mailbox.address}&unread_only=True`)
    expect(inbox).toMatchObject({
      status: 200,
      body: { messages: [{ id: question.id, thread_id: question.thread_id, subject: 'An order', from: 'ann@remote.test' }], cursor: null },
    })

    const email = await desk.call(key, 'GET', `/read_email?email_id=${question.id}`)
    expect(email).toMatchObject({
      status: 200,
      body: { id: question.id, body: 'Where is my order?', markdown: 'Where is my order?', subject: 'An order' },
    })

    const reply = await desk.call(key, 'POST', '/reply_email', { email_id: question.id, body: 'It is on its way.', from: mailbox.address })
    expect(reply).toMatchObject({
      status: 200,
      body: { message_id: expect.stringMatching(/^em_/), status: 'pending_approval', thread_id: question.thread_id },
    })

    const thread = await desk.call(key, 'GET', `/get_thread?thread_id=${question.thread_id}`)
    expect(thread.body).toMatchObject({
      has_unanswered_inbound: false,
      messages: [
        { id: question.id, body: 'Where is my order?' },
        { id: reply.body['message_id'], body: 'It is on its way.', status: 'pending_approval' },
      ],
    })

    const decision = await desk.call(key, 'POST', '/decide_email', { message_id: reply.body['message_id'], decision: 'approve' })
    expect(decision).toMatchObject({
      status: 200,
      body: { status: 'approved_and_sent', message_id: reply.body['message_id'], self_approved: true },
    })
    expect(decision.body['delivered_at']).toBe('2026-03-02T09:00:00.000Z')
  })

  it('puts each step on the record, with who did it', async () => {
    const desk = await openDesk(openStore)
    const { gated, keys } = desk.ours
    const question = await desk.receive(gated)
    await desk.call(keys.agent, 'GET', '/check_inbox')
    await desk.call(keys.agent, 'GET', `/read_email?email_id=${question.id}`)
    const reply = await desk.call(keys.agent, 'POST', '/reply_email', { email_id: question.id, body: 'Soon.' })
    await desk.call(keys.reviewer, 'GET', '/list_pending')
    await desk.call(keys.reviewer, 'POST', '/decide_email', { message_id: reply.body['id'], decision: 'reject', reason: 'Be kinder.' })
    const log = await desk.call(keys.admin, 'GET', '/v1/audit-log')
    const actions = (log.body['entries'] as { action: string }[]).map((entry) => entry.action)
    expect(actions.slice(0, 7)).toEqual([
      'email.rejected',
      'pending.listed',
      'email.held',
      'email.submitted',
      'email.read',
      'inbox.listed',
      'email.received',
    ])
    const told = await desk.call(keys.agent, 'GET', `/v1/mailboxes/${gated.id}/emails/${String(reply.body['id'])}`)
    expect(told.body).toMatchObject({ status: 'rejected', rejection_reason: 'Be kinder.' })
  })
})
