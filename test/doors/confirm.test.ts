import { sql } from 'kysely'
import { expect, it } from 'vitest'
import { newId } from '../../server/model/ids.ts'
import { lockAccount } from '../../server/store/accounts.ts'
import { type Desk, openDesk } from '../support/desk.ts'
import { activate, forPeople, lastLetter, signUp, wanted } from '../support/signup.ts'
import { describeOnEachEngine, describeOnPostgres } from '../support/stores.ts'

const typed = async (desk: Desk, code: string, headers: Record<string, string> = {}) => {
  const body = new URLSearchParams({ code })
  const answer = await fetch(`${desk.url}/confirm`, { method: 'POST', headers, body, redirect: 'manual' })
  return { status: answer.status, headers: answer.headers, text: await answer.text() }
}
const keysIn = (text: string): string[] => [...text.matchAll(/<code>(mm_live_\w+)<\/code>/g)].map(([, key]) => String(key))

const mailboxesOfSignups = ({ store }: Desk) =>
  store.db
    .selectFrom('mailboxes')
    .selectAll()
    .where('account_id', 'in', store.db.selectFrom('accounts').select('id').where('signed_up_at', 'is not', null))
    .execute()

describeOnEachEngine('the page for the operator of a new account', (openStore) => {
  it('gives the operator keys that decide and manage, for the code that is theirs, once', async () => {
    const desk = await openDesk(openStore, { signup: forPeople })
    await signUp(desk, { operator_name: '<b>Ann</b>' })
    const { agent, yours } = await lastLetter(desk)
    const agentKey = String((await activate(desk, agent)).body['api_key'])
    const shown = await typed(desk, yours.toLowerCase())
    expect(shown.status).toBe(200)
    expect(shown.text).toContain('&lt;b&gt;Ann&lt;/b&gt;')
    const [reviewer, admin] = keysIn(shown.text)
    if (reviewer === undefined || admin === undefined) throw new Error('no keys')
    const held = await desk.call(agentKey, 'POST', '/send_email', { to: ['bo@remote.test'], subject: 'Hi', markdown: 'Hello' })
    const decision = { email_id: held.body['id'], action: 'reject' }
    expect((await desk.call(admin, 'POST', '/decide_email', decision)).status).toBe(403)
    expect((await desk.call(agentKey, 'POST', '/decide_email', decision)).status).toBe(403)
    expect(await desk.call(reviewer, 'POST', '/decide_email', decision)).toMatchObject({ status: 200, body: { status: 'rejected' } })
    expect((await desk.call(reviewer, 'POST', '/send_email', { to: ['bo@remote.test'], subject: 'Hi', markdown: 'Me' })).status).toBe(403)
    expect((await desk.call(admin, 'GET', '/list_api_keys')).body['api_keys']).toHaveLength(3)
    expect((await desk.call(desk.ours.keys.admin, 'GET', '/list_api_keys')).body['api_keys']).toHaveLength(5)
    const again = await typed(desk, yours)
    expect([again.status, keysIn(again.text)]).toEqual([404, []])
  })

  it('gives neither side the keys of the other, and works before the agent has come', async () => {
    const desk = await openDesk(openStore, { signup: forPeople })
    await signUp(desk)
    const { agent, yours } = await lastLetter(desk)
    const wrong = await typed(desk, agent)
    expect([wrong.status, keysIn(wrong.text)]).toEqual([404, []])
    expect((await activate(desk, yours)).status).toBe(404)
    expect(keysIn((await typed(desk, yours)).text)).toHaveLength(2)
    expect(await activate(desk, agent)).toMatchObject({ status: 200, body: { oversight_email: wanted.oversight_email } })
    expect(await desk.store.db.selectFrom('accounts').select('id').where('signed_up_at', 'is not', null).execute()).toHaveLength(1)
  })

  it('gives other keys when the answer was lost: within ten minutes, and while nobody has used those before', async () => {
    const desk = await openDesk(openStore, { signup: forPeople })
    await signUp(desk)
    const { agent, yours } = await lastLetter(desk)
    const lost = keysIn((await typed(desk, yours)).text)
    await desk.clock.advance(10 * 60_000 - 1)
    const [reviewer = expect.fail(), admin = expect.fail()] = keysIn((await typed(desk, yours)).text)
    for (const key of lost) expect((await desk.call(key, 'GET', '/v1/account')).status).toBe(401)
    const first = await activate(desk, agent)
    const second = await activate(desk, agent)
    expect((await desk.call(String(first.body['api_key']), 'GET', '/v1/account')).status).toBe(401)
    expect((await desk.call(String(second.body['api_key']), 'GET', '/v1/account')).status).toBe(200)
    expect(await activate(desk, agent)).toMatchObject({ status: 404, body: { code: 'SIGNUP_NOT_FOUND' } })
    await desk.clock.advance(1)
    expect((await typed(desk, yours)).status).toBe(404)
    for (const key of [reviewer, admin]) expect((await desk.call(key, 'GET', '/v1/account')).status).toBe(200)
    const log = await desk.store.db
      .selectFrom('log_entries')
      .select('action')
      .where('action', 'in', ['signup.confirmed', 'key.revoked'])
      .execute()
    expect(log.filter(({ action }) => action === 'key.revoked')).toHaveLength(3)
    expect(log.filter(({ action }) => action === 'signup.confirmed')).toHaveLength(4)
  })

  it('gives an agent the mailbox that was made for it and no other, and nothing once that is deleted', async () => {
    const desk = await openDesk(openStore, { signup: forPeople })
    await signUp(desk)
    const { agent, yours } = await lastLetter(desk)
    await typed(desk, yours)
    const made = await mailboxesOfSignups(desk)
    const [first = expect.fail()] = made
    const { db } = desk.store
    await db
      .insertInto('mailboxes')
      .values({ ...first, id: newId('mailbox', desk.clock.now()), address: 'second@ours.test' })
      .execute()
    await db.updateTable('mailboxes').set({ deleted_at: 1, is_active: 0 }).where('id', '=', first.id).execute()
    expect(await activate(desk, agent)).toMatchObject({ status: 404, body: { code: 'SIGNUP_NOT_FOUND' } })
    await db.updateTable('mailboxes').set({ deleted_at: null, is_active: 1 }).where('id', '=', first.id).execute()
    expect(await activate(desk, agent)).toMatchObject({ status: 200, body: { mailbox_id: first.id } })
  })

  it('gives operators their keys though the mailbox of the agent is deleted', async () => {
    const desk = await openDesk(openStore, { signup: forPeople })
    await signUp(desk)
    const { agent, yours } = await lastLetter(desk)
    const { body } = await activate(desk, agent)
    await desk.store.db
      .updateTable('mailboxes')
      .set({ deleted_at: 1, is_active: 0 })
      .where('address', '=', String(body['mailbox_address']))
      .execute()
    expect(keysIn((await typed(desk, yours)).text)).toHaveLength(2)
  })

  it('changes nothing when it is looked at, whatever looks, and keeps codes out of addresses', async () => {
    const desk = await openDesk(openStore, { signup: forPeople })
    await signUp(desk)
    const { agent, yours } = await lastLetter(desk)
    for (const path of ['/v1/confirm?limit=100', `/v1/confirm/${agent}`, `/v1/confirm/${yours}`, `/confirm?code=${yours}`]) {
      const answer = await fetch(desk.url + path, { redirect: 'manual', headers: { host: 'evil.example' } })
      expect([path, answer.status]).toEqual([path, path.startsWith('/v1') ? 302 : 200])
      if (path.startsWith('/v1')) expect(answer.headers.get('location')).toBe('/confirm')
      expect(await answer.text()).not.toContain(yours)
    }
    expect(await desk.store.db.selectFrom('accounts').select('id').where('signed_up_at', 'is not', null).execute()).toEqual([])
    expect((await activate(desk, agent)).status).toBe(200)
  })

  it('shows nothing of what was typed, runs nothing, and is in no frame', async () => {
    const desk = await openDesk(openStore, { signup: forPeople })
    const shown = await typed(desk, '<script>alert(1)</script>')
    expect(shown.status).toBe(404)
    expect(shown.text).not.toContain('script')
    const policy = shown.headers.get('content-security-policy')
    for (const part of ["default-src 'none'", "form-action 'self'", "frame-ancestors 'none'"]) expect(policy).toContain(part)
    for (const [name, value] of [
      ['cache-control', 'no-store'],
      ['referrer-policy', 'no-referrer'],
      ['x-content-type-options', 'nosniff'],
      ['set-cookie', null],
    ] as const)
      expect(shown.headers.get(name)).toBe(value)
  })

  it('reads small forms only', async () => {
    const desk = await openDesk(openStore, { signup: forPeople })
    expect((await typed(desk, 'x'.repeat(10_000))).status).toBe(413)
    const json = await fetch(`${desk.url}/confirm`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"code":"x"}',
    })
    expect(json.status).toBe(415)
    expect((await typed(desk, '')).status).toBe(404)
  })
})

describeOnPostgres('the other code of an account', (openStore) => {
  it('gives no key when the account is being deleted at the same time', async () => {
    const desk = await openDesk(openStore, { signup: forPeople })
    await signUp(desk)
    const { agent, yours } = await lastLetter(desk)
    await activate(desk, agent)
    const [{ account_id } = expect.fail()] = await mailboxesOfSignups(desk)
    const { store } = desk
    const [closed, mayEnd] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const closing = store.transaction(async (tx) => {
      await lockAccount(tx, account_id)
      await desk.accountRemoval.close(tx, account_id, { kind: 'system', part: 'host' })
      closed.resolve()
      await mayEnd.promise
    })
    await closed.promise
    const confirming = typed(desk, yours)
    const waits = sql<{ pid: number }>`select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
    while ((await waits.execute(store.db)).rows.length === 0);
    mayEnd.resolve()
    await closing
    expect((await confirming).status).toBe(404)
    const good = store.db.selectFrom('api_keys').select('id').where('account_id', '=', account_id).where('revoked_at', 'is', null)
    expect(await good.execute()).toEqual([])
  })
})
