import { addressKey, domainOf, localPartOf } from '../../server/model/address.ts'
import { type MailboxId, newId } from '../../server/model/ids.ts'
import { insertAccount } from '../../server/store/accounts.ts'
import { insertAlias } from '../../server/store/aliases.ts'
import type { Store } from '../../server/store/db.ts'
import { insertDomain, setCatchAll } from '../../server/store/domains.ts'
import { insertMailbox } from '../../server/store/mailboxes.ts'
import type { NewRow } from '../../server/store/schema.ts'
import { address } from './offices.ts'

/** Addresses of one account. A mailbox is written `ann@ours.test`, with `off`, `gone` or `test` behind it when it is suspended, deleted or of the
 *  test world; the domains follow from the mailboxes. `aliases` and `catchAll` name mailboxes by their addresses. */
export type Addressed = { mailboxes: readonly string[]; aliases?: Record<string, string>; catchAll?: Record<string, string> }

/** @returns the mailboxes by what they were written as */
export async function addAddresses(store: Store, { mailboxes, aliases = {}, catchAll = {} }: Addressed): Promise<Map<string, MailboxId>> {
  const now = 1_790_000_000_000
  const accountId = newId('account', now)
  const texts = mailboxes.map((text) => text.split(' '))
  const domains = new Map([...new Set(texts.map(([text = '']) => domainOf(address(text))))].map((name) => [name, newId('domain', now)]))
  const domainId = (text: string) => domains.get(domainOf(address(text))) ?? newId('domain', now)
  const rows = texts.map(([text = '', state]): NewRow<'mailboxes'> => ({
    id: newId('mailbox', now),
    account_id: accountId,
    world: state === 'test' ? 'test' : 'live',
    domain_id: domainId(text),
    address: addressKey(address(text)),
    display_name: localPartOf(address(text)),
    oversight_mode: 'gated_send',
    is_active: state === 'off' || state === 'gone' ? 0 : 1,
    deleted_at: state === 'gone' ? now : null,
    created_at: now,
  }))
  const ids = new Map(rows.map(({ id }, index) => [mailboxes[index] ?? '', id]))
  const idOf = (text: string): MailboxId => {
    const id = ids.get(text)
    if (id === undefined) throw new Error(`there is no mailbox ${text}`)
    return id
  }
  await store.transaction(async (tx) => {
    await insertAccount(tx, { id: accountId, name: accountId, slug: accountId.toLowerCase(), created_at: now })
    for (const [name, id] of domains) await insertDomain(tx, { id, account_id: accountId, name, created_at: now })
    for (const row of rows) await insertMailbox(tx, row)
    for (const [text, mailbox] of Object.entries(aliases))
      await insertAlias(tx, {
        address: addressKey(address(text)),
        account_id: accountId,
        domain_id: domainId(text),
        mailbox_id: idOf(mailbox),
        created_at: now,
      })
    for (const [name, mailbox] of Object.entries(catchAll)) await setCatchAll(tx, domainId(`x@${name}`), idOf(mailbox))
  })
  return ids
}
