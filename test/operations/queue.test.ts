import { expect, it } from 'vitest'
import { type Desk, openDesk } from '../support/desk.ts'
import { claimNext } from '../support/leaving.ts'
import { describeOnEachEngine } from '../support/stores.ts'

type Row = Record<string, unknown>

async function sent(desk: Desk, to: string[], subject = 'Hello'): Promise<void> {
  const letter = { mailbox_id: desk.ours.free.id, to, subject, markdown: 'Hi' }
  expect((await desk.call(desk.ours.keys.agent, 'POST', '/send_email', letter)).status).toBe(200)
}
const queue = async (desk: Desk, query = ''): Promise<Row[]> =>
  (await desk.call(desk.ours.keys.reviewer, 'GET', `/list_queue${query}`)).body['deliveries'] as Row[]

describeOnEachEngine('the queue, for reviewers and admin keys', (openStore) => {
  it('is listed with what is next first, page by page, and the look is on the record', async () => {
    const desk = await openDesk(openStore)
    await sent(desk, ['a@remote.test', 'b@remote.test', 'c@remote.test'])
    const first = await desk.call(desk.ours.keys.admin, 'GET', '/v1/queue?limit=2')
    expect(first.body['deliveries']).toMatchObject([
      { recipient: 'a@remote.test', state: 'due', attempts: 0, last_reply: null, may_be_accepted: false, mailbox_id: desk.ours.free.id },
      { recipient: 'b@remote.test' },
    ])
    const second = await desk.call(desk.ours.keys.admin, 'GET', `/v1/queue?limit=2&cursor=${String(first.body['cursor'])}`)
    expect(second.body).toMatchObject({ deliveries: [{ recipient: 'c@remote.test' }], cursor: null })
    expect(await desk.call(desk.ours.keys.admin, 'GET', '/v1/queue?cursor=nonsense')).toMatchObject({ status: 400 })
    expect(await queue(desk, `?mailbox_id=${desk.ours.gated.id}`)).toEqual([])
    const log = await desk.call(desk.ours.keys.admin, 'GET', '/get_audit_log')
    expect(log.body['entries']).toContainEqual(expect.objectContaining({ action: 'queue.listed', metadata: expect.anything() }))
    expect((await desk.call(desk.theirs.keys.admin, 'GET', '/v1/queue')).body['deliveries']).toEqual([])
  })

  it('says what is stopped, what is under way and what waits for its time', async () => {
    const desk = await openDesk(openStore)
    await sent(desk, ['a@remote.test', 'b@stopped.test', 'c@remote.test'])
    await desk.call(desk.ours.keys.reviewer, 'POST', '/stop_sending', { domain: 'stopped.test' })
    await claimNext(desk.store, { now: desk.clock.now(), leaseMs: 60_000, limit: 1, lease: 'ours' })
    await desk.store.db
      .updateTable('deliveries')
      .set({ next_attempt_at: desk.clock.now() + 1 })
      .where('forward_path', '=', 'c@remote.test')
      .execute()
    const states = (await queue(desk)).map(({ recipient, state }) => `${String(recipient)} ${String(state)}`)
    expect(states.toSorted()).toEqual(['a@remote.test under_way', 'b@stopped.test stopped', 'c@remote.test later'])
  })

  it('is hurried, and what is in it taken back, once', async () => {
    const desk = await openDesk(openStore)
    const { reviewer, agent } = desk.ours.keys
    await sent(desk, ['a@remote.test'])
    const later = desk.clock.now() + 3_600_000
    await desk.store.db.updateTable('deliveries').set({ next_attempt_at: later }).execute()
    const [waiting] = await queue(desk)
    expect(waiting).toMatchObject({ state: 'later' })
    const id = String(waiting?.['id'])
    expect(await desk.call(agent, 'POST', '/retry_delivery', { delivery_id: id })).toMatchObject({ status: 403 })
    expect(await desk.call(reviewer, 'POST', `/v1/queue/${id}/retry`)).toMatchObject({ status: 200, body: { id, status: 'due' } })
    expect(await queue(desk)).toMatchObject([{ state: 'due' }])
    expect(await desk.call(reviewer, 'POST', '/cancel_delivery', { id })).toMatchObject({ status: 200, body: { status: 'cancelled' } })
    expect(await queue(desk)).toEqual([])
    for (const path of ['/cancel_delivery', '/retry_delivery'])
      expect(await desk.call(reviewer, 'POST', path, { delivery_id: id })).toMatchObject({
        status: 409,
        body: { code: 'DELIVERY_NOT_WAITING' },
      })
    const log = await desk.call(desk.ours.keys.admin, 'GET', '/get_audit_log')
    const actions = (log.body['entries'] as Row[]).map((it) => it['action'])
    expect(actions).toEqual(expect.arrayContaining(['delivery.hurried', 'delivery.cancelled']))
  })

  it('is, for a key that is bound to mailboxes, only theirs', async () => {
    const desk = await openDesk(openStore)
    await sent(desk, ['a@remote.test'])
    const [waiting] = await queue(desk)
    const bound = await desk.key({ scopes: ['oversight'], mailboxIds: [desk.ours.gated.id] })
    expect((await desk.call(bound, 'GET', '/list_queue')).body['deliveries']).toEqual([])
    for (const path of ['/cancel_delivery', '/retry_delivery'])
      expect(await desk.call(bound, 'POST', path, { delivery_id: waiting?.['id'] })).toMatchObject({
        status: 404,
        body: { code: 'DELIVERY_NOT_FOUND' },
      })
  })
})
