import { expect, it } from 'vitest'
import { type OperationName, operations } from '../../server/operations/router.ts'
import { openDesk } from '../support/desk.ts'
import { describeOnEachEngine } from '../support/stores.ts'

/** What each kind of key may do at all. */
const allowed: Record<OperationName, readonly ('reader' | 'agent' | 'reviewer' | 'admin')[]> = {
  setup_multimail: ['reader', 'agent', 'reviewer', 'admin'],
  request_challenge: ['reader', 'agent', 'reviewer', 'admin'],
  check_slug: ['reader', 'agent', 'reviewer', 'admin'],
  create_account: ['reader', 'agent', 'reviewer', 'admin'],
  resend_confirmation: ['reader', 'agent', 'reviewer', 'admin'],
  activate_account: ['reader', 'agent', 'reviewer', 'admin'],
  report_issue: ['reader', 'agent', 'reviewer', 'admin'],
  list_domains: ['admin'],
  get_domain: ['admin'],
  add_domain: ['admin'],
  verify_domain: ['admin'],
  delete_domain: ['admin'],
  get_account: ['reader', 'agent', 'reviewer', 'admin'],
  update_account: ['admin'],
  delete_account: ['admin'],
  export_account: ['admin'],
  get_usage: ['reader', 'agent', 'reviewer', 'admin'],
  upgrade_plan: ['admin'],
  cancel_subscription: ['admin'],
  get_billing_portal: ['admin'],
  manage_spam_status: ['agent', 'admin'],
  list_mailboxes: ['reader', 'agent', 'reviewer', 'admin'],
  check_inbox: ['reader', 'agent', 'reviewer', 'admin'],
  read_email: ['reader', 'agent', 'reviewer', 'admin'],
  get_thread: ['reader', 'agent', 'reviewer', 'admin'],
  search_emails: ['reader', 'agent', 'reviewer', 'admin'],
  wait_for_email: ['reader', 'agent', 'reviewer', 'admin'],
  wait_for_decision: ['reader', 'agent', 'reviewer', 'admin'],
  download_attachment: ['reader', 'agent', 'reviewer', 'admin'],
  read_attachment_text: ['reader', 'agent', 'reviewer', 'admin'],
  get_attachment_url: ['reader', 'agent', 'reviewer', 'admin'],
  get_tags: ['reader', 'agent', 'reviewer', 'admin'],
  set_tags: ['agent', 'admin'],
  delete_tag: ['agent', 'admin'],
  search_contacts: ['reader', 'agent', 'reviewer', 'admin'],
  inject_email: ['agent', 'admin'],
  advance_clock: ['agent', 'admin'],
  reset_sandbox: ['admin'],
  add_contact: ['agent', 'admin'],
  delete_contact: ['admin'],
  list_spam: ['reader', 'agent', 'reviewer', 'admin'],
  report_spam: ['agent', 'admin'],
  not_spam: ['agent', 'admin'],
  draft_reply: ['agent', 'admin'],
  send_email: ['agent', 'admin'],
  reply_all: ['agent', 'admin'],
  forward_email: ['agent', 'admin'],
  get_email_raw: ['reader', 'agent', 'reviewer', 'admin'],
  reply_email: ['agent', 'admin'],
  cancel_message: ['agent', 'admin'],
  edit_scheduled_email: ['agent', 'admin'],
  list_pending: ['reviewer'],
  review_email: ['reviewer'],
  what_did_it_see: ['reviewer'],
  decide_email: ['reviewer'],
  renew_hold: ['reviewer'],
  allow_recipient: ['reviewer'],
  end_allowance: ['reviewer', 'admin'],
  edit_held_email: ['reviewer'],
  undo_approval: ['reviewer'],
  stop_sending: ['reviewer', 'admin'],
  resume_sending: ['reviewer', 'admin'],
  pause_agent: ['reviewer', 'admin'],
  lift_enforcement: ['reviewer'],
  get_sending_settings: ['admin'],
  set_sending_settings: ['admin'],
  get_oversight_settings: ['admin'],
  set_oversight_settings: ['admin'],
  list_queue: ['reviewer', 'admin'],
  retry_delivery: ['reviewer', 'admin'],
  cancel_delivery: ['reviewer', 'admin'],
  create_mailbox: ['admin'],
  get_review_report: ['admin'],
  set_review_report: ['admin'],
  suggest_upgrade: ['reviewer', 'admin'],
  request_upgrade: ['agent', 'admin'],
  apply_upgrade: ['agent', 'admin'],
  manage_upgrade: ['agent', 'admin'],
  list_allowlist: ['reader', 'agent', 'reviewer', 'admin'],
  get_policy: ['admin'],
  set_policy: ['admin'],
  preview_policy: ['admin'],
  add_allowlist_entry: ['admin'],
  remove_allowlist_entry: ['admin'],
  update_mailbox: ['admin'],
  configure_mailbox: ['admin'],
  delete_mailbox: ['admin'],
  list_api_keys: ['admin'],
  create_api_key: ['admin'],
  update_api_key: ['admin'],
  rotate_api_key: ['admin'],
  revoke_api_key: ['admin'],
  get_audit_log: ['admin'],
  get_checkpoint: ['reviewer', 'admin'],
  get_inclusion_proof: ['reviewer', 'admin'],
  get_consistency_proof: ['reviewer', 'admin'],
  get_receipt: ['agent', 'reader', 'reviewer', 'admin'],
  list_reports: ['admin'],
  get_report: ['admin'],
  list_suppression: ['admin'],
  add_suppression: ['admin'],
  remove_suppression: ['admin'],
  create_webhook: ['admin'],
  list_webhooks: ['admin'],
  get_webhook: ['admin'],
  update_webhook: ['admin'],
  delete_webhook: ['admin'],
  rotate_webhook_secret: ['admin'],
  test_webhook: ['admin'],
  list_webhook_deliveries: ['admin'],
  replay_webhook_delivery: ['admin'],
  replay_webhook_events: ['admin'],
  start_operator_session: ['admin'],
  verify_operator_session: ['admin'],
  end_operator_session: ['admin'],
  get_operator_session: ['admin'],
  list_operator_sessions: ['admin'],
}

describeOnEachEngine('scopes', (openStore) => {
  it('lets each kind of live key do its own part, and none both propose and decide', { timeout: 60_000 }, async () => {
    const desk = await openDesk(openStore)
    for (const { name, kind, meta } of operations) {
      for (const who of ['reader', 'agent', 'reviewer', 'admin'] as const) {
        const answer = await desk.call(
          desk.ours.keys[who],
          kind === 'query' ? 'GET' : 'POST',
          `/${name}`,
          kind === 'query' ? undefined : {},
        )
        const expected = allowed[name].includes(who) ? expect.not.stringMatching(/^Requires/) : `Requires ${meta.scope} scope`
        expect([name, who, answer.body['error'] ?? '']).toEqual([name, who, expected])
        if (!allowed[name].includes(who))
          expect(answer).toMatchObject({ status: 403, body: { code: 'SCOPE_MISSING', fix: expect.any(String) } })
      }
    }
  })

  it('asks for a key for all but what says that it needs none', async () => {
    const desk = await openDesk(openStore)
    for (const { name, kind, meta } of operations) {
      const answer = await desk.call(null, kind === 'query' ? 'GET' : 'POST', `/${name}`, kind === 'query' ? undefined : {})
      expect([name, answer.body['code'] === 'UNAUTHENTICATED']).toEqual([name, meta.scope !== 'none'])
    }
  })

  it('knows no key that is missing, malformed, mistyped, or not the same in both headers', async () => {
    const desk = await openDesk(openStore)
    const { agent, reader } = desk.ours.keys
    const none = await desk.call(null, 'GET', '/check_inbox')
    expect(none).toMatchObject({ status: 401, body: { code: 'UNAUTHENTICATED', fix: expect.any(String) } })
    expect(none.headers.get('www-authenticate')).toBe(
      'Bearer realm="multimail", resource_metadata="https://mail.ours.test/.well-known/oauth-protected-resource"',
    )
    for (const key of ['x', `${agent.slice(0, -1)}!`, agent.toUpperCase(), 'k'.repeat(5000)]) {
      expect(await desk.call(key, 'GET', '/check_inbox')).toMatchObject({ status: 401, body: { code: 'KEY_NOT_ACCEPTED' } })
    }
    expect(await desk.call(agent, 'GET', '/check_inbox', undefined, { 'x-api-key': reader })).toMatchObject({ status: 401 })
    expect(await desk.call(null, 'GET', '/check_inbox', undefined, { 'x-api-key': agent })).toMatchObject({ status: 200 })
    expect(await desk.call(null, 'GET', '/check_inbox', undefined, { authorization: `bearer ${agent}` })).toMatchObject({ status: 200 })
  })

  it('does not say whether a key is wrong before it says that a route is', async () => {
    const desk = await openDesk(openStore)
    expect(await desk.call(null, 'GET', '/nowhere')).toMatchObject({ status: 404, body: { code: 'UNKNOWN_ROUTE' } })
  })
})
