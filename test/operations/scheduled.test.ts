import { expect, it } from 'vitest'
import { type Desk, openDesk } from '../support/desk.ts'
import { describeOnEachEngine } from '../support/stores.ts'

// A day after the desk opens.
const tomorrow = '2026-03-03T09:00:00.000Z'

async function scheduled(desk: Desk, more: Record<string, unknown> = {}, mailbox = desk.ours.free.id) {
  const letter = { mailbox_id: mailbox, to: ['bo@remote.test'], subject: 'Hello', markdown: 'Hi', scheduled_at: tomorrow, ...more }
  const { status, body } = await desk.call(desk.ours.keys.agent, 'POST', '/send_email', letter)
  expect(status).toBe(200)
  return { id: String(body['id']), path: `/v1/mailboxes/${mailbox}/emails/${String(body['id'])}/schedule`, body }
}
const read = async (desk: Desk, id: string) => (await desk.call(desk.ours.keys.agent, 'GET', `/read_email?email_id=${id}`)).body

describeOnEachEngine('mail that is sent later, for callers', (openStore) => {
  it('is shown with its time, found by its status, and changed by any of its fields', async () => {
    const desk = await openDesk(openStore)
    const { id, path, body } = await scheduled(desk)
    expect(body).toMatchObject({ status: 'scheduled', send_at: tomorrow })
    expect(await read(desk, id)).toMatchObject({ send_at: tomorrow, gate_timing: 'gate_first', delayed_until: null })
    expect((await desk.call(desk.ours.keys.agent, 'GET', '/check_inbox?status=scheduled')).body['messages']).toMatchObject([{ id }])

    const { agent } = desk.ours.keys
    const moved = await desk.call(agent, 'PATCH', path, { send_at: '2026-03-04T09:00:00Z' })
    expect(moved).toMatchObject({ status: 200, body: { id, status: 'scheduled', send_at: '2026-03-04T09:00:00.000Z' } })
    expect(moved.body['content_hash']).toBe(body['content_hash'])
    const changes = { to: 'cy@remote.test, di@remote.test', cc: ['ed@remote.test'], bcc: [], subject: 'Again', markdown: '*Later*' }
    const changed = await desk.call(agent, 'PATCH', path, changes)
    expect(changed).toMatchObject({ status: 200, body: { status: 'scheduled', thread_id: body['thread_id'] } })
    expect(changed.body['content_hash']).not.toBe(body['content_hash'])
    expect(await read(desk, id)).toMatchObject({
      to: ['cy@remote.test', 'di@remote.test'],
      cc: ['ed@remote.test'],
      subject: 'Again',
      markdown: '*Later*',
      send_at: '2026-03-04T09:00:00.000Z',
    })
    const thread = await desk.call(agent, 'GET', `/get_thread?thread_id=${String(body['thread_id'])}`)
    expect(thread.body).toMatchObject({ subject: 'Again' })
    const log = await desk.call(desk.ours.keys.admin, 'GET', '/get_audit_log?limit=100')
    const edits = (log.body['entries'] as Record<string, unknown>[]).filter((it) => it['action'] === 'email.rescheduled')
    expect(edits).toMatchObject([
      { resource_id: id, metadata: { previous_content_hash: body['content_hash'] }, details: { subject: 'Again' } },
      { resource_id: id, metadata: { content_hash: body['content_hash'] } },
    ])
  })

  it('is changed only while it waits for its time, and by words that make sense', async () => {
    const desk = await openDesk(openStore)
    const { agent } = desk.ours.keys
    const { id, path } = await scheduled(desk)
    expect(await desk.call(agent, 'PATCH', path, {})).toMatchObject({ status: 400, body: { code: 'BAD_INPUT' } })
    expect(await desk.call(agent, 'PATCH', path, { send_at: '2028-01-01T00:00:00Z' })).toMatchObject({ status: 400 })
    expect(await desk.call(agent, 'PATCH', path, { to: [] })).toMatchObject({ status: 400, body: { code: 'NO_RECIPIENTS' } })
    expect(await desk.call(agent, 'PATCH', path, { attachments: [] })).toMatchObject({ status: 400 })
    expect(await desk.call(desk.ours.keys.reader, 'PATCH', path, { subject: 'No' })).toMatchObject({ status: 403 })
    await desk.call(agent, 'POST', '/cancel_message', { id })
    const late = await desk.call(agent, 'POST', '/edit_scheduled_email', { message_id: id, scheduled_at: tomorrow })
    expect(late).toMatchObject({ status: 409, body: { code: 'NOT_SCHEDULED' } })
    const waiting = await scheduled(desk, {}, desk.ours.gated.id)
    expect(await desk.call(agent, 'PATCH', waiting.path, { subject: 'No' })).toMatchObject({ status: 409, body: { code: 'NOT_SCHEDULED' } })
  })

  it('can only be moved once it is approved', async () => {
    const desk = await openDesk(openStore)
    const { agent, reviewer } = desk.ours.keys
    const { id, path, body } = await scheduled(desk, {}, desk.ours.gated.id)
    await desk.call(reviewer, 'POST', '/decide_email', { email_id: id, action: 'approve' })
    expect(await desk.call(agent, 'PATCH', path, { subject: 'Another' })).toMatchObject({ status: 409, body: { code: 'ALREADY_APPROVED' } })
    const moved = await desk.call(agent, 'PATCH', path, { send_at: '2026-03-05T09:00:00Z', subject: 'Hello', to: ['bo@remote.test'] })
    expect(moved).toMatchObject({ status: 200, body: { send_at: '2026-03-05T09:00:00.000Z', content_hash: body['content_hash'] } })
  })

  it('asks a person when its mailbox says so, unless the call does', async () => {
    const desk = await openDesk(openStore)
    const { admin, agent, reviewer } = desk.ours.keys
    const { gated } = desk.ours
    const listed = async () => (await desk.call(agent, 'GET', `/v1/mailboxes/${gated.id}`)).body['default_gate_timing']
    expect(await listed()).toBe('gate_first')
    const asked = { default_gate_timing: 'schedule_first' }
    expect(await desk.call(reviewer, 'PATCH', `/v1/mailboxes/${gated.id}/configure`, asked)).toMatchObject({ status: 403 })
    expect(await desk.call(admin, 'PATCH', `/v1/mailboxes/${gated.id}/configure`, asked)).toMatchObject({
      status: 200,
      body: { status: 'updated', ...asked },
    })
    expect(await listed()).toBe('schedule_first')
    expect((await scheduled(desk, {}, gated.id)).body).toMatchObject({ status: 'scheduled' })
    expect((await scheduled(desk, { gate_timing: 'gate_first', subject: 'Now' }, gated.id)).body).toMatchObject({
      status: 'pending_approval',
    })
    const log = await desk.call(admin, 'GET', '/get_audit_log')
    expect(log.body['entries']).toContainEqual(
      expect.objectContaining({
        action: 'mailbox.configured',
        metadata: { ...asked, changed: ['default_gate_timing'], previous: { default_gate_timing: 'gate_first' } },
      }),
    )
  })
})
