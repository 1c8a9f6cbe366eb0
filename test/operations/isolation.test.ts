import { expect, it } from 'vitest'
import type { Method } from '../../server/operations/procedure.ts'
import type { OperationName } from '../../server/operations/router.ts'
import { operations } from '../../server/operations/router.ts'
import { listKeys } from '../../server/store/keys.ts'
import { listLog } from '../../server/store/log.ts'
import { listWaiting } from '../../server/store/waiting.ts'
import { type Answer, type Desk, type Office, openDesk } from '../support/desk.ts'
import { beginSession } from '../support/operator-session.ts'
import { keepReport } from '../support/reports.ts'
import { allowedForATime, spareDomain } from '../support/scene.ts'
import { furnishTestWorld } from '../support/test-world.ts'
import { addWebhook } from '../support/webhooks.ts'
import { describeOnEachEngine } from '../support/stores.ts'

type Ids = Record<
  | 'email'
  | 'pending'
  | 'draft'
  | 'thread'
  | 'mailbox'
  | 'report'
  | 'scheduled'
  | 'delivery'
  | 'contact'
  | 'key'
  | 'domain'
  | 'webhook'
  | 'webhookDelivery'
  | 'session'
  | 'sent'
  | 'logEntry'
  | 'allowance',
  string
>
type Attempt = { method: Method; path: string; body?: Record<string, unknown>; key: keyof Office['keys'] }

/** For each operation, the calls that name a row. An operation that is missing here fails the test below: no id goes untried. */
const attempts: Record<OperationName, (ids: Ids) => Attempt[]> = {
  // Name no row; operator-sessions.test.ts has whose session is whose.
  start_operator_session: () => [],
  verify_operator_session: () => [],
  get_operator_session: () => [],
  list_operator_sessions: () => [],
  end_operator_session: (ids) => [
    { key: 'admin', method: 'POST', path: '/end_operator_session', body: { session_id: ids.session } },
    { key: 'admin', method: 'DELETE', path: `/v1/operator/sessions/${ids.session}` },
  ],
  // Tells everybody the same.
  setup_multimail: () => [],
  // For who has no account: signup.test.ts has what they learn of those of others.
  request_challenge: () => [],
  check_slug: () => [],
  create_account: () => [],
  resend_confirmation: () => [],
  activate_account: () => [],
  // Name no row; account.test.ts has whose account it is.
  report_issue: () => [],
  get_account: () => [],
  // Name no row; domains.test.ts has whose domain is whose.
  list_domains: () => [],
  add_domain: () => [],
  get_domain: (ids) => [{ key: 'admin', method: 'GET', path: `/v1/domains/${ids.domain}` }],
  verify_domain: (ids) => [{ key: 'admin', method: 'POST', path: `/v1/domains/${ids.domain}/verify` }],
  delete_domain: (ids) => [{ key: 'admin', method: 'DELETE', path: `/v1/domains/${ids.domain}` }],
  update_account: () => [],
  // Names no row; usage.test.ts has whose use it is.
  get_usage: () => [],
  // Names no row either; deleted-account.test.ts has whose it is.
  delete_account: () => [],
  // export.test.ts has whose things it hands out.
  export_account: () => [],
  upgrade_plan: () => [],
  cancel_subscription: () => [],
  get_billing_portal: () => [],
  manage_spam_status: (ids) => [
    { key: 'agent', method: 'POST', path: '/manage_spam_status', body: { email_id: ids.email, action: 'report' } },
  ],
  list_mailboxes: (ids) => [{ key: 'agent', method: 'GET', path: `/list_mailboxes?mailbox_id=${ids.mailbox}` }],
  check_inbox: (ids) => [{ key: 'agent', method: 'GET', path: `/check_inbox?mailbox=${ids.mailbox}` }],
  read_email: (ids) => [{ key: 'agent', method: 'GET', path: `/read_email?email_id=${ids.email}` }],
  get_thread: (ids) => [{ key: 'agent', method: 'GET', path: `/get_thread?thread_id=${ids.thread}` }],
  search_emails: (ids) => [
    { key: 'agent', method: 'GET', path: `/v1/mailboxes/${ids.mailbox}/search?query=order` },
    { key: 'agent', method: 'GET', path: `/search_emails?query=order&thread_id=${ids.thread}` },
  ],
  wait_for_email: (ids) => [
    { key: 'agent', method: 'GET', path: `/wait_for_email?mailbox=${ids.mailbox}&since_id=${ids.email}` },
    { key: 'agent', method: 'GET', path: `/v1/mailboxes/${ids.mailbox}/wait?thread_id=${ids.thread}&since_id=2026-01-01` },
  ],
  wait_for_decision: (ids) => [
    { key: 'agent', method: 'GET', path: `/wait_for_decision?email_id=${ids.pending}` },
    { key: 'agent', method: 'GET', path: `/v1/mailboxes/${ids.mailbox}/emails/${ids.sent}/decision` },
  ],
  download_attachment: (ids) => [
    { key: 'agent', method: 'GET', path: `/download_attachment?email_id=${ids.email}&index=0` },
    { key: 'agent', method: 'GET', path: `/v1/mailboxes/${ids.mailbox}/emails/${ids.email}/attachments/order.txt` },
  ],
  read_attachment_text: (ids) => [
    { key: 'agent', method: 'GET', path: `/read_attachment_text?email_id=${ids.email}&index=0` },
    { key: 'agent', method: 'GET', path: `/v1/mailboxes/${ids.mailbox}/emails/${ids.email}/attachments/order.txt/text` },
  ],
  get_attachment_url: (ids) => [
    { key: 'agent', method: 'GET', path: `/get_attachment_url?email_id=${ids.email}&index=0` },
    { key: 'agent', method: 'GET', path: `/v1/mailboxes/${ids.mailbox}/emails/${ids.email}/attachments/order.txt/url` },
  ],
  get_tags: (ids) => [{ key: 'agent', method: 'GET', path: `/v1/mailboxes/${ids.mailbox}/emails/${ids.email}/tags` }],
  set_tags: (ids) => [
    { key: 'agent', method: 'PUT', path: `/v1/mailboxes/${ids.mailbox}/emails/${ids.email}/tags`, body: { tags: { a: 'b' } } },
    { key: 'agent', method: 'POST', path: `/v1/emails/${ids.email}/tag`, body: { tags: ['a'] } },
  ],
  delete_tag: (ids) => [{ key: 'agent', method: 'DELETE', path: `/v1/mailboxes/${ids.mailbox}/emails/${ids.email}/tags/project` }],
  // Name no row; contacts.test.ts has whose address book is whose.
  search_contacts: () => [],
  add_contact: () => [],
  delete_contact: (ids) => [{ key: 'admin', method: 'DELETE', path: `/v1/contacts/${ids.contact}` }],
  // Names no row: its own test is in spam.test.ts.
  list_spam: () => [],
  report_spam: (ids) => [{ key: 'agent', method: 'POST', path: `/v1/emails/${ids.email}/report-spam` }],
  not_spam: (ids) => [{ key: 'agent', method: 'POST', path: `/v1/emails/${ids.email}/not-spam` }],
  draft_reply: (ids) => [{ key: 'agent', method: 'POST', path: '/draft_reply', body: { email_id: ids.email, markdown: 'hi' } }],
  send_email: (ids) => [
    {
      key: 'agent',
      method: 'POST',
      path: '/send_email',
      body: { mailbox_id: ids.mailbox, to: ['bo@remote.test'], subject: 's', markdown: 'm' },
    },
    { key: 'agent', method: 'POST', path: '/send_email', body: { draft_id: ids.draft } },
  ],
  reply_all: (ids) => [{ key: 'agent', method: 'POST', path: '/reply_all', body: { email_id: ids.email, markdown: 'hi' } }],
  forward_email: (ids) => [
    { key: 'agent', method: 'POST', path: '/forward_email', body: { email_id: ids.email, to: ['bo@remote.test'] } },
    { key: 'agent', method: 'POST', path: `/v1/mailboxes/${ids.mailbox}/forward/${ids.email}`, body: { to: ['bo@remote.test'] } },
  ],
  get_email_raw: (ids) => [
    { key: 'agent', method: 'GET', path: `/get_email_raw?email_id=${ids.email}` },
    { key: 'agent', method: 'GET', path: `/v1/mailboxes/${ids.mailbox}/emails/${ids.email}/raw` },
  ],
  reply_email: (ids) => [{ key: 'agent', method: 'POST', path: '/reply_email', body: { email_id: ids.email, markdown: 'hi' } }],
  cancel_message: (ids) => [{ key: 'agent', method: 'POST', path: '/cancel_message', body: { email_id: ids.pending } }],
  edit_scheduled_email: (ids) => [
    { key: 'agent', method: 'POST', path: '/edit_scheduled_email', body: { email_id: ids.scheduled, subject: 'Mine' } },
    { key: 'agent', method: 'PATCH', path: `/v1/mailboxes/${ids.mailbox}/emails/${ids.scheduled}/schedule`, body: { subject: 'Mine' } },
  ],
  list_pending: (ids) => [
    { key: 'reviewer', method: 'GET', path: `/list_pending?mailbox=${ids.mailbox}` },
    { key: 'reviewer', method: 'GET', path: `/list_pending?thread_id=${ids.thread}` },
  ],
  what_did_it_see: (ids) => [{ key: 'reviewer', method: 'GET', path: `/what_did_it_see?email_id=${ids.pending}` }],
  review_email: (ids) => [{ key: 'reviewer', method: 'GET', path: `/review_email?email_id=${ids.pending}` }],
  allow_recipient: (ids) => [
    {
      key: 'reviewer',
      method: 'POST',
      path: '/allow_recipient',
      body: { email_id: ids.pending, recipient: 'ann@remote.test', until: '2026-04-01' },
    },
  ],
  end_allowance: (ids) => [
    { key: 'reviewer', method: 'POST', path: '/end_allowance', body: { mailbox_id: ids.mailbox, allowance_id: ids.allowance } },
    { key: 'reviewer', method: 'DELETE', path: `/v1/mailboxes/${ids.mailbox}/allowances/${ids.allowance}` },
  ],
  renew_hold: (ids) => [{ key: 'reviewer', method: 'POST', path: '/renew_hold', body: { email_id: ids.pending } }],
  decide_email: (ids) => [{ key: 'reviewer', method: 'POST', path: '/decide_email', body: { email_id: ids.pending, action: 'approve' } }],
  edit_held_email: (ids) => [
    { key: 'reviewer', method: 'POST', path: '/edit_held_email', body: { email_id: ids.pending, content_hash: 'x', subject: 'Mine' } },
    { key: 'reviewer', method: 'PATCH', path: `/v1/oversight/pending/${ids.pending}`, body: { content_hash: 'x', subject: 'Mine' } },
  ],
  undo_approval: (ids) => [{ key: 'reviewer', method: 'POST', path: '/undo_approval', body: { email_id: ids.pending } }],
  // Name no row; their own tests are below and in reports.test.ts.
  get_audit_log: () => [],
  // Of the whole server, and name no row.
  get_checkpoint: () => [],
  get_consistency_proof: () => [],
  get_inclusion_proof: (ids) => [
    { key: 'admin', method: 'GET', path: `/get_inclusion_proof?entry_id=${ids.logEntry}` },
    { key: 'reviewer', method: 'GET', path: `/v1/log/entries/${ids.logEntry}/proof` },
  ],
  get_receipt: (ids) => [
    { key: 'agent', method: 'GET', path: `/get_receipt?email_id=${ids.sent}` },
    { key: 'admin', method: 'GET', path: `/v1/mailboxes/${ids.mailbox}/emails/${ids.sent}/receipt` },
  ],
  list_reports: () => [],
  get_report: (ids) => [
    { key: 'admin', method: 'GET', path: `/get_report?id=${ids.report}` },
    { key: 'admin', method: 'GET', path: `/v1/reports/${ids.report}` },
  ],
  stop_sending: (ids) => [{ key: 'reviewer', method: 'POST', path: '/stop_sending', body: { mailbox_id: ids.mailbox } }],
  resume_sending: (ids) => [{ key: 'reviewer', method: 'POST', path: '/resume_sending', body: { mailbox_id: ids.mailbox } }],
  pause_agent: (ids) => [
    { key: 'reviewer', method: 'POST', path: '/pause_agent', body: { mailbox_id: ids.mailbox } },
    { key: 'reviewer', method: 'POST', path: '/v1/oversight/pause', body: { email_id: ids.pending } },
  ],
  lift_enforcement: (ids) => [
    { key: 'reviewer', method: 'POST', path: '/lift_enforcement', body: { mailbox_id: ids.mailbox, reason: 'Mine' } },
  ],
  get_sending_settings: (ids) => [{ key: 'admin', method: 'GET', path: `/v1/mailboxes/${ids.mailbox}/sending` }],
  // Name no row; review-report.test.ts has whose people it is about.
  get_review_report: () => [],
  set_review_report: () => [],
  suggest_upgrade: (ids) => [{ key: 'reviewer', method: 'GET', path: `/v1/mailboxes/${ids.mailbox}/suggested-upgrade` }],
  get_oversight_settings: (ids) => [{ key: 'admin', method: 'GET', path: `/v1/mailboxes/${ids.mailbox}/oversight` }],
  set_oversight_settings: (ids) => [
    { key: 'admin', method: 'POST', path: `/v1/mailboxes/${ids.mailbox}/oversight`, body: { lowers_on: [] } },
  ],
  set_sending_settings: (ids) => [{ key: 'admin', method: 'POST', path: `/v1/mailboxes/${ids.mailbox}/sending`, body: { opens: true } }],
  list_queue: (ids) => [{ key: 'reviewer', method: 'GET', path: `/list_queue?mailbox=${ids.mailbox}` }],
  retry_delivery: (ids) => [{ key: 'reviewer', method: 'POST', path: '/retry_delivery', body: { delivery_id: ids.delivery } }],
  cancel_delivery: (ids) => [
    { key: 'reviewer', method: 'POST', path: '/cancel_delivery', body: { delivery_id: ids.delivery } },
    { key: 'admin', method: 'POST', path: `/v1/queue/${ids.delivery}/cancel` },
  ],
  // Names no row; create-mailbox.test.ts has whose domains it takes.
  create_mailbox: () => [],
  request_upgrade: (ids) => [
    { key: 'agent', method: 'POST', path: `/v1/mailboxes/${ids.mailbox}/request-upgrade`, body: { target_mode: 'autonomous' } },
  ],
  apply_upgrade: (ids) => [{ key: 'agent', method: 'POST', path: `/v1/mailboxes/${ids.mailbox}/upgrade`, body: { code: 'AAAA-AAAA' } }],
  manage_upgrade: (ids) => [
    {
      key: 'agent',
      method: 'POST',
      path: '/manage_upgrade',
      body: { mailbox_id: ids.mailbox, action: 'request', target_mode: 'autonomous' },
    },
  ],
  list_allowlist: (ids) => [{ key: 'agent', method: 'GET', path: `/v1/mailboxes/${ids.mailbox}/allowlist` }],
  get_policy: (ids) => [{ key: 'admin', method: 'GET', path: `/v1/mailboxes/${ids.mailbox}/policy` }],
  set_policy: (ids) => [{ key: 'admin', method: 'PUT', path: `/v1/mailboxes/${ids.mailbox}/policy`, body: { rules: [] } }],
  preview_policy: (ids) => [{ key: 'admin', method: 'POST', path: `/v1/mailboxes/${ids.mailbox}/policy/preview`, body: { rules: [] } }],
  add_allowlist_entry: (ids) => [
    { key: 'admin', method: 'POST', path: `/v1/mailboxes/${ids.mailbox}/allowlist`, body: { pattern: 'bo@remote.test' } },
  ],
  remove_allowlist_entry: (ids) => [
    { key: 'admin', method: 'DELETE', path: `/v1/mailboxes/${ids.mailbox}/allowlist/alw_01ARZ3NDEKTSV4RRFFQ69G5FAV` },
  ],
  update_mailbox: (ids) => [
    { key: 'admin', method: 'POST', path: '/update_mailbox', body: { mailbox_id: ids.mailbox, display_name: 'Mine' } },
    { key: 'admin', method: 'PATCH', path: `/v1/mailboxes/${ids.mailbox}`, body: { oversight_mode: 'read_only' } },
  ],
  delete_mailbox: (ids) => [
    { key: 'admin', method: 'POST', path: '/delete_mailbox', body: { mailbox_id: ids.mailbox } },
    { key: 'admin', method: 'DELETE', path: `/v1/mailboxes/${ids.mailbox}` },
  ],
  configure_mailbox: (ids) => [
    { key: 'admin', method: 'POST', path: '/configure_mailbox', body: { mailbox_id: ids.mailbox, default_gate_timing: 'schedule_first' } },
    { key: 'admin', method: 'PATCH', path: `/v1/mailboxes/${ids.mailbox}/configure`, body: { default_gate_timing: 'schedule_first' } },
  ],
  // Names no row: its own test is in keys.test.ts.
  list_api_keys: () => [],
  create_api_key: (ids) => [{ key: 'admin', method: 'POST', path: '/v1/api-keys', body: { name: 'Mine', mailbox_ids: [ids.mailbox] } }],
  update_api_key: (ids) => [
    { key: 'admin', method: 'PATCH', path: `/v1/api-keys/${ids.key}`, body: { name: 'Mine' } },
    { key: 'admin', method: 'PATCH', path: `/v1/api-keys/${ids.key}`, body: { scopes: ['oversight'] } },
  ],
  rotate_api_key: (ids) => [{ key: 'admin', method: 'POST', path: `/v1/api-keys/${ids.key}/rotate` }],
  revoke_api_key: (ids) => [
    { key: 'admin', method: 'DELETE', path: `/v1/api-keys/${ids.key}` },
    { key: 'admin', method: 'POST', path: '/revoke_api_key', body: { key_id: ids.key, approval_code: 'AAAA-AAAA' } },
  ],
  // Name no row; suppression.test.ts has who sees whose list.
  list_suppression: () => [],
  add_suppression: () => [],
  create_webhook: (ids) => [
    { key: 'admin', method: 'POST', path: '/v1/webhooks', body: { url: 'https://mine.example/', events: ['*'], mailbox_id: ids.mailbox } },
  ],
  list_webhooks: () => [],
  get_webhook: (ids) => [
    { key: 'admin', method: 'GET', path: `/get_webhook?webhook_id=${ids.webhook}` },
    { key: 'admin', method: 'GET', path: `/v1/webhooks/${ids.webhook}` },
  ],
  update_webhook: (ids) => [
    { key: 'admin', method: 'PATCH', path: `/v1/webhooks/${ids.webhook}`, body: { enabled: false } },
    { key: 'admin', method: 'PATCH', path: `/v1/webhooks/${ids.webhook}`, body: { url: 'https://mine.example/' } },
  ],
  delete_webhook: (ids) => [{ key: 'admin', method: 'DELETE', path: `/v1/webhooks/${ids.webhook}` }],
  rotate_webhook_secret: (ids) => [{ key: 'admin', method: 'POST', path: `/v1/webhooks/${ids.webhook}/rotate-secret` }],
  test_webhook: (ids) => [{ key: 'admin', method: 'POST', path: `/v1/webhooks/${ids.webhook}/test` }],
  // An empty list: webhooks.test.ts has who sees whose.
  list_webhook_deliveries: () => [],
  replay_webhook_delivery: (ids) => [{ key: 'admin', method: 'POST', path: `/v1/webhook-deliveries/${ids.webhookDelivery}/replay` }],
  replay_webhook_events: (ids) => [
    { key: 'admin', method: 'POST', path: `/v1/webhooks/${ids.webhook}/replay`, body: { since: '2026-01-01' } },
  ],
  // Name no row: sandbox.test.ts has whose test world is whose.
  advance_clock: () => [],
  reset_sandbox: () => [],
  inject_email: (ids) => [
    {
      key: 'test',
      method: 'POST',
      path: '/inject_email',
      body: { mailbox_id: ids.mailbox, from: 'a@b.test', subject: 's', markdown: 'm' },
    },
  ],
  remove_suppression: () => [{ key: 'admin', method: 'DELETE', path: '/v1/suppression/gone@remote.test' }],
}

async function fill(desk: Desk, office: Office): Promise<Ids> {
  const file = { name: 'order.txt', contentType: 'text/plain', content: Buffer.from('1 box') }
  const email = await desk.receive(office.gated, { attachments: [file] })
  const pending = await desk.call(office.keys.agent, 'POST', '/reply_email', { email_id: email.id, markdown: 'Soon.' })
  await desk.call(office.keys.admin, 'POST', '/add_suppression', { email_address: 'gone@remote.test' })
  const letter = { mailbox_id: office.free.id, to: ['bo@remote.test'], subject: 'Hi', markdown: 'Hello' }
  const scheduled = await desk.call(office.keys.agent, 'POST', '/send_email', { ...letter, send_at: '2026-03-03T09:00:00Z' })
  const sent = await desk.call(office.keys.agent, 'POST', '/send_email', letter)
  const [delivery] = await listWaiting(desk.store.db, { tenancy: office.free.tenancy, limit: 1 })
  const webhook = await addWebhook(desk, office)
  const tried = await desk.call(office.keys.admin, 'POST', '/test_webhook', { webhook_id: webhook.id })
  const draft = await desk.call(office.keys.agent, 'POST', '/draft_reply', { email_id: email.id, markdown: 'Later.' })
  await desk.call(office.keys.agent, 'POST', '/set_tags', { email_id: email.id, tags: { project: 'apollo' } })
  const contact = await desk.call(office.keys.agent, 'POST', '/add_contact', { email: 'bo@remote.test' })
  return {
    contact: String(contact.body['id']),
    sent: String(sent.body['id']),
    logEntry: (await listLog(desk.store.db, office.gated.tenancy, { limit: 1 }))[0]?.id ?? '',
    email: email.id,
    thread: email.thread_id,
    mailbox: office.gated.id,
    pending: String(pending.body['id']),
    draft: String(draft.body['id']),
    scheduled: String(scheduled.body['id']),
    delivery: String(delivery?.id),
    webhook: webhook.id,
    webhookDelivery: String(tried.body['id']),
    report: await keepReport(desk, office),
    domain: await spareDomain(desk, office),
    session: (await beginSession(desk, office)).id,
    allowance: await allowedForATime(desk, office),
    key: (await listKeys(desk.store.db, office.gated.tenancy))[0]?.id ?? '',
  }
}

const state = async ({ store }: Desk): Promise<unknown> => ({
  emails: await store.db.selectFrom('emails').selectAll().orderBy('id').execute(),
  holds: await store.db.selectFrom('holds').selectAll().orderBy('id').execute(),
  deliveries: await store.db.selectFrom('deliveries').selectAll().execute(),
  tags: await store.db.selectFrom('email_tags').selectAll().execute(),
  contacts: await store.db.selectFrom('contacts').selectAll().execute(),
  keys: await store.db.selectFrom('api_keys').select(['id', 'name', 'scopes_json', 'secret_hash', 'revoked_at']).orderBy('id').execute(),
  actions: await store.db.selectFrom('admin_actions').selectAll().execute(),
  suppressions: await store.db.selectFrom('suppressions').selectAll().execute(),
  sessions: await store.db.selectFrom('operator_sessions').selectAll().orderBy('id').execute(),
  webhooks: await store.db.selectFrom('webhooks').selectAll().orderBy('id').execute(),
  webhookDeliveries: await store.db.selectFrom('webhook_deliveries').selectAll().orderBy('id').execute(),
  domains: await store.db.selectFrom('domains').selectAll().orderBy('id').execute(),
  head: await store.db.selectFrom('log_head').selectAll().execute(),
})

const never = (prefix: string): string => `${prefix}_${'0'.repeat(26)}`

const tryAll = (
  desk: Desk,
  ids: Ids,
  key: (attempt: Attempt) => string,
  change: (attempt: Attempt) => Attempt = (one) => one,
): Promise<Answer[]> =>
  Promise.all(
    operations
      .flatMap(({ name }) => attempts[name](ids))
      .map(change)
      .map((one) => desk.call(key(one), one.method, one.path, one.body)),
  )

describeOnEachEngine('whose rows a key can reach', (openStore) => {
  it('finds nothing under an id of another tenant, and changes nothing', async () => {
    const desk = await openDesk(openStore)
    const ids = await fill(desk, desk.theirs)
    const before = await state(desk)
    for (const answer of await tryAll(desk, ids, ({ key }) => desk.ours.keys[key]))
      expect(answer).toMatchObject({ status: 404, body: { code: expect.stringMatching(/NOT_FOUND$/) } })
    expect(await state(desk)).toEqual(before)
  })

  it('finds nothing under an id of the other world, from either side, and changes nothing', { timeout: 30_000 }, async () => {
    const desk = await openDesk(openStore)
    const { keys } = desk.ours
    const live = await fill(desk, desk.ours)
    // Domains, what is reported of them, and operators' sessions are of the live world.
    const test: Ids = { ...(await furnishTestWorld(desk, desk.ours)), domain: never('dom'), report: never('rep'), session: never('ops') }
    const before = await state(desk)
    for (const answer of await tryAll(desk, live, () => keys.testAdmin)) expect(answer.status).toBe(404)
    const fromLive = ({ key }: Attempt): string => (key === 'test' ? keys.agent : keys[key])
    // It is somebody else to whom nothing is sent there.
    const suppressed = (one: Attempt): Attempt => ({ ...one, path: one.path.replace('gone@remote.test', 'left@remote.test') })
    for (const answer of await tryAll(desk, test, fromLive, suppressed))
      expect(answer).toMatchObject(answer.body['code'] === 'TEST_KEY_ONLY' ? { status: 403 } : { status: 404 })
    expect(await state(desk)).toEqual(before)
  })

  it('lists nothing of the other world, from either side', { timeout: 30_000 }, async () => {
    const desk = await openDesk(openStore)
    const { keys, accountId } = desk.ours
    const live = await fill(desk, desk.ours)
    const test = await furnishTestWorld(desk, desk.ours)
    const asked = operations.filter(({ kind, name }) => kind === 'query' && name !== 'wait_for_email')
    const seen = async (key: string): Promise<{ all: string; listed: string[] }> => {
      const answers = await Promise.all(asked.map(async ({ name }) => ({ name, ...(await desk.call(key, 'GET', `/${name}`)) })))
      return {
        all: JSON.stringify(answers.map(({ body }) => body)).replaceAll(accountId, ''),
        listed: answers.filter(({ status }) => status === 200).map(({ name }) => name),
      }
    }
    for (const [own, others, world] of [
      [live, test, [keys.agent, keys.reviewer, keys.admin]],
      [test, live, [keys.test, keys.testAdmin]],
    ] as const) {
      const views = await Promise.all(world.map(seen))
      const all = views.map((view) => view.all).join()
      expect(Object.entries(others).filter(([, id]) => all.includes(id))).toEqual([])
      // That they would have been there: lists show what is of this side.
      expect(Object.values(own).filter((id) => all.includes(id)).length).toBeGreaterThan(6)
      expect(new Set(views.flatMap((view) => view.listed)).size).toBeGreaterThan(12)
    }
  })

  it('finds nothing outside the mailboxes that a key is bound to', async () => {
    const desk = await openDesk(openStore)
    const elsewhere = await desk.receive(desk.ours.free)
    const { bound } = desk.ours.keys
    expect((await desk.call(bound, 'GET', `/read_email?email_id=${elsewhere.id}`)).status).toBe(404)
    expect((await desk.call(bound, 'GET', `/get_thread?thread_id=${elsewhere.thread_id}`)).status).toBe(404)
    expect((await desk.call(bound, 'POST', '/reply_email', { email_id: elsewhere.id, markdown: 'hi' })).status).toBe(404)
    expect((await desk.call(bound, 'GET', `/check_inbox?mailbox=${desk.ours.free.address}`)).status).toBe(404)
    expect((await desk.call(bound, 'GET', '/check_inbox')).body).toMatchObject({ messages: [] })
    expect((await desk.call(bound, 'GET', '/list_mailboxes')).body).toMatchObject({ mailboxes: [{ id: desk.ours.gated.id }] })
  })

  it('gives the same answer for an id that never was as for one of somebody else', async () => {
    const desk = await openDesk(openStore)
    const theirs = await desk.receive(desk.theirs.gated)
    const never = `em_${'0'.repeat(26)}`
    const answers = await Promise.all(
      [theirs.id, never, 'nonsense', "' or 1=1"].map((id) =>
        desk.call(desk.ours.keys.agent, 'GET', `/read_email?email_id=${encodeURIComponent(id)}`),
      ),
    )
    const texts = answers.map(({ status, body }) => ({ status, ...body, request_id: '' }))
    expect(new Set(texts.map((text) => JSON.stringify(text))).size).toBe(1)
    expect(texts[0]).toMatchObject({ status: 404, error: 'Email not found', code: 'EMAIL_NOT_FOUND' })
  })

  it('shows each tenant its own log only, and a bound key none', async () => {
    const desk = await openDesk(openStore)
    await fill(desk, desk.theirs)
    const log = await desk.call(desk.ours.keys.admin, 'GET', '/get_audit_log?limit=100')
    expect((log.body['entries'] as { action: string }[]).every(({ action }) => action === 'key.created')).toBe(true)
    expect((await desk.call(desk.ours.keys.agent, 'GET', '/get_audit_log')).body).toMatchObject({ error: 'Requires admin scope' })
  })
})
