import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createKeys } from '../../server/identity/keys.ts'
import { setUp } from '../../server/identity/setup.ts'
import type { KeyActor } from '../../server/model/actor.ts'
import { createAdminActions } from '../../server/oversight/admin-actions.ts'
import { systemClock } from '../../server/platform/clock.ts'
import { silentLog } from '../../server/platform/log.ts'
import { type Store, openStore } from '../../server/store/db.ts'
import { listAccounts } from '../../server/store/accounts.ts'
import { multimail } from '../support/cli.ts'
import { knownDkim } from '../support/known-dkim.ts'
import { createScratch } from '../support/scratch.ts'

describe('what the operator has to agree to, from the command line', () => {
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

  const said = async (...argv: string[]): Promise<string> => {
    const { code, out, err } = await multimail(env, ...argv)
    expect({ code, err }).toEqual({ code: 0, err: '' })
    return out
  }
  const admin = async (): Promise<KeyActor> => {
    const [account] = await listAccounts(store.db)
    const keys = createKeys({ store, clock: systemClock })
    const tenancy = { accountId: account?.id ?? expect.fail(), world: 'live' as const }
    const issued = await keys.issue({ tenancy, name: 'admin', scopes: ['admin'] })
    return (await keys.identify(issued.ok ? issued.value.key : '')) ?? expect.fail()
  }
  const perform = (actor: KeyActor, name: string) =>
    createAdminActions({ store, clock: systemClock, approval: 'code' }).perform(
      { actor, action: 'create_api_key', parameters: { name } },
      async () => 'done',
    )
  const idOf = async (pending: ReturnType<typeof perform>): Promise<string> => {
    const end = await pending
    return end.ok && end.value.kind === 'pending' ? end.value.pending.id : expect.fail()
  }

  it('waits in a list, and is done by the same call once it is approved there', async () => {
    expect(await said('actions')).toBe('Nothing waits.\n')
    const actor = await admin()
    const id = await idOf(perform(actor, 'x\u001b[2Jy'))
    const listed = await said('actions')
    for (const part of [id, 'create_api_key', actor.keyId, '"name": "x\\u001b[2Jy"']) expect(listed).toContain(part)
    expect(listed).not.toContain('\u001b')
    expect(await said('approve', id)).toMatch(/Approved\. It is done when key_\w+ makes the same call again/)
    expect(await perform(actor, 'x\u001b[2Jy')).toEqual({ ok: true, value: { kind: 'done', value: 'done' } })
    expect(await multimail(env, 'approve', id)).toMatchObject({ code: 1, err: expect.stringContaining('Nothing waits under') })
  })

  it('is refused there without a reason', async () => {
    const actor = await admin()
    const id = await idOf(perform(actor, 'x'))
    expect(await said('reject', id)).toContain('Refused')
    expect(await said('actions')).toBe('Nothing waits.\n')
    expect(await multimail(env, 'approve', id)).toMatchObject({ code: 1 })
  })

  it('is asked at an address that is read elsewhere, and at no other', async () => {
    const address = async () => (await listAccounts(store.db))[0]?.oversight_email
    expect(await said('operator', 'email', 'Boss@Elsewhere.example')).toContain('asked at Boss@elsewhere.example')
    expect(await address()).toBe('Boss@elsewhere.example')
    for (const own of ['agent@example.com', 'nobody+x@EXAMPLE.com', 'x'])
      expect(await multimail(env, 'operator', 'email', own)).toMatchObject({ code: 1 })
    expect(await address()).toBe('Boss@elsewhere.example')
    expect(await said('operator', 'email', 'none')).toContain('nowhere')
    expect(await address()).toBeNull()
  })

  it('is asked where setup says', async () => {
    const setup = ['setup', '--domain', 'other.example', '--operator-email']
    expect(await multimail(env, ...setup, 'me@other.example')).toMatchObject({ code: 2 })
    await said(...setup, 'me@elsewhere.example')
    expect((await listAccounts(store.db))[0]?.oversight_email).toBe('me@elsewhere.example')
  })
})
