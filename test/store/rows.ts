import { type AccountId, type MailboxId, newId, type ThreadId } from '../../server/model/ids.ts'
import type { Tenancy, World } from '../../server/model/world.ts'
import { insertAccount } from '../../server/store/accounts.ts'
import type { Store } from '../../server/store/db.ts'
import { insertDomain } from '../../server/store/domains.ts'
import { type EmailRow, insertEmail } from '../../server/store/emails.ts'
import { insertMailbox } from '../../server/store/mailboxes.ts'
import type { NewRow } from '../../server/store/schema.ts'
import { insertThread } from '../../server/store/threads.ts'
import { plainEmail } from '../support/plain-email.ts'

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

export const emailRow = (tenant: Tenant, facts: Partial<EmailRow> = {}): EmailRow =>
  plainEmail(now, {
    id: newId('email', now),
    account_id: tenant.accountId,
    world: tenant.world,
    mailbox_id: tenant.mailbox.id,
    thread_id: tenant.threadId,
    ...facts,
  })

export async function addEmail(store: Store, tenant: Tenant, facts: Partial<EmailRow> = {}): Promise<EmailRow> {
  const row = emailRow(tenant, facts)
  await store.transaction((tx) => insertEmail(tx, row))
  return row
}
