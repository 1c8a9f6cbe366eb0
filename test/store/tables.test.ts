import { beforeAll, expect, it } from 'vitest'
import { newId } from '../../server/model/ids.ts'
import { findAccount, listAccounts } from '../../server/store/accounts.ts'
import type { Store } from '../../server/store/db.ts'
import { activeDkimKeys, insertDkimKey } from '../../server/store/dkim-keys.ts'
import { domainByName, listDomains } from '../../server/store/domains.ts'
import { emailsByMessageId, emailsOfThread, findByIdempotencyKey, findEmail } from '../../server/store/emails.ts'
import { listEmails } from '../../server/store/listing.ts'
import { appendEvent, eventsAfter } from '../../server/store/events.ts'
import { insertKey, keyByHash, listKeys, touchKey } from '../../server/store/keys.ts'
import { findMailbox, listMailboxes, mailboxById } from '../../server/store/mailboxes.ts'
import { findThread } from '../../server/store/threads.ts'
import { appear } from '../support/appear.ts'
import { describeOnEachEngine } from '../support/stores.ts'
import { type Tenant, addEmail, addTenant, keyRow, now } from './rows.ts'

describeOnEachEngine('a tenant', (open) => {
  let store: Store
  let ours: Tenant
  let sandbox: Tenant
  let theirs: Tenant
  beforeAll(async () => {
    store = await open()
    ours = await addTenant(store, 'ours')
    theirs = await addTenant(store, 'theirs')
    sandbox = { ...ours, world: 'test' }
  })

  it('finds its emails and threads; those of others, and of the other world, do not exist', async () => {
    const email = await addEmail(store, ours)
    expect((await findEmail(store.db, ours, email.id))?.id).toBe(email.id)
    expect((await findThread(store.db, ours, ours.threadId))?.id).toBe(ours.threadId)
    for (const stranger of [theirs, sandbox]) {
      expect(await findEmail(store.db, stranger, email.id)).toBeUndefined()
      expect(await findThread(store.db, stranger, ours.threadId)).toBeUndefined()
      expect(
        await emailsOfThread(store.db, stranger, ours.threadId, { except: { direction: 'inbound', statuses: [] }, limit: 10 }),
      ).toEqual([])
      expect(await listEmails(store.db, stranger, { mailboxIds: null, limit: 10 })).toEqual([])
      expect(await listEmails(store.db, stranger, { mailboxIds: [ours.mailbox.id], limit: 10 })).toEqual([])
    }
  })

  it('lists emails without their texts, which a page of could fill the memory with', async () => {
    const email = await addEmail(store, ours)
    await store.transaction((tx) => appear(tx, email))
    const listed = (await listEmails(store.db, ours, { mailboxIds: null, limit: 10 })).find(({ id }) => id === email.id)
    expect(listed).toMatchObject({ id: email.id, subject: email.subject })
    for (const text of ['markdown', 'extracted', 'references_json']) expect(listed).not.toHaveProperty(text)
  })

  it('finds its mailboxes by id and by address; those of others do not exist', async () => {
    expect((await findMailbox(store.db, ours, ours.mailbox.id))?.address).toBe('ann@ours.test')
    expect((await findMailbox(store.db, ours, 'ann@ours.test'))?.id).toBe(ours.mailbox.id)
    for (const stranger of [theirs, sandbox]) {
      expect(await findMailbox(store.db, stranger, ours.mailbox.id)).toBeUndefined()
      expect(await findMailbox(store.db, stranger, 'ann@ours.test')).toBeUndefined()
    }
    expect((await listMailboxes(store.db, theirs, null)).map((one) => one.address)).toEqual(['ann@theirs.test'])
    expect(await listMailboxes(store.db, theirs, [ours.mailbox.id])).toEqual([])
    expect(await listMailboxes(store.db, ours, [])).toEqual([])
    expect((await mailboxById(store.db, ours.mailbox.id))?.address).toBe('ann@ours.test')
  })

  it('sees its keys of its world; a key is found by its secret’s hash', async () => {
    const key = keyRow(ours, { secret_hash: 'of-a-secret' })
    await store.transaction(async (tx) => {
      await insertKey(tx, key)
      await insertKey(tx, keyRow(sandbox))
      await insertKey(tx, keyRow(theirs))
    })
    expect((await listKeys(store.db, ours)).map((one) => one.id)).toEqual([key.id])
    await touchKey(store.db, key.id, now + 5)
    expect(await keyByHash(store.db, 'of-a-secret')).toEqual(expect.objectContaining({ ...key, last_used_at: now + 5 }))
    expect(await keyByHash(store.db, 'of-another')).toBeUndefined()
  })

  it('signs with the active keys of its domain', async () => {
    const times = { created_at: now, state_since: now, use_from: now }
    const row = { domain_id: ours.domain.id, algorithm: 'rsa-sha256', private_key: 'pem', public_key: 'p', ...times } as const
    await store.transaction(async (tx) => {
      await insertDkimKey(tx, { ...row, id: newId('dkimKey', now), selector: 's2', state: 'active' })
      await insertDkimKey(tx, { ...row, id: newId('dkimKey', now), selector: 's1', state: 'active' })
      await insertDkimKey(tx, { ...row, id: newId('dkimKey', now), selector: 's0', state: 'next' })
    })
    expect((await activeDkimKeys(store.db, 'ours.test')).map((one) => one.selector)).toEqual(['s1', 's2'])
    expect(await activeDkimKeys(store.db, 'theirs.test')).toEqual([])
    expect((await domainByName(store.db, 'ours.test'))?.id).toBe(ours.domain.id)
    expect((await listDomains(store.db)).map((one) => one.name)).toEqual(['ours.test', 'theirs.test'])
  })

  it('is an account among others', async () => {
    expect((await findAccount(store.db, ours.accountId))?.slug).toBe('ours')
    expect((await listAccounts(store.db)).map((one) => one.slug)).toEqual(['ours', 'theirs'])
  })

  it('finds a message to reply to within one mailbox', async () => {
    const email = await addEmail(store, ours, { message_id: '<a@remote.test>', idempotency_key: 'k' })
    expect((await emailsByMessageId(store.db, ours.mailbox.id, ['<x>', '<a@remote.test>'])).map((one) => one.id)).toEqual([email.id])
    expect(await emailsByMessageId(store.db, theirs.mailbox.id, ['<a@remote.test>'])).toEqual([])
    expect((await findByIdempotencyKey(store.db, ours.mailbox.id, 'k'))?.id).toBe(email.id)
    expect(await findByIdempotencyKey(store.db, theirs.mailbox.id, 'k')).toBeUndefined()
  })

  it('has its events in the order they happened', async () => {
    const event = { tenancy: ours, mailboxId: ours.mailbox.id, type: 'message.received', now } as const
    await store.transaction(async (tx) => {
      await appendEvent(tx, { ...event, data: { email_id: 'em_1' } })
      await appendEvent(tx, { ...event, data: { email_id: 'em_2' } })
    })
    const [first, second] = await eventsAfter(store.db, 0, 10)
    expect([first?.data_json, second?.data_json]).toEqual(['{"email_id":"em_1"}', '{"email_id":"em_2"}'])
    expect(await eventsAfter(store.db, first?.seq ?? 0, 10)).toEqual([second])
    expect(await eventsAfter(store.db, second?.seq ?? 0, 10)).toEqual([])
  })
})
