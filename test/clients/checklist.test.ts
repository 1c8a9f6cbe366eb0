import { createHmac } from 'node:crypto'
import { expect, it } from 'vitest'
import { loadConfig } from '../../config/load.ts'
import { createZoneResolver } from '../../dns/resolver.ts'
import { hasBody } from '../../server/doors/dialect-input.ts'
import { restRoutes } from '../../server/doors/rest.ts'
import { createBring } from '../../server/events/bring.ts'
import { createCourier } from '../../server/events/courier.ts'
import type { OperationInfo } from '../../server/operations/router.ts'
import { silentLog } from '../../server/platform/log.ts'
import { listKeys } from '../../server/store/keys.ts'
import { agreed, mailedCode } from '../support/agreed.ts'
import { makeCertificate } from '../support/certificate.ts'
import { type Answer, openDesk } from '../support/desk.ts'
import { createHttpsHost, says } from '../support/https-host.ts'
import { asMcpServer, asPython } from '../support/old-clients.ts'
import { startSandboxAppliance } from '../support/sandbox-appliance.ts'
import { type Scene, filled, filledPath, furnishScene } from '../support/scene.ts'
import { describeOnOneEngine } from '../support/stores.ts'

const letter = { to: ['bo@remote.test'], subject: 'Hi', markdown: 'Hello' }
type Item = Record<string, unknown>
const itemsOf = ({ body }: Answer, key: string): Item[] => body[key] as Item[]

/** How often, and how long, as long as an operator sets nothing. */
function usualWebhooks() {
  const loaded = loadConfig({ env: {}, file: null })
  if (!loaded.ok) throw new Error(loaded.problems.join('\n'))
  return loaded.config.webhooks
}

/** One line of the acceptance checklist each; what has a client of its own is in the files beside this one. */
describeOnOneEngine('the acceptance checklist', (openStore, { newPlace }) => {
  it('1, 2: the seed’s flow; the reply is in the thread while it waits, and in what is pending of that thread', async () => {
    const desk = await openDesk(openStore)
    const { test: mailbox, keys } = desk.ours
    const call = (method: 'GET' | 'POST', path: string, body?: object): Promise<Answer> => desk.call(keys.testAdmin, method, path, body)
    const arrived = await desk.receive(mailbox)
    const [first] = itemsOf(await call('GET', `/check_inbox?mailbox=${mailbox.address}&unread_only=true`), 'messages')
    expect(first).toMatchObject({ id: arrived.id, thread_id: arrived.thread_id })
    await call('GET', `/read_email?email_id=${arrived.id}`)
    const reply = await call('POST', '/reply_email', { email_id: arrived.id, body: 'On its way.', from: mailbox.address })
    expect(reply.body).toMatchObject({ status: 'pending_approval' })
    const id = reply.body['message_id']
    const inThread = itemsOf(await call('GET', `/get_thread?thread_id=${arrived.thread_id}`), 'messages')
    expect(inThread.at(-1)).toMatchObject({ id, status: 'pending_approval' })
    expect(itemsOf(await call('GET', `/list_pending?thread_id=${arrived.thread_id}`), 'pending')).toMatchObject([{ id }])
    const decided = await call('POST', '/decide_email', { message_id: id, decision: 'approve' })
    expect(decided.body['delivered_at']).toEqual(expect.any(String))
  })

  it('2: a bounce has its code and its class, and reading, drafting, approving and sending are on the record', async () => {
    const { call } = await startSandboxAppliance(newPlace, 'gated_send')
    const mail = await call('POST', '/v1/sandbox/inbound', { from: 'bounce@remote.test', subject: 'Order', markdown: 'Where is it?' })
    const id = mail['id']
    await call('GET', `/read_email?email_id=${String(id)}`)
    await call('POST', '/draft_reply', { email_id: id, body: 'Perhaps' })
    const sent = await call('POST', '/reply_email', { email_id: id, body: 'Yes' })
    expect(sent).toMatchObject({ status: 'pending_approval' })
    await call('POST', '/decide_email', { message_id: sent['id'], decision: 'approve' })
    await call('POST', '/v1/sandbox/clock', { seconds: 0 })
    const recipient = 'bounce@remote.test'
    const reply = expect.stringMatching(/^550 5\.1\.1 /)
    expect(await call('GET', `/read_email?email_id=${String(sent['id'])}`)).toMatchObject({
      bounced_at: expect.any(String),
      bounce_type: 'hard',
      delivered_at: null,
      deliveries: [{ recipient, state: 'bounced', bounce_class: 'recipient', last_reply: reply }],
    })
    expect(await call('GET', '/list_suppression')).toMatchObject({ suppressions: [{ email_address: recipient, reason: 'hard_bounce' }] })
    const { entries } = await call('GET', '/v1/audit-log')
    const actions = (entries as Item[]).map(({ action }) => action)
    const expected = ['email.read', 'email.drafted', 'email.submitted', 'email.approved', 'email.released', 'delivery.bounced']
    expect(actions).toEqual(expect.arrayContaining(expected))
  })

  it('4: a key that only reads is told which scope it lacks; a mailbox that only reads says how that is changed', async () => {
    const desk = await openDesk(openStore)
    const { gated, keys } = desk.ours
    expect(await asMcpServer(desk, keys.reader)('POST', `/v1/mailboxes/${gated.id}/send`, letter)).toMatchObject({
      status: 403,
      body: { error: 'Requires send scope' },
    })
    await desk.call(keys.admin, 'PATCH', `/v1/mailboxes/${gated.id}`, { oversight_mode: 'read_only' })
    const { status, body } = await asMcpServer(desk, keys.agent)('POST', `/v1/mailboxes/${gated.id}/send`, letter)
    expect([status, body['error']]).toEqual([403, expect.stringMatching(/request_upgrade/)])
  })

  it('5: a key with oversight lists and decides; none is made or changed to hold send as well', async () => {
    const desk = await openDesk(openStore)
    const { gated, keys } = desk.ours
    for (const [subject, action, status] of [
      ['one', 'approve', 'approved_and_sent'],
      ['two', 'reject', 'rejected'],
    ]) {
      const { body } = await desk.call(keys.agent, 'POST', `/v1/mailboxes/${gated.id}/send`, { ...letter, subject })
      expect(itemsOf(await desk.call(keys.reviewer, 'GET', '/v1/oversight/pending'), 'emails')).toMatchObject([{ id: body['id'] }])
      const decided = await desk.call(keys.reviewer, 'POST', '/v1/oversight/decide', { email_id: body['id'], action })
      expect(decided).toMatchObject({ status: 200, body: { status } })
    }
    const both = { scopes: ['send', 'oversight'] }
    expect((await desk.call(keys.admin, 'POST', '/v1/api-keys', { name: 'both', ...both })).status).toBe(400)
    await desk.key({ scopes: ['send'] })
    const listed = itemsOf(await desk.call(keys.admin, 'GET', '/v1/api-keys'), 'api_keys')
    const id = listed.find(({ name }) => name === 'further')?.['id']
    expect((await desk.call(keys.admin, 'PATCH', `/v1/api-keys/${String(id)}`, both)).status).toBe(400)
  })

  it.each([
    ['create_mailbox', '/v1/mailboxes', { address_local: 'sales' }],
    ['create_api_key', '/v1/api-keys', { name: 'new', scopes: ['read'] }],
    ['create_webhook', '/v1/webhooks', { url: 'https://hook.remote.test/', events: ['message.received'] }],
  ])('6: %s is 202, 403 with a wrong code, and 201 with the right one', async (_name, path, body) => {
    const desk = await openDesk(openStore)
    const admin = asMcpServer(desk, desk.ours.keys.admin)
    expect(await admin('POST', path, body)).toMatchObject({ status: 202, body: { status: 'pending_approval' } })
    expect((await admin('POST', path, { ...body, approval_code: 'AAAA-AAAA' })).status).toBe(403)
    expect(await admin('POST', path, { ...body, approval_code: await mailedCode(desk) })).toMatchObject({
      status: 201,
      body: { id: expect.any(String) },
    })
  })

  it('401: WWW-Authenticate leads to /.well-known/oauth-protected-resource', async () => {
    const desk = await openDesk(openStore)
    for (const key of [null, 'mm_live_wrong']) {
      const { status, headers } = await desk.call(key, 'GET', '/v1/account')
      expect([status, headers.get('www-authenticate')]).toEqual([
        401,
        expect.stringMatching(/^Bearer .*resource_metadata="[^"]+\/\.well-known\/oauth-protected-resource"/),
      ])
    }
    expect(await desk.call(null, 'GET', '/.well-known/oauth-protected-resource')).toMatchObject({
      status: 200,
      body: { resource: expect.any(String) },
    })
  })

  it('11: an unknown route, bad JSON, a body too large and a crash are JSON with an error', async () => {
    const desk = await openDesk(openStore)
    const { agent } = desk.ours.keys
    const answers = [
      await desk.call(agent, 'GET', '/v2/nothing'),
      await desk.call(agent, 'POST', '/v1/contacts', '{"a":'),
      await desk.call(agent, 'POST', '/v1/contacts', { name: 'x'.repeat(600_000) }),
    ]
    await desk.store.db.schema.dropTable('contacts').execute()
    answers.push(await desk.call(agent, 'GET', '/v1/contacts'))
    expect(answers.map(({ status }) => status)).toEqual([404, 400, 413, 500])
    for (const { body, headers } of answers) {
      expect(headers.get('content-type')).toMatch(/^application\/json/)
      expect(body).toMatchObject({ error: expect.any(String), request_id: expect.any(String) })
    }
    expect(JSON.stringify(answers.at(-1)?.body)).not.toMatch(/contacts|select|table/i)
  })

  it('12: a content type with nothing behind it is taken by GET, DELETE and POST', async () => {
    const desk = await openDesk(openStore)
    const { agent, admin } = desk.ours.keys
    const { domain_id } = await furnishScene(desk, desk.ours)
    const mail = await desk.receive(desk.ours.gated)
    const statuses = [
      await asMcpServer(desk, agent)('GET', '/v1/mailboxes'),
      await asMcpServer(desk, admin)('DELETE', `/v1/domains/${String(domain_id)}`),
      await asMcpServer(desk, agent)('POST', `/v1/emails/${mail.id}/report-spam`),
    ].map(({ status }) => status)
    expect(statuses).toEqual([200, 200, 200])
  })

  it('13: since_id leaves out the email it names, holds when held mail is let in later, and may be a time', async () => {
    const desk = await openDesk(openStore)
    const { guarded, keys } = desk.ours
    const ids = async (since: string): Promise<unknown[]> =>
      itemsOf(await desk.call(keys.agent, 'GET', `/v1/mailboxes/${guarded.id}/emails?since_id=${since}`), 'emails').map(({ id }) => id)
    const held = await desk.receive(guarded, { status: 'pending_inbound_approval' })
    const seen = await desk.receive(guarded)
    expect(await ids(seen.id)).toEqual([])
    await desk.call(keys.reviewer, 'POST', '/v1/oversight/decide', { email_id: held.id, action: 'approve' })
    expect(await ids(seen.id)).toEqual([held.id])
    expect(await ids(held.id)).toEqual([])
    expect(await ids('2026-03-02T08:00:00Z')).toEqual([held.id, seen.id])
  })

  it('14: a webhook brings an event signed over the octets it brings, three times again, and the log of deliveries says so', async () => {
    const desk = await openDesk(openStore)
    const { admin } = desk.ours.keys
    const { key, cert } = await makeCertificate('hook.remote.test')
    const web = await createHttpsHost({ key, cert }, says('not now', { status: 500 }))
    const url = `https://hook.remote.test:${web.port}/in`
    const made = await agreed(desk, 'POST', '/v1/webhooks', { url, events: ['message.received'] })
    const secret = String(made.body['signing_secret'])
    const mail = await desk.receive(desk.ours.gated)
    const bring = createBring({
      resolver: createZoneResolver({ 'hook.remote.test': { A: ['127.0.0.1'] } }),
      clock: desk.clock,
      allowPrivateTargets: true,
      ca: cert,
    })
    const { retryAfterMs, disableAfterMs, keepMs } = usualWebhooks()
    const courier = createCourier({
      store: desk.store,
      bring,
      clock: desk.clock,
      log: silentLog,
      policy: { waitsMs: retryAfterMs, disableAfterMs },
      keepMs,
      brings: { test: false },
      random: () => 0,
    })
    await courier.drain()
    for (const wait of [...retryAfterMs, 24 * 3_600_000]) {
      await desk.clock.advance(wait)
      await courier.drain()
    }
    expect(web.asked).toHaveLength(4)
    for (const { headers, body } of web.asked) {
      const hmac = createHmac('sha256', secret).update(body).digest('hex')
      expect(headers['x-multimail-signature']).toBe(`sha256=${hmac}`)
      expect(JSON.parse(body.toString())).toMatchObject({ event: 'message.received', message_id: mail.id })
    }
    expect(new Set(web.asked.map(({ headers }) => headers['x-multimail-delivery'])).size).toBe(1)
    const log = await desk.call(admin, 'GET', `/v1/webhook-deliveries?webhook_id=${String(made.body['id'])}`)
    const last = { status: 'failed', attempts: 4, response_status: 500, response_text: 'not now' }
    expect(itemsOf(log, 'deliveries')).toMatchObject([{ id: web.asked[0]?.headers['x-multimail-delivery'], ...last }])
  })

  it('14: the secret of a webhook is shown when it is made and when it is looked at, in no list', async () => {
    const desk = await openDesk(openStore)
    const made = await agreed(desk, 'POST', '/v1/webhooks', { url: 'https://hook.remote.test/', events: ['message.received'] })
    expect(made.body['signing_secret']).toMatch(/^whsec_/)
    const one = await desk.call(desk.ours.keys.admin, 'GET', `/v1/webhooks/${String(made.body['id'])}`)
    expect(one.body['signing_secret']).toBe(made.body['signing_secret'])
    expect(itemsOf(await desk.call(desk.ours.keys.admin, 'GET', '/v1/webhooks'), 'webhooks')[0]).not.toHaveProperty('signing_secret')
  })

  it('15: that an AI agent writes cannot be left unsaid', async () => {
    const desk = await openDesk(openStore)
    const admin = asMcpServer(desk, desk.ours.keys.admin)
    for (const [path, value, status] of [
      [`/v1/mailboxes/${desk.ours.gated.id}`, false, 400],
      [`/v1/mailboxes/${desk.ours.gated.id}/configure`, 0, 400],
      [`/v1/mailboxes/${desk.ours.gated.id}`, true, 200],
      [`/v1/mailboxes/${desk.ours.gated.id}/configure`, 1, 200],
    ] as const)
      expect([path, value, (await admin('PATCH', path, { ai_disclosure: value })).status]).toEqual([path, value, status])
  })

  it('16: the ladder: asked for, confirmed with the code, not twice, not too often; down at once, and never up by a setting', async () => {
    const desk = await openDesk(openStore)
    const { agent, admin } = desk.ours.keys
    const { mailbox_id, upgrade_code } = await furnishScene(desk, desk.ours)
    const path = `/v1/mailboxes/${String(mailbox_id)}`
    const python = asPython(desk, agent)
    expect((await python('POST', `${path}/upgrade`, { code: 'AAAA-AAAA' })).status).toBe(403)
    expect(await python('POST', `${path}/upgrade`, { code: upgrade_code })).toMatchObject({
      status: 200,
      body: { status: 'upgraded', from_mode: 'gated_send', to_mode: 'monitored' },
    })
    expect((await python('POST', `${path}/upgrade`, { code: upgrade_code })).status).toBe(404)
    const asked: number[] = []
    for (let count = 0; count < 4; count += 1) {
      asked.push((await python('POST', `${path}/request-upgrade`, { target_mode: 'autonomous' })).status)
      await desk.clock.advance(61_000)
    }
    expect(asked.at(-1)).toBe(429)
    expect(asked[0]).toBe(200)
    expect((await desk.call(admin, 'PATCH', path, { oversight_mode: 'autonomous' })).status).toBe(403)
    expect(await desk.call(admin, 'PATCH', path, { oversight_mode: 'gated_all' })).toMatchObject({
      status: 200,
      body: { oversight_mode: 'gated_all' },
    })
  })

  it('17: on every route that names something, what is another account’s is 404, and so is live mail for a test key', async () => {
    const desk = await openDesk(openStore)
    const ours = await furnishScene(desk, desk.ours)
    const [key] = await listKeys(desk.store.db, desk.theirs.gated.tenancy)
    const theirs = { ...(await furnishScene(desk, desk.theirs)), key_id: String(key?.id) }
    const { keys } = desk.ours
    const named = restRoutes.filter(({ path }) => /\{(?:\w+_)?id\}/.test(path))
    expect(named.length).toBeGreaterThan(40)
    for (const { method, path, operation } of named) {
      const { scope } = operation.meta
      const own = scope === 'oversight' ? keys.reviewer : scope === 'read' || scope === 'send' ? keys.agent : keys.admin
      for (const [scene, key] of [
        [theirs, own],
        [ours, keys.testAdmin],
      ] as const) {
        const url = filledPath(path, scene, 'x')
        const more = restOf(operation, path, scene)
        const query = hasBody(method) ? '' : `?${new URLSearchParams(more as Record<string, string>).toString()}`
        const answer = await desk.call(key, method, url + query, hasBody(method) ? more : undefined)
        expect([method, path, answer.status]).toEqual([method, path, 404])
      }
    }
  })
})

/** Of the operation's example, what is not in the path. */
function restOf({ meta }: OperationInfo, path: string, scene: Scene): Item {
  const example = Object.entries(meta.examples?.[0]?.input ?? {}).filter(([name]) => !path.includes(`{${name}}`))
  return filled(Object.fromEntries(example), scene)
}
