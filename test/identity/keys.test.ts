import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, expect, it } from 'vitest'
import { makeKeyText } from '../../server/identity/key-text.ts'
import { type Keys, createKeys } from '../../server/identity/keys.ts'
import { type KeyId, type MailboxId, newId } from '../../server/model/ids.ts'
import type { Tenancy } from '../../server/model/world.ts'
import { insertAccount } from '../../server/store/accounts.ts'
import type { Store } from '../../server/store/db.ts'
import { listKeys } from '../../server/store/keys.ts'
import { listLog } from '../../server/store/log.ts'
import { describeOnEachEngine } from '../support/stores.ts'
import { type VirtualClock, createVirtualClock } from '../support/virtual-clock.ts'

const start = Date.UTC(2026, 10, 22, 12)

describeOnEachEngine('API keys', (openStore, { engine, newPlace }) => {
  let store: Store
  let clock: VirtualClock
  let keys: Keys
  let live: Tenancy
  let dataDir: string

  beforeEach(async () => {
    const place = await newPlace()
    dataDir = place.dataDir
    store = await openStore(place)
    clock = createVirtualClock(start)
    keys = createKeys({ store, clock })
    live = { accountId: newId('account', start), world: 'live' }
    const account = { id: live.accountId, name: 'Ours', slug: 'ours', created_at: start }
    await store.transaction((tx) => insertAccount(tx, account))
  })

  const issue = async (request: Partial<Parameters<Keys['issue']>[0]> = {}) => {
    const issued = await keys.issue({ tenancy: live, name: 'a program', scopes: ['read'], ...request })
    return issued.ok ? issued.value : expect.fail(issued.detail ?? issued.code)
  }

  it('make the actor they were issued for', async () => {
    const { key, id } = await issue({ scopes: ['read', 'send'], mailboxIds: ['mbx_1' as MailboxId] })
    expect(await keys.identify(key)).toEqual({
      kind: 'key',
      ...live,
      keyId: id,
      name: 'a program',
      scopes: ['read', 'send'],
      mailboxIds: ['mbx_1'],
    })
  })

  it('reach every mailbox of the account when none is named', async () => {
    expect(await keys.identify((await issue()).key)).toMatchObject({ mailboxIds: null })
  })

  it('that could propose and decide are refused, and nothing of them is kept', async () => {
    const before = await listKeys(store.db, live)
    const entries = await listLog(store.db, live, { limit: 100 })
    for (const scopes of [['send', 'oversight'], ['admin', 'oversight'], ['read', 'send', 'oversight', 'admin'], []] as const)
      expect(await keys.issue({ tenancy: live, name: 'both', scopes })).toMatchObject({ ok: false, code: 'FORBIDDEN_SCOPES' })
    expect(await listKeys(store.db, live)).toEqual(before)
    expect(await listLog(store.db, live, { limit: 100 })).toEqual(entries)
  })

  it('are on the log with their scopes, and without their secret', async () => {
    const { key, id } = await issue({ scopes: ['read', 'oversight'] })
    const [entry] = await listLog(store.db, live, { limit: 1 })
    expect(entry).toMatchObject({
      action: 'key.created',
      actorId: 'system:host',
      resourceId: id,
      metadata: { scopes: ['read', 'oversight'] },
    })
    expect(JSON.stringify(entry)).not.toContain(key)
  })

  it.each(['', 'mm_live_', 'Bearer x', makeKeyText('live'), makeKeyText('test'), `mm_live_${'a'.repeat(38)}`])(
    'that nobody issued are nobody: %j',
    async (presented) => {
      expect(await keys.identify(presented)).toBeNull()
    },
  )

  it('with a typing error cost no look-up', async () => {
    const { key } = await issue()
    await store.close()
    expect(await keys.identify(`${key.slice(0, -1)}${key.endsWith('0') ? '1' : '0'}`)).toBeNull()
  })

  it('expire', async () => {
    const { key } = await issue({ expiresAt: start + 1000 })
    await clock.advance(999)
    expect(await keys.identify(key)).not.toBeNull()
    await clock.advance(1)
    expect(await keys.identify(key)).toBeNull()
  })

  it('that are revoked are nobody from then on, and that is on the log', async () => {
    const { key, id } = await issue()
    expect(await keys.revoke(id)).toBe(true)
    expect(await keys.identify(key)).toBeNull()
    const [entry] = await listLog(store.db, live, { limit: 1 })
    expect(entry).toMatchObject({ action: 'key.revoked', actorId: 'system:host', resourceId: id })
    expect(await keys.revoke(id)).toBe(false)
    expect(await keys.revoke('key_nobody' as KeyId)).toBe(false)
  })

  it('remember their last use, written once a minute at most', async () => {
    const { key, id } = await issue()
    const lastUsed = async () => (await listKeys(store.db, live)).find((row) => row.id === id)?.last_used_at
    const seen = [await lastUsed()]
    for (const wait of [0, 59_999, 1]) {
      await clock.advance(wait)
      await keys.identify(key)
      seen.push(await lastUsed())
    }
    expect(seen).toEqual([null, start, start, start + 60_000])
  })

  // Only SQLite keeps its files where we can look.
  if (engine === 'sqlite')
    it('leave no trace of their secret on the disk', async () => {
      const { key } = await issue()
      await keys.identify(key)
      await store.close()
      const bytes = Buffer.concat(
        readdirSync(dataDir, { recursive: true, withFileTypes: true })
          .filter((file) => file.isFile())
          .map((file) => readFileSync(join(file.parentPath, file.name))),
      )
      expect(bytes.includes(key.slice(0, 13))).toBe(true)
      expect(bytes.includes(key.slice(13, 23))).toBe(false)
    })
})
