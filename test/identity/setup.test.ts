import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto'
import { beforeEach, expect, it } from 'vitest'
import { createKeys } from '../../server/identity/keys.ts'
import { type Setup, type SetupRequest, setUp } from '../../server/identity/setup.ts'
import { newId } from '../../server/model/ids.ts'
import { insertAccount } from '../../server/store/accounts.ts'
import type { Store } from '../../server/store/db.ts'
import { activeDkimKeys } from '../../server/store/dkim-keys.ts'
import { listLog, verifyLog } from '../../server/store/log.ts'
import { mailboxById } from '../../server/store/mailboxes.ts'
import { knownDkim } from '../support/known-dkim.ts'
import { describeOnEachEngine } from '../support/stores.ts'
import { createVirtualClock } from '../support/virtual-clock.ts'

const clock = createVirtualClock(Date.UTC(2026, 10, 22, 12))

describeOnEachEngine('setting up a domain', (openStore) => {
  let store: Store
  beforeEach(async () => {
    store = await openStore({ clock })
  })

  const run = async (request: Partial<SetupRequest> = {}): Promise<Setup> => {
    const result = await setUp({ store, clock, makeDkim: knownDkim }, { domain: 'example.com', mailbox: 'agent', ...request })
    return result.ok ? result.value : expect.fail(result.code)
  }
  const who = async (issued: { key: string } | null) => createKeys({ store, clock }).identify(issued?.key ?? '')

  it('makes an account, a domain, a mailbox, an agent and a reviewer', async () => {
    const setup = await run({ domain: 'Example.COM.', mailbox: 'Agent' })
    expect(setup.created).toEqual(['account', 'domain', 'mailbox'])
    expect(setup.account.name).toBe('example.com')
    expect(setup.mailbox.address).toBe('agent@example.com')
    expect(await mailboxById(store.db, setup.mailbox.id)).toMatchObject({
      address: 'agent@example.com',
      oversight_mode: 'gated_send',
      world: 'live',
      is_active: 1,
    })
    expect(await who(setup.keys.agent)).toMatchObject({ world: 'live', scopes: ['read', 'send'], mailboxIds: [setup.mailbox.id] })
    expect(await who(setup.keys.reviewer)).toMatchObject({ world: 'live', scopes: ['read', 'oversight'], mailboxIds: null })
    expect(setup.keys.test).toBeNull()
  })

  it('puts each part on the log', async () => {
    const { account } = await run()
    const entries = await listLog(store.db, { accountId: account.id, world: 'live' }, { limit: 100 })
    expect(entries.map(({ action }) => action).toReversed()).toEqual([
      'account.created',
      'domain.created',
      'mailbox.created',
      'key.created',
      'key.created',
    ])
    expect(await verifyLog(store.db)).toMatchObject({ ok: true })
  })

  it('makes two DKIM keys whose published halves verify what they sign', async () => {
    const setup = await run()
    const rows = await activeDkimKeys(store.db, 'example.com')
    expect(setup.dkim.map(({ selector, algorithm }) => [selector, algorithm])).toEqual([
      ['mm20261122e', 'ed25519-sha256'],
      ['mm20261122r', 'rsa-sha256'],
    ])
    for (const { algorithm, public_key, private_key } of rows) {
      const digest = algorithm === 'rsa-sha256' ? 'sha256' : null
      const signature = sign(digest, Buffer.from('mail'), createPrivateKey(private_key))
      const bytes = Buffer.from(public_key, 'base64')
      // RFC 8410 §4: the SubjectPublicKeyInfo of an Ed25519 key is this head and the 32 octets.
      const spki = algorithm === 'rsa-sha256' ? bytes : Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), bytes])
      expect(verify(digest, Buffer.from('mail'), createPublicKey({ key: spki, format: 'der', type: 'spki' }), signature)).toBe(true)
    }
  })

  it('a second time makes nothing and issues nothing', async () => {
    const first = await run()
    const second = await run()
    expect(second).toEqual({ ...first, created: [], keys: { agent: null, reviewer: null, test: null } })
    expect(await who(first.keys.agent)).not.toBeNull()
  })

  it('joins no account that somebody signed up for, unless it is named by its id', async () => {
    const id = newId('account', clock.now())
    const stranger = { id, name: 'Ours', slug: 'ours', created_at: clock.now(), signed_up_at: clock.now() }
    await store.transaction((tx) => insertAccount(tx, stranger))
    const ask = (request: Partial<SetupRequest>) =>
      setUp({ store, clock, makeDkim: knownDkim }, { domain: 'example.com', mailbox: 'agent', ...request })
    expect(await ask({ accountName: 'Ours' })).toMatchObject({ ok: false, code: 'ACCOUNT_TAKEN' })
    const own = await run()
    expect(own).toMatchObject({ created: ['account', 'domain', 'mailbox'], account: { name: 'example.com' } })
    expect((await run({ domain: 'more.example.com' })).account).toEqual(own.account)
    const theirs = await run({ domain: 'theirs.example.com', accountName: id })
    expect(theirs.account.id).toBe(id)
    for (const accountName of [undefined, 'Ours', 'example.com'])
      expect(await ask({ domain: 'theirs.example.com', mailbox: 'other', ...(accountName && { accountName }) })).toMatchObject({
        ok: false,
        code: 'DOMAIN_TAKEN',
      })
  })

  it('issues new keys when asked', async () => {
    await run()
    const again = await run({ newKeys: true })
    expect(again.created).toEqual([])
    expect(await who(again.keys.agent)).toMatchObject({ scopes: ['read', 'send'] })
    expect(await who(again.keys.reviewer)).toMatchObject({ scopes: ['read', 'oversight'] })
  })

  it('adds mailboxes and domains to the account there is, which has a reviewer already', async () => {
    const first = await run()
    const mailbox = await run({ mailbox: 'sales' })
    expect(mailbox).toMatchObject({ created: ['mailbox'], domain: first.domain, keys: { agent: expect.anything(), reviewer: null } })
    const domain = await run({ domain: 'example.net' })
    expect(domain).toMatchObject({ account: first.account, created: ['domain', 'mailbox'], keys: { reviewer: null } })
  })

  it('makes another account by its name, and keeps domains with the account that has them', async () => {
    const ours = await run({ accountName: 'Ours & Co.' })
    const theirs = await run({ domain: 'example.net', accountName: 'Theirs' })
    expect(theirs.account.id).not.toBe(ours.account.id)
    expect(theirs.keys.reviewer).not.toBeNull()
    expect(await run({ accountName: 'ours co' })).toMatchObject({ account: ours.account, created: [] })
    const taken = await setUp({ store, clock, makeDkim: knownDkim }, { domain: 'example.net', mailbox: 'x', accountName: 'Ours & Co.' })
    expect(taken).toMatchObject({ ok: false, code: 'DOMAIN_TAKEN' })
  })

  it('gives a test key and a mailbox of its own world when asked', async () => {
    await run()
    const setup = await run({ withTestKey: true })
    expect(setup.created).toEqual(['test mailbox'])
    expect(setup.testMailbox).toMatchObject({ address: 'agent@example.com' })
    expect(setup.testMailbox?.id).not.toBe(setup.mailbox.id)
    expect(await who(setup.keys.test)).toMatchObject({ world: 'test', scopes: ['read', 'send', 'oversight', 'admin'] })
    expect((await run({ withTestKey: true })).keys.test).toBeNull()
  })

  it.each([
    ['BAD_DOMAIN', { domain: 'not a domain' }],
    ['BAD_DOMAIN', { domain: '' }],
    ['BAD_MAILBOX', { mailbox: 'agent@example.com' }],
    ['BAD_MAILBOX', { mailbox: 'a b' }],
    ['BAD_MAILBOX', { mailbox: '' }],
  ])('refuses %s %j and makes nothing', async (code, request) => {
    const result = await setUp({ store, clock, makeDkim: knownDkim }, { domain: 'example.com', mailbox: 'agent', ...request })
    expect(result).toMatchObject({ ok: false, code })
    expect(await store.db.selectFrom('accounts').selectAll().execute()).toEqual([])
  })

  it('twice at the same time makes one of everything', async () => {
    const results = await Promise.allSettled([run(), run()])
    expect(results.some(({ status }) => status === 'fulfilled')).toBe(true)
    expect(await store.db.selectFrom('domains').selectAll().execute()).toHaveLength(1)
    expect(await store.db.selectFrom('mailboxes').selectAll().execute()).toHaveLength(1)
    expect(await activeDkimKeys(store.db, 'example.com')).toHaveLength(2)
  })
})
