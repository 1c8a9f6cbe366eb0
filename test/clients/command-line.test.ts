import { expect, it } from 'vitest'
import { openDesk } from '../support/desk.ts'
import { asCommandLine } from '../support/old-clients.ts'
import { furnishScene } from '../support/scene.ts'
import { forPeople } from '../support/signup.ts'
import { describeOnOneEngine } from '../support/stores.ts'

type Item = Record<string, unknown>
/** Its rule for finding the list in an answer. */
function listIn(body: unknown): unknown {
  if (Array.isArray(body)) return body
  const whole = body as Item
  for (const key of ['data', 'results', 'items', 'records', 'nodes', 'entries']) if (Array.isArray(whole[key])) return whole[key]
  const arrays = Object.values(whole).filter((value) => Array.isArray(value))
  return arrays.length === 1 ? arrays[0] : undefined
}

const synced = [
  '/v1/account',
  '/v1/api-keys',
  '/v1/audit-log',
  '/v1/contacts',
  '/v1/domains',
  '/v1/emails',
  '/v1/mailboxes',
  '/v1/suppression',
  '/v1/webhook-deliveries',
  '/v1/webhooks',
  '/health',
] as const

describeOnOneEngine('multimail-pp-cli', (openStore) => {
  it('doctor: the root is 200 and JSON, with both headers, either, or none', async () => {
    const desk = await openDesk(openStore)
    const { agent } = desk.ours.keys
    for (const headers of [{}, { 'x-api-key': agent }, { authorization: `Bearer ${agent}`, 'x-api-key': agent }])
      expect(await desk.call(null, 'GET', '/', undefined, headers)).toMatchObject({ status: 200, body: { status: 'ok' } })
  })

  it('sync: everything it fetches answers, with its paging and a time in since_id; each list is found, and each record has a name', async () => {
    const desk = await openDesk(openStore)
    const { mailbox_id } = await furnishScene(desk, desk.ours)
    const admin = asCommandLine(desk, desk.ours.keys.admin)
    await desk.call(desk.ours.keys.agent, 'POST', `/v1/emails/${String((await desk.receive(desk.ours.gated)).id)}/report-spam`)
    for (const path of [...synced, `/v1/mailboxes/${mailbox_id}/emails`]) {
      const { status, body } = await admin('GET', path)
      expect([path, status]).toEqual([path, 200])
      if (path === '/health' || path === '/v1/account') continue
      const list = listIn(body) as Item[] | undefined
      expect([path, list?.length]).toEqual([path, expect.any(Number)])
      expect([path, list?.length]).not.toEqual([path, 0])
      for (const item of list ?? [])
        expect([path, item['id'] ?? item['name'] ?? item['slug'] ?? item['key']]).toEqual([path, expect.any(String)])
    }
  })

  it('sync: usage, the export and the operator’s session answer like the others', async () => {
    const desk = await openDesk(openStore)
    await furnishScene(desk, desk.ours)
    const admin = asCommandLine(desk, desk.ours.keys.admin)
    expect(await admin('GET', '/v1/usage')).toMatchObject({ status: 200, body: { emails_received: expect.any(Number) } })
    expect(await admin('GET', '/v1/export')).toMatchObject({ status: 200, body: { account: { id: desk.ours.accountId } } })
    expect(await admin('GET', '/v1/operator/session')).toMatchObject({ status: 200, body: { active: false } })
  })

  it('sync: /v1/confirm leads to a page once, and not round in a circle', async () => {
    const desk = await openDesk(openStore, { signup: forPeople })
    const query = `?limit=100&cursor=&since_id=${encodeURIComponent('2026-01-01T00:00:00Z')}`
    const answer = await fetch(`${desk.url}/v1/confirm${query}`, { redirect: 'manual', headers: { 'x-api-key': desk.ours.keys.admin } })
    expect(answer.status).toBeGreaterThanOrEqual(301)
    const page = await fetch(new URL(answer.headers.get('location') ?? '', desk.url), { redirect: 'manual' })
    expect([page.status, page.headers.get('content-type')]).toEqual([200, expect.stringMatching(/^text\/html/)])
  })

  it('since_id: a time is one to start after', async () => {
    const desk = await openDesk(openStore)
    const { gated, keys } = desk.ours
    await desk.receive(gated)
    const path = `/v1/mailboxes/${gated.id}/emails?limit=100&cursor=&since_id=`
    const count = async (time: string): Promise<number> =>
      ((await desk.call(keys.agent, 'GET', path + encodeURIComponent(time))).body['emails'] as unknown[]).length
    expect([
      await count('2026-03-02T08:59:59Z'),
      await count('2026-03-02T10:00:00+00:00'),
      await count('2026-03-02T11:30:00.5+01:00'),
    ]).toEqual([1, 0, 0])
  })

  it('cursors are texts, each another one, and null at the end', async () => {
    const desk = await openDesk(openStore)
    const { gated, keys } = desk.ours
    for (let count = 0; count < 5; count += 1) await desk.receive(gated)
    for (const [key, path] of [
      [keys.agent, `/v1/mailboxes/${gated.id}/emails?limit=2`],
      [keys.admin, '/v1/audit-log?limit=2'],
    ] as const) {
      const cursors: unknown[] = []
      let cursor = ''
      do {
        const { body } = await desk.call(key, 'GET', `${path}&cursor=${encodeURIComponent(cursor)}`)
        if (body['cursor'] === null) break
        cursor = body['cursor'] as string
        cursors.push(cursor)
      } while (cursors.length < 50)
      expect(cursors.length).toBeGreaterThan(1)
      expect(cursors.length).toBeLessThan(50)
      expect(cursors.every((one) => typeof one === 'string')).toBe(true)
      expect(new Set(cursors).size).toBe(cursors.length)
    }
  })

  it('bulk-decide: finds what waits in data, and posts an id and an action', async () => {
    const desk = await openDesk(openStore)
    const { gated, keys } = desk.ours
    const letter = { to: ['bo@remote.test'], subject: 'Hi', markdown: 'Hello' }
    await desk.call(keys.agent, 'POST', `/v1/mailboxes/${gated.id}/send`, letter)
    const reviewer = asCommandLine(desk, keys.reviewer)
    const [item] = listIn((await reviewer('GET', '/v1/oversight/pending')).body) as Item[]
    expect(item).toMatchObject({ id: expect.any(String), mailbox_id: gated.id, from: gated.address, created_at: expect.any(String) })
    const decided = await reviewer('POST', '/v1/oversight/decide', { email_id: item?.['id'], action: 'approve' })
    expect(decided).toMatchObject({ status: 200, body: { status: 'approved_and_sent' } })
  })

  it('analytics: decisions and changes of autonomy are on the record under words that it looks for', async () => {
    const desk = await openDesk(openStore)
    const { gated, keys } = desk.ours
    const send = async (subject: string): Promise<unknown> =>
      (await desk.call(keys.agent, 'POST', `/v1/mailboxes/${gated.id}/send`, { to: ['bo@remote.test'], subject, markdown: 'x' })).body['id']
    for (const action of ['approve', 'reject'])
      await desk.call(keys.reviewer, 'POST', '/v1/oversight/decide', { email_id: await send(action), action })
    await desk.call(keys.agent, 'POST', `/v1/mailboxes/${gated.id}/request-upgrade`, { target_mode: 'autonomous' })
    const entries = listIn((await asCommandLine(desk, keys.admin)('GET', '/v1/audit-log')).body) as Item[]
    const of = (pattern: RegExp): Item[] => entries.filter(({ action }) => pattern.test(String(action)))
    expect([of(/approve/).length > 0, of(/reject/).length]).toEqual([true, 1])
    const mailboxIn = ({ mailbox_id, resource_id, metadata }: Item): unknown[] => [
      mailbox_id,
      resource_id,
      (metadata as Item | null)?.['mailbox_id'],
    ]
    for (const entry of [...of(/^email\.approve/), ...of(/reject/)]) expect(mailboxIn(entry)).toContain(gated.id)
    const [upgrade] = of(/upgrade_requested/)
    expect(mailboxIn(upgrade ?? {})).toContain(gated.id)
    expect(upgrade?.['metadata']).toMatchObject({ from_mode: 'gated_send', to_mode: 'autonomous' })
  })

  it('inbox and fleet: is_read of an email, is_active of a mailbox, the status of a domain and of a delivery', async () => {
    const desk = await openDesk(openStore)
    await furnishScene(desk, desk.ours)
    const admin = asCommandLine(desk, desk.ours.keys.admin)
    const first = async (path: string): Promise<Item | undefined> => (listIn((await admin('GET', path)).body) as Item[])[0]
    expect(await first(`/v1/mailboxes/${desk.ours.gated.id}/emails`)).toMatchObject({ is_read: expect.any(Boolean) })
    expect(await first('/v1/mailboxes')).toMatchObject({ is_active: 1 })
    expect(['pending', 'active']).toContain((await first('/v1/domains'))?.['status'])
    expect(['pending', 'delivered', 'failed']).toContain((await first('/v1/webhook-deliveries'))?.['status'])
  })

  it('retries: what is sent twice with one idempotency key is sent once', async () => {
    const desk = await openDesk(openStore)
    const { gated, keys } = desk.ours
    const letter = { to: ['bo@remote.test'], subject: 'Hi', markdown: 'Hello', idempotency_key: 'retry' }
    const agent = asCommandLine(desk, keys.agent)
    const [one, two] = [
      await agent('POST', `/v1/mailboxes/${gated.id}/send`, letter),
      await agent('POST', `/v1/mailboxes/${gated.id}/send`, letter),
    ]
    expect([one.status, two.status, two.body['id']]).toEqual([202, 200, one.body['id']])
  })

  it('allowlist: an entry is taken off without a code once the operator has agreed', async () => {
    const desk = await openDesk(openStore)
    const { mailbox_id, allowlist_entry_id } = await furnishScene(desk, desk.ours)
    const admin = asCommandLine(desk, desk.ours.keys.admin)
    const path = `/v1/mailboxes/${mailbox_id}/allowlist/${allowlist_entry_id}`
    expect(await admin('DELETE', path)).toMatchObject({
      status: 202,
      body: { status: 'pending_approval', approval_id: expect.any(String) },
    })
    const agreed = await openDesk(openStore, { adminApproval: 'off' })
    const scene = await furnishScene(agreed, agreed.ours)
    const gone = await asCommandLine(agreed, agreed.ours.keys.admin)(
      'DELETE',
      `/v1/mailboxes/${scene['mailbox_id']}/allowlist/${scene['allowlist_entry_id']}`,
    )
    expect(gone.status).toBe(200)
  })

  it('exit codes: the class of each failure is its status', async () => {
    const desk = await openDesk(openStore)
    const { gated, keys } = desk.ours
    const statuses = [
      await asCommandLine(desk, 'mm_live_no')('GET', '/v1/mailboxes'),
      await asCommandLine(desk, keys.reader)('POST', `/v1/mailboxes/${gated.id}/send`, {}),
      await asCommandLine(desk, keys.agent)('GET', `/v1/mailboxes/mbx_none`),
      await asCommandLine(desk, keys.agent)('POST', `/v1/mailboxes/${gated.id}/send`, {}),
    ].map(({ status }) => status)
    expect(statuses).toEqual([401, 403, 404, 400])
  })
})
