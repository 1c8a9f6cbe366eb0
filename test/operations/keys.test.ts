import type { Method } from '../../server/operations/procedure.ts'
import { expect, it } from 'vitest'
import type { Scope } from '../../server/model/actor.ts'
import { askAgainAfterMs } from '../../server/oversight/admin-actions.ts'
import { agreed, mailedCode } from '../support/agreed.ts'
import { type Answer, type Desk, openDesk } from '../support/desk.ts'
import { describeOnEachEngine } from '../support/stores.ts'

const hour = 3_600_000
const day = 24 * hour

const create = (desk: Desk, body: object, key?: string) => agreed(desk, 'POST', '/v1/api-keys', body, key)
const keysOf = async (desk: Desk, key = desk.ours.keys.admin) =>
  (await desk.call(key, 'GET', '/v1/api-keys')).body['api_keys'] as Record<string, unknown>[]
const idOf = async (desk: Desk, scopes: string): Promise<string> =>
  ((await keysOf(desk)).find(({ name }) => name === scopes)?.['id'] as string | undefined) ?? expect.fail(`no key ${scopes}`)
const works = async (desk: Desk, key: unknown): Promise<boolean> => (await desk.call(String(key), 'GET', '/v1/mailboxes')).status !== 401

describeOnEachEngine('API keys, for who runs the place', (openStore) => {
  it('are created in two steps, and shown once', async () => {
    const desk = await openDesk(openStore)
    const { admin } = desk.ours.keys
    const first = await desk.call(admin, 'POST', '/v1/api-keys', { name: 'A new one' })
    expect(first).toMatchObject({
      status: 202,
      body: {
        status: 'pending_approval',
        action: 'create_api_key',
        approval_id: expect.stringMatching(/^apr_/),
        expires_at: expect.stringMatching(/Z$/),
        message: expect.stringContaining('b…@ours-test.example'),
      },
    })
    for (const name of ['id', 'api_key', 'sandbox_code']) expect(first.body).not.toHaveProperty(name)
    const code = await mailedCode(desk)
    const wrong = { name: 'A new one', approval_code: code.startsWith('A') ? 'BBBB-BBBB' : 'AAAA-AAAA' }
    expect(await desk.call(admin, 'POST', '/v1/api-keys', wrong)).toMatchObject({ status: 403, body: { code: 'APPROVAL_CODE_WRONG' } })
    expect(await desk.call(admin, 'POST', '/v1/api-keys', { name: 'Another', approval_code: code })).toMatchObject({ status: 404 })
    const again = await desk.call(admin, 'POST', '/v1/api-keys', { name: 'A new one' })
    expect([again.status, again.body['code'], again.headers.get('retry-after')]).toEqual([429, 'APPROVAL_TOO_SOON', '60'])
    const made = await desk.call(admin, 'POST', '/v1/api-keys', { name: 'A new one', approval_code: code.toLowerCase() })
    expect(made).toMatchObject({
      status: 201,
      body: {
        status: 'created',
        id: expect.stringMatching(/^key_/),
        name: 'A new one',
        scopes: ['read'],
        mailbox_ids: null,
        expires_at: null,
      },
    })
    const key = String(made.body['api_key'])
    expect(key.startsWith(String(made.body['prefix']))).toBe(true)
    expect(await desk.call(key, 'GET', '/v1/mailboxes')).toMatchObject({ status: 200 })
    expect(await desk.call(key, 'GET', '/v1/api-keys')).toMatchObject({ status: 403 })
    const listed = await keysOf(desk)
    expect(listed[0]).toMatchObject({ id: made.body['id'], name: 'A new one', is_active: true, last_used_at: expect.any(String) })
    expect(JSON.stringify(listed)).not.toContain(key.slice(15))
    expect(await desk.call(admin, 'POST', '/v1/api-keys', { name: 'A new one', approval_code: code })).toMatchObject({ status: 404 })
  })

  it('take the code from the header and the query as well, for clients that send no body', async () => {
    const desk = await openDesk(openStore)
    const { admin } = desk.ours.keys
    // Of two keys of one name the newer one is listed first.
    const victims = [await idOf(desk, 'read'), await idOf(desk, 'read,send'), await idOf(desk, 'read,oversight')]
    const withCode: ((path: string, code: string) => Promise<Answer>)[] = [
      (path, code) => desk.call(admin, 'DELETE', path, undefined, { 'x-approval-code': code }),
      (path, code) => desk.call(admin, 'DELETE', `${path}?approval_code=${code}`),
      (path, code) => desk.call(admin, 'DELETE', path, { approval_code: code }),
    ]
    for (const [index, call] of withCode.entries()) {
      const path = `/v1/api-keys/${victims[index]}`
      const action = index === 2 ? 'revoke_oversight_key' : 'revoke_api_key'
      expect(await desk.call(admin, 'DELETE', path)).toMatchObject({ status: 202, body: { action } })
      const code = await mailedCode(desk)
      const both = await desk.call(admin, 'DELETE', `${path}?approval_code=${code}`, undefined, { 'x-approval-code': 'AAAA-AAAA' })
      expect(both).toMatchObject({ status: 400 })
      expect(await call(path, code)).toMatchObject({ status: 200, body: { status: 'revoked', id: victims[index] } })
      expect(await desk.call(admin, 'DELETE', path)).toMatchObject({ status: 200, body: { status: 'revoked' } })
    }
    for (const name of ['reader', 'bound', 'reviewer'] as const) expect(await works(desk, desk.ours.keys[name])).toBe(false)
  })

  it('may revoke themselves', async () => {
    const desk = await openDesk(openStore)
    expect(await agreed(desk, 'DELETE', `/v1/api-keys/${await idOf(desk, 'admin')}`)).toMatchObject({ status: 200 })
    expect(await works(desk, desk.ours.keys.admin)).toBe(false)
  })

  it('never hold together what no key may, whether made, changed, or written into the database by hand', async () => {
    const desk = await openDesk(openStore)
    const { admin } = desk.ours.keys
    const forbidden: Scope[][] = [
      ['send', 'oversight'],
      ['read', 'send', 'oversight'],
      ['admin', 'oversight'],
    ]
    const id = await idOf(desk, 'read')
    for (const scopes of forbidden) {
      const refused = { status: 400, body: { code: 'FORBIDDEN_SCOPES' } }
      expect(await desk.call(admin, 'POST', '/v1/api-keys', { name: 'x', scopes })).toMatchObject(refused)
      expect(await desk.call(admin, 'PATCH', `/v1/api-keys/${id}`, { scopes })).toMatchObject(refused)
    }
    for (const scopes of forbidden) {
      await desk.store.db
        .updateTable('api_keys')
        .set({ scopes_json: JSON.stringify(scopes) })
        .where('name', '=', 'read')
        .execute()
      expect(await works(desk, desk.ours.keys.reader)).toBe(false)
    }
    for (const scopes of [[], ['everything'], 'read,read,read,read,read'])
      expect(await desk.call(admin, 'POST', '/v1/api-keys', { name: 'x', scopes })).toMatchObject({ status: 400 })
    expect(await desk.store.db.selectFrom('operator_mails').selectAll().execute()).toEqual([])
  })

  it('change name and lose scopes at once, but get a scope only when the operator agrees', async () => {
    const desk = await openDesk(openStore)
    const { admin, reader } = desk.ours.keys
    const path = `/v1/api-keys/${await idOf(desk, 'read')}`
    expect(await desk.call(admin, 'PATCH', path, { name: 'Renamed' })).toMatchObject({
      status: 200,
      body: { status: 'updated', name: 'Renamed', scopes: ['read'] },
    })
    const more = { scopes: ['send', 'read'] }
    expect(await desk.call(admin, 'PATCH', path, more)).toMatchObject({ status: 202, body: { action: 'add_scopes' } })
    expect(await desk.call(admin, 'PATCH', path, { ...more, approval_code: await mailedCode(desk) })).toMatchObject({
      body: { scopes: ['read', 'send'] },
    })
    expect(await desk.call(admin, 'PATCH', path, { scopes: ['read'] })).toMatchObject({ status: 200, body: { scopes: ['read'] } })
    expect(await desk.call(admin, 'PATCH', path, {})).toMatchObject({ status: 400 })
    expect(await desk.call(admin, 'PATCH', path, { scopes: ['read', 'oversight'] })).toMatchObject({
      status: 202,
      body: { action: 'add_oversight_scope' },
    })
    expect((await desk.call(reader, 'GET', '/list_pending')).status).toBe(403)
    const code = await mailedCode(desk)
    const body = { scopes: ['oversight', 'read'], approval_code: code }
    expect(await desk.call(admin, 'PATCH', path, body)).toMatchObject({ status: 200, body: { scopes: ['read', 'oversight'] } })
    expect((await desk.call(reader, 'GET', '/list_pending')).status).toBe(200)
    // What it has already needs nobody.
    expect(await desk.call(admin, 'PATCH', path, { scopes: ['oversight'] })).toMatchObject({ status: 200 })
  })

  it('that decide on mail are not renamed, changed or replaced unless the operator reads that they decide', async () => {
    const desk = await openDesk(openStore)
    const { admin } = desk.ours.keys
    const path = `/v1/api-keys/${await idOf(desk, 'read,oversight')}`
    const asked: [Method, string, object, string][] = [
      ['PATCH', path, { name: 'support agent' }, 'change_oversight_key'],
      ['PATCH', path, { scopes: ['read'] }, 'change_oversight_key'],
      ['PATCH', path, { scopes: ['read', 'send'] }, 'change_oversight_key'],
      ['POST', `${path}/rotate`, {}, 'rotate_oversight_key'],
      ['DELETE', path, {}, 'revoke_oversight_key'],
    ]
    for (const [method, at, body, action] of asked) {
      expect(await desk.call(admin, method, at, body)).toMatchObject({ status: 202, body: { action } })
      const letter = await desk.store.db.selectFrom('operator_mails').selectAll().orderBy('id', 'desc').executeTakeFirstOrThrow()
      for (const fact of ['"read,oversight"', '"prefix"', '"oversight"', '"mailbox_ids": null']) expect(letter.body).toContain(fact)
      expect(letter.body).toContain('an API key that decides on mail')
    }
    expect((await keysOf(desk)).find(({ name }) => name === 'read,oversight')).toMatchObject({ scopes: ['read', 'oversight'] })
    expect(await works(desk, desk.ours.keys.reviewer)).toBe(true)
  })

  it('that decide on mail are made only with the operator, under the name of that', async () => {
    const desk = await openDesk(openStore)
    const made = await create(desk, { name: 'reviewer 2', scopes: ['oversight', 'read'] })
    expect(made).toMatchObject({ status: 201, body: { scopes: ['read', 'oversight'] } })
    const [row] = await desk.store.db.selectFrom('admin_actions').selectAll().execute()
    expect(row).toMatchObject({ action: 'create_oversight_key' })
  })

  it('get a new secret, and the old one works for as long as was said', async () => {
    const desk = await openDesk(openStore)
    const path = `/v1/api-keys/${await idOf(desk, 'read')}/rotate`
    const old = desk.ours.keys.reader
    const made = await agreed(desk, 'POST', path, { overlap_hours: 2 })
    expect(made).toMatchObject({ status: 200, body: { status: 'rotated', scopes: ['read'], api_key: expect.stringMatching(/^mm_live_/) } })
    expect(made.body['id']).toBe(await idOf(desk, 'read'))
    expect([await works(desk, old), await works(desk, made.body['api_key'])]).toEqual([true, true])
    await desk.clock.advance(2 * hour - 1)
    expect(await works(desk, old)).toBe(true)
    await desk.clock.advance(1)
    expect([await works(desk, old), await works(desk, made.body['api_key'])]).toEqual([false, true])
    // Twice in a row: what was replaced first ends, and 0 hours are none.
    const second = await agreed(desk, 'POST', path, { overlap_hours: 2 })
    const third = await agreed(desk, 'POST', path, { overlap_hours: 0 })
    const all = [made, second, third].map(({ body }) => works(desk, body['api_key']))
    expect(await Promise.all(all)).toEqual([false, false, true])
    expect(await desk.call(desk.ours.keys.admin, 'POST', path, { overlap_hours: 169 })).toMatchObject({ status: 400 })
    await agreed(desk, 'DELETE', path.replace('/rotate', ''))
    expect(await works(desk, third.body['api_key'])).toBe(false)
  })

  it('reach no further than the key that makes them', async () => {
    const desk = await openDesk(openStore)
    const { gated, free } = desk.ours
    const bound = await desk.key({ scopes: ['admin'], mailboxIds: [gated.id] })
    expect(await desk.call(bound, 'POST', '/v1/api-keys', { name: 'x', mailbox_ids: [free.id] })).toMatchObject({ status: 404 })
    expect(await create(desk, { name: 'narrow' }, bound)).toMatchObject({ status: 201, body: { mailbox_ids: [gated.id] } })
    expect(await create(desk, { name: 'by name', mailbox_ids: [gated.address] }, bound)).toMatchObject({
      body: { mailbox_ids: [gated.id] },
    })
    // It sees those that reach no further, and no others.
    const seen = (await keysOf(desk, bound)).map(({ mailbox_ids }) => mailbox_ids)
    expect(seen).toEqual([[gated.id], [gated.id], [gated.id], [gated.id]])
    const wide = `/v1/api-keys/${await idOf(desk, 'read')}`
    expect(await desk.call(bound, 'DELETE', wide)).toMatchObject({ status: 404 })
    expect(await desk.call(bound, 'PATCH', wide, { name: 'x' })).toMatchObject({ status: 404 })
    expect(await desk.call(bound, 'POST', `${wide}/rotate`)).toMatchObject({ status: 404 })
  })

  it('do not outlive the key that makes them', async () => {
    const desk = await openDesk(openStore)
    const end = new Date(desk.clock.now() + 10 * day).toISOString()
    const passing = await create(desk, { name: 'passing', scopes: ['admin'], expires_at: end })
    const key = String(passing.body['api_key'])
    const late = new Date(desk.clock.now() + 11 * day).toISOString()
    expect(await desk.call(key, 'POST', '/v1/api-keys', { name: 'x', expires_at: late })).toMatchObject({ status: 400 })
    expect(await desk.call(key, 'POST', '/v1/api-keys', { name: 'x', expires_at: '2020-01-01' })).toMatchObject({ status: 400 })
    expect(await create(desk, { name: 'x' }, key)).toMatchObject({ status: 201, body: { expires_at: end } })
    for (const name of ['read', 'admin']) {
      const other = `/v1/api-keys/${await idOf(desk, name)}`
      const refused = { status: 400, body: { code: 'BAD_INPUT' } }
      expect(await desk.call(key, 'PATCH', other, { name: 'mine' })).toMatchObject(refused)
      expect(await desk.call(key, 'PATCH', other, { scopes: ['read', 'send'] })).toMatchObject(refused)
      expect(await desk.call(key, 'POST', `${other}/rotate`)).toMatchObject(refused)
    }
    expect(await desk.call(key, 'PATCH', `/v1/api-keys/${await idOf(desk, 'x')}`, { name: 'y' })).toMatchObject({ status: 200 })
    await desk.clock.advance(10 * day)
    expect(await works(desk, key)).toBe(false)
  })

  it('are of the world of the key that makes them, where a test key gets the code at once', async () => {
    const desk = await openDesk(openStore)
    const { testAdmin } = desk.ours.keys
    const body = { name: 'x', scopes: ['read', 'send'] }
    const first = await desk.call(testAdmin, 'POST', '/v1/api-keys', body)
    const code = first.body['sandbox_code']
    expect(first).toMatchObject({ status: 202, body: { sandbox_code: expect.any(String) } })
    expect(await desk.call(desk.ours.keys.admin, 'POST', '/v1/api-keys', { ...body, approval_code: code })).toMatchObject({ status: 404 })
    const made = await desk.call(testAdmin, 'POST', '/v1/api-keys', { ...body, approval_code: code })
    expect(made).toMatchObject({ status: 201, body: { api_key: expect.stringMatching(/^mm_test_/) } })
    expect(await desk.store.db.selectFrom('operator_mails').selectAll().execute()).toEqual([])
  })

  it('are made at once where the operator has said so', async () => {
    const desk = await openDesk(openStore, { adminApproval: 'off' })
    expect(await desk.call(desk.ours.keys.admin, 'POST', '/create_api_key', { name: 'x' })).toMatchObject({
      status: 200,
      body: { status: 'created' },
    })
  })

  it('say what the operator has to do who has no address', async () => {
    const desk = await openDesk(openStore)
    await desk.store.db.updateTable('accounts').set({ oversight_email: 'boss@ours.test' }).execute()
    const first = await desk.call(desk.ours.keys.admin, 'POST', '/v1/api-keys', { name: 'x' })
    expect(first).toMatchObject({
      status: 202,
      body: { message: expect.stringContaining(`multimail approve ${String(first.body['approval_id'])}`) },
    })
    expect(await desk.store.db.selectFrom('operator_mails').selectAll().execute()).toEqual([])
  })

  it('can be asked for by an idempotency key: the first answer does not count as done, and the second is not repeated', async () => {
    const desk = await openDesk(openStore)
    const { admin } = desk.ours.keys
    const once = { 'idempotency-key': 'k1' }
    expect(await desk.call(admin, 'POST', '/v1/api-keys', { name: 'x' }, once)).toMatchObject({ status: 202 })
    const body = { name: 'x', approval_code: await mailedCode(desk) }
    const made = await desk.call(admin, 'POST', '/v1/api-keys', body, once)
    expect(made).toMatchObject({ status: 201 })
    expect(await desk.call(admin, 'POST', '/v1/api-keys', body, once)).toMatchObject({ status: 409, body: { code: 'ALREADY_DONE' } })
    const kept = JSON.stringify(await desk.store.db.selectFrom('idempotent_calls').selectAll().execute())
    expect(kept).not.toContain(String(made.body['api_key']))
  })

  it('leave no secret and no code on the record', async () => {
    const desk = await openDesk(openStore)
    const made = await create(desk, { name: 'x' })
    const key = String(made.body['api_key'])
    await desk.clock.advance(askAgainAfterMs)
    const log = await desk.call(desk.ours.keys.admin, 'GET', '/get_audit_log?limit=100')
    const texts = JSON.stringify([
      log.body,
      await desk.store.db.selectFrom('log_entries').selectAll().execute(),
      await desk.store.db.selectFrom('events').selectAll().execute(),
    ])
    expect(texts).toContain('admin_action.approved')
    expect(texts).not.toContain(key.slice(14))
    expect(texts).not.toContain(await mailedCode(desk))
  })
})
