import { expect, it } from 'vitest'
import { adminActions } from '../../server/model/admin-action.ts'
import { sha256 } from '../../server/model/canonical.ts'
import { setOperatorAddress } from '../../server/oversight/operator-address.ts'
import { endEverySession, sessionCodeLifeMs, sessionLifeMs } from '../../server/oversight/operator-sessions.ts'
import { agreed } from '../support/agreed.ts'
import { type Answer, type Desk, openDesk } from '../support/desk.ts'
import { beginSession, cookieOf, forgetAsking, sessionCode } from '../support/operator-session.ts'
import { describeOnEachEngine } from '../support/stores.ts'

const minute = 60_000

const start = (desk: Desk, key = desk.ours.keys.admin) => desk.call(key, 'POST', '/v1/operator/start-session', {})
const verify = (desk: Desk, code: string, key = desk.ours.keys.admin, headers?: Record<string, string>) =>
  desk.call(key, 'POST', '/v1/operator/verify-session', { code }, headers)
const wrongFor = (code: string): string => (code.startsWith('A') ? 'BBBB-BBBB' : 'AAAA-AAAA')
/** Asks for something of the tier medium. 201: it was done; 202: the operator is asked. */
let made = 0
const createKey = (desk: Desk, headers: Record<string, string>, key = desk.ours.keys.admin): Promise<Answer> =>
  desk.call(key, 'POST', '/v1/api-keys', { name: `key ${made++}` }, headers)
const letters = ({ store }: Desk) => store.db.selectFrom('operator_mails').select(['recipient', 'subject', 'body']).orderBy('id').execute()
const entries = async ({ store }: Desk, action: string) =>
  (await store.db.selectFrom('log_entries').select('body').where('action', '=', action).orderBy('seq').execute()).map(
    ({ body }) => JSON.parse(body) as { metadata: Record<string, unknown> },
  )

describeOnEachEngine('an operator session', (openStore) => {
  it('begins with a code that is mailed to the operator, and lets an admin key act without further codes for a quarter of an hour', async () => {
    const desk = await openDesk(openStore)
    const { admin } = desk.ours.keys
    const started = await start(desk)
    expect(started).toMatchObject({ status: 202, body: { status: 'code_sent', masked_email: 'b…@ours-test.example' } })
    expect(started.body).not.toHaveProperty('sandbox_code')
    expect(await letters(desk)).toEqual([
      {
        recipient: 'boss@ours-test.example',
        subject: expect.stringContaining('operator session'),
        body: expect.stringContaining('no agent'),
      },
    ])
    const verified = await verify(desk, (await sessionCode(desk)).toLowerCase())
    const ends = desk.clock.now() + sessionLifeMs
    expect(verified).toMatchObject({ status: 200, body: { status: 'started', expires_at: ends } })
    expect(verified.headers.get('set-cookie')).toMatch(
      /^__Host-multimail-operator=[\w-]{43}; Max-Age=900; Path=\/; HttpOnly; SameSite=Strict; Secure$/,
    )
    const cookie = cookieOf(verified.headers)
    expect(JSON.stringify(verified.body)).not.toContain(cookie.split('=')[1])
    const state = () => desk.call(admin, 'GET', '/v1/operator/session?limit=100&cursor=', undefined, { cookie })
    expect(await state()).toMatchObject({ status: 200, body: { active: true, expires_at: ends, max_tier: 'medium' } })
    expect(await createKey(desk, { cookie })).toMatchObject({ status: 201, body: { status: 'created', scopes: ['read'] } })
    await desk.clock.advance(sessionLifeMs - 1)
    expect(await createKey(desk, { cookie })).toMatchObject({ status: 201 })
    await desk.clock.advance(1)
    expect(await createKey(desk, { cookie })).toMatchObject({ status: 202 })
    expect(await state()).toMatchObject({ body: { active: false, expires_at: null, max_tier: null } })
    const granted = (await entries(desk, 'admin_action.approved')).map(({ metadata }) => metadata)
    expect(granted).toEqual(Array(2).fill(expect.objectContaining({ by: 'session', session_id: verified.body['session_id'] })))
    for (const action of ['requested', 'started']) expect(await entries(desk, `operator_session.${action}`)).toHaveLength(1)
  })

  it('is worth nothing without its key, nor is the key without the cookie', async () => {
    const desk = await openDesk(openStore)
    const { cookie } = await beginSession(desk, desk.ours)
    const { agent, reader, reviewer } = desk.ours.keys
    const other = (await agreed(desk, 'POST', '/v1/api-keys', { name: 'other', scopes: ['admin'] })).body['api_key']
    expect(await createKey(desk, {})).toMatchObject({ status: 202 })
    expect(await createKey(desk, { cookie }, String(other))).toMatchObject({ status: 202 })
    expect(await createKey(desk, { cookie }, desk.theirs.keys.admin)).toMatchObject({ status: 202 })
    expect(await createKey(desk, { cookie }, desk.ours.keys.testAdmin)).toMatchObject({ status: 202 })
    for (const key of [agent, reader, reviewer]) expect(await createKey(desk, { cookie }, key)).toMatchObject({ status: 403 })
    expect(await desk.call(null, 'POST', '/v1/api-keys', { name: 'x' }, { cookie })).toMatchObject({ status: 401 })
    for (const key of [agent, reader, reviewer]) {
      expect(await start(desk, key)).toMatchObject({ status: 403, body: { code: 'SCOPE_MISSING' } })
      expect(await verify(desk, 'AAAA-AAAA', key)).toMatchObject({ status: 403, body: { code: 'SCOPE_MISSING' } })
    }
  })

  it('is neither begun by another key with a stolen code, nor by the same key twice with one code', async () => {
    const desk = await openDesk(openStore)
    await start(desk)
    const code = await sessionCode(desk)
    for (const key of [desk.theirs.keys.admin, desk.ours.keys.testAdmin])
      expect(await verify(desk, code, key)).toMatchObject({ status: 404 })
    expect(await verify(desk, code)).toMatchObject({ status: 200 })
    const again = await verify(desk, code)
    expect([again.status, again.body['code'], again.headers.get('set-cookie')]).toEqual([404, 'SESSION_NOT_FOUND', null])
  })

  it('does not begin by guessing: five wrong codes end it, the right one is late then, and few are mailed in an hour', async () => {
    const desk = await openDesk(openStore)
    await start(desk)
    const code = await sessionCode(desk)
    for (let n = 0; n < 5; n++)
      expect(await verify(desk, wrongFor(code))).toMatchObject({ status: 403, body: { code: 'SESSION_CODE_WRONG' } })
    expect(await verify(desk, code)).toMatchObject({ status: 404 })
    expect((await entries(desk, 'operator_session.refused')).map(({ metadata }) => metadata['tries'])).toEqual([1, 2, 3, 4, 5])
    const tooSoon = await start(desk)
    expect([tooSoon.status, tooSoon.body['code'], tooSoon.headers.get('retry-after')]).toEqual([429, 'SESSION_TOO_SOON', '60'])
    for (let n = 0; n < 4; n++) {
      await desk.clock.advance(minute)
      expect((await start(desk)).status).toBe(202)
    }
    await desk.clock.advance(minute)
    expect(await start(desk)).toMatchObject({ status: 429, body: { retry_after_seconds: 55 * 60 } })
    expect(await letters(desk)).toHaveLength(5)
    await desk.clock.advance(55 * minute)
    expect((await start(desk)).status).toBe(202)
    expect((await start(desk, desk.theirs.keys.admin)).status).toBe(202)
  })

  it('does not begin with a code whose time is over, or that a newer one replaced', async () => {
    const desk = await openDesk(openStore)
    await start(desk)
    const first = await sessionCode(desk)
    await desk.clock.advance(minute)
    await start(desk)
    expect(await verify(desk, first)).toMatchObject({ status: 403 })
    await desk.clock.advance(sessionCodeLifeMs)
    expect(await verify(desk, await sessionCode(desk))).toMatchObject({ status: 404 })
  })

  it('has a cookie of its own making: one that was planted, doubled or sent from another page is none', async () => {
    const desk = await openDesk(openStore)
    const planted = `__Host-multimail-operator=${'p'.repeat(43)}`
    await start(desk)
    const { headers } = await verify(desk, await sessionCode(desk), desk.ours.keys.admin, { cookie: planted })
    const cookie = cookieOf(headers)
    expect(cookie).not.toBe(planted)
    expect(await createKey(desk, { cookie: planted })).toMatchObject({ status: 202 })
    const [name, value] = cookie.split('=')
    for (const bad of [
      { cookie: `${cookie}; ${planted}` },
      { cookie: `${planted}; ${cookie}` },
      { cookie: `multimail-operator=${value}` },
      { cookie: `${name}="${value}"` },
      { cookie: `${name}=${value}x` },
      { cookie: `x=${'y'.repeat(5000)}; ${cookie}` },
      { cookie, origin: 'https://evil.example' },
      { cookie, origin: 'null' },
      { cookie, 'sec-fetch-site': 'cross-site' },
      { cookie, 'sec-fetch-site': 'same-site' },
    ])
      expect([bad, (await createKey(desk, bad)).status]).toEqual([bad, 202])
    for (const good of [{ cookie: `a=b; ${cookie}; c=d` }, { cookie, origin: 'https://mail.ours.test', 'sec-fetch-site': 'same-origin' }])
      expect((await createKey(desk, good)).status).toBe(201)
    // What a key is asked for beside the cookie is a header that no foreign page can have sent: there is no leave for it.
    const preflight = await fetch(`${desk.url}/v1/api-keys`, {
      method: 'OPTIONS',
      headers: {
        origin: 'https://evil.example',
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization',
      },
    })
    expect(preflight.headers.get('access-control-allow-origin')).toBeNull()
  })

  it('keeps hashes only', async () => {
    const desk = await openDesk(openStore)
    const { cookie } = await beginSession(desk, desk.ours)
    const code = await sessionCode(desk)
    const token = cookie.split('=')[1] ?? ''
    const rows = JSON.stringify(await desk.store.db.selectFrom('operator_sessions').selectAll().execute())
    const log = JSON.stringify(await desk.store.db.selectFrom('log_entries').selectAll().execute())
    for (const secret of [token, code, code.replace('-', '')]) for (const kept of [rows, log]) expect(kept).not.toContain(secret)
    expect(rows).toContain(sha256(token))
  })

  it('ends at once when somebody says so, with its cookie or from a list, and never that of another account', async () => {
    const desk = await openDesk(openStore)
    const { admin } = desk.ours.keys
    const first = await beginSession(desk, desk.ours)
    const list = (key = admin, cookie = first.cookie) => desk.call(key, 'GET', '/v1/operator/sessions', undefined, { cookie })
    expect((await list()).body).toMatchObject({ sessions: [{ id: first.id, is_own: true, key_id: expect.stringMatching(/^key_/) }] })
    expect((await list(desk.theirs.keys.admin)).body).toEqual({ sessions: [] })
    expect(await desk.call(desk.theirs.keys.admin, 'DELETE', `/v1/operator/sessions/${first.id}`)).toMatchObject({ status: 404 })
    const ended = await desk.call(admin, 'POST', '/v1/operator/end-session', {}, { cookie: first.cookie })
    expect(ended).toMatchObject({ status: 200, body: { status: 'ended', ended: [first.id] } })
    expect(ended.headers.get('set-cookie')).toMatch(/^__Host-multimail-operator=; Max-Age=0; /)
    expect(await createKey(desk, { cookie: first.cookie })).toMatchObject({ status: 202 })
    expect(await desk.call(admin, 'POST', '/v1/operator/end-session', {})).toMatchObject({ status: 200, body: { ended: [] } })

    await forgetAsking(desk, desk.ours)
    const second = await beginSession(desk, desk.ours)
    expect(await desk.call(admin, 'DELETE', `/v1/operator/sessions/${second.id}`)).toMatchObject({ status: 200 })
    expect(await createKey(desk, { cookie: second.cookie })).toMatchObject({ status: 202 })
    expect(await desk.call(admin, 'DELETE', `/v1/operator/sessions/${second.id}`)).toMatchObject({ status: 404 })
    expect((await entries(desk, 'operator_session.ended')).map(({ metadata }) => metadata)).toEqual([
      { because: 'asked' },
      { because: 'asked' },
    ])
  })

  it('is one of each key: a new one ends the one before', async () => {
    const desk = await openDesk(openStore)
    const first = await beginSession(desk, desk.ours)
    await forgetAsking(desk, desk.ours)
    const second = await beginSession(desk, desk.ours)
    expect([(await createKey(desk, first)).status, (await createKey(desk, { cookie: first.cookie })).status]).toEqual([202, 202])
    expect((await createKey(desk, { cookie: second.cookie })).status).toBe(201)
  })

  it('ends when the operator is asked at another address, and so does a code that is on its way to the old one', async () => {
    const desk = await openDesk(openStore)
    const { store, clock, ours } = desk
    const { cookie } = await beginSession(desk, ours)
    await forgetAsking(desk, ours)
    await start(desk)
    const code = await sessionCode(desk)
    await setOperatorAddress({ store, clock }, ours.accountId, 'new@elsewhere.example')
    expect(await createKey(desk, { cookie })).toMatchObject({ status: 202 })
    expect(await verify(desk, code)).toMatchObject({ status: 404 })
    // Not even when the old address comes back.
    await setOperatorAddress({ store, clock }, ours.accountId, 'boss@ours-test.example')
    expect(await createKey(desk, { cookie })).toMatchObject({ status: 202 })
    expect((await entries(desk, 'operator_session.ended')).map(({ metadata }) => metadata)).toEqual([{ because: 'address_changed' }])
  })

  it('is not good any more when the address was changed by hand in the database, or mail to it comes here now', async () => {
    const desk = await openDesk(openStore)
    const { cookie } = await beginSession(desk, desk.ours)
    const change = (oversight_email: string | null) =>
      desk.store.db.updateTable('accounts').set({ oversight_email }).where('id', '=', desk.ours.accountId).execute()
    for (const address of ['eve@elsewhere.example', desk.ours.gated.address, null]) {
      await change(address)
      expect(await createKey(desk, { cookie })).toMatchObject({ status: 202 })
    }
    expect(await start(desk)).toMatchObject({ status: 409, body: { code: 'NO_OVERSIGHT_EMAIL' } })
  })

  it('ends on the host, for an account in both worlds', async () => {
    const desk = await openDesk(openStore)
    const { cookie } = await beginSession(desk, desk.ours)
    expect(await endEverySession(desk, desk.ours.accountId)).toBe(1)
    expect(await createKey(desk, { cookie })).toMatchObject({ status: 202 })
    expect(await endEverySession(desk, desk.ours.accountId)).toBe(0)
  })

  it('decides on no mail, gives no scope, and raises no autonomy', async () => {
    const desk = await openDesk(openStore)
    const { ours } = desk
    const { cookie } = await beginSession(desk, ours)
    const asAdmin = (method: 'POST' | 'PATCH', path: string, body: object) => desk.call(ours.keys.admin, method, path, body, { cookie })
    const held = await desk.call(ours.keys.agent, 'POST', '/send_email', {
      mailbox_id: ours.gated.id,
      to: ['bo@remote.test'],
      subject: 'Hi',
      markdown: 'Hello',
    })
    const decision = { email_id: held.body['id'], action: 'approve' }
    expect(await asAdmin('POST', '/v1/oversight/decide', decision)).toMatchObject({ status: 403, body: { code: 'SCOPE_MISSING' } })
    expect(await desk.call(ours.keys.agent, 'POST', '/v1/oversight/decide', decision, { cookie })).toMatchObject({ status: 403 })
    for (const scopes of [
      ['send', 'oversight'],
      ['admin', 'oversight'],
    ])
      expect(await asAdmin('POST', '/v1/api-keys', { name: 'x', scopes })).toMatchObject({
        status: 400,
        body: { code: 'FORBIDDEN_SCOPES' },
      })
    expect(await asAdmin('POST', '/v1/api-keys', { name: 'x', scopes: ['oversight'] })).toMatchObject({
      status: 202,
      body: { action: 'create_oversight_key' },
    })
    const made = await asAdmin('POST', '/v1/api-keys', { name: 'reader', scopes: ['read'] })
    expect(made.status).toBe(201)
    expect(await asAdmin('PATCH', `/v1/api-keys/${String(made.body['id'])}`, { scopes: ['read', 'oversight'] })).toMatchObject({
      status: 202,
    })
    expect(await asAdmin('PATCH', `/v1/api-keys/${String(made.body['id'])}`, { scopes: ['read', 'send'] })).toMatchObject({ status: 200 })
    expect(await asAdmin('POST', `/v1/mailboxes/${ours.gated.id}/allowlist`, { pattern: '*@remote.test' })).toMatchObject({ status: 202 })
    expect(await asAdmin('PATCH', '/v1/account', { oversight_email: 'eve@elsewhere.example' })).toMatchObject({ status: 202 })
    expect(await asAdmin('PATCH', `/v1/mailboxes/${ours.gated.id}`, { oversight_mode: 'autonomous' })).toMatchObject({ status: 403 })
    await asAdmin('POST', `/v1/mailboxes/${ours.gated.id}/request-upgrade`, { target_mode: 'autonomous' })
    expect(await asAdmin('POST', `/v1/mailboxes/${ours.gated.id}/upgrade`, { code: 'AAAA-AAAA' })).toMatchObject({ status: 403 })
  })

  it('is not enough for what decides who decides, what lets mail leave unseen, and what cannot be put back', () => {
    const high = Object.entries(adminActions).flatMap(([name, { tier }]) => (tier === 'high' ? [name] : []))
    expect(high.toSorted()).toEqual(
      [
        'add_allowlist_entry',
        'add_oversight_scope',
        'allow_recipient',
        'change_oversight_email',
        'change_oversight_key',
        'create_oversight_key',
        'delete_account',
        'loosen_oversight',
        'loosen_policy',
        'revoke_oversight_key',
        'rotate_oversight_key',
        'time_reviews',
      ].toSorted(),
    )
  })

  it('uses up the code that was asked for the same action before', async () => {
    const desk = await openDesk(openStore)
    const { admin } = desk.ours.keys
    const body = { name: 'once' }
    expect(await desk.call(admin, 'POST', '/v1/api-keys', body)).toMatchObject({ status: 202 })
    const [letter] = await letters(desk)
    const code = /^ {2}([A-Z2-9]{4}-[A-Z2-9]{4})$/m.exec(letter?.body ?? '')?.[1]
    const { cookie } = await beginSession(desk, desk.ours)
    expect(await desk.call(admin, 'POST', '/v1/api-keys', body, { cookie })).toMatchObject({ status: 201 })
    expect(await desk.call(admin, 'POST', '/v1/api-keys', { ...body, approval_code: code })).toMatchObject({ status: 404 })
  })

  it('is no affair of agents: no tool begins one, and a key that is bound to mailboxes cannot', async () => {
    const desk = await openDesk(openStore)
    const rpc = {
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: { name: 'verify_operator_session', arguments: { code: 'AAAA-AAAA' } },
    }
    const headers = { accept: 'application/json, text/event-stream' }
    const answer = await desk.call(desk.ours.keys.admin, 'POST', '/mcp', rpc, headers)
    expect(JSON.stringify(answer.body)).toContain('There is no tool of this name')
    const listed = await desk.call(desk.ours.keys.admin, 'POST', '/mcp', { jsonrpc: '2.0', id: 2, method: 'tools/list' }, headers)
    expect(JSON.stringify(listed.body)).not.toContain('operator_session')
    const bound = await desk.key({ scopes: ['admin'], mailboxIds: [desk.ours.gated.id] })
    expect(await start(desk, bound)).toMatchObject({ status: 403, body: { code: 'KEY_BOUND' } })
  })

  it('of a test key is begun by the code in the answer, and nothing is mailed', async () => {
    const desk = await openDesk(openStore)
    const { testAdmin } = desk.ours.keys
    const started = await start(desk, testAdmin)
    expect(started).toMatchObject({ status: 202, body: { masked_email: null, sandbox_code: expect.any(String) } })
    const { headers } = await verify(desk, String(started.body['sandbox_code']), testAdmin)
    expect(await createKey(desk, { cookie: cookieOf(headers) }, testAdmin)).toMatchObject({ status: 201 })
    expect(await createKey(desk, { cookie: cookieOf(headers) })).toMatchObject({ status: 202 })
    expect((await letters(desk)).filter(({ subject }) => subject.includes('operator session'))).toEqual([])
  })

  it('begins by tRPC as well, for a program in a browser', async () => {
    const desk = await openDesk(openStore)
    const { admin } = desk.ours.keys
    await desk.call(admin, 'POST', '/trpc/start_operator_session', {})
    const { status, headers } = await desk.call(admin, 'POST', '/trpc/verify_operator_session', { code: await sessionCode(desk) })
    expect([status, cookieOf(headers)]).toEqual([200, expect.stringMatching(/^__Host-multimail-operator=[\w-]{43}$/)])
    const answer = await desk.call(admin, 'POST', '/trpc/create_api_key', { name: 'x' }, { cookie: cookieOf(headers) })
    expect(answer.body).toMatchObject({ result: { data: { status: 'created' } } })
  })
})
