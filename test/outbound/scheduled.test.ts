import { beforeEach, describe, expect, it } from 'vitest'
import type { OversightMode } from '../../server/model/email.ts'
import { step, unwritten } from '../../server/model/life.ts'
import { createScheduler } from '../../server/outbound/scheduled.ts'
import { type Submissions, createSubmissions } from '../../server/outbound/submit.ts'
import { type Caps, noCaps } from '../../server/outbound/pace/caps.ts'
import { createSuppressions } from '../../server/outbound/suppression/by-hand.ts'
import { type Timing, atOnce, whenToSend } from '../../server/outbound/timing.ts'
import { type Approvals, createApprovals } from '../../server/oversight/approvals.ts'
import { silentLog } from '../../server/platform/log.ts'
import type { Store } from '../../server/store/db.ts'
import { emailById } from '../../server/store/emails.ts'
import { eventsAfter } from '../../server/store/events.ts'
import { listLog } from '../../server/store/log.ts'
import { setMailboxState } from '../../server/store/mailboxes.ts'
import { releaseById } from '../../server/store/releases.ts'
import { deliveriesOf } from '../../server/store/queue.ts'
import { setStanding } from '../../server/store/standings.ts'
import { type Office, address, openOffice } from '../support/offices.ts'
import { describeOnEachEngine } from '../support/stores.ts'
import { type VirtualClock, createVirtualClock } from '../support/virtual-clock.ts'

const start = Date.UTC(2026, 10, 22, 12)
const hour = 3_600_000

describe('what an email becomes when it is handed in', () => {
  it.each([
    ['hold', null, null, 'pending_send_approval'],
    ['hold', start + 1, 'gate_first', 'pending_send_approval'],
    ['hold', start + 1, null, 'pending_send_approval'],
    ['hold', start + 1, 'schedule_first', 'scheduled'],
    ['hold', start, 'schedule_first', 'pending_send_approval'],
    ['allow', null, null, 'sent'],
    ['allow', start + 1, 'gate_first', 'scheduled'],
    ['allow', start + 1, 'schedule_first', 'scheduled'],
    ['allow', start, null, 'sent'],
  ] as const)('%s, to be sent at %s with %s: %s', (outcome, sendAt, gateTiming, status) => {
    const when = whenToSend({ ...atOnce, sendAt, gateTiming }, start)
    const submission = { by: { key: 'ours', person: null }, hash: 'a', gate: { outcome, people: 1 }, ...when }
    expect(step(unwritten, { kind: 'submit', ...submission })).toMatchObject({ life: { status } })
  })
})

describeOnEachEngine('mail that is sent later', (openStore) => {
  let store: Store
  let clock: VirtualClock
  let submissions: Submissions
  let approvals: Approvals
  let released: number
  const times = { holdExpiryMs: 72 * hour, giveUpAfterMs: 120 * hour }
  const later: Timing = { ...atOnce, sendAt: start + hour, gateTiming: 'gate_first' }

  beforeEach(async () => {
    store = await openStore()
    clock = createVirtualClock(start)
    released = 0
    const shared = { store, clock, log: silentLog, onReleased: () => void (released += 1), ...times }
    submissions = createSubmissions(shared)
    approvals = createApprovals({ ...shared, allowTestSelfApproval: false })
  })

  const due = (caps: Partial<Caps> = {}) =>
    createScheduler({
      store,
      clock,
      log: silentLog,
      onReleased: () => void (released += 1),
      ...times,
      caps: { ...noCaps, ...caps },
    }).run()
  // The same twice within a minute would be refused.
  let count = 0
  const submit = async (office: Office, timing: Timing, to = ['bo@remote.test']) => {
    const letter = { mailbox: office.mailbox.id, to: to.map(address), subject: 'Hello', markdown: `Hi ${(count += 1)}`, timing }
    const sent = await submissions.send(office.agent, letter)
    if (!sent.ok) throw new Error(sent.code)
    return sent.value
  }
  const statusOf = async (id: Parameters<typeof emailById>[1]) => (await emailById(store.db, id))?.status
  const setMode = (office: Office, mode: OversightMode) =>
    store.db.updateTable('mailboxes').set({ oversight_mode: mode }).where('id', '=', office.mailbox.id).execute()

  it.each([
    ['hold', 'pending_send_approval'],
    ['block', 'send_failed'],
    ['allow', 'sent'],
  ] as const)('is judged by the policy that its mailbox has when its time comes: %s → %s', async (outcome, status) => {
    const office = await openOffice(store, start, { mode: 'autonomous' })
    const { id } = await submit(office, later)
    const policy_json = JSON.stringify(
      [
        { who: ['first_contact'], outcome: 'hold' },
        { who: '*', outcome },
      ].slice(outcome === 'hold' ? 0 : 1),
    )
    await store.db.updateTable('mailboxes').set({ policy_json }).execute()
    await clock.advance(hour)
    await due()
    expect(await statusOf(id)).toBe(status)
  })

  it('counts for a policy when its time comes, so that what was put off does not leave at once', async () => {
    const office = await openOffice(store, start, { mode: 'autonomous' })
    const policy_json = JSON.stringify([{ who: '*', how_many: { more_than: 2, per: 'hour', of: 'mailbox' }, outcome: 'hold' }])
    await store.db.updateTable('mailboxes').set({ policy_json }).execute()
    const sent = await Promise.all(
      [1, 2, 3, 4].map((n) => submit({ ...office, mailbox: { ...office.mailbox, policy_json } }, later, [`p${n}@remote.test`])),
    )
    expect(sent.map(({ status }) => status)).toEqual(['scheduled', 'scheduled', 'scheduled', 'scheduled'])
    await clock.advance(hour)
    await due()
    const became = await Promise.all(sent.map(({ id }) => statusOf(id)))
    expect(became.filter((status) => status === 'sent')).toHaveLength(2)
    expect(became.filter((status) => status === 'pending_send_approval')).toHaveLength(2)
  })

  it('of a mailbox that is free waits for its time, and is released then with what was composed at first', async () => {
    const office = await openOffice(store, start, { mode: 'autonomous' })
    const { id, status, contentHash } = await submit(office, { ...later, priority: 0, giveUpAfterMs: hour })
    expect(status).toBe('scheduled')
    await clock.advance(hour - 1)
    expect(await due()).toBe(0)
    expect(await deliveriesOf(store.db, id)).toEqual([])
    await clock.advance(1)
    expect(await due()).toBe(1)
    expect(released).toBe(1)
    expect(await statusOf(id)).toBe('sent')
    const [delivery] = await deliveriesOf(store.db, id)
    expect(delivery).toMatchObject({ priority: 0, queued_at: start + hour, give_up_at: start + 2 * hour })
    expect(await releaseById(store.db, delivery!.release_id)).toMatchObject({ content_hash: contentHash, kind: 'policy' })
    expect(await due()).toBe(0)
  })

  it('is decided on first with gate_first: approved, it waits for its time, and is released as approved', async () => {
    const office = await openOffice(store, start)
    const { id, status, contentHash } = await submit(office, later)
    expect(status).toBe('pending_send_approval')
    expect(await approvals.decide(office.reviewer, { email: id, action: 'approve' })).toMatchObject({
      ok: true,
      value: { status: 'scheduled', queuedAt: null },
    })
    expect(await deliveriesOf(store.db, id)).toEqual([])
    expect(released).toBe(0)
    await clock.advance(hour)
    await due()
    const [delivery] = await deliveriesOf(store.db, id)
    expect(await releaseById(store.db, delivery!.release_id)).toMatchObject({ content_hash: contentHash, kind: 'approval' })
    expect(await statusOf(id)).toBe('sent')
  })

  it('that is approved after its time is released at once', async () => {
    const office = await openOffice(store, start)
    const { id } = await submit(office, later)
    await clock.advance(2 * hour)
    await approvals.decide(office.reviewer, { email: id, action: 'approve' })
    expect(await statusOf(id)).toBe('sent')
  })

  it('waits for a reviewer at its time with schedule_first', async () => {
    const office = await openOffice(store, start)
    const { id, status } = await submit(office, { ...later, gateTiming: 'schedule_first' })
    expect(status).toBe('scheduled')
    await clock.advance(hour)
    await due()
    expect(await statusOf(id)).toBe('pending_send_approval')
    expect(await approvals.decide(office.reviewer, { email: id, action: 'approve' })).toMatchObject({ ok: true, value: { status: 'sent' } })
  })

  const events = async () =>
    (await eventsAfter(store.db, 0, 99)).map((it) => ({ type: it.type, data: JSON.parse(it.data_json) as Record<string, unknown> }))

  it('over the cap of its mailbox waits until there is room, says so once, and goes then', async () => {
    const office = await openOffice(store, start, { mode: 'autonomous' })
    const first = await submit(office, later, ['a@remote.test', 'b@remote.test'])
    const second = await submit(office, later, ['c@remote.test'])
    await clock.advance(hour)
    expect(await due({ hour: 2 })).toBe(2)
    expect([await statusOf(first.id), await statusOf(second.id)]).toEqual(['sent', 'scheduled'])
    expect(await due({ hour: 2 })).toBe(0)
    const told = (await events()).filter((it) => it.type === 'message.delayed')
    expect(told).toMatchObject([{ data: { email_id: second.id, reason: expect.stringContaining('2 messages in an hour') } }])
    const waitsUntil = Number(told[0]?.data['delayed_until'])
    expect(waitsUntil).toBeGreaterThan(start + 2 * hour)
    await clock.advance(waitsUntil - clock.now())
    await due({ hour: 0 })
    expect(await statusOf(second.id)).toBe('scheduled')
    await clock.advance(2 * hour)
    await due({ hour: 2 })
    expect(await statusOf(second.id)).toBe('sent')
    expect((await events()).filter((it) => it.type === 'message.delayed')).toHaveLength(1)
    const said = (await listLog(store.db, office.tenancy, { limit: 50 })).filter((it) => it.action === 'email.postponed')
    expect(said).toMatchObject([{ resourceId: second.id }])
  })

  it('is counted once: at its time instead of when it was handed in', async () => {
    const office = await openOffice(store, start, { mode: 'autonomous' })
    const caps: Caps = { hour: 2, day: 3, new: null }
    const counting = createSubmissions({ store, clock, log: silentLog, onReleased: () => {}, ...times, caps })
    const letter = { mailbox: office.mailbox.id, to: [address('bo@remote.test')], subject: 'Hello', markdown: 'Hi' }
    const handIn = async (timing: Timing) => (await counting.send(office.agent, { ...letter, markdown: `Hi ${(count += 1)}`, timing })).ok
    expect([await handIn(later), await handIn(later), await handIn(later)]).toEqual([true, true, false])
    await clock.advance(hour)
    expect(await due(caps)).toBe(2)
    expect(released).toBe(2)
    const windows = await store.db.selectFrom('send_windows').select(['window_start', 'messages']).orderBy('window_start').execute()
    expect(windows).toEqual([
      { window_start: start, messages: 0 },
      { window_start: start + hour, messages: 2 },
    ])
    await clock.advance(hour + 5 * 60_000)
    expect([await handIn(atOnce), await handIn(atOnce)]).toEqual([true, false])
  })

  it('that never gets room ends like mail that is never taken', async () => {
    const office = await openOffice(store, start, { mode: 'autonomous' })
    const { id } = await submit(office, { ...later, giveUpAfterMs: 3 * hour })
    for (let hours = 1; hours <= 4; hours += 1) {
      await clock.advance(hour)
      await due({ hour: 0 })
    }
    expect(await statusOf(id)).toBe('send_failed')
    expect((await events()).at(-1)).toMatchObject({ type: 'message.failed', data: { email_id: id, code: 'RATE_LIMITED' } })
  })

  it('of a mailbox that may send nothing any more is not sent, approved or not, and says why', async () => {
    const [free, gated] = [await openOffice(store, start, { mode: 'autonomous' }), await openOffice(store, start)]
    const [one, other] = [await submit(free, later), await submit(gated, later)]
    await approvals.decide(gated.reviewer, { email: other.id, action: 'approve' })
    for (const { mailbox } of [free, gated])
      await store.transaction((tx) => setStanding(tx, mailbox.id, { tier: 'termination', reason: 'Too many complaints', since: start }))
    await clock.advance(hour)
    await due()
    for (const { id } of [one, other]) {
      expect(await statusOf(id)).toBe('send_failed')
      expect(await deliveriesOf(store.db, id)).toEqual([])
    }
    expect((await events()).filter((it) => it.type === 'message.failed').map((it) => it.data)).toMatchObject([
      { email_id: one.id, status: 'send_failed', code: 'SENDING_DISABLED', reason: 'Too many complaints' },
      { email_id: other.id, code: 'SENDING_DISABLED' },
    ])
    expect(released).toBe(0)
  })

  it('to people who do not want it any more is not sent', async () => {
    const office = await openOffice(store, start, { mode: 'autonomous' })
    const { id } = await submit(office, later)
    await createSuppressions({ store, clock }).add(office.agent, address('bo@remote.test'), null)
    await clock.advance(hour)
    await due()
    expect(await statusOf(id)).toBe('send_failed')
    expect((await events()).at(-1)).toMatchObject({ type: 'message.failed', data: { code: 'RECIPIENT_SUPPRESSED' } })
  })

  it('waits while its mailbox is suspended', async () => {
    const office = await openOffice(store, start, { mode: 'autonomous' })
    const { id } = await submit(office, later)
    await store.transaction((tx) => setMailboxState(tx, office.mailbox.id, 'suspended', start))
    await clock.advance(hour)
    expect(await due()).toBe(0)
    await store.transaction((tx) => setMailboxState(tx, office.mailbox.id, 'active', start))
    expect(await due()).toBe(1)
    expect(await statusOf(id)).toBe('sent')
  })

  it('of a mailbox that was lowered meanwhile waits for a reviewer, or is not sent at all', async () => {
    const office = await openOffice(store, start, { mode: 'autonomous' })
    const [first, second] = [await submit(office, later), await submit(office, { ...later, sendAt: start + 2 * hour })]
    await setMode(office, 'gated_send')
    await clock.advance(hour)
    await due()
    expect(await statusOf(first.id)).toBe('pending_send_approval')
    await setMode(office, 'read_only')
    await clock.advance(hour)
    await due()
    expect(await statusOf(second.id)).toBe('send_failed')
    expect(await deliveriesOf(store.db, second.id)).toEqual([])
  })

  it('can be withdrawn before its time, also when it is approved, and is then never sent', async () => {
    const office = await openOffice(store, start)
    const { id } = await submit(office, later)
    await approvals.decide(office.reviewer, { email: id, action: 'approve' })
    expect(await submissions.cancel(office.agent, { email: id })).toMatchObject({ ok: true, value: { status: 'cancelled' } })
    await clock.advance(2 * hour)
    expect(await due()).toBe(0)
    expect(await deliveriesOf(store.db, id)).toEqual([])
  })

  it('is released once, however many processes look at it', async () => {
    const office = await openOffice(store, start, { mode: 'autonomous' })
    const all = [await submit(office, later), await submit(office, later), await submit(office, later)]
    await clock.advance(hour)
    const counts = await Promise.all([due(), due(), due()])
    expect(counts.reduce((sum, count) => sum + count)).toBe(3)
    for (const { id } of all) expect(await deliveriesOf(store.db, id)).toHaveLength(1)
  })

  it('whose row is broken is put off, and keeps nobody back', async () => {
    const office = await openOffice(store, start, { mode: 'autonomous' })
    const [broken, whole] = [await submit(office, later), await submit(office, later)]
    await store.db.updateTable('emails').set({ forward_paths_json: 'none' }).where('id', '=', broken.id).execute()
    await clock.advance(hour)
    expect(await due()).toBe(1)
    expect([await statusOf(broken.id), await statusOf(whole.id)]).toEqual(['scheduled', 'sent'])
    expect((await emailById(store.db, broken.id))?.due_at).toBe(clock.now() + 60_000)
  })

  it('is sent by the clock alone', async () => {
    const office = await openOffice(store, start, { mode: 'autonomous' })
    const { id } = await submit(office, { ...later, sendAt: start + 3_000 })
    const sent = Promise.withResolvers<void>()
    const scheduler = createScheduler({ store, clock, log: silentLog, onReleased: () => sent.resolve(), ...times })
    scheduler.start()
    await clock.advance(0)
    for (let done = false; !done; done = (await statusOf(id)) === 'sent') await clock.advance(1_000)
    await sent.promise
    await scheduler.stop()
    expect(clock.now()).toBeGreaterThanOrEqual(start + 3_000)
  })
})
