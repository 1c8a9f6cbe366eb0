import { beforeEach, describe, expect, it } from 'vitest'
import type { OversightMode } from '../../server/model/email.ts'
import { createScheduler } from '../../server/outbound/scheduled.ts'
import { type Submissions, createSubmissions } from '../../server/outbound/submit.ts'
import { type Timing, atOnce, statusAfterGate } from '../../server/outbound/timing.ts'
import { type Approvals, createApprovals } from '../../server/oversight/approvals.ts'
import { silentLog } from '../../server/platform/log.ts'
import type { Store } from '../../server/store/db.ts'
import { emailById } from '../../server/store/emails.ts'
import { releaseById } from '../../server/store/releases.ts'
import { deliveriesOf } from '../../server/store/queue.ts'
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
  ] as const)('%s, to be sent at %s with %s: %s', (gate, send_at, gate_timing, status) => {
    expect(statusAfterGate(gate, { send_at, gate_timing }, start)).toBe(status)
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

  const due = () => createScheduler({ store, clock, log: silentLog, onReleased: () => void (released += 1), ...times }).run()
  const submit = async (office: Office, timing: Timing) => {
    const letter = { mailbox: office.mailbox.id, to: [address('bo@remote.test')], subject: 'Hello', markdown: 'Hi', timing }
    const sent = await submissions.send(office.agent, letter)
    if (!sent.ok) throw new Error(sent.code)
    return sent.value
  }
  const statusOf = async (id: Parameters<typeof emailById>[1]) => (await emailById(store.db, id))?.status
  const setMode = (office: Office, mode: OversightMode) =>
    store.db.updateTable('mailboxes').set({ oversight_mode: mode }).where('id', '=', office.mailbox.id).execute()

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
