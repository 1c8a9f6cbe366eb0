import { expect, it } from 'vitest'
import { eventNameOf } from '../../server/operations/event-names.ts'
import { appendEvent } from '../../server/store/events.ts'
import { type Desk, openDesk } from '../support/desk.ts'
import { describeOnEachEngine } from '../support/stores.ts'
import { addWebhook, subscribe } from '../support/webhooks.ts'

it('knows the events by the names of every generation, and no others', () => {
  const known = {
    'message.received': 'message.received',
    'email.received': 'message.received',
    inbound: 'message.received',
    delivery: 'message.delivered',
    'email.delivered': 'message.delivered',
    bounce: 'message.bounced',
    complaint: 'message.complained',
    open: 'message.opened',
    'Oversight.Pending ': 'oversight.pending',
    'email.*': 'message.*',
    'oversight.*': 'oversight.*',
    '*': '*',
  }
  for (const [text, name] of Object.entries(known)) expect([text, eventNameOf(text)]).toEqual([text, name])
  for (const text of ['', 'message', 'message.', 'message.read', 'webhook.test', '**', '*.*', 'constructor', 'message.received"'])
    expect(eventNameOf(text)).toBeNull()
})

describeOnEachEngine('webhook operations', (openStore) => {
  const happen = ({ store, clock, ours }: Desk) =>
    store.transaction((tx) =>
      appendEvent(tx, { tenancy: ours.gated.tenancy, mailboxId: ours.gated.id, type: 'message.received', data: {}, now: clock.now() }),
    )

  it('list webhooks under every name that clients read, without secrets; one is shown with its secret', async () => {
    const desk = await openDesk(openStore)
    const { admin, bound, testAdmin } = desk.ours.keys
    const webhook = await addWebhook(desk, desk.ours, { events: ['message.received'] })
    await addWebhook(desk, desk.theirs)
    await subscribe(desk.store, desk.clock, desk.ours.test.tenancy)
    const listed = await desk.call(admin, 'GET', '/v1/webhooks?limit=100&since_id=2026-01-01T00:00:00Z')
    const { webhooks, subscriptions, data } = listed.body as Record<string, unknown[]>
    expect(webhooks).toEqual([
      expect.objectContaining({
        id: webhook.id,
        url: webhook.url,
        events: ['message.received'],
        mailbox_id: null,
        status: 'active',
        is_active: true,
        public_key: expect.stringMatching(/^whpk_/),
        created_at: new Date(desk.clock.now()).toISOString(),
      }),
    ])
    expect([subscriptions, data]).toEqual([webhooks, webhooks])
    expect(JSON.stringify(listed.body)).not.toContain('whsec_')
    expect((await desk.call(testAdmin, 'GET', '/list_webhooks')).body['webhooks']).toHaveLength(1)
    const shown = await desk.call(admin, 'GET', `/v1/webhooks/${webhook.id}`)
    expect(shown).toMatchObject({ status: 200, body: { id: webhook.id, signing_secret: webhook.secret } })
    expect((await desk.call(bound, 'GET', '/list_webhooks')).status).toBe(403)
    const entries = await desk.store.db.selectFrom('log_entries').select(['action', 'body']).where('action', 'like', 'webhook%').execute()
    expect(entries.map(({ action }) => action)).toContain('webhook.read')
    expect(JSON.stringify(entries)).not.toContain(webhook.secret)
  })

  it('change what a webhook is told of, switch it off and on, and delete it', async () => {
    const desk = await openDesk(openStore)
    const { admin } = desk.ours.keys
    const { id } = await addWebhook(desk, desk.ours)
    const change = (body: object) => desk.call(admin, 'PATCH', `/v1/webhooks/${id}`, body)
    expect((await change({ events: ['inbound', 'email.bounced', 'bounce'] })).body).toMatchObject({
      events: ['message.received', 'message.bounced'],
    })
    expect(await change({ events: ['message.eaten'] })).toMatchObject({ status: 400, body: { code: 'BAD_INPUT' } })
    expect(await change({ events: [] })).toMatchObject({ status: 400 })
    await happen(desk)
    expect((await change({ enabled: false })).body).toMatchObject({ status: 'disabled', is_active: false, disabled_reason: 'asked' })
    await happen(desk)
    expect((await change({ is_active: true })).body).toMatchObject({ status: 'active', disabled_reason: null })
    const { deliveries } = (await desk.call(admin, 'GET', '/v1/webhook-deliveries')).body as { deliveries: object[] }
    expect(deliveries).toMatchObject([{ status: 'failed', trouble: 'the webhook was disabled', event_type: 'message.received' }])
    expect((await desk.call(admin, 'DELETE', `/v1/webhooks/${id}`)).body).toMatchObject({ status: 'deleted' })
    expect(await desk.call(admin, 'DELETE', `/v1/webhooks/${id}`)).toMatchObject({ status: 404, body: { code: 'WEBHOOK_NOT_FOUND' } })
    expect((await desk.call(admin, 'GET', `/v1/webhook-deliveries?webhook_id=${id}`)).body['deliveries']).toHaveLength(1)
  })

  it('replace the secret, by one that somebody chose if they like, and say until when the one before signs', async () => {
    const desk = await openDesk(openStore)
    const { admin } = desk.ours.keys
    const webhook = await addWebhook(desk, desk.ours)
    const path = `/v1/webhooks/${webhook.id}/rotate-secret`
    const rotated = await desk.call(admin, 'POST', path)
    expect(rotated.body).toMatchObject({
      signing_secret: expect.stringMatching(/^whsec_/),
      previous_secret_until: new Date(desk.clock.now() + 86_400_000).toISOString(),
    })
    expect(rotated.body['signing_secret']).not.toBe(webhook.secret)
    expect((await desk.call(admin, 'POST', path, { secret: 'correct-horse-battery' })).body).toMatchObject({
      signing_secret: 'correct-horse-battery',
    })
    for (const secret of ['short', 'x'.repeat(129), 'with spaces in between', 'ünïcode-secret-16'])
      expect(await desk.call(admin, 'POST', path, { secret })).toMatchObject({ status: 400, body: { code: 'BAD_INPUT' } })
  })

  it('try a webhook, page through what it was told, and bring it again', async () => {
    const desk = await openDesk(openStore)
    const { admin } = desk.ours.keys
    const { id } = await addWebhook(desk, desk.ours, { events: ['message.received'] })
    const tried = await desk.call(admin, 'POST', `/v1/webhooks/${id}/test`)
    expect(tried).toMatchObject({ status: 200, body: { status: 'pending', attempts: 0, event_type: 'webhook.test', webhook_id: id } })
    for (let count = 0; count < 3; count += 1) await happen(desk)
    const first = await desk.call(admin, 'GET', '/v1/webhook-deliveries?limit=3')
    const second = await desk.call(admin, 'GET', `/v1/webhook-deliveries?limit=3&cursor=${String(first.body['cursor'])}`)
    const all = [...(first.body['deliveries'] as { id: string }[]), ...(second.body['deliveries'] as { id: string }[])]
    expect(all).toHaveLength(4)
    expect(second.body['cursor']).toBeNull()
    expect(all.at(-1)?.id).toBe(tried.body['id'])
    const again = await desk.call(admin, 'POST', `/v1/webhook-deliveries/${all[0]?.id}/replay`)
    expect(again.body).toMatchObject({ replay_of: all[0]?.id, status: 'pending', event_type: 'message.received' })
    expect(again.body['id']).not.toBe(all[0]?.id)
  })

  it('bring past events of a time, those it has taken only when asked for', async () => {
    const desk = await openDesk(openStore)
    const { admin } = desk.ours.keys
    await happen(desk)
    await desk.clock.advance(60_000)
    const middle = new Date(desk.clock.now()).toISOString()
    await happen(desk)
    const { id } = await addWebhook(desk, desk.ours, { events: ['message.*'] })
    await happen(desk)
    const replay = (body: object) => desk.call(admin, 'POST', `/v1/webhooks/${id}/replay`, body)
    expect(await replay({})).toMatchObject({ status: 400 })
    expect((await replay({ since: middle })).body).toEqual({ queued: 1, more: false, last_event_at: middle })
    expect((await replay({ since: middle })).body).toMatchObject({ queued: 0 })
    expect((await replay({ since: '2026-01-01' })).body).toMatchObject({ queued: 1 })
    expect((await replay({ since: '2026-01-01', include_delivered: true, until: middle })).body).toMatchObject({ queued: 1 })
    const event = await desk.store.db
      .selectFrom('events')
      .select('id')
      .where('type', '=', 'message.received')
      .orderBy('seq')
      .executeTakeFirstOrThrow()
    expect((await replay({ event_ids: [event.id], include_delivered: true })).body).toMatchObject({ queued: 1 })
    expect(await replay({ event_ids: ['evt_1'] })).toMatchObject({ status: 400 })
  })
})
