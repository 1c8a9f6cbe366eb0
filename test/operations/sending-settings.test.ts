import { expect, it } from 'vitest'
import { noteSending } from '../../server/outbound/standing/standing.ts'
import { appendLogs } from '../../server/store/log.ts'
import { mailboxById } from '../../server/store/mailboxes.ts'
import { type Desk, openDesk } from '../support/desk.ts'
import { describeOnEachEngine } from '../support/stores.ts'

describeOnEachEngine('how a mailbox sends', (openStore) => {
  it('is chosen by admin keys, on the record, and stays where nothing is said', async () => {
    const desk = await openDesk(openStore, { caps: { hour: null, day: 100, new: 20 } })
    const { admin, agent } = desk.ours.keys
    const path = `/v1/mailboxes/${desk.ours.free.id}/sending`
    const standard = { opens: false, delivery_notices: false, hourly_limit: null, daily_limit: 100, new_recipients_limit: 20 }
    expect(await desk.call(admin, 'GET', path)).toMatchObject({ status: 200, body: { mailbox_id: desk.ours.free.id, ...standard } })
    const chosen = { opens: true, delivery_notices: true, hourly_limit: 5, daily_limit: 'none' }
    expect(await desk.call(admin, 'POST', path, chosen)).toMatchObject({
      status: 200,
      body: { opens: true, delivery_notices: true, hourly_limit: 5, daily_limit: null, new_recipients_limit: 20 },
    })
    expect((await desk.call(admin, 'POST', path, { daily_limit: 'standard' })).body).toMatchObject({ opens: true, daily_limit: 100 })
    for (const wrong of [{ hourly_limit: -1 }, { daily_limit: 'many' }, { opens: 'yes' }, { hourly_limit: 1e9 }])
      expect((await desk.call(admin, 'POST', path, wrong)).status).toBe(400)
    expect((await desk.call(agent, 'POST', path, chosen)).status).toBe(403)
    const log = await desk.call(admin, 'GET', '/get_audit_log?limit=100')
    const entries = (log.body['entries'] as { action: string; actor_key_id: string }[]).filter(({ action }) =>
      action.startsWith('mailbox.'),
    )
    expect(entries.map(({ action }) => action).toSorted()).toEqual([
      'mailbox.limited',
      'mailbox.limited',
      'mailbox.notices_set',
      'mailbox.opens_set',
      'mailbox.settings_read',
    ])
  })
})

describeOnEachEngine('a mailbox that was suspended', (openStore) => {
  const suspended = async () => {
    const desk = await openDesk(openStore)
    const { id } = desk.ours.free
    await desk.store.transaction(async (tx) => appendLogs(tx, await noteSending(tx, id, { delivered: 80, bounced: 20 }, desk.clock.now())))
    expect((await send(desk)).status).toBe(403)
    return { desk, id }
  }
  const send = (desk: Desk) =>
    desk.call(desk.ours.keys.agent, 'POST', '/send_email', {
      mailbox: desk.ours.free.address,
      to: ['bo@remote.test'],
      subject: 's',
      markdown: 'm',
    })
  const lift = (desk: Desk, key: string, more: object = { reason: 'The list was cleaned.' }) =>
    desk.call(key, 'POST', '/lift_enforcement', { mailbox_id: desk.ours.free.id, ...more })

  it('sends again when a reviewer lifts it, with a reason, and still asks first', async () => {
    const { desk, id } = await suspended()
    const { reviewer, admin, agent } = desk.ours.keys
    expect((await lift(desk, agent)).status).toBe(403)
    // An admin key may send, so it might pardon itself.
    expect((await lift(desk, admin)).status).toBe(403)
    expect((await lift(desk, reviewer, {})).status).toBe(400)
    expect((await lift(desk, reviewer, { reason: ' ' })).status).toBe(400)
    expect(await lift(desk, reviewer)).toMatchObject({
      status: 200,
      body: { status: 'lifted', mailbox_id: id, previous_tier: 'suspension', oversight_mode: 'gated_send' },
    })
    expect(await send(desk)).toMatchObject({ status: 200, body: { status: 'pending_approval' } })
    expect((await lift(desk, reviewer)).body).toMatchObject({ status: 'unchanged', previous_tier: null })
    const rows = await desk.store.db.selectFrom('log_entries').selectAll().where('action', '=', 'mailbox.standing_lifted').execute()
    expect(rows).toMatchObject([{ resource_id: id, actor_id: expect.stringMatching(/^key_/) }])
    expect(rows[0]?.body).toContain('"counted":{"bounced":20,"complained":0,"delivered":80}')
    expect(rows[0]?.details_json).toContain('The list was cleaned.')
  })

  it('is not suspended again by the next bounce, but by new ones as any other', async () => {
    const { desk, id } = await suspended()
    await lift(desk, desk.ours.keys.reviewer)
    const more = (bounced: number, delivered: number) =>
      desk.store.transaction(async (tx) => appendLogs(tx, await noteSending(tx, id, { delivered, bounced }, desk.clock.now())))
    await more(1, 0)
    expect((await send(desk)).status).toBe(200)
    await more(5, 20)
    expect((await send(desk)).status).toBe(403)
    expect((await mailboxById(desk.store.db, id))?.oversight_mode).toBe('gated_send')
  })
})
