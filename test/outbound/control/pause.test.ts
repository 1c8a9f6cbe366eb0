import { describe, expect, it } from 'vitest'
import { recoverPerson } from '../../../server/identity/people/on-host.ts'
import { type OversightMode, isHigher, oversightModes } from '../../../server/model/email.ts'
import { stopSending } from '../../../server/outbound/control/stops.ts'
import { pausedMode } from '../../../server/outbound/control/pause.ts'
import { isStopped, listStops } from '../../../server/store/stops.ts'
import { claimNext } from '../../support/leaving.ts'
import { ann, signedIn } from '../../support/browser.ts'
import { type Desk, type Mailbox, openDesk } from '../../support/desk.ts'
import { describeOnEachEngine } from '../../support/stores.ts'

const letter = { to: ['bo@remote.test'], subject: 'An offer', markdown: 'It costs 5.' }
let letters = 0
const send = (desk: Desk, mailbox = desk.ours.gated) =>
  desk.call(desk.ours.keys.agent, 'POST', '/send_email', { mailbox_id: mailbox.id, ...letter, subject: `Offer ${(letters += 1)}` })
const modeOf = async ({ store }: Desk, { id }: Mailbox): Promise<OversightMode> =>
  (await store.db.selectFrom('mailboxes').select('oversight_mode').where('id', '=', id).executeTakeFirstOrThrow()).oversight_mode
const actionsOf = async ({ store }: Desk) =>
  (await store.db.selectFrom('log_entries').select('action').orderBy('seq').execute()).map(({ action }) => action)

describe('the mode of a paused mailbox', () => {
  it('is never higher than before, and lets arriving mail through to nobody whom it did not reach', () => {
    for (const mode of oversightModes) {
      expect(isHigher(pausedMode(mode), mode)).toBe(false)
      expect(pausedMode(mode)).toBe(mode === 'gated_all' ? 'gated_all' : 'read_only')
    }
  })
})

describeOnEachEngine('pausing an agent', (openStore) => {
  it('refuses what it hands in from then on, and keeps what was approved where it is', async () => {
    const desk = await openDesk(openStore)
    const { agent, reviewer } = desk.ours.keys
    const [waiting, approved] = [(await send(desk)).body['id'], (await send(desk)).body['id']]
    await desk.call(reviewer, 'POST', '/decide_email', { email_id: approved, action: 'approve' })
    const paused = await desk.call(reviewer, 'POST', '/pause_agent', { email_id: waiting, reason: 'It writes to the wrong people.' })
    expect(paused).toMatchObject({
      status: 200,
      body: { status: 'paused', previous_mode: 'gated_send', oversight_mode: 'read_only', sending_stopped: true },
    })
    for (const [path, body] of [
      ['/send_email', { mailbox_id: desk.ours.gated.id, ...letter }],
      ['/draft_reply', { email_id: (await desk.receive(desk.ours.gated)).id, markdown: 'hi' }],
    ] as const)
      expect(await desk.call(agent, 'POST', path, body)).toMatchObject({
        status: 403,
        body: { code: 'READ_ONLY_MAILBOX', error: expect.stringContaining('Somebody has stopped this mailbox') },
      })
    // What was let go before stays in the queue, and other mailboxes go on.
    const stops = await listStops(desk.store.db)
    const deliveries = await desk.store.db.selectFrom('deliveries').selectAll().execute()
    expect(deliveries.map((one) => isStopped(stops, one))).toEqual([true])
    expect((await send(desk, desk.ours.free)).status).toBe(200)
    // What waits goes on waiting, and can be decided on.
    const decided = await desk.call(reviewer, 'POST', '/decide_email', { email_id: waiting, action: 'reject', reason: 'no' })
    expect(decided).toMatchObject({ status: 200, body: { status: 'rejected' } })
    expect(await desk.call(reviewer, 'POST', '/pause_agent', { mailbox_id: desk.ours.gated.id })).toMatchObject({
      body: { status: 'unchanged' },
    })
    expect((await actionsOf(desk)).filter((action) => /stopped|lowered/.test(action))).toEqual(['mailbox.mode_lowered', 'sending.stopped'])
  })

  it('comes back by a person only: the mode by the operator’s code', async () => {
    const desk = await openDesk(openStore)
    const { agent, reviewer } = desk.ours.keys
    const { id } = desk.ours.free
    await desk.call(reviewer, 'POST', '/pause_agent', { mailbox_id: id })
    expect(await modeOf(desk, desk.ours.free)).toBe('read_only')
    const wanted = { mailbox_id: id, target_mode: 'autonomous' }
    expect((await desk.call(agent, 'POST', '/request_upgrade', wanted)).status).toBe(200)
    expect(await desk.call(agent, 'POST', '/apply_upgrade', { mailbox_id: id, code: 'AAAA-AAAA' })).toMatchObject({ status: 403 })
    expect((await send(desk, desk.ours.free)).status).toBe(403)
    const letterText = (await desk.store.db.selectFrom('operator_mails').select('body').executeTakeFirstOrThrow()).body
    const code = /code: (\S+)/.exec(letterText)?.[1]
    expect((await desk.call(agent, 'POST', '/apply_upgrade', { mailbox_id: id, code })).status).toBe(200)
    expect((await send(desk, desk.ours.free)).status).toBe(200)
    // The queue is another thing, and is resumed by whoever may.
    expect(await desk.call(agent, 'POST', '/resume_sending', { mailbox_id: id })).toMatchObject({ status: 403 })
    expect((await desk.call(reviewer, 'POST', '/resume_sending', { mailbox_id: id })).body).toMatchObject({ changed: true })
  })

  it('leaves a gated_all mailbox as it is, where each email waits for a person, and stops its queue', async () => {
    const desk = await openDesk(openStore)
    const { guarded } = desk.ours
    expect((await desk.call(desk.ours.keys.reviewer, 'POST', '/pause_agent', { mailbox_id: guarded.id })).body).toMatchObject({
      status: 'paused',
      oversight_mode: 'gated_all',
      sending_stopped: true,
    })
    expect((await send(desk, guarded)).body).toMatchObject({ status: 'pending_approval' })
  })

  it('stops also when too much is stopped one by one already, by others or by themselves', async () => {
    const desk = await openDesk(openStore)
    const actor = { kind: 'system', part: 'host' } as const
    const { accountId } = desk.ours
    for (let n = 0; n < 50; n += 1) {
      const scope = { account_id: accountId, world: 'live' as const, mailbox_id: null, domain: `d${n}.example` as never }
      await stopSending(desk, { scope, actor })
    }
    const paused = await desk.call(desk.ours.keys.reviewer, 'POST', '/pause_agent', { mailbox_id: desk.ours.gated.id })
    expect(paused.body).toMatchObject({ status: 'paused', oversight_mode: 'read_only', sending_stopped: true })
  })

  it('is done by people who have signed in, and not by a session that has ended', async () => {
    const desk = await openDesk(openStore)
    const browser = await signedIn(desk, desk.ours.accountId)
    const stranger = await signedIn(desk, desk.theirs.accountId, 'bo@elsewhere.example')
    const { id } = (await send(desk)).body
    expect(await stranger.post('/session/pause', { email_id: id })).toMatchObject({ status: 404 })
    expect(await browser.post('/session/pause', { email_id: id, reason: 'why' })).toMatchObject({ status: 200, body: { status: 'paused' } })
    const stop = await desk.store.db.selectFrom('sending_stops').select(['actor_id', 'reason']).executeTakeFirstOrThrow()
    expect(stop).toMatchObject({ actor_id: expect.stringMatching(/^per_/), reason: 'why' })
    await recoverPerson(desk, desk.ours.accountId, ann)
    expect(await browser.post('/session/pause', { email_id: id })).toMatchObject({ status: 403 })
  })

  it('takes exactly one name', async () => {
    const desk = await openDesk(openStore)
    const { reviewer, agent } = desk.ours.keys
    const { id } = (await send(desk)).body
    for (const body of [{}, { email_id: id, mailbox_id: desk.ours.gated.id }])
      expect(await desk.call(reviewer, 'POST', '/pause_agent', body)).toMatchObject({ status: 400, body: { code: 'BAD_INPUT' } })
    expect(await desk.call(agent, 'POST', '/pause_agent', { email_id: id })).toMatchObject({ status: 403, body: { code: 'SCOPE_MISSING' } })
  })

  it('meets a submission and an attempt at the same moment: neither is let through that begins after it', async () => {
    const desk = await openDesk(openStore)
    const { reviewer } = desk.ours.keys
    const [, sent] = await Promise.all([
      desk.call(reviewer, 'POST', '/pause_agent', { mailbox_id: desk.ours.free.id }),
      send(desk, desk.ours.free),
    ])
    // It was handed in before, and waits in a queue that is stopped; or it was refused.
    expect([200, 403]).toContain(sent.status)
    const claimed = await claimNext(desk.store, { now: desk.clock.now(), leaseMs: 1000, limit: 9, lease: 'ours' })
    expect(claimed).toEqual([])
  })
})
