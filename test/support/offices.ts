import type { KeyActor } from '../../server/model/actor.ts'
import type { OversightMode } from '../../server/model/email.ts'
import { type Address, parseAddress } from '../../server/model/address.ts'
import { type MailboxId, newId } from '../../server/model/ids.ts'
import type { Tenancy, World } from '../../server/model/world.ts'
import { parseDomainName } from '../../dns/name.ts'
import { insertAccount } from '../../server/store/accounts.ts'
import type { Store } from '../../server/store/db.ts'
import { insertDomain } from '../../server/store/domains.ts'
import { type EmailRow, insertEmail } from '../../server/store/emails.ts'
import { asMade, insertMailbox } from '../../server/store/mailboxes.ts'
import type { Row } from '../../server/store/schema.ts'
import { insertThread } from '../../server/store/threads.ts'
import { plainEmail } from './plain-email.ts'

/** An account with one mailbox, and keys that act in it. */
export type Office = {
  tenancy: Tenancy
  mailbox: Row<'mailboxes'>
  agent: KeyActor
  reviewer: KeyActor
  /** A further key of this account. */
  key(change?: Partial<KeyActor>): KeyActor
  /** Stores a mail that arrived. */
  arrived(change?: Partial<EmailRow>): Promise<EmailRow>
}

export const address = (text: string): Address => {
  const parsed = parseAddress(text)
  if (parsed === null) throw new Error(`not an address: ${text}`)
  return parsed
}

let offices = 0

/** @param now epoch ms */
export async function openOffice(
  store: Store,
  now: number,
  { mode = 'gated_send', world = 'live' }: { mode?: OversightMode; world?: World } = {},
): Promise<Office> {
  offices += 1
  const domain = parseDomainName(`ours${offices}.test`)
  if (domain === null) throw new Error('no domain')
  const accountId = newId('account', now)
  const tenancy: Tenancy = { accountId, world }
  const domainId = newId('domain', now)
  const mailbox: Row<'mailboxes'> = {
    id: newId('mailbox', now),
    account_id: accountId,
    world,
    domain_id: domainId,
    address: `ann@${domain}`,
    display_name: 'Ann the Agent',
    oversight_mode: mode,
    ...asMade,
    created_at: now,
  }
  await store.transaction(async (tx) => {
    await insertAccount(tx, { id: accountId, name: 'Ours', slug: `ours-${offices}`, created_at: now })
    await insertDomain(tx, { id: domainId, account_id: accountId, name: domain, created_at: now })
    await insertMailbox(tx, mailbox)
  })
  const key = (change: Partial<KeyActor> = {}): KeyActor => ({
    kind: 'key',
    ...tenancy,
    keyId: newId('key', now),
    name: 'a key',
    scopes: ['read', 'send'],
    mailboxIds: null,
    ...change,
  })
  return {
    tenancy,
    mailbox,
    key,
    agent: key(),
    reviewer: key({ scopes: ['read', 'oversight'] }),
    arrived: (change = {}) => storeArrived(store, tenancy, mailbox.id, mailbox.address, now, change),
  }
}

async function storeArrived(
  store: Store,
  { accountId, world }: Tenancy,
  mailboxId: MailboxId,
  to: string,
  now: number,
  change: Partial<EmailRow>,
): Promise<EmailRow> {
  const raw = await store.blobs.stage(Buffer.from(`From: bo@remote.test\r\nSubject: Question\r\n\r\nHow much? ${newId('email', now)}\r\n`))
  const threadId = newId('thread', now)
  const row = plainEmail(now, {
    id: newId('email', now),
    account_id: accountId,
    world,
    mailbox_id: mailboxId,
    thread_id: threadId,
    message_id: '<question@remote.test>',
    subject: 'Question',
    from_name: 'Bo',
    to_json: JSON.stringify([{ address: to }]),
    forward_paths_json: JSON.stringify([to]),
    sent_at: now,
    markdown: 'How much?',
    extracted: 'How much?',
    raw_hash: raw.hash,
    raw_size: raw.size,
    ...change,
  })
  await store.transaction(async (tx) => {
    await store.blobs.put(tx, raw, now)
    await insertThread(tx, {
      id: threadId,
      account_id: accountId,
      world,
      mailbox_id: mailboxId,
      subject: row.subject,
      created_at: now,
      last_activity_at: now,
    })
    await insertEmail(tx, row)
  })
  return row
}
