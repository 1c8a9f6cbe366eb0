import { expect, it } from 'vitest'
import { insertAlias } from '../../server/store/aliases.ts'
import { type Desk, openDesk } from '../support/desk.ts'
import { describeOnEachEngine } from '../support/stores.ts'

type Body = Record<string, unknown>
/** Both steps, with a test key, which is shown the code. */
async function inTwo(desk: Desk, method: 'POST' | 'PATCH' | 'DELETE', path: string, body: Body = {}, key = desk.ours.keys.testAdmin) {
  const asked = await desk.call(key, method, path, body)
  expect(asked).toMatchObject({ status: 202, body: { status: 'pending_approval', sandbox_code: expect.any(String) } })
  expect(asked.body).not.toHaveProperty('id')
  const code = String(asked.body['sandbox_code'])
  if (method !== 'DELETE') return desk.call(key, method, path, { ...body, approval_code: code })
  return desk.call(key, method, `${path}?approval_code=${code}`)
}

describeOnEachEngine('what an operator agrees to, of mailboxes', (openStore) => {
  it('is that one is made, gated_send or stricter, once for each address', async () => {
    const desk = await openDesk(openStore)
    const made = await inTwo(desk, 'POST', '/v1/mailboxes', { address: 'Sales', display_name: 'Sales', oversight_mode: 'autonomous' })
    expect(made).toMatchObject({
      status: 201,
      body: {
        id: expect.stringMatching(/^mbx_/),
        address: 'sales@ours.test',
        oversight_mode: 'gated_send',
        mcp_configured: 0,
        is_active: 1,
      },
    })
    const strict = await inTwo(desk, 'POST', '/v1/mailboxes', { address_local: 'strict@ours.test', oversight_mode: 'read_only' })
    expect(strict).toMatchObject({ status: 201, body: { oversight_mode: 'read_only' } })
    expect((await desk.call(desk.ours.keys.test, 'GET', `/v1/mailboxes/sales@ours.test`)).body).toMatchObject({ id: made.body['id'] })
    const refused = async (address: string) => {
      const { status, body } = await desk.call(desk.ours.keys.testAdmin, 'POST', '/v1/mailboxes', { address_local: address })
      return [status, body['code']]
    }
    expect(await refused('SALES')).toEqual([409, 'ADDRESS_IN_USE'])
    await desk.call(desk.ours.keys.testAdmin, 'DELETE', `/v1/mailboxes/${String(made.body['id'])}`)
    expect(await refused('sales')).toEqual([409, 'ADDRESS_IN_USE'])
    for (const name of ['postmaster', 'Abuse', 'MAILER-DAEMON', 'hostmaster@ours.test'])
      expect([name, ...(await refused(name))]).toEqual([name, 409, 'ADDRESS_RESERVED'])
    const { domain_id, account_id } = await desk.store.db
      .selectFrom('mailboxes')
      .selectAll()
      .where('id', '=', desk.ours.gated.id)
      .executeTakeFirstOrThrow()
    const alias = { address: 'info@ours.test', account_id, domain_id, mailbox_id: desk.ours.gated.id, created_at: 0 }
    await desk.store.transaction((tx) => insertAlias(tx, alias))
    expect(await refused('info')).toEqual([409, 'ADDRESS_IN_USE'])
    for (const name of ['a+b', 'a b', '"a"', 'ü', 'x@theirs.test', 'x@else.test', 'a@b@ours.test', 'x\r\ny', '.a', '@ours.test'])
      expect([name, ...(await refused(name))]).toEqual([name, 400, expect.any(String)])
    expect(await desk.call(desk.ours.keys.testAdmin, 'POST', '/v1/mailboxes', { address_local: 'x', ai_disclosure: false })).toMatchObject({
      status: 400,
    })
    expect(
      await desk.call(desk.ours.keys.testAdmin, 'POST', '/v1/mailboxes', { address_local: 'x', display_name: 'A\r\nBcc: b' }),
    ).toMatchObject({
      status: 400,
    })
  })

  it('is one of two that are made at the same moment', async () => {
    const desk = await openDesk(openStore)
    const codes: string[] = []
    for (const display_name of ['One', 'Two']) {
      const { body } = await desk.call(desk.ours.keys.testAdmin, 'POST', '/v1/mailboxes', { address_local: 'race', display_name })
      codes.push(String(body['sandbox_code']))
    }
    const answers = await Promise.all(
      ['One', 'Two'].map((display_name, at) =>
        desk.call(desk.ours.keys.testAdmin, 'POST', '/v1/mailboxes', { address_local: 'race', display_name, approval_code: codes[at] }),
      ),
    )
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([201, 409])
  })

  it('is not more than the account may have, and not for a key of some mailboxes', async () => {
    const desk = await openDesk(openStore, { mostMailboxes: 1 })
    expect(await desk.call(desk.ours.keys.testAdmin, 'POST', '/v1/mailboxes', { address_local: 'two' })).toMatchObject({
      status: 403,
      body: { code: 'MAILBOX_LIMIT' },
    })
    const bound = await desk.key({ scopes: ['admin'], mailboxIds: [desk.ours.gated.id] })
    expect(await desk.call(bound, 'POST', '/v1/mailboxes', { address_local: 'two' })).toMatchObject({
      status: 403,
      body: { code: 'KEY_BOUND' },
    })
  })

  it('is who gets copies', async () => {
    const desk = await openDesk(openStore)
    const path = `/v1/mailboxes/${desk.ours.test.id}`
    for (const bad of ['a@b\r\nBcc: c@d.test', 'Ann <a@b.test>', 'ü@b.test', '"a"@b.test', ''])
      expect([bad, (await desk.call(desk.ours.keys.testAdmin, 'PATCH', path, { auto_cc: bad })).status]).toEqual([bad, 400])
    expect(await inTwo(desk, 'PATCH', path, { auto_cc: 'boss@else.test' })).toMatchObject({
      status: 200,
      body: { auto_cc: 'boss@else.test' },
    })
    // What is so already needs nobody.
    expect(await desk.call(desk.ours.keys.testAdmin, 'PATCH', path, { auto_cc: 'boss@else.test', display_name: 'Desk' })).toMatchObject({
      status: 200,
    })
    const both = { auto_cc: null, auto_bcc: 'archive@else.test', mcp_configured: 1 }
    expect(await inTwo(desk, 'PATCH', `${path}/configure`, both)).toMatchObject({
      status: 200,
      body: { auto_cc: null, auto_bcc: 'archive@else.test' },
    })
    expect(await desk.call(desk.ours.keys.testAdmin, 'PATCH', path, { auto_bcc: null, oversight_mode: 'autonomous' })).toMatchObject({
      status: 403,
    })
    const sent = await desk.call(desk.ours.keys.test, 'POST', `${path}/send`, { to: ['bo@remote.test'], subject: 's', markdown: 'm' })
    const pending = await desk.call(desk.ours.keys.testAdmin, 'GET', '/list_pending')
    expect(pending.body['messages']).toMatchObject([
      {
        id: sent.body['id'],
        bcc: ['archive@else.test'],
        automatic_copies: ['archive@else.test'],
        footer: expect.stringContaining('AI agent'),
      },
    ])
  })

  it('is who is told of what happens in a mailbox', async () => {
    const desk = await openDesk(openStore)
    const { testAdmin, test } = desk.ours.keys
    const path = `/v1/mailboxes/${desk.ours.test.id}`
    for (const bad of [
      'http://hooks.test/',
      'https://127.0.0.1/',
      'https://a:b@hooks.test/',
      'nowhere',
      `https://h.test/${'x'.repeat(2048)}`,
    ])
      for (const field of ['webhook_url', 'oversight_webhook_url'])
        expect([bad, (await desk.call(testAdmin, 'PATCH', path, { [field]: bad })).status]).toEqual([bad, 400])
    const urls = { webhook_url: 'https://hooks.test/secret', oversight_webhook_url: 'https://review.test/' }
    expect(await inTwo(desk, 'PATCH', path, urls)).toMatchObject({ status: 200, body: { status: 'updated', ...urls } })
    const { body } = await desk.call(testAdmin, 'GET', '/list_webhooks')
    expect((body['webhooks'] as { url: string; kind: string }[]).map(({ url }) => url).toSorted()).toEqual(Object.values(urls).toSorted())
    // What is so already needs nobody, nor does it that somebody is told no more.
    expect(await desk.call(testAdmin, 'PATCH', `${path}/configure`, { ...urls, display_name: 'Desk' })).toMatchObject({
      status: 200,
      body: urls,
    })
    // Who knows such an address can often post there.
    expect((await desk.call(test, 'GET', path)).body).toMatchObject({ webhook_url: 'https://hooks.test/…' })
    const none = { webhook_url: null, oversight_webhook_url: null }
    expect(await desk.call(testAdmin, 'PATCH', path, none)).toMatchObject({ status: 200, body: none })
    expect((await desk.call(testAdmin, 'GET', '/list_webhooks')).body['webhooks']).toEqual([])
    const made = await inTwo(desk, 'POST', '/v1/mailboxes', { address_local: 'told', webhook_url: 'https://hooks.test/told' })
    expect(made).toMatchObject({ status: 201, body: { webhook_url: 'https://hooks.test/told', oversight_webhook_url: null } })
    expect((await desk.call(testAdmin, 'GET', '/list_webhooks')).body['webhooks']).toMatchObject([{ url: 'https://hooks.test/told' }])
  })

  it('is whom its agent writes to without asking', async () => {
    const desk = await openDesk(openStore)
    const { testAdmin, test } = desk.ours.keys
    const path = `/v1/mailboxes/${desk.ours.test.id}/allowlist`
    for (const bad of [
      '*',
      '*@*',
      '*@test',
      '*.remote.test',
      'b*@remote.test',
      '@remote.test',
      '*@remote.test, x@y.test',
      'bo',
      'a\r\n@b.test',
    ])
      expect([bad, (await desk.call(testAdmin, 'POST', path, { pattern: bad })).status]).toEqual([bad, 400])
    const added = await inTwo(desk, 'POST', path, { pattern: '*@REMOTE.test', note: 'customers' })
    expect(added).toMatchObject({ status: 201, body: { pattern: '*@remote.test', note: 'customers', added_at: expect.any(Number) } })
    expect(await desk.call(testAdmin, 'POST', path, { pattern: '*@remote.test' })).toMatchObject({ status: 409 })
    expect((await desk.call(test, 'GET', path)).body).toMatchObject({
      count: 1,
      entries: [{ id: added.body['id'], pattern: '*@remote.test' }],
    })
    const send = async (subject: string) =>
      (await desk.call(test, 'POST', '/send_email', { to: ['Bo@remote.test'], subject, markdown: 'm' })).body['status']
    expect(await send('one')).toBe('sent')
    expect(await desk.call(testAdmin, 'DELETE', `${path}/alw_01ARZ3NDEKTSV4RRFFQ69G5FAV`)).toMatchObject({ status: 404 })
    expect(await inTwo(desk, 'DELETE', `${path}/${String(added.body['id'])}`)).toMatchObject({ status: 200, body: { status: 'removed' } })
    expect(await send('two')).toBe('pending_approval')
    expect(await desk.call(test, 'POST', path, { pattern: 'x@y.test' })).toMatchObject({ status: 403 })
  })
})
