import { describe, expect, it } from 'vitest'
import { createZoneResolver } from '../../dns/resolver.ts'
import type { DomainName } from '../../dns/name.ts'
import { createAccountRemoval } from '../../server/identity/account-removal.ts'
import { createDomains } from '../../server/identity/domains.ts'
import { newId } from '../../server/model/ids.ts'
import { endMail } from '../../server/outbound/control/end-mail.ts'
import { systemClock } from '../../server/platform/clock.ts'
import { silentLog } from '../../server/platform/log.ts'
import { accountMeant, insertAccount } from '../../server/store/accounts.ts'
import { type CliHost, openCliHost } from '../support/cli-host.ts'
import { knownDkim } from '../support/known-dkim.ts'

const actionsOf = async ({ store }: CliHost, like: string) =>
  (await store.db.selectFrom('log_entries').select(['action', 'actor_id']).where('action', 'like', like).orderBy('seq').execute()).map(
    ({ action, actor_id }) => [action, actor_id],
  )

describe('a domain that somebody claimed and never proved', () => {
  const claim = async ({ store, admin }: CliHost, name: string) => {
    const domains = createDomains({
      store,
      clock: systemClock,
      resolver: createZoneResolver({}),
      hostname: 'mx.example.net' as DomainName,
      makeDkim: knownDkim,
    })
    return domains.add(await admin(), name)
  }

  it('is free again for whoever has it, on the record of who claimed it', async () => {
    const host = await openCliHost()
    expect(await claim(host, 'bank.example')).toMatchObject({ ok: true })
    expect(await claim(host, 'bank.example')).toMatchObject({ ok: false, code: 'DOMAIN_NOT_FREE' })
    expect(await host.said('domains', 'release', 'Bank.Example')).toBe(`bank.example is free again. It was claimed by ${host.accountId}.\n`)
    expect((await actionsOf(host, 'domain.%')).at(-1)).toEqual(['domain.deleted', 'system:host'])
    expect(await host.store.db.selectFrom('domains').select('name').execute()).toEqual([{ name: 'example.com' }])
    expect(
      await host.store.db.selectFrom('dkim_keys').innerJoin('domains', 'domains.id', 'domain_id').select('name').execute(),
    ).toHaveLength(2)
    expect(await claim(host, 'bank.example')).toMatchObject({ ok: true })
  })

  it('is the only kind that is released', async () => {
    const host = await openCliHost()
    for (const name of ['example.com', 'nobody.example', 'not a name'])
      expect(await host.run('domains', 'release', name)).toMatchObject({ code: 1, out: '', err: expect.stringContaining('claim') })
    expect((await actionsOf(host, 'domain.deleted')).length).toBe(0)
  })
})

describe('an account whose keys are lost', () => {
  it('is deleted on the host, when that is said twice, and a server that runs removes what is in it', async () => {
    const host = await openCliHost()
    const { slug } = (await accountMeant(host.store.db)) ?? expect.fail()
    expect(await host.run('account', 'delete', slug)).toMatchObject({ code: 2, out: '', err: expect.stringContaining(host.accountId) })
    expect(await accountMeant(host.store.db, slug)).toBeDefined()
    expect(await host.said('account', 'delete', slug, '--yes')).toContain(`Deleted: ${host.accountId}`)
    expect(await accountMeant(host.store.db)).toBeUndefined()
    expect(await actionsOf(host, 'account.deleted')).toEqual([['account.deleted', 'system:host']])
    const keys = await host.store.db.selectFrom('api_keys').select('revoked_at').execute()
    expect(keys.every(({ revoked_at }) => revoked_at !== null)).toBe(true)
    expect(await host.run('account', 'delete', slug, '--yes')).toMatchObject({ code: 2 })
    await createAccountRemoval({ store: host.store, clock: systemClock, log: silentLog, endMail }).drain()
    expect(await host.store.db.selectFrom('api_keys').selectAll().execute()).toEqual([])
  })

  it('is meant by its id only when somebody signed up for it', async () => {
    const host = await openCliHost()
    const id = newId('account', systemClock.now())
    await host.store.transaction((tx) => insertAccount(tx, { id, name: 'Bo', slug: 'bo', signed_up_at: 1, created_at: 1 }))
    expect(await host.run('account', 'delete', 'bo', '--yes')).toMatchObject({ code: 2 })
    expect(await host.said('account', 'delete', id, '--yes')).toContain(id)
    expect(await accountMeant(host.store.db)).toMatchObject({ id: host.accountId })
  })
})
