import { expect, it } from 'vitest'
import { createScheduler } from '../../server/outbound/scheduled.ts'
import { silentLog } from '../../server/platform/log.ts'
import { emailById } from '../../server/store/emails.ts'
import { eventsAfter } from '../../server/store/events.ts'
import { listLog } from '../../server/store/log.ts'
import { ann, signedIn } from '../support/browser.ts'
import { type Desk, openDesk } from '../support/desk.ts'
import { describeOnEachEngine } from '../support/stores.ts'

const hour = 3_600_000
let count = 0

const schedulerOf = ({ store, clock }: Desk) =>
  createScheduler({ store, clock, log: silentLog, onReleased: () => {}, holdExpiryMs: 72 * hour, giveUpAfterMs: 120 * hour })
const window = (desk: Desk, undo_window_seconds: unknown, mailbox = desk.ours.gated, key = desk.ours.keys.admin) =>
  desk.call(key, 'PATCH', `/v1/mailboxes/${mailbox.id}`, { undo_window_seconds })
async function held(desk: Desk, more: object = {}, key = desk.ours.keys.agent, mailbox = desk.ours.gated): Promise<string> {
  const letter = { mailbox_id: mailbox.id, to: ['cy@remote.test'], subject: `Offer ${(count += 1)}`, markdown: 'It costs 5.' }
  const { status, body } = await desk.call(key, 'POST', '/send_email', { ...letter, ...more })
  if (status !== 200) throw new Error(JSON.stringify(body))
  return String(body['id'])
}
const approve = (desk: Desk, email_id: string, key = desk.ours.keys.reviewer) =>
  desk.call(key, 'POST', '/decide_email', { email_id, action: 'approve' })
const undo = (desk: Desk, email_id: string, key = desk.ours.keys.reviewer) => desk.call(key, 'POST', '/undo_approval', { email_id })
const emailOf = async (desk: Desk, id: string) => (await emailById(desk.store.db, id as never)) ?? expect.fail('gone')
const holdsOf = ({ store }: Desk, id: string) =>
  store.db
    .selectFrom('holds')
    .selectAll()
    .where('email_id', '=', id as never)
    .orderBy('id')
    .execute()
const deliveries = async ({ store }: Desk, id: string) =>
  (
    await store.db
      .selectFrom('deliveries')
      .select('id')
      .where('email_id', '=', id as never)
      .execute()
  ).length

describeOnEachEngine('an approval', (openStore) => {
  it('is carried out at once where nothing is set, and cannot be taken back then', async () => {
    const desk = await openDesk(openStore)
    const id = await held(desk)
    expect((await approve(desk, id)).body).toMatchObject({ status: 'approved_and_sent', undo_until: null })
    expect(await undo(desk, id)).toMatchObject({ status: 409, body: { code: 'NOT_UNDOABLE' } })
    expect(await undo(desk, await held(desk))).toMatchObject({ status: 409, body: { code: 'NOT_UNDOABLE' } })
  })

  it('waits as long as its mailbox says, and then lets the mail go, also after a restart', async () => {
    const desk = await openDesk(openStore)
    for (const wrong of [-1, 301, 1.5, '30']) expect((await window(desk, wrong)).status).toBe(400)
    expect((await window(desk, 30, desk.ours.gated, desk.ours.keys.agent)).status).toBe(403)
    expect((await window(desk, 30)).body).toMatchObject({ undo_window_seconds: 30 })
    const id = await held(desk)
    const until = desk.clock.now() + 30_000
    const answer = await approve(desk, id)
    expect(answer.body).toMatchObject({ status: 'approved', queued_at: null, undo_until: new Date(until).toISOString() })
    expect((await desk.call(desk.ours.keys.agent, 'GET', `/read_email?email_id=${id}`)).body).toMatchObject({
      status: 'scheduled',
      undo_until: new Date(until).toISOString(),
      delayed_until: null,
      send_at: null,
      outcome: { kind: 'approved' },
    })
    await desk.clock.advance(29_999)
    expect(await schedulerOf(desk).run()).toBe(0)
    expect(await deliveries(desk, id)).toBe(0)
    await desk.clock.advance(1)
    expect(await undo(desk, id)).toMatchObject({ body: { code: 'NOT_UNDOABLE' } })
    // Another process, which knows nothing but the store.
    expect(await schedulerOf(desk).run()).toBe(1)
    expect([(await emailOf(desk, id)).status, await deliveries(desk, id)]).toEqual(['sent', 1])
    const [release] = await desk.store.db.selectFrom('releases').selectAll().execute()
    const [decision] = await desk.store.db.selectFrom('decisions').selectAll().execute()
    expect(release).toMatchObject({ kind: 'approval', decision_id: decision?.id })
  })

  it('can be taken back until then by any reviewer: the same bytes are held again, and need their approval anew', async () => {
    const desk = await openDesk(openStore)
    await window(desk, 300)
    const id = await held(desk)
    const before = await emailOf(desk, id)
    await desk.clock.advance(hour)
    await approve(desk, id)
    const other = await desk.key({ scopes: ['read', 'oversight'] })
    for (const key of [desk.ours.keys.agent, desk.ours.keys.admin])
      expect(await undo(desk, id, key)).toMatchObject({ status: 403, body: { code: 'SCOPE_MISSING' } })
    expect(await undo(desk, id, desk.theirs.keys.reviewer)).toMatchObject({ status: 404, body: { code: 'EMAIL_NOT_FOUND' } })
    expect(await undo(desk, id, other)).toMatchObject({
      status: 200,
      body: { status: 'pending_send_approval', content_hash: before.content_hash },
    })
    expect(await undo(desk, id)).toMatchObject({ body: { code: 'NOT_UNDOABLE' } })
    expect(await emailOf(desk, id)).toMatchObject({
      status: 'pending_send_approval',
      approved_at: null,
      approved_by: null,
      undo_until: null,
      ended_by: null,
      due_at: null,
      content_hash: before.content_hash,
      raw_hash: before.raw_hash,
    })
    const [first, second] = await holdsOf(desk, id)
    expect(first).toMatchObject({ state: 'approved' })
    expect(second).toMatchObject({ state: 'open', content_hash: before.content_hash, expires_at: first?.expires_at, people: 1 })
    // What was decided before lets nothing go.
    await desk.clock.advance(hour)
    expect(await schedulerOf(desk).run()).toBe(0)
    expect(await deliveries(desk, id)).toBe(0)
    const log = (await listLog(desk.store.db, desk.ours.gated.tenancy, { limit: 50 })).map(({ action }) => action).toReversed()
    expect(log.filter((action) => action.startsWith('email.'))).toEqual([
      'email.submitted',
      'email.held',
      'email.approved',
      'email.approval_undone',
      'email.held',
    ])
    expect((await eventsAfter(desk.store.db, 0, 50)).map(({ type }) => type)).toEqual([
      'oversight.pending',
      'oversight.approved',
      'oversight.undone',
      'oversight.pending',
    ])
    await window(desk, 0)
    expect((await approve(desk, id)).body).toMatchObject({ status: 'approved_and_sent' })
    expect(await deliveries(desk, id)).toBe(1)
  })

  it('of two people is taken back by one of them, and takes two again', async () => {
    const desk = await openDesk(openStore)
    await window(desk, 60)
    const id = await held(desk)
    await desk.store.db.updateTable('holds').set({ people: 2 }).execute()
    const other = await desk.key({ scopes: ['read', 'oversight'] })
    expect((await approve(desk, id)).body).toMatchObject({ status: 'approved_in_part', undo_until: null })
    expect((await approve(desk, id, other)).body).toMatchObject({ status: 'approved', approvals_given: 2 })
    expect((await undo(desk, id)).status).toBe(200)
    expect((await approve(desk, id)).body).toMatchObject({ status: 'approved_in_part', approvals_given: 1 })
  })

  it('does not outlive the time to decide: what is taken back after it expires', async () => {
    const desk = await openDesk(openStore)
    await window(desk, 60)
    const id = await held(desk)
    await desk.clock.advance(72 * hour - 1000)
    await approve(desk, id)
    await desk.clock.advance(2000)
    expect((await undo(desk, id)).status).toBe(200)
    expect((await approve(desk, id)).body).toMatchObject({ code: 'HOLD_EXPIRED' })
  })

  it('of mail that is sent later waits for the later of both, and no agent makes it earlier', async () => {
    const desk = await openDesk(openStore)
    await window(desk, 300)
    const { agent } = desk.ours.keys
    const at = (ms: number) => new Date(desk.clock.now() + ms).toISOString()
    const [soon, late] = [await held(desk, { send_at: at(60_000) }), await held(desk, { send_at: at(hour) })]
    for (const id of [soon, late]) await approve(desk, id)
    const until = desk.clock.now() + 300_000
    expect((await emailOf(desk, soon)).due_at).toBe(until)
    expect((await emailOf(desk, late)).due_at).toBe(desk.clock.now() + hour)
    const edit = (body: object) => desk.call(agent, 'POST', '/edit_scheduled_email', { email_id: late, ...body })
    expect((await edit({ send_at: at(0) })).status).toBe(200)
    expect((await emailOf(desk, late)).due_at).toBe(until)
    expect((await edit({ subject: 'Other' })).body).toMatchObject({ code: 'ALREADY_APPROVED' })
    expect((await undo(desk, late)).status).toBe(200)
    expect(await emailOf(desk, late)).toMatchObject({ status: 'pending_send_approval' })
  })

  it('that waits ends when its agent withdraws the mail, and nothing leaves', async () => {
    const desk = await openDesk(openStore)
    await window(desk, 60)
    const id = await held(desk)
    await approve(desk, id)
    expect((await desk.call(desk.ours.keys.agent, 'POST', '/cancel_message', { email_id: id })).status).toBe(200)
    expect(await undo(desk, id)).toMatchObject({ body: { code: 'NOT_UNDOABLE' } })
    await desk.clock.advance(hour)
    await schedulerOf(desk).run()
    expect([(await emailOf(desk, id)).status, await deliveries(desk, id)]).toEqual(['cancelled', 0])
    expect((await desk.call(desk.ours.keys.agent, 'GET', `/read_email?email_id=${id}`)).body).toMatchObject({
      outcome: { kind: 'cancelled' },
    })
  })

  it('is taken back on the page, where it stands until it leaves', async () => {
    const desk = await openDesk(openStore)
    await window(desk, 60)
    const browser = await signedIn(desk, desk.ours.accountId, ann)
    const id = await held(desk)
    const { content_hash } = (await browser.get(`/session/pending/${id}`)).body
    expect((await browser.get('/session/undoable')).body).toEqual({ emails: [] })
    await browser.post('/session/decide', { email_id: id, content_hash, action: 'approve' })
    expect((await browser.get('/session/undoable')).body).toMatchObject({ emails: [{ id, to: ['cy@remote.test'], seconds_left: 60 }] })
    expect(
      (await (await signedIn(desk, desk.theirs.accountId, 'bo@elsewhere.example')).post('/session/undo', { email_id: id })).status,
    ).toBe(404)
    expect((await browser.post('/session/undo', { email_id: id })).body).toMatchObject({ status: 'pending_send_approval' })
    expect((await browser.get('/session/undoable')).body).toEqual({ emails: [] })
    expect((await browser.post('/session/undo', { email_id: 'x' })).body).toMatchObject({ code: 'EMAIL_NOT_FOUND' })
  })

  it('of the test world comes due by the clock of the test world', async () => {
    const desk = await openDesk(openStore)
    const { test, testAdmin } = desk.ours.keys
    await window(desk, 60, desk.ours.test, testAdmin)
    const id = await held(desk, {}, test, desk.ours.test)
    await approve(desk, id, testAdmin)
    const before = await emailOf(desk, id)
    const moved = await desk.call(test, 'POST', '/advance_clock', { seconds: 59 })
    expect(moved.body).toMatchObject({ came_due: { scheduled: 0 } })
    expect(await emailOf(desk, id)).toMatchObject({ undo_until: (before.undo_until ?? 0) - 59_000, due_at: (before.due_at ?? 0) - 59_000 })
    expect((await desk.call(test, 'POST', '/advance_clock', { seconds: 1 })).body).toMatchObject({ came_due: { scheduled: 1 } })
    expect(await undo(desk, id, testAdmin)).toMatchObject({ body: { code: 'NOT_UNDOABLE' } })
  })

  it('is taken back, let go or withdrawn by one of those who ask at the same moment', { timeout: 60_000 }, async () => {
    const desk = await openDesk(openStore)
    await window(desk, 60)
    for (let round = 0; round < 6; round += 1) {
      const id = await held(desk)
      await approve(desk, id)
      await desk.clock.advance(60_000 - 1)
      // The scheduler has a clock that is a millisecond ahead, as another node may.
      const ahead = { ...desk.clock, now: () => desk.clock.now() + 1 }
      const rivals = [
        async () => (await undo(desk, id)).status === 200,
        async () => (await undo(desk, id)).status === 200,
        async () => (await schedulerOf({ ...desk, clock: ahead }).run()) === 1,
        async () => (await desk.call(desk.ours.keys.agent, 'POST', '/cancel_message', { email_id: id })).status === 200,
      ]
      const order = rivals.map((_, place) => (place + round) % rivals.length)
      const won = new Map(await Promise.all(order.map(async (which) => [which, await rivals[which]?.()] as const)))
      const { status } = await emailOf(desk, id)
      expect([0, 1].filter((which) => won.get(which) === true).length).toBeLessThan(2)
      // What was taken back may be withdrawn as well; what was let go is neither.
      if (won.get(2) === true) expect([status, won.get(0), won.get(1), won.get(3)]).toEqual(['sent', false, false, false])
      else expect(status).toBe(won.get(3) === true ? 'cancelled' : 'pending_send_approval')
      expect(await deliveries(desk, id)).toBe(won.get(2) === true ? 1 : 0)
    }
  })
})
