import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import { newId } from '../../server/model/ids.ts'
import type { EmailId } from '../../server/model/ids.ts'
import { type Submissions, createSubmissions } from '../../server/outbound/submit.ts'
import { type Approvals, createApprovals } from '../../server/oversight/approvals.ts'
import { longestHoldMs, mostRenewals } from '../../server/oversight/holds.ts'
import { renewedUntil } from '../../server/oversight/renewal.ts'
import { silentLog } from '../../server/platform/log.ts'
import type { Store } from '../../server/store/db.ts'
import { eventsAfter } from '../../server/store/events.ts'
import { latestHold } from '../../server/store/holds.ts'
import { listLog } from '../../server/store/log.ts'
import { type Office, address, openOffice } from '../support/offices.ts'
import { describeOnEachEngine } from '../support/stores.ts'
import { type VirtualClock, createVirtualClock } from '../support/virtual-clock.ts'

const [hour, start] = [3_600_000, Date.UTC(2026, 10, 22, 12)]
const wait = 72 * hour

describe('until when a hold is renewed', () => {
  it('is later than before, within a month of when it was held, and five times at most, whenever it is asked for', () => {
    const gaps = fc.array(fc.integer({ min: 0, max: 200 * hour }), { maxLength: 30 })
    fc.assert(
      fc.property(gaps, fc.integer({ min: 1, max: 60 * 24 * hour }), (asked, forMs) => {
        let [now, renewals, expires_at] = [start, 0, start + wait]
        for (const gap of asked) {
          now += gap
          // What has run out is not asked about.
          if (now >= expires_at) break
          const until = renewedUntil({ renewals, expires_at, renewable_until: start + longestHoldMs }, { now, forMs })
          if (until === null) continue
          expect(until).toBeGreaterThan(expires_at)
          expect(until).toBeLessThanOrEqual(Math.min(now + forMs, start + longestHoldMs))
          ;[renewals, expires_at] = [renewals + 1, until]
          expect(renewals).toBeLessThanOrEqual(mostRenewals)
        }
      }),
    )
  })
})

describeOnEachEngine('renewing a hold', (openStore) => {
  let store: Store
  let clock: VirtualClock
  let submissions: Submissions
  let approvals: Approvals
  let office: Office

  beforeEach(async () => {
    store = await openStore()
    clock = createVirtualClock(start)
    const deps = { store, clock, log: silentLog, onReleased: () => undefined, giveUpAfterMs: 120 * hour }
    submissions = createSubmissions({ ...deps, holdExpiryMs: wait })
    approvals = createApprovals({ ...deps, allowTestSelfApproval: false })
    office = await openOffice(store, start)
  })

  const held = async (): Promise<EmailId> => {
    const letter = { mailbox: office.mailbox.id, to: [address('bo@remote.test')], subject: 'Hello', markdown: 'Hi' }
    const sent = await submissions.send(office.agent, { ...letter, idempotencyKey: randomUUID() })
    if (!sent.ok) throw new Error(sent.code)
    return sent.value.id
  }
  const holdOf = async (id: EmailId) => (await latestHold(store.db, id)) ?? expect.fail('no hold')

  it('moves the time at which it expires, and nothing else; and is on the record', async () => {
    const id = await held()
    await clock.advance(71 * hour)
    const until = clock.now() + wait
    expect(await approvals.renew(office.reviewer, id)).toMatchObject({ ok: true, value: { expiresAt: until, renewalsLeft: 4 } })
    await clock.advance(hour)
    // At its first time it still waits; at its new one it does not, and silence has approved nothing.
    expect(await approvals.expireDue(clock.now())).toEqual({ expired: 0, nextDueAt: until })
    expect(await approvals.listPending(office.tenancy, { mailboxIds: null, limit: 9 })).toMatchObject([
      { expiresAt: until, renewalsLeft: 4 },
    ])
    await clock.advance(wait)
    expect(await approvals.decide(office.reviewer, { email: id, action: 'approve' })).toMatchObject({ code: 'HOLD_EXPIRED' })
    expect(await approvals.expireDue(clock.now())).toMatchObject({ expired: 1 })
    expect((await listLog(store.db, office.tenancy, { limit: 50 })).toReversed().map(({ action }) => action)).toEqual([
      'email.submitted',
      'email.held',
      'hold.renewed',
      'hold.expired',
    ])
    const renewed = (await eventsAfter(store.db, 0, 50)).find(({ type }) => type === 'oversight.renewed')
    expect(JSON.stringify(renewed)).toContain(String(until))
  })

  it('ends after five times, and after a month', async () => {
    const [often, long] = [await held(), await held()]
    for (let n = 0; n < mostRenewals; n += 1) {
      await clock.advance(hour)
      expect(await approvals.renew(office.reviewer, often)).toMatchObject({ ok: true })
      expect(await approvals.renew(office.reviewer, often)).toMatchObject({ ok: false, code: 'NOT_RENEWABLE' })
    }
    await clock.advance(hour)
    expect(await approvals.renew(office.reviewer, often)).toMatchObject({ ok: false, code: 'NOT_RENEWABLE' })
    await store.db
      .updateTable('holds')
      .set({ expires_at: start + longestHoldMs - hour })
      .where('email_id', '=', long)
      .execute()
    await clock.advance(longestHoldMs - 9 * hour)
    expect(await approvals.renew(office.reviewer, long)).toMatchObject({ ok: true, value: { expiresAt: start + longestHoldMs } })
    await clock.advance(hour)
    expect(await approvals.renew(office.reviewer, long)).toMatchObject({ ok: false, code: 'NOT_RENEWABLE' })
  })

  it('is for whoever may decide on it', async () => {
    const id = await held()
    await clock.advance(hour)
    const bothScopes = office.key({ scopes: ['send', 'oversight'] })
    for (const [who, code] of [
      [office.agent, 'SCOPE_MISSING'],
      [office.key({ scopes: ['admin'] }), 'SCOPE_MISSING'],
      [bothScopes, 'SELF_APPROVAL'],
      [{ ...office.reviewer, keyId: office.agent.keyId }, 'SELF_APPROVAL'],
      [(await openOffice(store, start)).reviewer, 'EMAIL_NOT_FOUND'],
      [office.key({ scopes: ['oversight'], mailboxIds: [newId('mailbox', start)] }), 'EMAIL_NOT_FOUND'],
    ] as const)
      expect(await approvals.renew(who, id)).toMatchObject({ ok: false, code })
    expect(await approvals.renew(office.reviewer, newId('email', start))).toMatchObject({ code: 'EMAIL_NOT_FOUND' })
    expect(await holdOf(id)).toMatchObject({ renewals: 0, expires_at: start + wait })
  })

  it('is refused for what does not wait any more, swept or not', async () => {
    const [approved, rejected, expired] = [await held(), await held(), await held()]
    await approvals.decide(office.reviewer, { email: approved, action: 'approve' })
    await approvals.decide(office.reviewer, { email: rejected, action: 'reject', reason: 'no' })
    for (const id of [approved, rejected])
      expect(await approvals.renew(office.reviewer, id)).toMatchObject({ ok: false, code: 'NOT_PENDING' })
    await clock.advance(wait)
    for (let n = 0; n < 2; n += 1) {
      expect(await approvals.renew(office.reviewer, expired)).toMatchObject({ ok: false, code: 'HOLD_EXPIRED' })
      await approvals.expireDue(clock.now())
    }
  })

  it('meets a decision, another renewal and the end of its time: each comes to one outcome', async () => {
    for (let n = 0; n < 4; n += 1) {
      const id = await held()
      await clock.advance(hour)
      const before = clock.now()
      const results = await Promise.all([
        approvals.renew(office.reviewer, id),
        approvals.renew(office.reviewer, id),
        approvals.decide(office.reviewer, { email: id, action: n % 2 === 0 ? 'approve' : 'reject', reason: 'r' }),
      ])
      const renewed = results.slice(0, 2).filter(({ ok }) => ok).length
      const hold = await holdOf(id)
      expect(renewed).toBeLessThanOrEqual(1)
      expect([hold.renewals, hold.state]).toEqual([renewed, n % 2 === 0 ? 'approved' : 'rejected'])
      if (renewed === 1) expect(hold.expires_at).toBe(before + wait)
    }
    for (let n = 0; n < 4; n += 1) {
      const id = await held()
      await clock.advance(wait - 1)
      const renewing = approvals.renew(office.reviewer, id)
      await clock.advance(1)
      // The time is up for the sweeper; whoever asked a moment before may still be first.
      const [renewed] = await Promise.all([renewing, approvals.expireDue(clock.now())])
      const hold = await holdOf(id)
      expect(hold.state).toBe(renewed.ok ? 'open' : 'expired')
      if (renewed.ok) await approvals.decide(office.reviewer, { email: id, action: 'reject', reason: 'over' })
    }
  })
})
