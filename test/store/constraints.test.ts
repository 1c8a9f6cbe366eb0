import { beforeAll, expect, it } from 'vitest'
import { newId } from '../../server/model/ids.ts'
import type { Store } from '../../server/store/db.ts'
import { isUniqueViolation } from '../../server/store/errors.ts'
import type { Database, NewRow } from '../../server/store/schema.ts'
import { describeOnEachEngine } from '../support/stores.ts'
import { type Tenant, accountRow, addEmail, addTenant, emailRow, keyRow, mailboxRow, now } from './rows.ts'

describeOnEachEngine('the tables', (open) => {
  let store: Store
  let tenant: Tenant
  beforeAll(async () => {
    store = await open()
    tenant = await addTenant(store, 'ours')
  })

  const insert = async <T extends keyof Database>(table: T, row: NewRow<T>): Promise<void> => {
    await store.transaction(async (tx) => {
      // Which table it is does not matter to the statement, only to the types.
      await tx
        .insertInto(table as 'accounts')
        .values(row as NewRow<'accounts'>)
        .execute()
    })
  }
  const fate = (work: Promise<unknown>): Promise<'accepted' | 'taken' | 'refused'> =>
    work.then(
      () => 'accepted',
      (error: unknown) => (isUniqueViolation(error) ? 'taken' : 'refused'),
    )

  it('have one account per slug', async () => {
    expect(await fate(insert('accounts', accountRow(newId('account', now), 'ours')))).toBe('taken')
  })

  it('have one key per secret', async () => {
    await insert('api_keys', keyRow(tenant, { secret_hash: 'same' }))
    expect(await fate(insert('api_keys', keyRow(tenant, { secret_hash: 'same' })))).toBe('taken')
  })

  it('have one domain per name', async () => {
    expect(await fate(insert('domains', { ...tenant.domain, id: newId('domain', now) }))).toBe('taken')
  })

  it('have one DKIM key per selector of a domain', async () => {
    const times = { created_at: now, state_since: now, use_from: now }
    const row = { domain_id: tenant.domain.id, selector: 's1', private_key: '', public_key: '', state: 'active', ...times } as const
    await insert('dkim_keys', { id: newId('dkimKey', now), algorithm: 'rsa-sha256', ...row })
    expect(await fate(insert('dkim_keys', { id: newId('dkimKey', now), algorithm: 'ed25519-sha256', ...row }))).toBe('taken')
  })

  it('have one mailbox per address in each world', async () => {
    const address = { account_id: tenant.accountId, domain_id: tenant.domain.id, address: tenant.mailbox.address }
    await insert('mailboxes', mailboxRow({ ...address, world: 'test' }))
    expect(await fate(insert('mailboxes', mailboxRow({ ...address, world: 'live' })))).toBe('taken')
  })

  it('have one email per idempotency key of a mailbox, and any number without one', async () => {
    await addEmail(store, tenant, { idempotency_key: 'once' })
    expect(await fate(addEmail(store, tenant, { idempotency_key: 'once' }))).toBe('taken')
    await addEmail(store, tenant)
    await addEmail(store, tenant)
  })

  it('have one open hold per email, and any number of ended ones', async () => {
    const email = await addEmail(store, tenant)
    const hold = (): NewRow<'holds'> => ({
      id: newId('hold', now),
      account_id: tenant.accountId,
      world: 'live',
      mailbox_id: tenant.mailbox.id,
      email_id: email.id,
      direction: 'inbound',
      content_hash: 'hash',
      reason: 'why',
      state: 'open',
      created_at: now,
      expires_at: now,
      ended_at: null,
    })
    await insert('holds', { ...hold(), state: 'expired', ended_at: now })
    await insert('holds', { ...hold(), state: 'cancelled', ended_at: now })
    await insert('holds', hold())
    expect(await fate(insert('holds', hold()))).toBe('taken')
    expect(await fate(insert('holds', { ...hold(), state: 'approved' }))).toBe('refused')
  })

  it('have one decision per hold, and a release by a decision or by a rule', async () => {
    const email = await addEmail(store, tenant)
    const holdId = newId('hold', now)
    await insert('holds', {
      id: holdId,
      account_id: tenant.accountId,
      world: 'live',
      mailbox_id: tenant.mailbox.id,
      email_id: email.id,
      direction: 'outbound',
      content_hash: 'hash',
      reason: 'why',
      state: 'approved',
      created_at: now,
      expires_at: now,
      ended_at: now,
    })
    const decision = (): NewRow<'decisions'> => ({
      id: newId('decision', now),
      hold_id: holdId,
      email_id: email.id,
      actor_id: 'key_1',
      action: 'approve',
      content_hash: 'hash',
      reason: null,
      created_at: now,
    })
    const first = decision()
    await insert('decisions', first)
    expect(await fate(insert('decisions', decision()))).toBe('taken')
    const release = { email_id: email.id, content_hash: 'hash' as NewRow<'releases'>['content_hash'], prepended: '', created_at: now }
    await insert('releases', { id: newId('release', now), kind: 'approval', decision_id: first.id, rule: null, ...release })
    expect(await fate(insert('releases', { id: newId('release', now), kind: 'approval', decision_id: null, rule: null, ...release }))).toBe(
      'refused',
    )
    expect(await fate(insert('releases', { id: newId('release', now), kind: 'policy', decision_id: null, rule: null, ...release }))).toBe(
      'refused',
    )
    expect(
      await fate(insert('releases', { id: newId('release', now), kind: 'policy', decision_id: first.id, rule: 'r', ...release })),
    ).toBe('refused')
  })

  it('have one attachment per position of an email, whose content exists', async () => {
    const email = await addEmail(store, tenant)
    await store.transaction((tx) => store.blobs.put(tx, { hash: 'b1', size: 1, bytes: Buffer.from('x') }, now))
    const row = { email_id: email.id, position: 0, name: 'a', content_type: 'text/plain', size: 1, content_id: null, is_inline: 0 }
    await insert('attachments', { id: newId('attachment', now), blob_hash: 'b1', ...row })
    expect(await fate(insert('attachments', { id: newId('attachment', now), blob_hash: 'b1', ...row }))).toBe('taken')
    expect(await fate(insert('attachments', { id: newId('attachment', now), blob_hash: 'none', ...row, position: 1 }))).toBe('refused')
  })

  const bad: [string, (tenant: Tenant) => NewRow<'emails'>][] = [
    ['an unknown status', (t) => emailRow(t, { status: 'lost' as 'read' })],
    ['an unknown direction', (t) => emailRow(t, { direction: 'sideways' as 'inbound' })],
    ['an unknown world', (t) => emailRow({ ...t, world: 'other' as 'live' })],
    ['an unknown spam verdict', (t) => emailRow(t, { spam_verdict: 'perhaps' as 'clean' })],
    ['a flag that is neither 0 nor 1', (t) => emailRow(t, { has_attachments: 2 })],
    ['a mailbox that does not exist', (t) => emailRow(t, { mailbox_id: newId('mailbox', now) })],
    ['a thread that does not exist', (t) => emailRow(t, { thread_id: newId('thread', now) })],
    ['raw bytes that are not stored', (t) => emailRow(t, { raw_hash: 'none' })],
    ['a negative size', (t) => emailRow(t, { raw_size: -1 })],
    ['a number that is not whole', (t) => emailRow(t, { received_at: 1.5 })],
  ]
  it.each(bad)('refuse an email with %s', async (_what, row) => {
    expect(await fate(addEmail(store, tenant, row(tenant)))).toBe('refused')
  })

  it('refuse an unknown oversight mode', async () => {
    const row = mailboxRow({ account_id: tenant.accountId, domain_id: tenant.domain.id, address: 'x@ours.test' })
    expect(await fate(insert('mailboxes', { ...row, oversight_mode: 'free' as 'autonomous' }))).toBe('refused')
  })

  it('keep large times and fractions as they are', async () => {
    const email = await addEmail(store, tenant, { received_at: 8_640_000_000_000_000, spam_score: 0.125 })
    expect(await store.db.selectFrom('emails').select(['received_at', 'spam_score']).where('id', '=', email.id).execute()).toEqual([
      { received_at: 8_640_000_000_000_000, spam_score: 0.125 },
    ])
  })

  it('take a NUL from outside as U+FFFD instead of failing the message', async () => {
    const email = await addEmail(store, tenant, { subject: 'a\0b' })
    expect(await store.db.selectFrom('emails').select('subject').where('id', '=', email.id).execute()).toEqual([{ subject: 'a\uFFFDb' }])
  })

  it('take half a surrogate pair from outside', async () => {
    const email = await addEmail(store, tenant, { subject: 'a\uD83D' })
    expect(await store.db.selectFrom('emails').select('subject').where('id', '=', email.id).execute()).toEqual([{ subject: 'a\uFFFD' }])
  })
})
