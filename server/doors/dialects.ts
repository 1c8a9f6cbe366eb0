/** What old clients need beyond a clean answer: other names, doubled keys, other status words, other success codes. All of it is here, as
 *  tables, with the client that needs it; operations never see it. Section numbers are those of the contract
 *  (docs/glossary.md); what comes of it all is in docs/compatibility.md. */
import type { OperationName } from '../operations/router.ts'
import type { Route } from '../operations/procedure.ts'
import type { JsonObject, Shape } from './shape.ts'

/** `flat`: root-level verbs (§7) · `v1`: /v1 routes (§5) · `emails`: /v1/emails, for the Zapier app and crewai-tools (§6). */
export const surfaces = ['flat', 'v1', 'emails'] as const
export type Surface = (typeof surfaces)[number]

export const surfaceOf = (path: string): Surface => (path.startsWith('/v1/emails/') ? 'emails' : path.startsWith('/v1/') ? 'v1' : 'flat')

/** Routes that only old clients use; those of an operation itself are in its meta. */
export const oldRoutes: readonly { operation: OperationName; route: Route; shape?: Shape }[] = [
  // The MCP server 0.7.0 asks for one mailbox after each send and listing, at top level (§5.3).
  { operation: 'list_mailboxes', route: 'GET /v1/mailboxes/{mailbox_id}' },
  // The old landing page's form of a reply (§5.4).
  { operation: 'reply_email', route: 'POST /v1/mailboxes/{mailbox_id}/emails/{email_id}/reply' },
  { operation: 'check_inbox', route: 'GET /v1/emails/inbox' },
  { operation: 'list_pending', route: 'GET /v1/emails/pending' },
  { operation: 'get_thread', route: 'GET /v1/emails/thread/{thread_id}' },
  { operation: 'read_email', route: 'GET /v1/emails/{email_id}' },
  { operation: 'send_email', route: 'POST /v1/emails/send' },
  { operation: 'reply_email', route: 'POST /v1/emails/{email_id}/reply' },
  { operation: 'decide_email', route: 'POST /v1/emails/{email_id}/decide' },
  { operation: 'set_tags', route: 'POST /v1/emails/{email_id}/tag' },
]

/** The answer of this route is the one element of that list (a list_mailboxes of one). */
export const singles: Readonly<Record<string, string>> = { '/v1/mailboxes/{mailbox_id}': 'mailboxes' }

/** These routes answer with the bytes themselves (§5.4: clients read attachments as such, whatever the old document says). */
export const rawRoutes: readonly string[] = [
  '/v1/mailboxes/{mailbox_id}/emails/{email_id}/attachments/{filename}',
  '/v1/mailboxes/{mailbox_id}/emails/{email_id}/raw',
]

const accepted: Partial<Record<OperationName, number>> = {
  send_email: 202,
  reply_email: 202,
  create_mailbox: 201,
  add_allowlist_entry: 201,
  add_contact: 201,
  create_api_key: 201,
  inject_email: 201,
  report_issue: 201,
  add_domain: 201,
  start_operator_session: 202,
  create_webhook: 201,
}
/** §8: 202 for a mail that was taken; the flat form answers 200. A replay of an earlier call is no new mail: 200 (§1.4). What the operator has to
 *  agree to first is 202 everywhere (§4.5). */
export function successStatus(surface: Surface, operation: OperationName, output: JsonObject): number {
  if (output['status'] === 'pending_approval') return 202
  return surface === 'flat' || output['idempotent'] === true ? 200 : (accepted[operation] ?? 200)
}

// ---- answers ----------------------------------------------------------------------------------------------------------------

const text = { type: 'string' }
const waiting: unknown[] = ['pending_send_approval', 'pending_inbound_approval']
/** §3.1: the seed page and Zapier know one word for both kinds of waiting. */
const oneWaitingWord = {
  status: { from: ({ status }: JsonObject) => (waiting.includes(status) ? 'pending_approval' : status), schema: text },
}
/** §5.4: the hosted service answers before its scan ends. Here the gate has spoken already, and the next read shows what it said. */
const pendingScan = {
  status: { from: ({ idempotent }: JsonObject) => (idempotent === true ? 'already_sent' : 'pending_scan'), schema: text },
}
/** §1.4 */
const flatSendStatus = {
  status: {
    from: (whole: JsonObject) => (whole['idempotent'] === true ? 'already_sent' : oneWaitingWord.status.from(whole)),
    schema: text,
  },
}
const isRead = { is_read: { from: ({ status }: JsonObject) => status !== 'unread', schema: { type: 'boolean' } } }
/** §6: the Zapier samples show one string. */
const joinedTo = { to: { from: ({ to }: JsonObject) => (Array.isArray(to) ? to.join(', ') : to), schema: text } }
/** §2.1: since MCP 0.5.2 the subject of arriving mail is shown without its Re: and Fwd: */
const plainSubject = {
  subject: {
    from: ({ subject, direction }: JsonObject) =>
      direction === 'inbound' ? String(subject).replace(/^(?:\s*(?:re|fwd?)\s*:\s*)+/i, '') : subject,
    schema: text,
  },
}
/** §6: a list of words on this surface, where elsewhere each tag has a value. */
const tagWords = {
  tags: {
    from: ({ tags }: JsonObject) => (typeof tags === 'object' && tags !== null ? Object.keys(tags) : tags),
    schema: { type: 'array', items: text },
  },
}

const emailCopies = { message_id: 'id', from_address: 'from', to_addresses: 'to', created_at: 'received_at' }
const idCopy = { message_id: 'id' }

const listItem: Record<Surface, Shape> = {
  v1: { copy: emailCopies, put: { ...isRead, ...plainSubject } },
  flat: { copy: emailCopies, put: { ...isRead, ...oneWaitingWord } },
  emails: { copy: emailCopies, put: { ...isRead, ...oneWaitingWord, ...joinedTo } },
}
const wholeEmail = (surface: Surface): Shape => {
  const { copy, put } = listItem[surface]
  return { copy: { ...copy, body: 'markdown' }, ...(put && { put }), ...(surface === 'v1' && withoutFurtherText) }
}
/** §13.1: the MCP server fences `markdown` and `body`, and prints all the rest as what can be trusted. */
const withoutFurtherText: Shape = { drop: ['extracted', 'hidden_text'], each: { reasons: { drop: ['detail'] } } }
const threadItem = (surface: Surface): Shape =>
  // §2.3: no bodies on v1, because the MCP server prints a thread as trusted metadata.
  surface === 'v1' ? { ...listItem.v1, drop: ['text', 'is_cut'] } : { ...listItem[surface], copy: { ...emailCopies, body: 'text' } }
const pendingItem = (surface: Surface): Shape => ({ ...listItem[surface], copy: { ...emailCopies, body: 'body_markdown' } })

const epochMs = (field: string) => ({
  [field]: { from: (whole: JsonObject) => Date.parse(String(whole[field])), schema: { type: 'integer', description: 'Epoch ms' } },
})
const flag = (name: string) => ({ [name]: { from: (whole: JsonObject) => (whole[name] === true ? 1 : 0), schema: { type: 'integer' } } })
/** §2.4, §1.1: numbers for truths and times. */
const hostedMailbox: Shape = {
  copy: { tenant_id: 'account_id' },
  put: {
    ...epochMs('created_at'),
    ...flag('is_active'),
    ...flag('forward_inbound'),
    ...flag('scheduling_enabled'),
    ...flag('mcp_configured'),
  },
}

const addedAt: Shape = { put: epochMs('added_at') }
const expiresAt: Shape = { put: epochMs('expires_at') }
/** §4.6 */
const sessionState: Shape = {
  put: {
    expires_at: {
      from: ({ expires_at: at }: JsonObject) => (typeof at === 'string' ? Date.parse(at) : null),
      schema: { anyOf: [{ type: 'integer', description: 'Epoch ms' }, { type: 'null' }] },
    },
  },
}

/** §7 wants a `delivered_at` from a decision: the time of the hand-off to our own queue. `queued_at` is its honest name, and read_email has
 *  the real one once the remote host has taken the mail. */
const decided: Shape = {
  copy: { id: 'email_id', message_id: 'email_id', delivered_at: 'queued_at', postmark_message_id: 'internet_message_id' },
}

/** §1.1: contacts are of those whose times are numbers. */
const contact: Shape = { put: epochMs('created_at') }

/** §2.5: old clients expect whole numbers, and compare with them; this is the largest that all of them can hold. */
const asNumber = (field: string) => ({
  [field]: { from: (whole: JsonObject) => whole[field] ?? 2_147_483_647, schema: { type: 'integer' } },
})
const hostedAccount: Shape = {
  put: {
    ...asNumber('monthly_email_quota'),
    ...asNumber('max_mailboxes'),
    ...asNumber('max_storage_bytes'),
    // §3.4: the highest of the hosted plans.
    plan: { from: () => 'scale', schema: text },
    // §6: the label of a connection of the Zapier app.
    account: { from: ({ name }) => ({ name }), schema: { type: 'object', properties: { name: text } } },
  },
}

const same: Shape = {}
const bySurface = (of: (surface: Surface) => Shape): Record<Surface, Shape> => ({ flat: of('flat'), v1: of('v1'), emails: of('emails') })

/** Of an operation that is not here every answer goes out as it is. */
const answers: Partial<Record<OperationName, Record<Surface, Shape>>> = {
  list_mailboxes: { flat: same, v1: { each: { mailboxes: hostedMailbox } }, emails: same },
  check_inbox: bySurface((surface) => ({
    each: { emails: listItem[surface] },
    ...(surface === 'flat' && { rename: { emails: 'messages' } }),
  })),
  read_email: bySurface(wholeEmail),
  get_thread: {
    flat: { each: { emails: threadItem('flat') }, rename: { emails: 'messages' } },
    v1: { each: { emails: threadItem('v1') }, drop: ['subject'] },
    emails: { each: { emails: threadItem('emails') } },
  },
  list_spam: bySurface((surface) => ({ each: { emails: listItem[surface] } })),
  get_account: { flat: same, v1: hostedAccount, emails: same },
  get_usage: {
    flat: same,
    v1: { put: { ...epochMs('from'), ...epochMs('to'), ...asNumber('monthly_email_quota'), ...asNumber('max_mailboxes') } },
    emails: same,
  },
  set_tags: { flat: same, v1: same, emails: { copy: { id: 'email_id' }, put: tagWords } },
  add_contact: { flat: same, v1: contact, emails: same },
  search_contacts: { flat: same, v1: { each: { contacts: contact } }, emails: same },
  wait_for_email: bySurface((surface) => ({ each: { emails: listItem[surface] } })),
  wait_for_decision: bySurface((surface) => (surface === 'v1' ? same : { put: oneWaitingWord })),
  draft_reply: bySurface(() => ({ copy: idCopy })),
  send_email: bySurface((surface) => ({ copy: idCopy, put: surface === 'v1' ? pendingScan : flatSendStatus })),
  reply_email: bySurface((surface) => ({ copy: idCopy, put: surface === 'v1' ? pendingScan : flatSendStatus })),
  cancel_message: bySurface(() => ({ copy: idCopy })),
  edit_scheduled_email: bySurface(() => ({ copy: idCopy })),
  list_pending: {
    flat: { each: { emails: pendingItem('flat') }, copy: { pending: 'emails' }, rename: { emails: 'messages' } },
    // §4.2: the document says `emails`, the Python client reads `pending`, the command line wants `data`.
    v1: { each: { emails: pendingItem('v1') }, copy: { pending: 'emails', data: 'emails' } },
    emails: { each: { emails: pendingItem('emails') } },
  },
  decide_email: bySurface(() => decided),
  edit_held_email: bySurface(() => ({ copy: { id: 'email_id', message_id: 'email_id' } })),
  undo_approval: bySurface(() => ({ copy: { id: 'email_id', message_id: 'email_id' } })),
  create_mailbox: { flat: same, v1: hostedMailbox, emails: same },
  list_allowlist: { flat: same, v1: { each: { entries: addedAt } }, emails: same },
  add_allowlist_entry: { flat: same, v1: addedAt, emails: same },
  remove_allowlist_entry: { flat: same, v1: addedAt, emails: same },
  update_mailbox: { flat: same, v1: hostedMailbox, emails: same },
  configure_mailbox: { flat: same, v1: hostedMailbox, emails: same },
  inject_email: bySurface(() => ({ copy: idCopy })),
  verify_operator_session: { flat: same, v1: expiresAt, emails: same },
  get_operator_session: { flat: same, v1: sessionState, emails: same },
  // §14 A6: the document says `subscriptions`, the Python client reads `webhooks`, the command line wants `data`.
  list_webhooks: { flat: same, v1: { copy: { subscriptions: 'webhooks', data: 'webhooks' } }, emails: same },
}

export const answerShape = (surface: Surface, operation: OperationName): Shape => answers[operation]?.[surface] ?? same

/** §2.2: LangChain tools print `text_body`, while the MCP server would print it as trusted metadata. So only who asks for it gets it:
 *  by a Python user agent, or `?compat=1`. */
export const textBody: Partial<Record<OperationName, string>> = { read_email: 'markdown', get_thread: 'text' }
export const wantsTextBody = (userAgent: string | undefined, compat: unknown): boolean => compat === '1' || /python/i.test(userAgent ?? '')

// ---- requests ---------------------------------------------------------------------------------------------------------------

const byMailbox = { mailbox: 'mailbox_id' }
const byDelivery = { id: 'delivery_id' }
const byEmail = { message_id: 'email_id', id: 'email_id' }
const byWebhook = { id: 'webhook_id' }
const byAddress = { address: 'email_address', email: 'email_address' }
const writing = { mailbox: 'mailbox_id', from: 'mailbox_id', from_address: 'mailbox_id', body: 'markdown' }
// §8: the flat form's word for the time.
const timed = { scheduled_at: 'send_at' }

/** Old name of an input field → its name here (§8). */
export const inputAliases: Partial<Record<OperationName, Readonly<Record<string, string>>>> = {
  list_mailboxes: byMailbox,
  check_inbox: byMailbox,
  wait_for_email: { ...byMailbox, timeout: 'timeout_seconds' },
  wait_for_decision: { ...byMailbox, ...byEmail, timeout: 'timeout_seconds' },
  read_email: { ...byMailbox, ...byEmail },
  get_thread: { ...byMailbox, id: 'thread_id' },
  download_attachment: { ...byMailbox, ...byEmail, name: 'filename' },
  manage_spam_status: byEmail,
  get_tags: { ...byMailbox, ...byEmail },
  set_tags: { ...byMailbox, ...byEmail },
  delete_tag: { ...byMailbox, ...byEmail },
  // §13.1: the MCP server's word.
  get_usage: { period: 'breakdown' },
  search_contacts: { q: 'query' },
  add_contact: { email_address: 'email' },
  delete_contact: { id: 'contact_id' },
  report_spam: byEmail,
  not_spam: byEmail,
  draft_reply: { ...writing, ...byEmail },
  send_email: { ...writing, ...timed },
  reply_email: { ...writing, ...byEmail },
  cancel_message: { ...byMailbox, ...byEmail },
  edit_scheduled_email: { ...writing, ...byEmail, ...timed },
  list_pending: byMailbox,
  decide_email: { ...byEmail, decision: 'action' },
  undo_approval: byEmail,
  edit_held_email: { ...byEmail, body: 'markdown' },
  get_report: { report_id: 'id' },
  stop_sending: byMailbox,
  resume_sending: byMailbox,
  lift_enforcement: byMailbox,
  get_sending_settings: byMailbox,
  set_sending_settings: byMailbox,
  get_oversight_settings: byMailbox,
  set_oversight_settings: byMailbox,
  list_queue: byMailbox,
  retry_delivery: byDelivery,
  cancel_delivery: byDelivery,
  create_mailbox: { address: 'address_local', address_local_part: 'address_local' },
  suggest_upgrade: byMailbox,
  request_upgrade: byMailbox,
  apply_upgrade: byMailbox,
  manage_upgrade: byMailbox,
  get_policy: byMailbox,
  set_policy: byMailbox,
  preview_policy: byMailbox,
  list_allowlist: byMailbox,
  add_allowlist_entry: byMailbox,
  remove_allowlist_entry: { ...byMailbox, id: 'entry_id' },
  update_mailbox: byMailbox,
  configure_mailbox: byMailbox,
  delete_mailbox: byMailbox,
  create_webhook: byMailbox,
  get_webhook: byWebhook,
  update_webhook: { ...byWebhook, is_active: 'enabled', active: 'enabled' },
  delete_webhook: byWebhook,
  rotate_webhook_secret: byWebhook,
  test_webhook: byWebhook,
  replay_webhook_events: byWebhook,
  replay_webhook_delivery: byDelivery,
  update_api_key: { id: 'key_id' },
  rotate_api_key: { id: 'key_id' },
  revoke_api_key: { id: 'key_id' },
  list_suppression: byAddress,
  add_suppression: byAddress,
  remove_suppression: byAddress,
  inject_email: { ...byMailbox, body: 'markdown', text: 'markdown' },
}

/** Fields that a request with a body may also have in its query. */
export const queryFields: Partial<Record<OperationName, readonly string[]>> = { set_tags: ['replace'] }

/** Two names for one field may both be there; when they differ, this one counts (§8). Of all others a difference is an error. */
export const winners: readonly string[] = ['markdown']

export const yesWords: readonly string[] = ['true', '1', 'yes', 'on']
export const noWords: readonly string[] = ['false', '0', 'no', 'off']

/** §3.1: other words for a status in a filter. */
export const statusAliases: Readonly<Record<string, string>> = { pending: 'pending_approval' }
/** §6: what the Zapier app expects of a listing without `limit`. */
export const defaultLimits: Partial<Record<Surface, number>> = { emails: 25 }
