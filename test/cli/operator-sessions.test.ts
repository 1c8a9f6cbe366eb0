import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createKeys } from '../../server/identity/keys.ts'
import { setUp } from '../../server/identity/setup.ts'
import type { KeyActor } from '../../server/model/actor.ts'
import { setOperatorAddress } from '../../server/oversight/operator-address.ts'
import { createOperatorSessions } from '../../server/oversight/operator-sessions.ts'
import { systemClock } from '../../server/platform/clock.ts'
import { silentLog } from '../../server/platform/log.ts'
import { listAccounts } from '../../server/store/accounts.ts'
import { type Store, openStore } from '../../server/store/db.ts'
import { multimail } from '../support/cli.ts'
import { knownDkim } from '../support/known-dkim.ts'
import { createScratch } from '../support/scratch.ts'

describe('operator sessions, from the command line', () => {
  let scratch: Awaited<ReturnType<typeof createScratch>>
  let env: Record<string, string>
  let store: Store
  beforeEach(async () => {
    scratch = await createScratch('cli')
    env = { MULTIMAIL_DATA_DIR: scratch.path, MULTIMAIL_HOSTNAME: 'mx.example.net' }
    store = await openStore({ databaseUrl: null, dataDir: scratch.path, log: silentLog, clock: systemClock })
    await setUp({ store, clock: systemClock, makeDkim: knownDkim }, { domain: 'example.com', mailbox: 'agent' })
  })
  afterEach(async () => {
    await store.close()
    await scratch.remove()
  })

  const admin = async (): Promise<KeyActor> => {
    const [account] = await listAccounts(store.db)
    const accountId = account?.id ?? expect.fail()
    await setOperatorAddress({ store, clock: systemClock }, accountId, 'boss@elsewhere.example')
    const keys = createKeys({ store, clock: systemClock })
    const issued = await keys.issue({ tenancy: { accountId, world: 'live' }, name: 'admin', scopes: ['admin'] })
    return (await keys.identify(issued.ok ? issued.value.key : '')) ?? expect.fail()
  }

  it('are listed, and ended at once', async () => {
    const said = async (...argv: string[]) => (await multimail(env, 'operator', 'sessions', ...argv)).out
    expect(await said()).toBe('None is under way.\n')
    const actor = await admin()
    const sessions = createOperatorSessions({ store, clock: systemClock })
    await sessions.start(actor)
    const { body } = await store.db.selectFrom('operator_mails').select('body').executeTakeFirstOrThrow()
    const begun = await sessions.verify(actor, /^ {2}(\w{4}-\w{4})$/m.exec(body)?.[1] ?? '')
    const { id, token } = begun.ok ? begun.value : expect.fail()
    expect(await said()).toMatch(new RegExp(`^${id} {2}live {2}by ${actor.keyId} {2}until .*Z\n$`))
    expect(await said('--end')).toBe('Ended: 1.\n')
    expect(await sessions.live(store.db, actor, token)).toBeNull()
    expect(await said()).toBe('None is under way.\n')
    expect(await multimail(env, 'operator', 'sessions', '--account', 'nobody')).toMatchObject({ code: 2 })
  })
})
