import { expect, it } from 'vitest'
import { createUsage } from '../../server/identity/usage.ts'
import { silentLog } from '../../server/platform/log.ts'
import { type Desk, openDesk } from '../support/desk.ts'
import { describeOnEachEngine } from '../support/stores.ts'

const day = 86_400_000

const usageOf = async (desk: Desk, key: string, query = ''): Promise<Record<string, unknown>> => {
  const { status, body } = await desk.call(key, 'GET', `/get_usage${query}`)
  expect(status).toBe(200)
  return body
}

/** What the monthly quota has counted. */
const ofQuota = async ({ store, ours }: Desk): Promise<number> => {
  const rows = await store.db.selectFrom('monthly_messages').select('messages').where('account_id', '=', ours.accountId).execute()
  return rows.reduce((sum, { messages }) => sum + messages, 0)
}

const storedBytes = async ({ store, ours }: Desk): Promise<number> => {
  const rows = await store.db
    .selectFrom('emails')
    .select('raw_size')
    .where('account_id', '=', ours.accountId)
    .where('world', '=', 'live')
    .execute()
  return rows.reduce((sum, { raw_size }) => sum + raw_size, 0)
}

describeOnEachEngine('the usage of an account', (openStore) => {
  it('counts what was sent as the monthly quota does, whatever became of it', async () => {
    const desk = await openDesk(openStore, { monthly: 100 })
    const { agent, reviewer } = desk.ours.keys
    const done = async (path: string, body: object, key = agent): Promise<string> => {
      const answer = await desk.call(key, 'POST', path, body)
      expect([path, answer.status]).toEqual([path, 200])
      return String(answer.body['id'] ?? answer.body['email_id'])
    }
    const mail = await desk.receive(desk.ours.gated)
    const letter = { mailbox_id: desk.ours.free.id, subject: 'Hi', markdown: 'Hello' }
    await done('/send_email', { ...letter, to: ['a@remote.test', 'b@remote.test'], bcc: ['c@remote.test'] })
    const draft = await done('/draft_reply', { email_id: mail.id, markdown: 'Later.' })
    const before = await usageOf(desk, agent)
    expect(before).toMatchObject({ emails_sent: 3, monthly_email_quota: 100 })
    await done('/send_email', { draft_id: draft })
    const held = await done('/reply_email', { email_id: mail.id, markdown: 'No.' })
    await done('/decide_email', { email_id: held, action: 'reject' }, reviewer)
    const send_at = new Date(desk.clock.now() + day).toISOString()
    const later = await done('/send_email', { ...letter, to: ['d@remote.test'], send_at })
    await done('/edit_scheduled_email', { email_id: later, to: ['d@remote.test', 'e@remote.test'], markdown: 'x'.repeat(2000) })
    await done('/edit_scheduled_email', { email_id: later, markdown: 'short' })
    await done('/cancel_message', { email_id: later })
    expect(await usageOf(desk, agent)).toMatchObject({
      emails_sent: 7,
      emails_sent_this_month: 7,
      emails_received: 1,
      oversight_actions: 1,
    })
    expect(await ofQuota(desk)).toBe(7)
    expect(await usageOf(desk, agent)).toMatchObject({ emails_stored: 5, storage_used_bytes: await storedBytes(desk), is_complete: true })
  })

  it('goes on when mail became smaller in the moment in which it was handed in, whoever did that', async () => {
    const desk = await openDesk(openStore)
    const { gated, keys } = desk.ours
    const send_at = new Date(desk.clock.now() + day).toISOString()
    for (const subject of ['One', 'Two']) {
      const letter = {
        mailbox_id: gated.id,
        to: ['a@remote.test'],
        subject,
        markdown: 'x'.repeat(100_000),
        send_at,
        gate_timing: 'schedule_first',
      }
      const { body } = await desk.call(keys.agent, 'POST', '/send_email', letter)
      expect(await desk.call(keys.agent, 'POST', '/edit_scheduled_email', { email_id: body['id'], markdown: 'x' })).toMatchObject({
        status: 200,
      })
    }
    expect(await usageOf(desk, desk.theirs.keys.reader)).toMatchObject({ is_complete: true })
    expect(await usageOf(desk, keys.agent)).toMatchObject({ emails_stored: 2, storage_used_bytes: await storedBytes(desk) })
    // Even when a count is wrong already.
    await desk.store.db.updateTable('usage_days').set({ count: 0 }).where('event', '=', 'stored_bytes').execute()
    const one = await desk.call(keys.agent, 'GET', '/check_inbox?status=scheduled')
    const [{ id }] = one.body['messages'] as [{ id: string }]
    await desk.call(keys.agent, 'POST', '/edit_scheduled_email', { email_id: id, markdown: '', subject: 'T' })
    await desk.call(keys.agent, 'POST', '/edit_scheduled_email', { email_id: id, markdown: 'y', subject: 'T' })
    expect(await usageOf(desk, desk.theirs.keys.reader)).toMatchObject({ is_complete: true })
  })

  it('counts without a quota as well, and nothing of another tenant or world', async () => {
    const desk = await openDesk(openStore)
    const { agent, test, testAdmin } = desk.ours.keys
    await desk.receive(desk.theirs.gated)
    const letter = { to: ['a@remote.test'], subject: 'Hi', markdown: 'Hello' }
    await desk.call(agent, 'POST', '/send_email', { ...letter, mailbox_id: desk.ours.free.id })
    await desk.call(test, 'POST', '/send_email', { ...letter, to: ['a@remote.test', 'b@remote.test'] })
    expect(await usageOf(desk, agent)).toMatchObject({ emails_sent: 1, emails_received: 0, api_calls: 2, monthly_email_quota: null })
    expect(await usageOf(desk, testAdmin)).toMatchObject({ emails_sent: 2, emails_received: 0, api_calls: 2 })
    expect(await usageOf(desk, desk.theirs.keys.reader)).toMatchObject({ emails_sent: 0, emails_received: 1, api_calls: 1 })
  })

  it('shows each day by itself, and the days that are asked for only', async () => {
    const desk = await openDesk(openStore)
    const { agent, reader } = desk.ours.keys
    const letter = { mailbox_id: desk.ours.free.id, to: ['a@remote.test'], subject: 'Hi', markdown: 'Hello' }
    await desk.call(agent, 'POST', '/send_email', letter)
    await desk.clock.advance(2 * day)
    await desk.receive(desk.ours.gated)
    await desk.call(agent, 'POST', '/send_email', { ...letter, subject: 'Again' })
    const daily = await usageOf(desk, reader, '?breakdown=daily')
    expect(daily).toMatchObject({ from: '2026-03-01T00:00:00.000Z', to: '2026-03-05T00:00:00.000Z', emails_sent: 2, breakdown: 'daily' })
    expect(daily['data']).toEqual([
      { date: '2026-03-02', event_type: 'api_calls', count: 1 },
      { date: '2026-03-02', event_type: 'emails_sent', count: 1 },
      { date: '2026-03-04', event_type: 'api_calls', count: 2 },
      { date: '2026-03-04', event_type: 'emails_received', count: 1 },
      { date: '2026-03-04', event_type: 'emails_sent', count: 1 },
    ])
    const first = await usageOf(desk, reader, '?from=2026-03-02&to=2026-03-03T23:59:59Z')
    expect(first).toMatchObject({ emails_sent: 1, emails_received: 0, emails_sent_this_month: 2, emails_stored: 3 })
    expect(first).not.toHaveProperty('data')
    expect(await usageOf(desk, reader, '?from=1970-01-01&to=2026-03-01')).toMatchObject({ emails_sent: 0, api_calls: 0 })
    await desk.clock.advance(40 * day)
    expect(await usageOf(desk, reader)).toMatchObject({ emails_sent: 0, emails_sent_this_month: 0, emails_stored: 3 })
    for (const query of ['?from=2026-03-03&to=2026-03-02', '?from=2020-01-01&breakdown=daily', '?from=soon', '?breakdown=hourly'])
      expect((await desk.call(reader, 'GET', `/get_usage${query}`)).status).toBe(400)
  })

  it('takes and gives epoch ms, and the words of old clients, under /v1', async () => {
    const desk = await openDesk(openStore)
    const { reader } = desk.ours.keys
    const [from, to] = [Date.parse('2026-03-02'), Date.parse('2026-03-02T10:00:00Z')]
    const whole = { from, to: from + day, api_calls: 1, monthly_email_quota: 2_147_483_647 }
    expect((await desk.call(reader, 'GET', `/v1/usage?from=${from}&to=${to}&period=summary&limit=100`)).body).toMatchObject(whole)
    const { body } = await desk.call(reader, 'GET', '/v1/usage?period=daily')
    expect(body).toMatchObject({ breakdown: 'daily', data: [{ date: '2026-03-02', event_type: 'api_calls', count: 2 }] })
  })

  it('counts everything once, however many count, and says when it is not through', async () => {
    const desk = await openDesk(openStore)
    const another = createUsage({ store: desk.store, clock: desk.clock, log: silentLog, mostOnDemand: 10 })
    for (let n = 0; n < 30; n++) await desk.receive(desk.ours.gated)
    expect(await another.catchUp()).toBe(false)
    await Promise.all(Array.from({ length: 4 }, () => [desk.usage.catchUp(), another.catchUp()]).flat())
    while (!(await another.catchUp()));
    expect(await usageOf(desk, desk.ours.keys.reader)).toMatchObject({ emails_received: 30, emails_stored: 30, is_complete: true })
  })

  it('has on the record that it was looked at', async () => {
    const desk = await openDesk(openStore)
    await usageOf(desk, desk.ours.keys.reader)
    const { body } = await desk.call(desk.ours.keys.admin, 'GET', '/get_audit_log')
    expect(body['entries']).toContainEqual(expect.objectContaining({ action: 'usage.read', resource_id: desk.ours.accountId }))
  })
})
