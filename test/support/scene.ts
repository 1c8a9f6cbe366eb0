import { hashOfKey } from '../../server/identity/key-text.ts'
import { hashCode } from '../../server/oversight/approval-code.ts'
import { findAccount } from '../../server/store/accounts.ts'
import { keyByHash } from '../../server/store/keys.ts'
import { insertOperatorSession } from '../../server/store/operator-sessions.ts'
import type { OperationInfo } from '../../server/operations/router.ts'
import { newId } from '../../server/model/ids.ts'
import { putAllowance } from '../../server/store/allowances.ts'
import { insertAllowlistEntry } from '../../server/store/allowlist.ts'
import { insertDomain } from '../../server/store/domains.ts'
import { listWaiting } from '../../server/store/waiting.ts'
import type { Answer, Desk, Office } from './desk.ts'
import { keepReport } from './reports.ts'
import { addWebhook } from './webhooks.ts'

/** What the placeholders of examples stand for (`{email_id}` and so on). */
export type Scene = Readonly<Record<string, string>>

/** A desk as it is on a working day: mail that came, a draft, an answer that waits for approval, one that waits for its time, one on its way. */
export async function furnishScene(desk: Desk, office: Office): Promise<Scene> {
  const { agent, admin } = office.keys
  const done = async (key: string, path: string, body: Record<string, unknown>): Promise<Answer> => {
    const answer = await desk.call(key, 'POST', path, body)
    if (answer.status >= 300) throw new Error(`${path}: ${JSON.stringify(answer.body)}`)
    return answer
  }
  const file = { name: 'order.txt', contentType: 'text/plain', content: Buffer.from('1 box') }
  await bringDown(desk, office)
  const email = await desk.receive(office.gated, { attachments: [file] })
  const pending = await done(agent, '/reply_email', { email_id: email.id, markdown: 'Soon.' })
  const draft = await done(agent, '/draft_reply', { email_id: email.id, markdown: 'Later.' })
  const letter = { mailbox_id: office.free.id, to: ['bo@example.org'], subject: 'Hi', markdown: 'Hello' }
  const scheduled = await done(agent, '/send_email', { ...letter, send_at: new Date(desk.clock.now() + 86_400_000).toISOString() })
  const sent = await done(agent, '/send_email', letter)
  const [delivery] = await listWaiting(desk.store.db, { tenancy: office.free.tenancy, limit: 1 })
  await done(agent, '/set_tags', { email_id: email.id, tags: { topic: 'orders' } })
  const contact = await done(agent, '/add_contact', { email: `di-${desk.clock.now()}@example.org` })
  await done(admin, '/add_suppression', { email_address: 'left@example.org' })
  const [known] = (await desk.call(admin, 'GET', '/list_webhooks')).body['webhooks'] as { id: string }[]
  const webhook = known ?? (await addWebhook(desk, office))
  const tried = await done(admin, '/test_webhook', { webhook_id: webhook.id })
  const [entry] = (await desk.call(admin, 'GET', '/get_audit_log?limit=1')).body['entries'] as { id: string }[]
  await desk.checkpoints.make()
  return {
    mailbox_id: office.gated.id,
    other_mailbox_id: office.guarded.id,
    email_id: email.id,
    thread_id: email.thread_id,
    draft_id: String(draft.body['id']),
    sent_id: String(sent.body['id']),
    log_entry_id: String(entry?.id),
    pending_id: String(pending.body['id']),
    pending_hash: String(pending.body['content_hash']),
    undoable_id: await undoable(desk, office),
    scheduled_id: String(scheduled.body['id']),
    delivery_id: String(delivery?.id),
    contact_id: String(contact.body['id']),
    webhook_id: webhook.id,
    key_id: await spareKey(desk),
    allowlist_entry_id: await allowed(desk, office),
    allowance_id: await allowedForATime(desk, office),
    upgrade_code: await upgradeCode(desk, office),
    domain_id: await spareDomain(desk, office),
    webhook_delivery_id: String(tried.body['id']),
    report_id: await keepReport(desk, office),
    ...(await operatorSession(desk, office)),
  }
}

/** One that was approved, and can be held again. */
async function undoable(desk: Desk, { gated, keys }: Office): Promise<string> {
  const wait = (undo_seconds: number) => desk.store.db.updateTable('mailboxes').set({ undo_seconds }).where('id', '=', gated.id).execute()
  const { body } = await desk.call(keys.agent, 'POST', '/send_email', {
    mailbox_id: gated.id,
    to: ['bo@example.org'],
    subject: 'Soon',
    markdown: 'It leaves in a moment.',
  })
  await wait(300)
  const { status } = await desk.call(keys.reviewer, 'POST', '/decide_email', { email_id: body['id'], action: 'approve' })
  await wait(0)
  if (status !== 200) throw new Error(`/decide_email: ${status}`)
  return String(body['id'])
}

/** As it was before an upgrade was applied, and nobody has asked for one. */
async function bringDown({ store }: Desk, { gated }: Office): Promise<void> {
  await store.db.updateTable('mailboxes').set({ oversight_mode: 'gated_send' }).where('id', '=', gated.id).execute()
  await store.db.deleteFrom('mode_upgrades').where('mailbox_id', '=', gated.id).execute()
}

/** One that is on, and a code for another. */
async function operatorSession({ store, clock }: Desk, { accountId, keys }: Office): Promise<Scene> {
  const now = clock.now()
  const [id, code] = [newId('operatorSession', now), 'A2B3-C4D5']
  const { salt, hash } = hashCode(code)
  await store.transaction(async (tx) => {
    const key = await keyByHash(tx, hashOfKey(keys.admin))
    const account = await findAccount(tx, accountId)
    if (key === undefined || account === undefined) throw new Error('no admin key')
    await tx.deleteFrom('operator_sessions').where('key_id', '=', key.id).execute()
    const of = { account_id: accountId, world: 'live' as const, key_id: key.id, operator_address: account.oversight_email }
    // Long ago, so that another code can be asked for.
    const row = { ...of, code_salt: salt, code_hash: hash, tries: 0, created_at: 0, expires_at: now + 60_000, ended_at: null }
    await insertOperatorSession(tx, { ...row, id, token_hash: hashOfKey(id), started_at: now })
    await insertOperatorSession(tx, { ...row, id: newId('operatorSession', now), token_hash: null, started_at: null })
  })
  return { session_id: id, operator_code: code }
}

async function allowed({ store, clock }: Desk, { gated }: Office): Promise<string> {
  const now = clock.now()
  const id = newId('allowlistEntry', now)
  const of = { account_id: gated.tenancy.accountId, world: gated.tenancy.world, mailbox_id: gated.id }
  const row = { id, ...of, pattern: `ed-${now}@example.com`, note: null, added_by: 'host', added_at: now }
  await store.transaction((tx) => insertAllowlistEntry(tx, row))
  return id
}

export async function allowedForATime({ store, clock }: Pick<Desk, 'store' | 'clock'>, { gated }: Pick<Office, 'gated'>): Promise<string> {
  const now = clock.now()
  const { accountId: account_id, world } = gated.tenancy
  const of = { account_id, world, mailbox_id: gated.id, address: `fi-${now}@example.com` }
  const row = { id: newId('allowance', now), ...of, allowed_by: 'host', voter_id: 'host' }
  await store.transaction((tx) => putAllowance(tx, { ...row, allowed_at: now, expires_at: now + 86_400_000 }))
  return row.id
}

/** As the operator reads it in their mail. */
async function upgradeCode({ store, call }: Desk, { accountId, gated, keys }: Office): Promise<string> {
  await store.db.updateTable('accounts').set({ oversight_email: 'boss@operators.test' }).where('id', '=', accountId).execute()
  const { status } = await call(keys.agent, 'POST', '/request_upgrade', { mailbox_id: gated.id, target_mode: 'monitored' })
  const letter = await store.db.selectFrom('operator_mails').select('body').orderBy('id', 'desc').executeTakeFirst()
  const code = /code: (\S+)/.exec(letter?.body ?? '')?.[1]
  if (status !== 200 || code === undefined) throw new Error(`/request_upgrade: ${status}`)
  return code
}

/** One that was added and never proved. */
export async function spareDomain({ store, clock }: Desk, { accountId }: Office): Promise<string> {
  const [id, created_at] = [newId('domain', clock.now()), clock.now()]
  const name = `${id.replace('_', '-')}.example`.toLowerCase()
  await store.transaction((tx) => insertDomain(tx, { id, account_id: accountId, name, is_pending: 1, created_at }))
  return id
}

async function spareKey(desk: Desk): Promise<string> {
  const secret = await desk.key({ scopes: ['read'] })
  const { id } = await desk.store.db
    .selectFrom('api_keys')
    .select('id')
    .where('secret_hash', '=', hashOfKey(secret))
    .executeTakeFirstOrThrow()
  return id
}

/** A key that may. */
export const keyFor = ({ ours: { keys } }: Desk, { meta }: OperationInfo): string =>
  meta.testOnly
    ? meta.scope === 'admin'
      ? keys.testAdmin
      : keys.test
    : meta.scope === 'oversight'
      ? keys.reviewer
      : meta.scope === 'send' || meta.scope === 'read'
        ? keys.agent
        : keys.admin

/** An input with its placeholders filled in. Throws when the scene has no such thing. */
export const filled = (input: unknown, scene: Scene): Record<string, unknown> =>
  JSON.parse(
    JSON.stringify(input).replace(/\{(\w+_(?:id|code|hash))\}/g, (_, name: string) => {
      const id = scene[name]
      if (id === undefined) throw new Error(`the scene has no {${name}}`)
      return id
    }),
  ) as Record<string, unknown>

/** Names in paths that are other things of a scene there. */
const otherNames: readonly (readonly [string, string])[] = [
  ['/allowlist/{entry_id}', '/allowlist/{allowlist_entry_id}'],
  ['/log/entries/{entry_id}', '/log/entries/{log_entry_id}'],
  ['/webhook-deliveries/{delivery_id}', '/webhook-deliveries/{webhook_delivery_id}'],
  ['/reports/{id}', '/reports/{report_id}'],
]

/** The path of a route with the ids of a scene in it; what else it names is `other`. */
export function filledPath(route: string, scene: Scene, other: string): string {
  const path = otherNames.reduce((text, [name, ours]) => text.replace(name, ours), route)
  return String(filled({ path: path.replace(/\{(?!\w+_id\})\w+\}/g, other) }, scene)['path'])
}
