import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { setUp } from '../../server/identity/setup.ts'
import { systemClock } from '../../server/platform/clock.ts'
import { silentLog } from '../../server/platform/log.ts'
import { openStore } from '../../server/store/db.ts'
import { multimail } from '../support/cli.ts'
import { knownDkim } from '../support/known-dkim.ts'
import { createScratch } from '../support/scratch.ts'

describe('addresses, from the command line', () => {
  let scratch: Awaited<ReturnType<typeof createScratch>>
  let env: Record<string, string>
  beforeEach(async () => {
    scratch = await createScratch('cli')
    env = { MULTIMAIL_DATA_DIR: scratch.path, MULTIMAIL_HOSTNAME: 'mx.example.net' }
    const store = await openStore({ databaseUrl: null, dataDir: scratch.path, log: silentLog, clock: systemClock })
    for (const domain of ['example.com', 'bücher.example'])
      await setUp({ store, clock: systemClock, makeDkim: knownDkim }, { domain, mailbox: 'agent', withTestKey: domain === 'example.com' })
    await store.close()
  })
  afterEach(() => scratch.remove())

  const said = async (...argv: string[]): Promise<string> => {
    const { code, out, err } = await multimail(env, ...argv)
    expect({ code, err }).toEqual({ code: 0, err: '' })
    return out
  }
  const json = async (...argv: string[]) => JSON.parse(await said(...argv, '--json'))

  it('aliases are added, listed and removed', async () => {
    expect(await said('aliases', 'list')).toBe('There are no aliases.\n')
    expect(await said('aliases', 'add', 'Sales@example.com', 'agent@example.com')).toBe(
      'Mail to sales@example.com goes to agent@example.com.\n',
    )
    expect(await said('aliases', 'list')).toBe('sales@example.com → agent@example.com\n')
    expect(await json('aliases', 'list')).toMatchObject([{ alias: 'sales@example.com', mailbox: 'agent@example.com' }])
    expect(await said('aliases', 'remove', 'sales@example.com')).toBe('sales@example.com is no alias any more.\n')
    expect(await json('aliases', 'list')).toEqual([])
  })

  it('a domain gets a catch-all, and loses it', async () => {
    expect(await said('domains', 'list')).toBe('example.com  no catch-all\nxn--bcher-kva.example  no catch-all\n')
    expect(await said('domains', 'catch-all', 'bücher.example', 'agent@example.com')).toBe(
      'What nobody else at xn--bcher-kva.example takes goes to agent@example.com.\n',
    )
    expect(await json('domains', 'list')).toMatchObject([{ catch_all: null }, { catch_all: 'agent@example.com' }])
    expect(await said('domains', 'catch-all', 'bücher.example', 'none')).toMatch(/takes is refused\.$/m)
  })

  it('a mailbox gets limits of its own, and loses them', async () => {
    const limit = (...argv: string[]) => said('mailboxes', 'limit', 'agent@example.com', ...argv)
    const standard = 'agent@example.com may send: any number of messages an hour, 100 messages a day, 20 new recipients a day.\n'
    expect(await limit()).toBe(standard)
    expect(await limit('--hourly', '30', '--daily', 'none', '--new-recipients', '5')).toBe(
      'agent@example.com may send: 30 messages an hour, any number of messages a day, 5 new recipients a day.\n',
    )
    expect(await limit('--test')).toBe(standard)
    expect(await limit('--hourly', 'standard', '--daily', 'standard', '--new-recipients', 'standard')).toBe(standard)
    expect(await multimail(env, 'mailboxes', 'limit', 'agent@example.com', '--daily', '-1')).toMatchObject({ code: 2 })
    expect(await multimail(env, 'mailboxes', 'limit', 'nobody@example.com')).toMatchObject({ code: 1 })
  })

  it('a mailbox is suspended, deleted and brought back', async () => {
    const state = async () => (await json('mailboxes', 'list')).map((one: { state: string; world: string }) => `${one.world} ${one.state}`)
    expect(await state()).toEqual(['live active', 'test active', 'live active'])
    expect(await said('mailboxes', 'suspend', 'agent@example.com')).toMatch(/^agent@example\.com is suspended: .*\(450\)/)
    expect(await said('mailboxes', 'delete', 'agent@example.com', '--test')).toMatch(/^agent@example\.com is deleted: .*\(550\)/)
    expect(await state()).toEqual(['live suspended', 'test deleted', 'live active'])
    expect(await said('mailboxes', 'resume', 'agent@example.com')).toMatch(/is active/)
    expect(await said('mailboxes', 'resume', 'agent@example.com', '--test')).toMatch(/is active/)
    expect(await said('mailboxes', 'list')).toMatch(/^mbx_\w{26} {2}agent@example\.com {2}live {2}gated_send {2}active$/m)
    expect(await multimail(env, 'audit', 'verify')).toMatchObject({ code: 0 })
  })

  it.each<[argv: string[], words: RegExp]>([
    [['aliases', 'add', 'sales@other.example', 'agent@example.com'], /"other\.example" is not set up here/],
    [['aliases', 'add', 'agent@example.com', 'agent@bücher.example'], /agent@example\.com is a mailbox already/],
    [['aliases', 'add', 'sales', 'agent@example.com'], /"sales" is no address/],
    [['aliases', 'remove', 'sales@example.com'], /no alias "sales@example\.com"/],
    [['domains', 'catch-all', 'example.com', 'nobody@example.com'], /no mailbox "nobody@example\.com"/],
    [['mailboxes', 'delete', 'nobody@example.com'], /no mailbox "nobody@example\.com"/],
    [['keys', 'create', '--name', 'x', '--mailbox', 'nobody@example.com'], /no mailbox/],
  ])('%j does nothing, and says why', async (argv, words) => {
    expect(await multimail(env, ...argv)).toMatchObject({ out: '', err: expect.stringMatching(words) })
    expect(await json('aliases', 'list')).toEqual([])
  })

  it('a deleted mailbox gets no new key, and setup says how it comes back', async () => {
    await said('mailboxes', 'delete', 'agent@example.com')
    const key = await multimail(env, 'keys', 'create', '--name', 'x', '--mailbox', 'agent@example.com')
    expect(key).toMatchObject({ code: 2, out: '', err: expect.stringMatching(/no mailbox "agent@example\.com"/) })
    const setup = await multimail(env, 'setup', '--domain', 'example.com', '--mailbox', 'agent')
    expect(setup).toMatchObject({ code: 1, out: '', err: expect.stringMatching(/`multimail mailboxes resume agent@example\.com`/) })
  })
})
