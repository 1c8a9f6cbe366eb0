import { type AccountId, type MailboxId, newId, type ThreadId } from '../../server/model/ids.ts'
import type { Tenancy, World } from '../../server/model/world.ts'
import { insertAccount } from '../../server/store/accounts.ts'
import type { Store } from '../../server/store/db.ts'
import { insertDomain } from '../../server/store/domains.ts'
import { insertEmail } from '../../server/store/emails.ts'
import { insertMailbox } from '../../server/store/mailboxes.ts'
import type { NewRow } from '../../server/store/schema.ts'
import { insertThread } from '../../server/store/threads.ts'

export const now = 1_790_000_000_000

/** A tenant with one domain, one mailbox and one thread. */
export type Tenant = Tenancy & { domain: NewRow<'domains'>; mailbox: NewRow<'mailboxes'>; threadId: ThreadId }

export async function addTenant(store: Store, slug: string, world: World = 'live'): Promise<Tenant> {
  const accountId = newId('account', now)
  const domain = { id: newId('domain', now), account_id: accountId, name: `${slug}.test`, created_at: now }
  const mailbox = mailboxRow({ account_id: accountId, domain_id: domain.id, address: `ann@${slug}.test`, world })
  const threadId = newId('thread', now)
  await store.transaction(async (tx) => {
    await insertAccount(tx, accountRow(accountId, slug))
    await insertDomain(tx, domain)
    await insertMailbox(tx, mailbox)
    await insertThread(tx, threadRow({ id: threadId, account_id: accountId, mailbox_id: mailbox.id, world }))
  })
  return { accountId, world, domain, mailbox, threadId }
}

export const accountRow = (id: AccountId, slug: string): NewRow<'accounts'> => ({ id, name: slug, slug, created_at: now })

type MailboxFacts = Pick<NewRow<'mailboxes'>, 'account_id' | 'domain_id' | 'address'> & Partial<NewRow<'mailboxes'>>
export const mailboxRow = (facts: MailboxFacts): NewRow<'mailboxes'> => ({
  id: newId('mailbox', now),
  world: 'live',
  display_name: null,
  oversight_mode: 'gated_send',
  is_active: 1,
  created_at: now,
  ...facts,
})

const threadRow = (facts: { id: ThreadId; account_id: AccountId; mailbox_id: MailboxId; world: World }): NewRow<'threads'> => ({
  subject: 'Hello',
  created_at: now,
  last_activity_at: now,
  ...facts,
})

export const keyRow = (tenancy: Tenancy, facts: Partial<NewRow<'api_keys'>> = {}): NewRow<'api_keys'> => ({
  id: newId('key', now),
  account_id: tenancy.accountId,
  world: tenancy.world,
  name: 'agent',
  prefix: 'mm_live_abc',
  secret_hash: newId('key', now),
  scopes_json: '["read"]',
  mailbox_ids_json: null,
  created_at: now,
  expires_at: null,
  last_used_at: null,
  revoked_at: null,
  ...facts,
})

export const emailRow = (tenant: Tenant, facts: Partial<NewRow<'emails'>> = {}): NewRow<'emails'> => ({
  id: newId('email', now),
  account_id: tenant.accountId,
  world: tenant.world,
  mailbox_id: tenant.mailbox.id,
  thread_id: tenant.threadId,
  direction: 'inbound',
  status: 'unread',
  message_id: null,
  in_reply_to: null,
  references_json: '[]',
  subject: 'Hello',
  from_address: 'bo@remote.test',
  from_name: null,
  reply_to_json: '[]',
  to_json: '[]',
  cc_json: '[]',
  bcc_json: '[]',
  reverse_path: 'bo@remote.test',
  forward_paths_json: '[]',
  sent_at: null,
  received_at: now,
  markdown: '',
  extracted: '',
  has_attachments: 0,
  raw_hash: null,
  raw_size: 0,
  content_hash: null,
  authentication_json: null,
  spam_score: null,
  spam_verdict: null,
  flags_json: '[]',
  composer_id: null,
  idempotency_key: null,
  approved_at: null,
  approved_by: null,
  rejection_reason: null,
  delivered_at: null,
  bounced_at: null,
  bounce_type: null,
  read_at: null,
  created_at: now,
  updated_at: now,
  ...facts,
})

export async function addEmail(store: Store, tenant: Tenant, facts: Partial<NewRow<'emails'>> = {}): Promise<NewRow<'emails'>> {
  const row = emailRow(tenant, facts)
  await store.transaction((tx) => insertEmail(tx, row))
  return row
}
