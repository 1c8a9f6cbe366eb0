/** Who waits: accounts with mailboxes and keys, as many as the limits of an account and of a key ask for (events/admission.ts). Written while no server runs. */
import { parseDomainName } from '../../../dns/name.ts'
import { createKeys } from '../../../server/identity/keys.ts'
import { type MailboxId, newId } from '../../../server/model/ids.ts'
import { systemClock } from '../../../server/platform/clock.ts'
import { silentLog } from '../../../server/platform/log.ts'
import { insertAccount } from '../../../server/store/accounts.ts'
import { openStore } from '../../../server/store/db.ts'
import { insertDomain } from '../../../server/store/domains.ts'
import { asMade, insertMailbox } from '../../../server/store/mailboxes.ts'

const [ofAccount, ofKey] = [1_000, 100]

export type Waiter = { mailbox: MailboxId; address: string; key: string }

/** @param parent under which each account has a domain of its own */
export async function furnish(dataDir: string, parent: string, count: number): Promise<Waiter[]> {
  const store = await openStore({ databaseUrl: null, dataDir, log: silentLog, clock: systemClock })
  const keys = createKeys({ store, clock: systemClock })
  const now = systemClock.now()
  const all: Waiter[] = []
  for (let first = 0; first < count; first += ofAccount) {
    const name = parseDomainName(`w${first}.${parent}`)
    if (name === null) throw new Error('no domain')
    const [accountId, domainId] = [newId('account', now), newId('domain', now)]
    const mailboxes = Array.from({ length: Math.min(ofAccount, count - first) }, (_, n) => ({
      id: newId('mailbox', now),
      account_id: accountId,
      world: 'live' as const,
      domain_id: domainId,
      address: `m${n}@${name}`,
      display_name: null,
      oversight_mode: 'gated_send' as const,
      ...asMade,
      created_at: now,
    }))
    await store.transaction(async (tx) => {
      await insertAccount(tx, { id: accountId, name, slug: `w${first}`, created_at: now })
      await insertDomain(tx, { id: domainId, account_id: accountId, name, created_at: now })
      for (const mailbox of mailboxes) await insertMailbox(tx, mailbox)
    })
    for (let at = 0; at < mailboxes.length; at += ofKey) {
      const issued = await keys.issue({ tenancy: { accountId, world: 'live' }, name: `waits ${at}`, scopes: ['read'] })
      if (!issued.ok) throw new Error(issued.code)
      for (const { id, address } of mailboxes.slice(at, at + ofKey)) all.push({ mailbox: id, address, key: issued.value.key })
    }
  }
  await store.close()
  return all
}
