import { expect, it } from 'vitest'
import { findMailboxFacts } from '../../server/inbound/verdict/mailbox-facts.ts'
import { unreadMessage } from '../../server/inbound/message/parsed-message.ts'
import { noteReceived, noteSent } from '../../server/store/correspondents.ts'
import type { MailboxId } from '../../server/model/ids.ts'
import type { Store } from '../../server/store/db.ts'
import { describeOnEachEngine } from '../support/stores.ts'
import { furnish } from './post-office.ts'

async function reasonsFor(store: Store, mailboxId: MailboxId, from: { address: string; name?: string }): Promise<string[]> {
  const facts = await findMailboxFacts(store.db, [mailboxId], { ...unreadMessage([]), from })
  return facts.get(mailboxId)?.conversation.map(({ code }) => code) ?? []
}

describeOnEachEngine('an author who is new to a mailbox', (openStore) => {
  it('is compared with our domains and people and with whom we write to, not with who merely wrote to us', async () => {
    const store = await openStore()
    await furnish(store)
    const mailbox = await store.db.selectFrom('mailboxes').selectAll().where('address', '=', 'ann@ours.test').executeTakeFirstOrThrow()
    await store.db.updateTable('mailboxes').set({ display_name: 'Ann Berg' }).where('id', '=', mailbox.id).execute()
    await store.transaction(async (tx) => {
      await noteSent(tx, { mailboxId: mailbox.id, addresses: ['ola@nordwind.example', 'pia@nordwind.example'], now: 1 })
      await noteReceived(tx, { mailboxId: mailbox.id, address: 'x@nordwlnd.example', verified: false, now: 2 })
    })
    const judged = (address: string, name = '') => reasonsFor(store, mailbox.id, { address, name })
    expect(await judged('bo@remote.test', 'Bo')).toEqual([])
    expect(await judged('bo@0urs.test')).toEqual(['look-alike-of-ours'])
    expect(await judged('bo@n0rdwind.example')).toEqual(['look-alike-of-known'])
    expect(await judged('bo@remote.test', 'Berg, Ann')).toEqual(['our-name'])
    expect(await judged('bo@remote.test', 'Support of ours.test')).toEqual(['our-domain-in-name'])
    // They wrote before, so they are known for what they are.
    expect(await judged('x@nordwlnd.example')).toEqual([])
  })
})
