import { expect, it } from 'vitest'
import type { Method } from '../../server/operations/procedure.ts'
import { openDesk } from '../support/desk.ts'
import { asMcpServer } from '../support/old-clients.ts'
import { filled, furnishScene } from '../support/scene.ts'
import { describeOnOneEngine } from '../support/stores.ts'

type Key = 'agent' | 'reviewer' | 'admin'
const letter = { to: ['bo@remote.test'], subject: 'Hi', markdown: 'Hello' }
const file = { name: 'a.txt', content_base64: 'MSBib3g=', content_type: 'text/plain' }
const later = '2026-06-01T10:00:00Z'
const mailbox = '/v1/mailboxes/{mailbox_id}'
const email = `${mailbox}/emails/{email_id}`

/** Every request that the tools of 0.7.0 make with a key, and its status here: what it takes for success is 2xx. */
const requests: [tool: string, key: Key, method: Method, path: string, body: object | undefined, status: number][] = [
  ['list_mailboxes', 'agent', 'GET', '/v1/mailboxes', undefined, 200],
  ['send_email', 'agent', 'POST', `${mailbox}/send`, letter, 202],
  [
    'send_email with all',
    'agent',
    'POST',
    `${mailbox}/send`,
    {
      ...letter,
      subject: 'All',
      cc: ['cy@remote.test'],
      bcc: ['di@remote.test'],
      attachments: [file],
      idempotency_key: 'k',
      send_at: later,
      gate_timing: 'schedule_first',
    },
    202,
  ],
  ['schedule_email', 'agent', 'POST', `${mailbox}/send`, { ...letter, subject: 'Later', send_at: later }, 202],
  ['after a send', 'agent', 'GET', mailbox, undefined, 200],
  ['check_inbox', 'agent', 'GET', `${mailbox}/emails`, undefined, 200],
  [
    'check_inbox with all',
    'agent',
    'GET',
    `${mailbox}/emails?status=unread&sender=ann&subject_contains=order&date_after=2026-01-01T00%3A00%3A00Z&date_before=2027-01-01T00%3A00%3A00Z&direction=inbound&has_attachments=true&since_id={email_id}&limit=5`,
    undefined,
    200,
  ],
  ['read_email', 'agent', 'GET', email, undefined, 200],
  ['reply_email', 'agent', 'POST', `${mailbox}/reply/{email_id}`, { markdown: 'Yes', cc: ['cy@remote.test'], idempotency_key: 'r' }, 202],
  ['download_attachment', 'agent', 'GET', `${email}/attachments/order.txt/url`, undefined, 200],
  ['get_thread', 'agent', 'GET', `${mailbox}/threads/{thread_id}`, undefined, 200],
  ['cancel_message', 'agent', 'POST', `${mailbox}/emails/{pending_id}/cancel`, undefined, 200],
  [
    'edit_scheduled_email',
    'agent',
    'PATCH',
    '/v1/mailboxes/{free_mailbox_id}/emails/{scheduled_id}/schedule',
    { send_at: later, subject: 'New', markdown: 'New', to: ['ed@remote.test'] },
    200,
  ],
  [
    'update_mailbox',
    'admin',
    'PATCH',
    mailbox,
    { display_name: 'Desk', signature_block: null, forward_inbound: false, ai_disclosure: true },
    200,
  ],
  ['update_mailbox auto_cc', 'admin', 'PATCH', mailbox, { auto_cc: 'boss@operators.test' }, 202],
  [
    'configure_mailbox',
    'admin',
    'PATCH',
    `${mailbox}/configure`,
    { oversight_mode: 'gated_all', display_name: 'Desk', scheduling_enabled: 0, ai_disclosure: 1, mcp_configured: 1 },
    200,
  ],
  ['update_account', 'admin', 'PATCH', '/v1/account', { name: 'Ours', physical_address: null }, 200],
  ['update_account oversight_email', 'admin', 'PATCH', '/v1/account', { oversight_email: 'new@operators.example' }, 202],
  ['delete_mailbox', 'admin', 'DELETE', '/v1/mailboxes/{other_mailbox_id}', undefined, 200],
  ['tag_email set', 'agent', 'PUT', `${email}/tags`, { tags: { a: 'b' } }, 200],
  ['tag_email get', 'agent', 'GET', `${email}/tags`, undefined, 200],
  ['tag_email delete', 'agent', 'DELETE', `${email}/tags/topic`, undefined, 200],
  ['add_contact', 'agent', 'POST', '/v1/contacts', { name: 'Bo', email: 'bo@remote.test', tags: ['vip'] }, 201],
  ['search_contacts', 'agent', 'GET', '/v1/contacts?q=di', undefined, 200],
  ['search_contacts for all', 'agent', 'GET', '/v1/contacts', undefined, 200],
  ['delete_contact', 'admin', 'DELETE', '/v1/contacts/{contact_id}', undefined, 200],
  ['get_account', 'agent', 'GET', '/v1/account', undefined, 200],
  ['create_mailbox', 'admin', 'POST', '/v1/mailboxes', { address_local: 'sales', display_name: 'Sales', ai_disclosure: true }, 202],
  ['request_upgrade', 'agent', 'POST', '/v1/mailboxes/{free_mailbox_id}/request-upgrade', { target_mode: 'gated_send' }, 400],
  ['apply_upgrade', 'agent', 'POST', `${mailbox}/upgrade`, { code: '{upgrade_code}' }, 200],
  ['list_pending', 'reviewer', 'GET', '/v1/oversight/pending', undefined, 200],
  ['decide_email', 'reviewer', 'POST', '/v1/oversight/decide', { email_id: '{pending_id}', action: 'approve', reason: 'Fine' }, 200],
  ['check_suppression', 'admin', 'GET', '/v1/suppression?limit=20', undefined, 200],
  ['remove_suppression', 'admin', 'DELETE', '/v1/suppression/left%40example.org', undefined, 200],
  ['list_api_keys', 'admin', 'GET', '/v1/api-keys', undefined, 200],
  ['create_api_key', 'admin', 'POST', '/v1/api-keys', { name: 'new', scopes: ['read'] }, 202],
  ['revoke_api_key', 'admin', 'DELETE', '/v1/api-keys/{key_id}', undefined, 202],
  ['get_audit_log', 'admin', 'GET', '/v1/audit-log?limit=50', undefined, 200],
  // Nobody is charged here, and that is what they say.
  ['get_billing_portal', 'admin', 'POST', '/v1/billing/portal', {}, 400],
  ['upgrade_plan', 'admin', 'POST', '/v1/billing/checkout', { plan: 'pro', interval: 'annual' }, 400],
  ['cancel_subscription', 'admin', 'POST', '/v1/billing/cancel', {}, 400],
  [
    'create_webhook',
    'admin',
    'POST',
    '/v1/webhooks',
    { url: 'https://hook.remote.test/', events: ['message.received', 'oversight.pending'], mailbox_id: '{mailbox_id}' },
    202,
  ],
  ['list_webhooks', 'admin', 'GET', '/v1/webhooks', undefined, 200],
  ['delete_webhook', 'admin', 'DELETE', '/v1/webhooks/{webhook_id}', undefined, 200],
  ['report_spam', 'agent', 'POST', '/v1/emails/{email_id}/report-spam', undefined, 200],
  ['not_spam', 'agent', 'POST', '/v1/emails/{email_id}/not-spam', undefined, 200],
  ['list_spam', 'agent', 'GET', '/v1/emails?limit=20', undefined, 200],
  ['get_usage', 'agent', 'GET', '/v1/usage?period=summary', undefined, 200],
  ['get_usage daily', 'agent', 'GET', '/v1/usage?period=daily', undefined, 200],
  ['delete_account', 'admin', 'DELETE', '/v1/account', undefined, 202],
]

describeOnOneEngine('the tools of the MCP server 0.7', (openStore) => {
  it('ask for what is there, each with the answer it takes for success', { timeout: 120_000 }, async () => {
    const desk = await openDesk(openStore)
    for (const [tool, key, method, path, body, status] of requests) {
      const scene = { ...(await furnishScene(desk, desk.ours)), free_mailbox_id: desk.ours.free.id }
      const route = String(filled({ path }, scene)['path'])
      const answer = await asMcpServer(desk, desk.ours.keys[key])(method, route, body && filled(body, scene))
      expect([tool, answer.status, answer.body['error']]).toEqual([tool, status, status < 400 ? undefined : expect.any(String)])
      await desk.clock.advance(61_000)
    }
  })
})
