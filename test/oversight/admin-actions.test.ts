import { expect, it } from 'vitest'
import { draftKey } from '../../server/identity/keys.ts'
import type { KeyActor, Scope } from '../../server/model/actor.ts'
import type { World } from '../../server/model/world.ts'
import {
  type AskedAction,
  askAgainAfterMs,
  codeLifeMs,
  createAdminActions,
  mostAskedInAnHour,
  mostTries,
} from '../../server/oversight/admin-actions.ts'
import type { Store, Tx } from '../../server/store/db.ts'
import { insertDomain } from '../../server/store/domains.ts'
import { setOversightEmail } from '../../server/store/accounts.ts'
import { insertKey } from '../../server/store/keys.ts'
import { listLog, verifyLog } from '../../server/store/log.ts'
import { newId } from '../../server/model/ids.ts'
import { describeOnEachEngine } from '../support/stores.ts'
import { createVirtualClock } from '../support/virtual-clock.ts'
import { type Tenant, addTenant } from '../store/rows.ts'

const start = Date.UTC(2026, 10, 22, 12)
const boss = 'boss@elsewhere.test'

async function worldOf(store: Store, approval: 'code' | 'off' = 'code') {
  const clock = createVirtualClock(start)
  const ours = await addTenant(store, 'ours')
  const theirs = await addTenant(store, 'theirs')
  await store.transaction(async (tx) => {
    for (const { accountId } of [ours, theirs]) await setOversightEmail(tx, accountId, boss)
  })
  let mails = 0
  const actions = createAdminActions({ store, clock, approval, onMail: () => (mails += 1) })
  const keyOf = async ({ accountId }: Tenant, world: World = 'live', scopes: Scope[] = ['admin']): Promise<KeyActor> => {
    const drafted = draftKey({ tenancy: { accountId, world }, name: 'the agent’s', scopes }, clock.now())
    if (!drafted.ok) throw new Error(drafted.code)
    await store.transaction((tx) => insertKey(tx, drafted.value.row))
    return { kind: 'key', accountId, world, keyId: drafted.value.row.id, name: 'the agent’s', scopes, mailboxIds: null }
  }
  const done: string[] = []
  /** What is done leaves a row, so that it is seen whether it was undone. */
  const effect = async (tx: Tx): Promise<string> => {
    const id = newId('domain', clock.now())
    await insertDomain(tx, { id, account_id: ours.accountId, name: `${id.toLowerCase()}.test`, created_at: clock.now() })
    done.push(id)
    return 'did it'
  }
  const key = await keyOf(ours)
  const asked = (change: Partial<AskedAction> = {}): AskedAction => ({
    actor: key,
    action: 'create_api_key',
    parameters: { name: 'new', scopes: ['read'] },
    ...change,
  })
  const letters = () => store.db.selectFrom('operator_mails').selectAll().orderBy('id').execute()
  return {
    store,
    clock,
    ours,
    theirs,
    actions,
    key,
    keyOf,
    asked,
    effect,
    letters,
    mails: () => mails,
    perform: (change: Partial<AskedAction> = {}) => actions.perform(asked(change), effect),
    /** The code of the newest letter. */
    async code(): Promise<string> {
      const letter = (await letters()).at(-1)
      return /^ {2}([A-Z2-9]{4}-[A-Z2-9]{4})$/m.exec(letter?.body ?? '')?.[1] ?? expect.fail('there is no code in it')
    },
    domains: async () => (await store.db.selectFrom('domains').select('id').execute()).length - 2,
    log: async ({ accountId }: Tenant = ours, world: World = 'live') =>
      (await listLog(store.db, { accountId, world }, { limit: 100 })).toReversed(),
  }
}

describeOnEachEngine('what the operator has to agree to', (openStore) => {
  it('is done with the code that was mailed to them, once', async () => {
    const { perform, code, letters, mails, domains, log, store } = await worldOf(await openStore())
    const first = await perform()
    expect(first).toMatchObject({
      ok: true,
      value: {
        kind: 'pending',
        pending: { id: expect.stringMatching(/^apr_/), told: boss, sandboxCode: null, expiresAt: start + codeLifeMs },
      },
    })
    expect([mails(), await domains()]).toEqual([1, 0])
    expect(await letters()).toMatchObject([{ recipient: boss, state: 'due', give_up_at: start + codeLifeMs }])
    const body = (await letters())[0]?.body
    for (const said of [
      'create an API key',
      '"the agent’s"',
      'mm_live_',
      '"name": "new"',
      '"read"',
      'multimail approve apr_',
      '23 Nov 2026',
    ])
      expect(body).toContain(said)
    expect(await perform({ code: await code() })).toEqual({ ok: true, value: { kind: 'done', value: 'did it' } })
    expect(await domains()).toBe(1)
    expect(await perform({ code: await code() })).toMatchObject({ ok: false, code: 'APPROVAL_NOT_FOUND' })
    expect(await domains()).toBe(1)
    expect((await log()).map(({ action }) => action)).toEqual(['admin_action.requested', 'admin_action.approved'])
    expect(await verifyLog(store.db)).toMatchObject({ ok: true })
  })

  it('takes the code however a person writes it', async () => {
    const { perform, code } = await worldOf(await openStore())
    await perform()
    const text = ` ${(await code()).toLowerCase().replace('-', ' ')}`
    expect(await perform({ code: text })).toMatchObject({ ok: true, value: { kind: 'done' } })
  })

  it('is done once when the same code comes twice at the same moment', async () => {
    const { perform, code, domains } = await worldOf(await openStore())
    await perform()
    const right = await code()
    const ends = await Promise.all(Array.from({ length: 5 }, () => perform({ code: right })))
    expect(ends.filter((end) => end.ok)).toHaveLength(1)
    expect(ends.filter((end) => !end.ok && end.code === 'APPROVAL_NOT_FOUND')).toHaveLength(4)
    expect(await domains()).toBe(1)
  })

  it('asks once when it is asked twice at the same moment', async () => {
    const { perform, letters } = await worldOf(await openStore())
    const ends = await Promise.all(Array.from({ length: 5 }, () => perform()))
    expect(ends.filter((end) => end.ok)).toHaveLength(1)
    expect(ends.find((end) => !end.ok)).toMatchObject({ code: 'APPROVAL_TOO_SOON', retryAfterMs: askAgainAfterMs })
    expect(await letters()).toHaveLength(1)
  })

  it('uses no code up when the work fails', async () => {
    const { actions, asked, code, perform, domains, effect } = await worldOf(await openStore())
    await perform()
    const right = await code()
    const failing = async (tx: Tx): Promise<never> => {
      await effect(tx)
      throw new Error('the disk')
    }
    await expect(actions.perform(asked({ code: right }), failing)).rejects.toThrow('the disk')
    expect(await domains()).toBe(0)
    expect(await perform({ code: right })).toMatchObject({ ok: true })
  })

  it('is bound to every byte of what was asked, to the key, the account and the world', async () => {
    const { perform, code, keyOf, ours, theirs, domains } = await worldOf(await openStore())
    await perform()
    const right = await code()
    const others: Partial<AskedAction>[] = [
      { parameters: { name: 'neW', scopes: ['read'] } },
      { parameters: { name: 'new', scopes: ['read', 'send'] } },
      { parameters: { name: 'new', scopes: ['read'], expires_at: null } },
      { action: 'revoke_api_key' },
      { actor: await keyOf(ours) },
      { actor: await keyOf(ours, 'test') },
      { actor: await keyOf(theirs) },
    ]
    for (const other of others) expect(await perform({ ...other, code: right })).toMatchObject({ ok: false, code: 'APPROVAL_NOT_FOUND' })
    expect(await domains()).toBe(0)
    // The order of the names is no difference.
    expect(await perform({ parameters: { scopes: ['read'], name: 'new' }, code: right })).toMatchObject({ ok: true })
  })

  it('keeps two requests apart: the code of one does not do the other', async () => {
    const { perform, code } = await worldOf(await openStore())
    await perform()
    const first = await code()
    await perform({ parameters: { name: 'other' } })
    expect(await perform({ parameters: { name: 'other' }, code: first })).toMatchObject({ ok: false, code: 'APPROVAL_CODE_WRONG' })
    expect(await perform({ code: first })).toMatchObject({ ok: true })
  })

  it('is over after five wrong codes, counted although each call fails, also at the same moment', async () => {
    const { perform, code, clock, log, domains } = await worldOf(await openStore())
    await perform()
    const right = await code()
    const wrong = right.startsWith('A') ? 'BBBB-BBBB' : 'AAAA-AAAA'
    const ends = await Promise.all(Array.from({ length: mostTries }, () => perform({ code: wrong })))
    for (const end of ends) expect(end).toMatchObject({ ok: false, code: 'APPROVAL_CODE_WRONG' })
    expect(await perform({ code: right })).toMatchObject({ ok: false, code: 'APPROVAL_NOT_FOUND' })
    expect(await domains()).toBe(0)
    expect((await log()).filter(({ action }) => action === 'admin_action.refused').map(({ metadata }) => metadata['tries'])).toEqual([
      1, 2, 3, 4, 5,
    ])
    // No way to five more tries at once.
    expect(await perform()).toMatchObject({ ok: false, code: 'APPROVAL_TOO_SOON' })
    await clock.advance(askAgainAfterMs)
    await perform()
    expect(await perform({ code: await code() })).toMatchObject({ ok: true })
  })

  it('four wrong codes do no harm', async () => {
    const { perform, code } = await worldOf(await openStore())
    await perform()
    const right = await code()
    for (const wrong of ['x', '', 'AAAAAAAAAAAAAAAA', '\u0000'])
      expect(await perform({ code: wrong })).toMatchObject({ code: 'APPROVAL_CODE_WRONG' })
    expect(await perform({ code: right })).toMatchObject({ ok: true })
  })

  it('is over when its time is', async () => {
    const { perform, code, clock, domains } = await worldOf(await openStore())
    await perform()
    const right = await code()
    await clock.advance(codeLifeMs)
    expect(await perform({ code: right })).toMatchObject({ ok: false, code: 'APPROVAL_NOT_FOUND' })
    expect(await perform()).toMatchObject({ ok: true, value: { kind: 'pending' } })
    expect(await domains()).toBe(0)
  })

  it('asked again, has a new code, and the old one is worth nothing', async () => {
    const { perform, code, clock } = await worldOf(await openStore())
    await perform()
    const old = await code()
    await clock.advance(askAgainAfterMs - 1)
    expect(await perform()).toMatchObject({ ok: false, code: 'APPROVAL_TOO_SOON', retryAfterMs: 1 })
    await clock.advance(1)
    await perform()
    expect(await perform({ code: old })).toMatchObject({ ok: false, code: 'APPROVAL_CODE_WRONG' })
    expect(await perform({ code: await code() })).toMatchObject({ ok: true })
  })

  it('asks an operator so often and no more, whatever is asked', async () => {
    const { perform, clock, letters } = await worldOf(await openStore())
    const ask = (name: number) => perform({ parameters: { name } })
    for (let name = 0; name < mostAskedInAnHour; name += 1) expect(await ask(name)).toMatchObject({ ok: true })
    await clock.advance(5 * 60_000)
    expect(await ask(100)).toMatchObject({ ok: false, code: 'APPROVAL_TOO_SOON', retryAfterMs: 55 * 60_000 })
    expect(await letters()).toHaveLength(mostAskedInAnHour)
    await clock.advance(55 * 60_000)
    expect(await ask(100)).toMatchObject({ ok: true })
  })

  it('can be agreed to on the host: the same call then needs no code, once', async () => {
    const { perform, actions, domains, log, clock } = await worldOf(await openStore())
    const first = await perform()
    const id = first.ok && first.value.kind === 'pending' ? first.value.pending.id : expect.fail()
    expect(await actions.waiting()).toMatchObject([{ id, action: 'create_api_key' }])
    expect(await actions.approve(id)).toMatchObject({ id })
    expect(await perform({ parameters: { name: 'neW' } })).toMatchObject({ value: { kind: 'pending' } })
    expect(await domains()).toBe(0)
    const ends = await Promise.all([perform(), perform(), perform()])
    expect(ends.filter((end) => end.ok && end.value.kind === 'done')).toHaveLength(1)
    expect(await domains()).toBe(1)
    expect(await actions.approve(id)).toBeNull()
    expect((await log()).filter(({ resourceId }) => resourceId === id).map(({ action, actorId }) => [action, actorId.slice(0, 4)])).toEqual(
      [
        ['admin_action.requested', 'key_'],
        ['admin_action.approved', 'syst'],
        ['admin_action.used', 'key_'],
      ],
    )
    await clock.advance(askAgainAfterMs)
    const late = await perform()
    await clock.advance(codeLifeMs)
    expect(await actions.approve(late.ok && late.value.kind === 'pending' ? late.value.pending.id : expect.fail())).toBeNull()
  })

  it('can be refused on the host', async () => {
    const { perform, actions, code } = await worldOf(await openStore())
    const first = await perform()
    await actions.refuse(first.ok && first.value.kind === 'pending' ? first.value.pending.id : expect.fail())
    expect(await actions.waiting()).toEqual([])
    expect(await perform({ code: await code() })).toMatchObject({ ok: false, code: 'APPROVAL_NOT_FOUND' })
  })

  it('mails nothing for a test key, which gets the code at once', async () => {
    const { perform, keyOf, ours, letters, mails } = await worldOf(await openStore())
    const actor = await keyOf(ours, 'test')
    const first = await perform({ actor })
    const pending = first.ok && first.value.kind === 'pending' ? first.value.pending : expect.fail()
    expect(pending).toMatchObject({ told: null, sandboxCode: expect.stringMatching(/^[A-Z2-9]{4}-[A-Z2-9]{4}$/) })
    expect([mails(), await letters()]).toEqual([0, []])
    expect(await perform({ actor, code: pending.sandboxCode ?? '' })).toMatchObject({ ok: true, value: { kind: 'done' } })
  })

  it('mails nothing where an agent could read it, or nobody is named', async () => {
    const { perform, store, ours, theirs, letters, mails } = await worldOf(await openStore())
    const to = (address: string | null) => store.transaction((tx) => setOversightEmail(tx, ours.accountId, address))
    const places = [null, 'ann@ours.test', 'Not.There+yet@OURS.test', 'ann@theirs.test', 'nonsense']
    for (const [name, address] of places.entries()) {
      await to(address)
      expect(await perform({ parameters: { name } })).toMatchObject({ value: { pending: { told: null, sandboxCode: null } } })
    }
    expect([mails(), await letters(), theirs.domain.name]).toEqual([0, [], 'theirs.test'])
  })

  it('is done at once where the operator has said so, and is on the record as that', async () => {
    const { perform, letters, log } = await worldOf(await openStore(), 'off')
    expect(await perform()).toEqual({ ok: true, value: { kind: 'done', value: 'did it' } })
    expect(await perform({ code: 'whatever' })).toMatchObject({ ok: true })
    expect(await letters()).toEqual([])
    expect((await log()).map(({ action, metadata }) => [action, metadata['by']])).toEqual([
      ['admin_action.approved', 'setting'],
      ['admin_action.approved', 'setting'],
    ])
  })

  it('leaves its code nowhere but in the letter: not in the log, the events or its own row', async () => {
    const { perform, code, store, log } = await worldOf(await openStore())
    await perform()
    const right = await code()
    const bare = right.replace('-', '')
    await perform({ code: right })
    const rest = JSON.stringify([
      await log(),
      await store.db.selectFrom('log_entries').selectAll().execute(),
      await store.db.selectFrom('events').selectAll().execute(),
      await store.db.selectFrom('admin_actions').selectAll().execute(),
    ])
    expect(rest).toContain('admin_action.approved')
    for (const text of [right, bare, right.toLowerCase()]) expect(rest).not.toContain(text)
  })
})
