import { describe, expect, it } from 'vitest'
import type { KeyActor } from '../../server/model/actor.ts'
import { createAdminActions } from '../../server/oversight/admin-actions.ts'
import { systemClock } from '../../server/platform/clock.ts'
import { listAccounts } from '../../server/store/accounts.ts'
import type { Store } from '../../server/store/db.ts'
import { openCliHost } from '../support/cli-host.ts'

describe('what the operator has to agree to, from the command line', () => {
  const perform = (store: Store, actor: KeyActor, name: string) =>
    createAdminActions({ store, clock: systemClock, approval: 'code' }).perform(
      { actor, action: 'create_api_key', parameters: { name } },
      async () => 'done',
    )
  const idOf = async (pending: ReturnType<typeof perform>): Promise<string> => {
    const end = await pending
    return end.ok && end.value.kind === 'pending' ? end.value.pending.id : expect.fail()
  }

  it('waits in a list, and is done by the same call once it is approved there', async () => {
    const { store, admin, said, run } = await openCliHost()
    expect(await said('actions')).toBe('Nothing waits.\n')
    const actor = await admin()
    const id = await idOf(perform(store, actor, 'x\u001b[2Jy'))
    const listed = await said('actions')
    for (const part of [id, 'create_api_key', actor.keyId, '"name": "x\\u001b[2Jy"']) expect(listed).toContain(part)
    expect(listed).not.toContain('\u001b')
    expect(await said('approve', id)).toMatch(/Approved\. It is done when key_\w+ makes the same call again/)
    expect(await perform(store, actor, 'x\u001b[2Jy')).toEqual({ ok: true, value: { kind: 'done', value: 'done' } })
    expect(await run('approve', id)).toMatchObject({ code: 1, err: expect.stringContaining('Nothing waits under') })
  })

  it('is refused there without a reason', async () => {
    const { store, admin, said, run } = await openCliHost()
    const actor = await admin()
    const id = await idOf(perform(store, actor, 'x'))
    expect(await said('reject', id)).toContain('Refused')
    expect(await said('actions')).toBe('Nothing waits.\n')
    expect(await run('approve', id)).toMatchObject({ code: 1 })
  })

  it('is asked at an address that is read elsewhere, and at no other', async () => {
    const { store, said, run } = await openCliHost()
    const address = async () => (await listAccounts(store.db))[0]?.oversight_email
    expect(await said('operator', 'email', 'Boss@Elsewhere.example')).toContain('asked at Boss@elsewhere.example')
    expect(await address()).toBe('Boss@elsewhere.example')
    for (const own of ['agent@example.com', 'nobody+x@EXAMPLE.com', 'x'])
      expect(await run('operator', 'email', own)).toMatchObject({ code: 1 })
    expect(await address()).toBe('Boss@elsewhere.example')
    expect(await said('operator', 'email', 'none')).toContain('nowhere')
    expect(await address()).toBeNull()
  })

  it('is asked where setup says', async () => {
    const { store, said, run } = await openCliHost()
    const setup = ['setup', '--domain', 'other.example', '--operator-email']
    expect(await run(...setup, 'me@other.example')).toMatchObject({ code: 2 })
    await said(...setup, 'me@elsewhere.example')
    expect((await listAccounts(store.db))[0]?.oversight_email).toBe('me@elsewhere.example')
  })
})
