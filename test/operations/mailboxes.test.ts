import { expect, it } from 'vitest'
import { oversightModes } from '../../server/model/email.ts'
import { eventsAfter } from '../../server/store/events.ts'
import { listWaiting } from '../../server/store/waiting.ts'
import { type Desk, openDesk } from '../support/desk.ts'
import { describeOnEachEngine } from '../support/stores.ts'

const letter = { to: ['bo@remote.test'], subject: 'Hello', markdown: 'Hi' }
const noted = async (desk: Desk, action: string): Promise<Record<string, unknown>[]> => {
  const { body } = await desk.call(desk.ours.keys.admin, 'GET', '/get_audit_log?limit=100')
  return (body['entries'] as Record<string, unknown>[]).filter((entry) => entry['action'] === action)
}

describeOnEachEngine('a mailbox', (openStore) => {
  it('answers with every field of the public API, as it is', async () => {
    const desk = await openDesk(openStore)
    const { admin, reader } = desk.ours.keys
    const path = `/v1/mailboxes/${desk.ours.gated.id}`
    expect((await desk.call(reader, 'GET', path)).body).toMatchObject({
      tenant_id: desk.ours.accountId,
      auto_cc: null,
      auto_bcc: null,
      forward_inbound: 0,
      webhook_url: null,
      oversight_webhook_url: null,
      signature_block: null,
      created_at: expect.any(Number),
      is_active: 1,
      ai_disclosure: true,
      mcp_configured: 0,
      default_gate_timing: 'gate_first',
      scheduling_enabled: 1,
    })
    const asked = {
      display_name: 'Order Desk',
      signature_block: 'Ours GmbH, order desk',
      default_gate_timing: 'schedule_first',
      scheduling_enabled: 0,
      ai_disclosure: 1,
      mcp_configured: 1,
    }
    const done = await desk.call(admin, 'PATCH', `${path}/configure`, asked)
    expect(done).toMatchObject({ status: 200, body: { status: 'updated', ...asked, ai_disclosure: true } })
    const now = await desk.call(reader, 'GET', path)
    expect(now.body).toMatchObject({ ...asked, ai_disclosure: true })
    expect((await desk.call(reader, 'GET', `/v1/mailboxes/${desk.ours.gated.address}`)).body).toEqual(now.body)
    const cleared = { display_name: null, signature_block: null, forward_inbound: false, ai_disclosure: true }
    expect(await desk.call(admin, 'PATCH', path, cleared)).toMatchObject({
      status: 200,
      body: { display_name: null, signature_block: null },
    })
    expect((await desk.call(reader, 'GET', '/list_mailboxes')).body['mailboxes']).toContainEqual(
      expect.objectContaining({
        id: desk.ours.gated.id,
        display_name: null,
        is_active: true,
        scheduling_enabled: false,
        mcp_configured: true,
      }),
    )
    // Names and texts can be erased, so the body of the entry has none.
    for (const entry of await noted(desk, 'mailbox.configured')) expect(JSON.stringify(entry['metadata'])).not.toMatch(/Order|GmbH/)
  })

  it('keeps its disclosure and forwards nothing, and says so', async () => {
    const desk = await openDesk(openStore)
    const path = `/v1/mailboxes/${desk.ours.gated.id}`
    for (const [route, off] of [
      [path, false],
      [path, 0],
      [`${path}/configure`, 0],
    ] as const) {
      expect(await desk.call(desk.ours.keys.admin, 'PATCH', route, { ai_disclosure: off })).toMatchObject({
        status: 400,
        body: { error: expect.stringContaining('ai_disclosure: cannot be switched off') },
      })
    }
    expect(await desk.call(desk.ours.keys.admin, 'PATCH', path, { forward_inbound: true })).toMatchObject({
      status: 400,
      body: { error: expect.stringContaining('does not forward') },
    })
  })

  it('takes no name or signature that would begin another line or hide something', async () => {
    const desk = await openDesk(openStore)
    const path = `/v1/mailboxes/${desk.ours.gated.id}`
    for (const text of ['Ann\r\nBcc: x@else.test', 'Ann\nX', 'Ann\0', 'A\u202enn', 'A\u200bnn', 'A\u2028n', 'n\ud800', 'a'.repeat(201)]) {
      for (const field of ['display_name', 'signature_block'])
        expect([text, await desk.call(desk.ours.keys.admin, 'PATCH', path, { [field]: text })]).toMatchObject([text, { status: 400 }])
    }
  })

  it('goes down the ladder at once and never up, whoever asks and by whichever route', async () => {
    const desk = await openDesk(openStore)
    const { keys, free } = desk.ours
    const path = `/v1/mailboxes/${free.id}`
    const down = oversightModes.toReversed()
    for (const [at, mode] of down.entries()) {
      const lowered = await desk.call(keys.admin, 'PATCH', at % 2 === 0 ? path : `${path}/configure`, { oversight_mode: mode })
      expect(lowered).toMatchObject({ status: 200, body: { oversight_mode: mode } })
      for (const higher of down.slice(0, at)) {
        for (const route of [path, `${path}/configure`]) {
          expect(await desk.call(keys.admin, 'PATCH', route, { oversight_mode: higher, display_name: 'Sly' })).toMatchObject({
            status: 403,
            body: { code: 'UPGRADE_NEEDS_CODE', error: expect.stringContaining(`/v1/mailboxes/${free.id}/request-upgrade`) },
          })
        }
      }
      const { body } = await desk.call(keys.reader, 'GET', path)
      expect(body).toMatchObject({ oversight_mode: mode, display_name: null })
    }
    expect(await desk.call(keys.agent, 'POST', '/send_email', { mailbox_id: free.id, ...letter })).toMatchObject({ status: 403 })
    expect((await noted(desk, 'mailbox.mode_lowered')).map((entry) => entry['metadata'])).toEqual([
      { mailbox_id: free.id, from_mode: 'gated_all', to_mode: 'read_only' },
      { mailbox_id: free.id, from_mode: 'gated_send', to_mode: 'gated_all' },
      { mailbox_id: free.id, from_mode: 'gated_new', to_mode: 'gated_send' },
      { mailbox_id: free.id, from_mode: 'monitored', to_mode: 'gated_new' },
      { mailbox_id: free.id, from_mode: 'autonomous', to_mode: 'monitored' },
    ])
  })

  it('sends nothing later when scheduling is off', async () => {
    const desk = await openDesk(openStore)
    const { keys, free } = desk.ours
    const path = `/v1/mailboxes/${free.id}`
    const later = { ...letter, send_at: new Date(desk.clock.now() + 3_600_000).toISOString() }
    const waiting = await desk.call(keys.agent, 'POST', `${path}/send`, later)
    expect(waiting).toMatchObject({ status: 202 })
    await desk.call(keys.admin, 'PATCH', `${path}/configure`, { scheduling_enabled: 0 })
    expect(await desk.call(keys.agent, 'POST', `${path}/send`, later)).toMatchObject({ status: 403, body: { code: 'SCHEDULING_DISABLED' } })
    const moved = { send_at: new Date(desk.clock.now() + 7_200_000).toISOString() }
    expect(await desk.call(keys.agent, 'PATCH', `${path}/emails/${String(waiting.body['id'])}/schedule`, moved)).toMatchObject({
      status: 403,
      body: { code: 'SCHEDULING_DISABLED' },
    })
    expect(await desk.call(keys.agent, 'POST', `${path}/send`, letter)).toMatchObject({ status: 202 })
  })

  it('when deleted ends what waits for a person, for its time and in the queue, and is changed no more', async () => {
    const desk = await openDesk(openStore)
    const { keys, free, guarded, gated } = desk.ours
    const send = async (mailbox_id: string, more = {}): Promise<string> =>
      String((await desk.call(keys.agent, 'POST', '/send_email', { mailbox_id, ...letter, ...more })).body['id'])
    const later = { send_at: new Date(desk.clock.now() + 3_600_000).toISOString() }
    const inbound = await desk.receive(guarded, { status: 'pending_inbound_approval' })
    const held = await send(guarded.id)
    const queued = await send(free.id)
    const scheduled = await send(free.id, later)
    const untouched = await send(gated.id)
    for (const { id, address } of [free, guarded]) {
      const gone = { status: 200, body: { status: 'deleted', id, address } }
      expect(await desk.call(keys.admin, 'DELETE', `/v1/mailboxes/${id}`)).toMatchObject(gone)
      expect(await desk.call(keys.admin, 'DELETE', `/v1/mailboxes/${id}`, {})).toMatchObject(gone)
      expect(await desk.call(keys.admin, 'PATCH', `/v1/mailboxes/${id}`, { display_name: 'Zombie' })).toMatchObject({ status: 404 })
    }
    const statusOf = async (id: string): Promise<unknown> =>
      (await desk.call(keys.admin, 'GET', `/read_email?email_id=${id}`)).body['status']
    for (const id of [inbound.id, held, queued, scheduled]) expect([id, await statusOf(id)]).toEqual([id, 'cancelled'])
    expect(await statusOf(untouched)).toBe('pending_approval')
    expect(await listWaiting(desk.store.db, { limit: 10 })).toEqual([])
    expect((await desk.call(keys.reviewer, 'GET', '/list_pending')).body['messages']).toMatchObject([{ id: untouched }])
    expect(await desk.call(keys.reviewer, 'POST', '/decide_email', { email_id: held, action: 'approve' })).toMatchObject({ status: 409 })
    const cancelled = (await eventsAfter(desk.store.db, 0, 100)).filter(({ type }) => type === 'message.cancelled')
    expect(cancelled.map((event) => (JSON.parse(event.data_json) as { email_id: string }).email_id).toSorted()).toEqual(
      [inbound.id, held, queued, scheduled].toSorted(),
    )
    expect(await noted(desk, 'mailbox.deleted')).toHaveLength(2)
    const list = await desk.call(keys.admin, 'GET', '/list_mailboxes')
    expect((list.body['mailboxes'] as { id: string }[]).map(({ id }) => id)).toEqual([gated.id])
  })

  it('with much in it is deleted all the same, and ends suspended in between', async () => {
    const desk = await openDesk(openStore)
    const { keys, free } = desk.ours
    const to = Array.from({ length: 40 }, (_, at) => `p${at}@remote.test`)
    for (let at = 0; at < 3; at += 1)
      await desk.call(keys.agent, 'POST', '/send_email', { mailbox_id: free.id, ...letter, subject: `Hello ${at}`, to })
    expect(await listWaiting(desk.store.db, { limit: 1_000 })).toHaveLength(120)
    expect(await desk.call(keys.admin, 'DELETE', `/v1/mailboxes/${free.id}`)).toMatchObject({ status: 200 })
    expect(await listWaiting(desk.store.db, { limit: 1_000 })).toEqual([])
    expect(await noted(desk, 'mailbox.deleted')).toHaveLength(1)
  })
})
