import { expect, it } from 'vitest'
import { createWebhooks } from '../../server/events/webhooks.ts'
import { eventNameOf } from '../../server/operations/event-names.ts'
import { appendEvent } from '../../server/store/events.ts'
import { mailboxById } from '../../server/store/mailboxes.ts'
import { agreed, mailedCode } from '../support/agreed.ts'
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

const wanted = { url: 'https://Hooks.example.com/in', events: ['inbound', 'message.received', 'oversight.*'] }
const create = (desk: Desk, body: object = wanted, key = desk.ours.keys.admin) => agreed(desk, 'POST', '/v1/webhooks', body, key)
const rowsOf = ({ store }: Desk) => store.db.selectFrom('webhooks').selectAll().orderBy('id').execute()

describeOnEachEngine('a webhook is created', (openStore) => {
  it('in two steps: nothing before the operator agrees, then with its secret; the listing has none', async () => {
    const desk = await openDesk(openStore)
    const { admin } = desk.ours.keys
    const first = await desk.call(admin, 'POST', '/v1/webhooks', wanted)
    expect(first).toMatchObject({ status: 202, body: { status: 'pending_approval', action: 'create_webhook' } })
    for (const name of ['id', 'url', 'signing_secret']) expect(first.body).not.toHaveProperty(name)
    expect(await rowsOf(desk)).toEqual([])
    const code = await mailedCode(desk)
    const elsewhere = { ...wanted, url: 'https://evil.example/in', approval_code: code }
    expect(await desk.call(admin, 'POST', '/v1/webhooks', elsewhere)).toMatchObject({ status: 404, body: { code: 'APPROVAL_NOT_FOUND' } })
    const made = await desk.call(admin, 'POST', '/v1/webhooks', { ...wanted, approval_code: code })
    expect(made).toMatchObject({
      status: 201,
      body: {
        id: expect.stringMatching(/^whk_/),
        url: 'https://hooks.example.com/in',
        events: ['message.received', 'oversight.*'],
        mailbox_id: null,
        kind: 'subscription',
        status: 'active',
        is_active: true,
        signing_secret: expect.stringMatching(/^whsec_/),
      },
    })
    expect(await desk.call(admin, 'POST', '/v1/webhooks', { ...wanted, approval_code: code })).toMatchObject({ status: 404 })
    const listed = await desk.call(admin, 'GET', '/v1/webhooks')
    expect(listed.body['subscriptions']).toMatchObject([{ id: made.body['id'] }])
    expect(JSON.stringify(listed.body)).not.toContain('whsec_')
    const log = await desk.store.db.selectFrom('log_entries').select(['action', 'body']).where('action', '=', 'webhook.created').execute()
    expect(log).toHaveLength(1)
    expect(JSON.stringify(log)).not.toContain(String(made.body['signing_secret']))
  })

  it('with a secret that the caller chose, which nobody is mailed and no entry of the log holds', async () => {
    const desk = await openDesk(openStore)
    const secret = 'correct-horse-battery-staple'
    const first = await desk.call(desk.ours.keys.admin, 'POST', '/v1/webhooks', { ...wanted, secret })
    expect(first.status).toBe(202)
    const code = await mailedCode(desk)
    const kept = [
      await desk.store.db.selectFrom('operator_mails').selectAll().execute(),
      await desk.store.db.selectFrom('admin_actions').selectAll().execute(),
      await desk.store.db.selectFrom('log_entries').select('body').execute(),
    ]
    expect(JSON.stringify(kept)).not.toContain(secret)
    const other = { ...wanted, secret: 'another-secret-of-mine', approval_code: code }
    expect(await desk.call(desk.ours.keys.admin, 'POST', '/v1/webhooks', other)).toMatchObject({ status: 404 })
    const made = await desk.call(desk.ours.keys.admin, 'POST', '/v1/webhooks', { ...wanted, secret, approval_code: code })
    expect(made).toMatchObject({ status: 201, body: { signing_secret: secret } })
  })

  it('for one mailbox, by its address; not for one that is deleted, nor by a key that is bound', async () => {
    const desk = await openDesk(openStore)
    const { admin, bound } = desk.ours.keys
    const { gated, guarded } = desk.ours
    expect((await create(desk, { ...wanted, mailbox: gated.address })).body).toMatchObject({ mailbox_id: gated.id })
    expect(await desk.call(bound, 'POST', '/v1/webhooks', wanted)).toMatchObject({ status: 403 })
    const late = { ...wanted, mailbox_id: guarded.id }
    expect((await desk.call(admin, 'POST', '/v1/webhooks', late)).status).toBe(202)
    const code = await mailedCode(desk)
    await desk.store.db.updateTable('mailboxes').set({ deleted_at: desk.clock.now() }).where('id', '=', guarded.id).execute()
    const before = await rowsOf(desk)
    expect(await desk.call(admin, 'POST', '/v1/webhooks', { ...late, approval_code: code })).toMatchObject({
      status: 404,
      body: { code: 'MAILBOX_NOT_FOUND' },
    })
    expect(await rowsOf(desk)).toEqual(before)
  })

  it('nowhere but on the public internet, and not without end; nobody is asked for what cannot be', async () => {
    const desk = await openDesk(openStore)
    const { admin } = desk.ours.keys
    for (const url of [
      'http://hooks.example.com/',
      'https://127.0.0.1/',
      'https://[::1]/',
      'https://a:b@hooks.example.com/',
      'https://hooks.local/',
    ])
      expect(await desk.call(admin, 'POST', '/v1/webhooks', { ...wanted, url })).toMatchObject({
        status: 400,
        body: { code: 'WEBHOOK_URL_REFUSED' },
      })
    for (const body of [{ url: wanted.url }, { events: ['*'] }, { ...wanted, events: ['message.eaten'] }, { ...wanted, secret: 'short' }])
      expect(await desk.call(admin, 'POST', '/v1/webhooks', body)).toMatchObject({ status: 400, body: { code: 'BAD_INPUT' } })
    for (let count = 0; count < 49; count += 1) await addWebhook(desk, desk.ours)
    expect((await create(desk)).status).toBe(201)
    expect(await desk.call(admin, 'POST', '/v1/webhooks', { ...wanted, url: 'https://one.more.example/' })).toMatchObject({
      status: 409,
      body: { code: 'TOO_MANY_WEBHOOKS' },
    })
    expect(await desk.store.db.selectFrom('admin_actions').select('id').execute()).toHaveLength(1)
  })

  it('for a test key with the code in the answer, and nobody is mailed', async () => {
    const desk = await openDesk(openStore)
    const { testAdmin } = desk.ours.keys
    const first = await desk.call(testAdmin, 'POST', '/create_webhook', wanted)
    const approval_code = first.body['sandbox_code']
    expect((await desk.call(testAdmin, 'POST', '/create_webhook', { ...wanted, approval_code })).body).toMatchObject({ status: 'active' })
    expect(await desk.store.db.selectFrom('operator_mails').selectAll().execute()).toEqual([])
  })
})

describeOnEachEngine('a webhook is moved to another url', (openStore) => {
  it('only when the operator agrees, to all of the call; what moves it nowhere asks nobody', async () => {
    const desk = await openDesk(openStore)
    const { admin } = desk.ours.keys
    const { id, url } = await addWebhook(desk, desk.ours)
    const path = `/v1/webhooks/${id}`
    const move = { url: 'https://new.example.com/in', events: ['*'], enabled: false }
    expect(await desk.call(admin, 'PATCH', path, { url, events: ['message.sent'] })).toMatchObject({
      status: 200,
      body: { status: 'active' },
    })
    const before = await rowsOf(desk)
    expect(await desk.call(admin, 'PATCH', path, move)).toMatchObject({ status: 202, body: { action: 'move_webhook' } })
    expect(await rowsOf(desk)).toEqual(before)
    const approval_code = await mailedCode(desk)
    expect(await desk.call(admin, 'PATCH', path, { ...move, enabled: true, approval_code })).toMatchObject({ status: 404 })
    expect(await desk.call(admin, 'PATCH', path, { ...move, approval_code })).toMatchObject({
      status: 200,
      body: { id, url: move.url, events: ['*'], status: 'disabled' },
    })
    expect(await desk.call(admin, 'PATCH', path, { url: 'https://10.0.0.1/' })).toMatchObject({ body: { code: 'WEBHOOK_URL_REFUSED' } })
  })

  it('nor is it told of more, unless the operator agrees; of less it is told at once', async () => {
    const desk = await openDesk(openStore)
    const { admin } = desk.ours.keys
    const { id } = await addWebhook(desk, desk.ours, { events: ['message.received', 'oversight.*'] })
    const path = `/v1/webhooks/${id}`
    const of = (events: string[]) => desk.call(admin, 'PATCH', path, { events })
    for (const more of [['*'], ['message.*'], ['message.received', 'message.sent'], ['webhook.disabled']]) {
      expect(await of(more)).toMatchObject({ status: 202, body: { status: 'pending_approval', action: 'widen_webhook' } })
      expect((await desk.call(admin, 'GET', path)).body).toMatchObject({ events: ['message.received', 'oversight.*'] })
      await desk.clock.advance(61_000)
    }
    for (const less of [['oversight.*'], ['oversight.pending']])
      expect(await of(less)).toMatchObject({ status: 200, body: { events: less } })
    expect(await agreed(desk, 'PATCH', path, { events: ['message.*'] })).toMatchObject({ status: 200, body: { events: ['message.*'] } })
  })

  it('and the mailbox whose url it stands behind says so', async () => {
    const desk = await openDesk(openStore)
    const { gated, keys } = desk.ours
    const webhooks = createWebhooks({ clock: desk.clock, allowPrivateTargets: false })
    await desk.store.transaction(async (tx) => {
      const mailbox = (await mailboxById(tx, gated.id)) ?? expect.fail('no mailbox')
      await webhooks.setOfMailbox(tx, mailbox, { webhook_url: 'https://old.example.com/' })
    })
    const [behind] = await rowsOf(desk)
    const moved = await agreed(desk, 'PATCH', `/v1/webhooks/${behind?.id}`, { url: 'https://new.example.com/' }, keys.admin)
    expect(moved).toMatchObject({ status: 200, body: { kind: 'mailbox', url: 'https://new.example.com/' } })
    expect((await mailboxById(desk.store.db, gated.id))?.webhook_url).toBe('https://new.example.com/')
  })
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
