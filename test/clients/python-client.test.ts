import { expect, it } from 'vitest'
import type { Method } from '../../server/operations/procedure.ts'
import { mailedCode } from '../support/agreed.ts'
import { type Desk, openDesk } from '../support/desk.ts'
import { asPython } from '../support/old-clients.ts'
import { filled, furnishScene } from '../support/scene.ts'
import { describeOnOneEngine } from '../support/stores.ts'

const letter = { to: ['bo@remote.test'], subject: 'Hi', markdown: 'Hello' }
const file = { name: 'order.txt', content_type: 'text/plain', content_base64: Buffer.from('1 box').toString('base64') }

/** What each of its methods calls, with whose key, and the keys of the answer that it or its readers index. */
const methods: [
  name: string,
  key: 'agent' | 'reviewer' | 'admin',
  method: Method,
  path: string,
  body: object | undefined,
  indexed: string[],
][] = [
  ['list_mailboxes()', 'agent', 'GET', '/v1/mailboxes', undefined, ['mailboxes.0.id']],
  ['update_mailbox()', 'admin', 'PATCH', '/v1/mailboxes/{mailbox_id}', { display_name: 'Desk' }, ['status']],
  ['list_emails()', 'agent', 'GET', '/v1/mailboxes/{mailbox_id}/emails?limit=50&offset=0', undefined, ['emails.0.id']],
  [
    'list_emails(direction=)',
    'agent',
    'GET',
    '/v1/mailboxes/{mailbox_id}/emails?limit=50&offset=0&direction=inbound',
    undefined,
    ['emails.0.id'],
  ],
  ['get_email()', 'agent', 'GET', '/v1/mailboxes/{mailbox_id}/emails/{email_id}', undefined, ['text_body', 'subject']],
  ['send_email()', 'agent', 'POST', '/v1/mailboxes/{mailbox_id}/send', letter, ['id', 'status', 'thread_id']],
  [
    'send_email() with all it takes',
    'agent',
    'POST',
    '/v1/mailboxes/{mailbox_id}/send',
    { ...letter, subject: 'All', cc: ['cy@remote.test'], bcc: ['di@remote.test'], attachments: [file], idempotency_key: 'k-1' },
    ['id', 'status', 'thread_id'],
  ],
  ['reply_email()', 'agent', 'POST', '/v1/mailboxes/{mailbox_id}/reply/{email_id}', { markdown: 'Thanks' }, ['id', 'status', 'thread_id']],
  ['get_thread()', 'agent', 'GET', '/v1/mailboxes/{mailbox_id}/threads/{thread_id}', undefined, ['emails.0.id']],
  ['cancel_email()', 'agent', 'POST', '/v1/mailboxes/{mailbox_id}/emails/{pending_id}/cancel', undefined, ['status']],
  ['report_spam()', 'agent', 'POST', '/v1/emails/{email_id}/report-spam', undefined, ['id', 'status', 'user_label']],
  ['not_spam()', 'agent', 'POST', '/v1/emails/{email_id}/not-spam', undefined, ['id', 'status', 'user_label']],
  ['get_tags()', 'agent', 'GET', '/v1/mailboxes/{mailbox_id}/emails/{email_id}/tags', undefined, ['tags']],
  ['set_tags()', 'agent', 'PUT', '/v1/mailboxes/{mailbox_id}/emails/{email_id}/tags', { tags: { a: 'b' } }, ['tags']],
  ['delete_tag()', 'agent', 'DELETE', '/v1/mailboxes/{mailbox_id}/emails/{email_id}/tags/topic', undefined, ['deleted']],
  ['list_contacts()', 'agent', 'GET', '/v1/contacts', undefined, ['contacts.0.email', 'contacts.0.name']],
  ['list_contacts(q=)', 'agent', 'GET', '/v1/contacts?q=example.org', undefined, ['contacts.0.email']],
  ['add_contact() without a name', 'agent', 'POST', '/v1/contacts', { email: 'ed@remote.test' }, ['id', 'name']],
  ['delete_contact()', 'admin', 'DELETE', '/v1/contacts/{contact_id}', undefined, ['deleted']],
  ['list_pending()', 'reviewer', 'GET', '/v1/oversight/pending', undefined, ['pending.0.id', 'pending.0.subject']],
  ['decide()', 'reviewer', 'POST', '/v1/oversight/decide', { email_id: '{pending_id}', action: 'approve' }, ['status']],
  ['decide(reason=)', 'reviewer', 'POST', '/v1/oversight/decide', { email_id: '{pending_id}', action: 'reject', reason: 'No' }, ['status']],
  ['request_upgrade()', 'agent', 'POST', '/v1/mailboxes/{other_mailbox_id}/request-upgrade', { target_mode: 'gated_send' }, ['status']],
  ['apply_upgrade()', 'agent', 'POST', '/v1/mailboxes/{mailbox_id}/upgrade', { code: '{upgrade_code}' }, ['status', 'oversight_mode']],
  ['list_api_keys()', 'admin', 'GET', '/v1/api-keys', undefined, ['api_keys.0.id']],
  ['create_api_key()', 'admin', 'POST', '/v1/api-keys', { name: 'new' }, ['status']],
  ['revoke_api_key()', 'admin', 'DELETE', '/v1/api-keys/{key_id}', undefined, ['status']],
  ['list_webhooks()', 'admin', 'GET', '/v1/webhooks', undefined, ['webhooks.0.id']],
  [
    'create_webhook(secret=)',
    'admin',
    'POST',
    '/v1/webhooks',
    { url: 'https://hook.remote.test/new', events: ['message.received'], secret: 'a-secret-of-the-caller-000000000000' },
    ['status'],
  ],
  ['delete_webhook()', 'admin', 'DELETE', '/v1/webhooks/{webhook_id}', undefined, ['status']],
  ['list_domains()', 'admin', 'GET', '/v1/domains', undefined, ['domains.0.id']],
  ['add_domain()', 'admin', 'POST', '/v1/domains', { domain: 'new.example' }, ['id', 'dns_records']],
  ['verify_domain()', 'admin', 'POST', '/v1/domains/{domain_id}/verify', undefined, ['status']],
  ['delete_domain()', 'admin', 'DELETE', '/v1/domains/{domain_id}', undefined, ['status']],
  ['list_suppressions()', 'admin', 'GET', '/v1/suppression', undefined, ['suppressions.0.email_address']],
  ['remove_suppression()', 'admin', 'DELETE', '/v1/suppression/left@example.org', undefined, ['status']],
  ['get_audit_log()', 'admin', 'GET', '/v1/audit-log?limit=100', undefined, ['entries.0.action']],
  ['get_account()', 'agent', 'GET', '/v1/account', undefined, ['name']],
  ['update_account()', 'admin', 'PATCH', '/v1/account', { name: 'Ours' }, ['status']],
  ['get_usage()', 'agent', 'GET', '/v1/usage', undefined, ['emails_sent', 'emails_received']],
  ['delete_account()', 'admin', 'DELETE', '/v1/account', undefined, ['status']],
  ['delete_mailbox()', 'admin', 'DELETE', '/v1/mailboxes/{other_mailbox_id}', undefined, ['status']],
]

const at = (value: unknown, path: string): unknown =>
  path.split('.').reduce<unknown>((inner, key) => (inner as Record<string, unknown> | undefined)?.[key], value)

describeOnOneEngine('the Python client', (openStore) => {
  it('finds behind each of its methods what it indexes', { timeout: 120_000 }, async () => {
    const desk = await openDesk(openStore)
    for (const [name, key, method, path, body, indexed] of methods) {
      const scene = await furnishScene(desk, desk.ours)
      const route = String(filled({ path }, scene)['path'])
      const answer = await asPython(desk, desk.ours.keys[key])(method, route, body && filled(body, scene))
      expect([name, answer.status < 300, answer.body['error']]).toEqual([name, true, undefined])
      for (const one of indexed) expect([name, one, at(answer.body, one) === undefined]).toEqual([name, one, false])
      await desk.clock.advance(60_001)
    }
  })
  it('makes a mailbox with an address and no local part, and with the mode that mailboxes have anyway', async () => {
    const desk = await openDesk(openStore)
    const body = { address: 'sales@ours.test', display_name: 'Sales', oversight_mode: 'gated_send' }
    const admin = asPython(desk, desk.ours.keys.admin)
    expect(await admin('POST', '/v1/mailboxes', body)).toMatchObject({ status: 202 })
    const made = await admin('POST', '/v1/mailboxes', { ...body, approval_code: await mailedCode(desk) })
    expect(made).toMatchObject({ status: 201, body: { address: 'sales@ours.test', oversight_mode: 'gated_send', id: expect.any(String) } })
  })

  it('has the id of what it makes at once where the operator asks for no codes', async () => {
    const desk = await openDesk(openStore, { adminApproval: 'off' })
    const admin = asPython(desk, desk.ours.keys.admin)
    const made = [
      await admin('POST', '/v1/mailboxes', { address: 'sales', display_name: 'Sales', oversight_mode: 'gated_send' }),
      await admin('POST', '/v1/api-keys', { name: 'new', scopes: ['read'] }),
      await admin('POST', '/v1/webhooks', { url: 'https://hook.remote.test/', events: ['message.received'] }),
    ]
    for (const answer of made) expect(answer).toMatchObject({ status: 201, body: { id: expect.any(String) } })
    expect(made[1]?.body['api_key']).toMatch(/^mm_live_/)
    expect(made[2]?.body['signing_secret']).toMatch(/^whsec_/)
  })

  it('downloads an attachment as bytes, by a name that is not encoded by hand', async () => {
    const desk = await openDesk(openStore)
    const { gated, keys } = desk.ours
    const mail = await desk.receive(gated, {
      attachments: [{ name: 'my order@2.txt', contentType: 'text/plain', content: Buffer.from('1 box') }],
    })
    const url = `${desk.url}/v1/mailboxes/${gated.id}/emails/${mail.id}/attachments/my order@2.txt`
    const answer = await fetch(url, { headers: { authorization: `Bearer ${keys.agent}` } })
    expect([answer.status, await answer.text()]).toEqual([200, '1 box'])
  })

  it('puts addresses and keys of tags into paths as they are', async () => {
    const desk = await openDesk(openStore)
    const { gated, keys } = desk.ours
    const mail = await desk.receive(gated)
    await desk.call(keys.admin, 'POST', '/v1/suppression', { email_address: 'a@b.example' })
    expect(await asPython(desk, keys.admin)('DELETE', '/v1/suppression/a@b.example')).toMatchObject({ status: 200 })
    const tags = `/v1/mailboxes/${gated.id}/emails/${mail.id}/tags`
    await asPython(desk, keys.agent)('PUT', tags, { tags: { 'next step': 'call' } })
    expect((await asPython(desk, keys.agent)('DELETE', `${tags}/next step`)).body).toMatchObject({ deleted: true })
  })

  it('turns 401 and 404 into errors of their own, with the words of the answer', async () => {
    const desk = await openDesk(openStore)
    const { gated, keys } = desk.ours
    expect(await asPython(desk, 'mm_live_no')('GET', '/v1/account')).toMatchObject({ status: 401, body: { error: expect.any(String) } })
    const missing = await asPython(desk, keys.agent)('POST', '/v1/emails/em_none/report-spam')
    expect(missing).toMatchObject({ status: 404, body: { error: 'Email not found' } })
    expect(
      await asPython(desk, keys.reader)('POST', `/v1/mailboxes/${gated.id}/request-upgrade`, { target_mode: 'autonomous' }),
    ).toMatchObject({ status: 403, body: { error: 'Requires send scope' } })
    expect(await asPython(desk, keys.agent)('POST', `/v1/mailboxes/${gated.id}/send`, { to: 7 })).toMatchObject({ status: 400 })
  })

  it('reads Retry-After as a number', async () => {
    const desk = await openDesk(openStore, { rates: { key: 1, account: null } })
    const agent = asPython(desk, desk.ours.keys.agent)
    await agent('GET', '/v1/account')
    const { status, headers } = await agent('GET', '/v1/account')
    expect([status, headers.get('retry-after')]).toEqual([429, expect.stringMatching(/^\d+(?:\.\d+)?$/)])
  })

  it('follows no redirect, and meets none', async () => {
    const desk: Desk = await openDesk(openStore)
    for (const path of ['/v1/mailboxes/', '//v1/mailboxes', '/V1/mailboxes', '/v1/mailboxes?', '/v1/account/../mailboxes']) {
      const { status } = await fetch(desk.url + path, { redirect: 'manual', headers: { authorization: `Bearer ${desk.ours.keys.agent}` } })
      expect([path, status >= 300 && status < 400]).toEqual([path, false])
    }
  })
})
