import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { dkimText } from '../../dns/records.ts'
import type { Zone } from '../../dns/resolver.ts'
import { setUp } from '../../server/identity/setup.ts'
import { publicKeyOf } from '../../server/identity/dkim-keys.ts'
import { systemClock } from '../../server/platform/clock.ts'
import { silentLog } from '../../server/platform/log.ts'
import { openStore } from '../../server/store/db.ts'
import { dkimKeysOf } from '../../server/store/dkim-keys.ts'
import { domainByName } from '../../server/store/domains.ts'
import { multimail } from '../support/cli.ts'
import { type DnsServer, startDnsServer } from '../support/dns-server.ts'
import { knownDkim } from '../support/known-dkim.ts'
import { createScratch } from '../support/scratch.ts'

describe('DKIM keys, from the command line', () => {
  let scratch: Awaited<ReturnType<typeof createScratch>>
  let dns: DnsServer
  let env: Record<string, string>
  const zone: Zone = {}
  const open = () => openStore({ databaseUrl: null, dataDir: scratch.path, log: silentLog, clock: systemClock })
  beforeEach(async () => {
    scratch = await createScratch('cli')
    dns = await startDnsServer(zone)
    env = { MULTIMAIL_DATA_DIR: scratch.path, MULTIMAIL_HOSTNAME: 'mx.example.net', MULTIMAIL_DNS_SERVERS: dns.address }
    const store = await open()
    await setUp({ store, clock: systemClock, makeDkim: knownDkim }, { domain: 'example.com', mailbox: 'agent' })
    await store.close()
  })
  afterEach(async () => {
    await dns.stop()
    await scratch.remove()
  })

  const publishAll = async (): Promise<void> => {
    const store = await open()
    const domain = await domainByName(store.db, 'example.com')
    for (const key of domain === undefined ? [] : await dkimKeysOf(store.db, domain.id))
      zone[`${key.selector}._domainkey.example.com`] = { TXT: [dkimText(publicKeyOf(key))] }
    await store.close()
  }
  const states = async (): Promise<string[]> =>
    (JSON.parse((await multimail(env, 'dkim', 'list', '--json')).out) as { state: string }[]).map(({ state }) => state).toSorted()

  it('are listed, replaced once the DNS shows the new ones, and said to be removable', async () => {
    expect((await multimail(env, 'dkim', 'list')).out).toMatch(
      /^mm20261122r\._domainkey\.example\.com {2}rsa-sha256 {2}active {2}signs since /m,
    )

    const asked = await multimail(env, 'dkim', 'rotate', 'example.com')
    expect(asked).toMatchObject({
      code: 1,
      out: expect.stringMatching(/^Publish these records, [^]*_domainkey\.example\.com\. 300 IN TXT/),
    })
    expect(await states()).toEqual(['active', 'active', 'next', 'next'])
    expect((await multimail(env, 'dns')).out).toMatch(
      /^; publish now, used from \d{4}-\d\d-\d\d on: .*\nmm\S+\._domainkey\.example\.com\. /m,
    )

    await publishAll()
    const again = await multimail(env, 'dkim', 'rotate', 'example.com')
    expect(again).toMatchObject({ code: 0, out: expect.stringMatching(/^mm\S+ and mm\S+ sign from now on\.\n$/) })
    expect(await states()).toEqual(['active', 'active', 'retired', 'retired'])
    expect((await multimail(env, 'dkim', 'list')).out).toMatch(
      /retired {2}keep the record until \d{4}-\d\d-\d\d, remove it by \d{4}-\d\d-\d\d$/m,
    )
    expect((await multimail(env, 'dns')).out).toMatch(/^; not used any more; keep it until \d{4}-\d\d-\d\d for mail/m)
    expect(await multimail(env, 'audit', 'verify')).toMatchObject({ code: 0 })
  })

  it('of a domain that is not here cannot be replaced', async () => {
    const refused = { code: 1, out: '', err: '"other.example" is not set up here.\n' }
    expect(await multimail(env, 'dkim', 'rotate', 'other.example')).toEqual(refused)
  })
})
