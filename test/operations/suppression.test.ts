import { expect, it } from 'vitest'
import { setStanding } from '../../server/store/standings.ts'
import { type Answer, type Desk, type Office, openDesk } from '../support/desk.ts'
import { describeOnEachEngine } from '../support/stores.ts'

const day = 24 * 60 * 60_000

describeOnEachEngine('the suppression list, for who runs the place', (openStore) => {
  const add = (desk: Desk, address: string, more: object = {}, key = desk.ours.keys.admin): Promise<Answer> =>
    desk.call(key, 'POST', '/v1/suppression', { email_address: address, ...more })
  const list = async (desk: Desk, query = '', key = desk.ours.keys.admin) => (await desk.call(key, 'GET', `/v1/suppression${query}`)).body
  const send = (desk: Desk, to: string[], office: Office = desk.ours) =>
    desk.call(office.keys.agent, 'POST', '/send_email', { mailbox: office.free.address, to, subject: 's', markdown: 'm' })

  it('is listed newest first, page by page, and put on the record', async () => {
    const desk = await openDesk(openStore)
    expect(await add(desk, 'A@remote.test')).toMatchObject({
      status: 200,
      body: { id: expect.stringMatching(/^sup_/), email_address: 'a@remote.test', reason: 'manual', mailbox_id: null, expires_at: null },
    })
    await add(desk, 'b@remote.test', { expires_at: new Date(desk.clock.now() + day).toISOString() })
    const first = await list(desk, '?limit=1')
    expect(first).toMatchObject({ suppressions: [{ email_address: 'b@remote.test', expires_at: '2026-03-03T09:00:00.000Z' }] })
    const second = await list(desk, `?limit=1&cursor=${String(first['cursor'])}`)
    expect(second).toMatchObject({ suppressions: [{ email_address: 'a@remote.test' }], cursor: null })
    expect(await list(desk, '?email_address=B@remote.test')).toMatchObject({ suppressions: [{ email_address: 'b@remote.test' }] })
    await desk.clock.advance(day)
    expect((await list(desk))['suppressions']).toHaveLength(1)
    const log = await desk.call(desk.ours.keys.admin, 'GET', '/get_audit_log?limit=100')
    const actions = (log.body['entries'] as { action: string }[]).map(({ action }) => action)
    expect(actions.filter((action) => action === 'suppression.added')).toHaveLength(2)
    expect(actions).toContain('suppressions.listed')
  })

  it('refuses mail to somebody on it, until the address is taken off', async () => {
    const desk = await openDesk(openStore)
    await add(desk, 'bo@remote.test')
    expect(await send(desk, ['Bo@remote.test'])).toMatchObject({
      status: 400,
      body: {
        code: 'RECIPIENT_SUPPRESSED',
        error: 'Every recipient is on the suppression list',
        fix: expect.stringContaining('Do not send it again'),
      },
    })
    expect((await send(desk, ['bo@remote.test', 'cy@remote.test'])).status).toBe(200)
    const removed = await desk.call(desk.ours.keys.admin, 'DELETE', '/v1/suppression/bo@remote.test')
    expect(removed).toMatchObject({ status: 200, body: { status: 'removed', email_address: 'bo@remote.test' } })
    expect((await send(desk, ['bo@remote.test'])).status).toBe(200)
    expect(await desk.call(desk.ours.keys.admin, 'DELETE', '/v1/suppression/bo%40remote.test')).toMatchObject({
      status: 404,
      body: { code: 'SUPPRESSION_NOT_FOUND' },
    })
  })

  it('is each tenant’s own, of each world its own, and not for a key of some mailboxes', async () => {
    const desk = await openDesk(openStore)
    await add(desk, 'bo@remote.test', {}, desk.theirs.keys.admin)
    await add(desk, 'bo@remote.test', {}, desk.ours.keys.testAdmin)
    expect(await list(desk)).toMatchObject({ suppressions: [] })
    expect((await send(desk, ['bo@remote.test'])).status).toBe(200)
    expect((await send(desk, ['bo@remote.test'], desk.theirs)).status).toBe(400)
    expect((await desk.call(desk.ours.keys.admin, 'DELETE', '/v1/suppression/bo@remote.test')).status).toBe(404)
    expect(await list(desk, '', desk.theirs.keys.admin)).toMatchObject({ suppressions: [{ email_address: 'bo@remote.test' }] })
    expect(await list(desk, '', desk.ours.keys.testAdmin)).toMatchObject({ suppressions: [{ email_address: 'bo@remote.test' }] })
  })

  it('takes addresses and times that make sense', async () => {
    const desk = await openDesk(openStore)
    for (const address of ['', 'nobody', 'a@b@c', 'a@remote.test\r\nX: y', `${'a'.repeat(400)}@remote.test`])
      expect((await add(desk, address)).status).toBe(400)
    expect((await add(desk, 'bo@remote.test', { expires_at: '2020-01-01T00:00:00Z' })).status).toBe(400)
    expect((await desk.call(desk.ours.keys.admin, 'DELETE', '/v1/suppression/nobody')).status).toBe(400)
    expect(await list(desk)).toMatchObject({ suppressions: [] })
  })
})

describeOnEachEngine('a mailbox whose mail bounced', (openStore) => {
  it('says how it stands, and takes no more mail while it is suspended', async () => {
    const desk = await openDesk(openStore)
    const { free, keys } = desk.ours
    const mailboxes = async () => (await desk.call(keys.agent, 'GET', '/list_mailboxes')).body['mailboxes'] as Record<string, unknown>[]
    await desk.store.transaction((tx) => setStanding(tx, free.id, { tier: 'termination', reason: 'because', since: desk.clock.now() }))
    expect((await mailboxes()).find(({ id }) => id === free.id)).toMatchObject({
      enforcement_tier: 'termination',
      sending_disabled: true,
      sending_disabled_reason: 'because',
    })
    expect((await mailboxes()).find(({ id }) => id !== free.id)).toMatchObject({
      enforcement_tier: null,
      sending_disabled: false,
      sending_disabled_reason: null,
    })
    const input = { mailbox: free.address, to: ['bo@remote.test'], subject: 's', markdown: 'm' }
    expect(await desk.call(keys.agent, 'POST', '/send_email', input)).toMatchObject({
      status: 403,
      body: { code: 'SENDING_DISABLED', error: expect.stringContaining('because') },
    })
  })
})
