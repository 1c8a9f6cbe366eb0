import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { sql } from 'kysely'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createKeys } from '../../server/identity/keys.ts'
import { systemClock } from '../../server/platform/clock.ts'
import { silentLog } from '../../server/platform/log.ts'
import { type Store, openStore } from '../../server/store/db.ts'
import { multimail } from '../support/cli.ts'
import type { Zone } from '../../dns/resolver.ts'
import { startDnsServer } from '../support/dns-server.ts'
import { publish, textsInZoneFile } from '../support/dns-zone.ts'
import { createScratch } from '../support/scratch.ts'

describe('on the store of this machine', () => {
  let scratch: Awaited<ReturnType<typeof createScratch>>
  let env: Record<string, string>
  beforeEach(async () => {
    scratch = await createScratch('cli')
    env = { MULTIMAIL_DATA_DIR: scratch.path, MULTIMAIL_HOSTNAME: 'mx.example.net' }
  })
  afterEach(() => scratch.remove())

  const json = async (...argv: string[]) => {
    const { code, out, err } = await multimail(env, ...argv, '--json')
    expect({ code, err }).toEqual({ code: 0, err: '' })
    return JSON.parse(out)
  }
  async function withStore<T>(work: (store: Store) => Promise<T>): Promise<T> {
    const store = await openStore({ databaseUrl: null, dataDir: scratch.path, log: silentLog, clock: systemClock })
    try {
      return await work(store)
    } finally {
      await store.close()
    }
  }
  const who = (key: string) => withStore((store) => createKeys({ store, clock: systemClock }).identify(key))

  it('setup runs without a terminal, by options alone, in a process of its own', async () => {
    const args = ['server/cli/main.ts', 'setup', '--domain', 'example.com', '--json']
    const { stdout, stderr } = await promisify(execFile)(process.execPath, args, { env })
    expect(stderr).toBe('')
    const made = JSON.parse(stdout)
    expect(made).toMatchObject({ created: ['account', 'domain', 'mailbox'], mailbox: { address: 'agent@example.com' } })
    expect(await who(made.keys.agent.key)).toMatchObject({ scopes: ['read', 'send'] })
    expect(await who(made.keys.reviewer.key)).toMatchObject({ scopes: ['read', 'oversight'] })
  })

  it('setup prints the keys once, and the DNS records each time', async () => {
    const first = await multimail(env, 'setup', '--domain', 'example.com', '--mailbox', 'sales')
    expect(first.out).toMatch(/Made: account, domain, mailbox/)
    expect(first.out.match(/mm_live_\w{38}/g)).toHaveLength(2)
    const second = await multimail(env, 'setup', '--domain', 'example.com', '--mailbox', 'sales')
    expect(second.out).toMatch(/Everything is there already/)
    expect(second.out).not.toMatch(/mm_live_/)
    expect(textsInZoneFile(second.out)).toEqual(textsInZoneFile(first.out))
    expect(first.out).toContain('example.com. 300 IN MX 10 mx.example.net.')
    const third = await multimail(env, 'setup', '--domain', 'example.com', '--mailbox', 'sales', '--new-keys')
    expect(third.out.match(/mm_live_\w{38}/g)).toHaveLength(2)
  })

  it('setup that was asked for wrongly makes nothing', async () => {
    const wrong: [string[], number][] = [
      [['--domain', 'no domain'], 1],
      [['--domain', 'example.com', '--mailbox', 'a@b'], 1],
      [['--domain', 'example.com', '--hostname', '-x-'], 2],
      [['--domain', 'example.com', '--address', '1.2.3'], 2],
    ]
    for (const [args, code] of wrong)
      expect(await multimail(env, 'setup', ...args)).toMatchObject({ code, out: '', err: expect.stringMatching(/./) })
    expect(await withStore((store) => store.db.selectFrom('accounts').selectAll().execute())).toEqual([])
  })

  it('dns prints the records of every domain', async () => {
    expect(await multimail(env, 'dns')).toMatchObject({ code: 1, err: expect.stringMatching(/There is no domain here/) })
    const made = await json('setup', '--domain', 'example.com', '--address', '192.0.2.25')
    const all = await json('dns', '--address', '192.0.2.25')
    expect(all).toEqual([{ domain: 'example.com', records: made.dns_records }])
    expect((await multimail(env, 'dns', '--domain', 'other.example')).err).toMatch(/"other\.example" is not set up here/)
  })

  it('dns check compares with what is published', async () => {
    const made = await json('setup', '--domain', 'example.com', '--address', '192.0.2.25')
    const zone: Zone = publish(made.dns_records)
    const server = await startDnsServer(zone)
    const there = { ...env, MULTIMAIL_DNS_SERVERS: server.address }
    try {
      const whole = await multimail(there, 'dns', 'check')
      expect(whole).toMatchObject({ code: 0, err: '' })
      expect(whole.out.split('\n').filter((line) => !line.startsWith('ok '))).toEqual([''])
      zone['example.com'] = { TXT: ['v=spf1 mx -all'], MX: [{ priority: 5, exchange: 'mail.old.example' }] }
      const wrong = await multimail(there, 'dns', 'check')
      expect(wrong.code).toBe(1)
      expect(wrong.out).toMatch(/^WRONG +The MX record of example\.com names "5 mail\.old\.example" and not this server/m)
    } finally {
      await server.stop()
    }
  })

  it('keys are created, listed without their secret, and revoked', async () => {
    const made = await json('setup', '--domain', 'example.com')
    const bound = ['keys', 'create', '--name', 'a\u001b[2Jnother', '--scopes', 'read,send', '--mailbox', 'Agent@example.com']
    const { id, key } = await json(...bound, '--expires-in-days', '30')
    expect(await who(key)).toMatchObject({ keyId: id, scopes: ['read', 'send'], mailboxIds: [made.mailbox.id] })
    const list = await json('keys', 'list')
    expect(list).toHaveLength(3)
    expect(list.at(-1)).toMatchObject({ id, state: 'active', prefix: key.slice(0, 13) })
    const shown = await multimail(env, 'keys', 'list')
    expect(shown.out).not.toContain(key.slice(13))
    expect(shown.out).not.toContain('\u001b')
    expect(await multimail(env, 'keys', 'revoke', id)).toMatchObject({ code: 0 })
    expect(await who(key)).toBeNull()
    expect(await multimail(env, 'keys', 'revoke', id)).toMatchObject({ code: 1, err: expect.stringMatching(/no key .* that still works/) })
    expect((await json('keys', 'list')).at(-1)).toMatchObject({ id, state: 'revoked' })
  })

  it('keys create that was asked for wrongly issues nothing, and says why', async () => {
    await json('setup', '--domain', 'example.com')
    const wrong: [string[], number, RegExp][] = [
      [['--scopes', 'send,oversight'], 1, /may not decide/],
      [['--scopes', 'admin,oversight'], 1, /may not decide/],
      [['--scopes', 'fly'], 2, /no scope "fly"/],
      [['--mailbox', 'nobody@example.com'], 2, /no mailbox "nobody@example.com"/],
      [['--expires-in-days', '0'], 2, /whole number/],
      [['--account', 'theirs'], 2, /no account "theirs"/],
      [['--name', ' '], 2, /--name/],
    ]
    for (const [args, code, words] of wrong)
      expect(await multimail(env, 'keys', 'create', '--name', 'x', ...args)).toMatchObject({
        code,
        out: '',
        err: expect.stringMatching(words),
      })
    expect(await json('keys', 'list')).toHaveLength(2)
  })

  it('audit verify finds an entry that was changed', async () => {
    await json('setup', '--domain', 'example.com')
    expect(await multimail(env, 'audit', 'verify')).toMatchObject({ code: 0, out: expect.stringMatching(/whole: 5 entries/) })
    await withStore(async (store) => {
      await sql`drop trigger log_entries_unchanged`.execute(store.db)
      await store.db.updateTable('log_entries').set({ actor_id: 'system:inbound' }).where('seq', '=', 2).execute()
    })
    expect(await multimail(env, 'audit', 'verify')).toMatchObject({ code: 1, out: expect.stringMatching(/not whole: \w+ at entry 2/) })
  })
})
