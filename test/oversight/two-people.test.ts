import { beforeEach, expect, it } from 'vitest'
import type { KeyActor } from '../../server/model/actor.ts'
import type { EmailId } from '../../server/model/ids.ts'
import { type Submissions, createSubmissions } from '../../server/outbound/submit.ts'
import { findReleased, namedBy } from '../../server/outbound/released.ts'
import { createScheduler } from '../../server/outbound/scheduled.ts'
import { atOnce } from '../../server/outbound/timing.ts'
import { type Approvals, createApprovals } from '../../server/oversight/approvals.ts'
import { silentLog } from '../../server/platform/log.ts'
import type { Store } from '../../server/store/db.ts'
import { emailById } from '../../server/store/emails.ts'
import { eventsAfter } from '../../server/store/events.ts'
import { listLog } from '../../server/store/log.ts'
import { claimNext } from '../support/leaving.ts'
import { type Office, address, openOffice } from '../support/offices.ts'
import { describeOnEachEngine } from '../support/stores.ts'
import { type VirtualClock, createVirtualClock } from '../support/virtual-clock.ts'

const start = Date.UTC(2026, 10, 22, 12)
const hour = 3_600_000
const times = { holdExpiryMs: 72 * hour, giveUpAfterMs: 120 * hour }
const policy_json = JSON.stringify([{ who: '*', outcome: 'hold_for_two' }])

describeOnEachEngine('an email that waits for two people', (openStore) => {
  let store: Store
  let clock: VirtualClock
  let released: number
  let office: Office
  let submissions: Submissions
  let approvals: Approvals
  let [ann, ben, cleo] = [] as unknown as [KeyActor, KeyActor, KeyActor]

  beforeEach(async () => {
    store = await openStore()
    clock = createVirtualClock(start)
    released = 0
    const deps = { store, clock, log: silentLog, onReleased: () => void (released += 1), ...times }
    submissions = createSubmissions(deps)
    approvals = createApprovals({ ...deps, allowTestSelfApproval: true })
    office = await openOffice(store, start, { mode: 'autonomous' })
    await store.db.updateTable('mailboxes').set({ policy_json }).execute()
    const reviewer = () => office.key({ scopes: ['read', 'oversight'] })
    ;[ann, ben, cleo] = [reviewer(), reviewer(), reviewer()]
  })

  let count = 0
  const held = async (change: Partial<Parameters<Submissions['send']>[1]> = {}): Promise<EmailId> => {
    const letter = {
      mailbox: office.mailbox.id,
      to: [address('bo@remote.test')],
      subject: `Hello ${(count += 1)}`,
      markdown: 'Hi',
      ...change,
    }
    const sent = await submissions.send(office.agent, letter)
    if (!sent.ok) throw new Error(sent.code)
    return sent.value.id
  }
  const decide = async (who: KeyActor, email: EmailId, action: 'approve' | 'reject' = 'approve') => {
    const decided = await approvals.decide(who, { email, action })
    return decided.ok ? [decided.value.status, decided.value.approvals?.given ?? null] : decided.code
  }
  const statusOf = async (id: EmailId) => (await emailById(store.db, id))?.status
  const releases = async () => (await store.db.selectFrom('releases').select('id').execute()).length

  it('is let go by the second of them, and not by the first', async () => {
    const id = await held()
    expect(await decide(ann, id)).toEqual(['pending_send_approval', 1])
    expect([await statusOf(id), await releases(), released]).toEqual(['pending_send_approval', 0, 0])
    expect(await approvals.listPending(office.tenancy, { mailboxIds: null, limit: 9 })).toMatchObject([
      { people: 2, approvedBy: [ann.keyId] },
    ])
    expect(await decide(ben, id)).toEqual(['sent', 2])
    expect([await statusOf(id), await releases(), released]).toEqual(['sent', 1, 1])
    const log = (await listLog(store.db, office.tenancy, { limit: 50 })).toReversed()
    expect(log.map(({ action }) => action)).toEqual([
      'email.submitted',
      'email.held',
      'email.approved_in_part',
      'email.approved',
      'email.released',
    ])
    expect(log[2]).toMatchObject({ actorId: ann.keyId, metadata: { approvals_given: 1, approvals_needed: 2 } })
    expect((await eventsAfter(store.db, 0, 50)).map(({ type }) => type)).toEqual([
      'oversight.pending',
      'oversight.approved_in_part',
      'oversight.approved',
      'message.sent',
    ])
  })

  it('is what the deliverer asks for as well: a row less, and nothing leaves', async () => {
    const id = await held()
    await decide(ann, id)
    await decide(ben, id)
    const [claim] = await claimNext(store, { now: clock.now(), leaseMs: hour, limit: 1, lease: 'ours' })
    if (claim === undefined) throw new Error('nothing is due')
    expect((await findReleased(store, claim, await namedBy(store, claim))).ok).toBe(true)
    await store.db.deleteFrom('hold_approvals').where('actor_id', '=', ann.keyId).execute()
    expect(await findReleased(store, claim, await namedBy(store, claim))).toMatchObject({ ok: false, code: 'NO_DECISION' })
  })

  it('is not let go by one of them twice, one after the other or at once', async () => {
    const id = await held()
    await decide(ann, id)
    expect(await decide(ann, id)).toBe('SAME_REVIEWER')
    const other = await held()
    const both = await Promise.all([decide(ann, other), decide(ann, other), decide(ann, other)])
    expect(both.filter((one) => one === 'SAME_REVIEWER')).toHaveLength(2)
    expect([await statusOf(id), await statusOf(other), await releases()]).toEqual(['pending_send_approval', 'pending_send_approval', 0])
  })

  it('is let go once when two approve it at the same moment', async () => {
    for (let turn = 0; turn < 5; turn += 1) {
      const id = await held()
      const both = await Promise.all([decide(ann, id), decide(ben, id), decide(cleo, id)])
      expect(await statusOf(id)).toBe('sent')
      expect(both.filter((one) => Array.isArray(one) && one[0] === 'sent')).toHaveLength(1)
      expect(await releases()).toBe(turn + 1)
    }
  })

  it('ends by one no, before or after a yes, and at the same moment by one of them', async () => {
    const [first, second, third] = [await held(), await held(), await held()]
    expect(await decide(ann, first, 'reject')).toEqual(['rejected', null])
    await decide(ann, second)
    expect(await decide(ben, second, 'reject')).toEqual(['rejected', null])
    expect(await decide(cleo, second)).toBe('NOT_PENDING')
    // Who approved may change their mind as long as it waits.
    await decide(ann, third)
    expect(await decide(ann, third, 'reject')).toEqual(['rejected', null])
    const fourth = await held()
    await decide(ann, fourth)
    await Promise.all([decide(ben, fourth), decide(cleo, fourth, 'reject')])
    const ended = await statusOf(fourth)
    expect(['sent', 'rejected']).toContain(ended)
    expect(await releases()).toBe(ended === 'sent' ? 1 : 0)
  })

  it('is never let go with the yes of whoever wrote it, in the test world neither', async () => {
    const id = await held()
    const sly = { ...office.agent, scopes: ['read', 'send', 'oversight'] as KeyActor['scopes'] }
    expect(await decide(sly, id)).toBe('SELF_APPROVAL')
    const sandbox = await openOffice(store, start, { world: 'test', mode: 'autonomous' })
    await store.db.updateTable('mailboxes').set({ policy_json }).execute()
    const admin = sandbox.key({ scopes: ['admin'] })
    const sent = await submissions.send(admin, {
      mailbox: sandbox.mailbox.id,
      to: [address('bo@remote.test')],
      subject: 'Hello',
      markdown: 'Hi',
    })
    if (!sent.ok) throw new Error(sent.code)
    expect(await decide(admin, sent.value.id)).toBe('SELF_APPROVAL')
    expect(await decide(sandbox.reviewer, sent.value.id)).toEqual(['pending_send_approval', 1])
    expect(await decide(sandbox.key({ scopes: ['read', 'oversight'] }), sent.value.id)).toEqual(['sent', 2])
  })

  it('is about one content: what is changed between the two is not let go', async () => {
    const id = await held()
    await decide(ann, id)
    await store.db.updateTable('emails').set({ forward_paths_json: '["thief@evil.test"]' }).execute()
    expect(await decide(ben, id)).toBe('CONTENT_CHANGED')
    expect([await statusOf(id), await releases()]).toEqual(['pending_send_approval', 0])
    // A yes to other content is none.
    await store.db.updateTable('emails').set({ forward_paths_json: '["bo@remote.test"]' }).execute()
    await store.db.updateTable('hold_approvals').set({ content_hash: 'other' }).execute()
    expect(await decide(ben, id)).toEqual(['pending_send_approval', 1])
    expect(await decide(cleo, id)).toEqual(['sent', 2])
  })

  it('expires with one yes as with none, and is withdrawn by its agent', async () => {
    const [late, withdrawn] = [await held(), await held()]
    await decide(ann, late)
    await decide(ann, withdrawn)
    expect((await submissions.cancel(office.agent, { email: withdrawn })).ok).toBe(true)
    expect(await decide(ben, withdrawn)).toBe('NOT_PENDING')
    await clock.advance(72 * hour)
    expect(await decide(ben, late)).toBe('HOLD_EXPIRED')
    await approvals.expireDue(clock.now())
    expect([await statusOf(late), await releases()]).toEqual(['expired', 0])
  })

  it('takes as many as are set', async () => {
    submissions = createSubmissions({ store, clock, log: silentLog, onReleased: () => {}, ...times, people: 3 })
    const id = await held()
    expect([await decide(ann, id), await decide(ben, id), await decide(cleo, id)]).toEqual([
      ['pending_send_approval', 1],
      ['pending_send_approval', 2],
      ['sent', 3],
    ])
  })

  it('waits for them at its time too, and leaves at its time when both were there before', async () => {
    const timing = { ...atOnce, sendAt: start + hour }
    const [before, at] = [
      await held({ timing: { ...timing, gateTiming: 'gate_first' } }),
      await held({ timing: { ...timing, gateTiming: 'schedule_first' } }),
    ]
    await decide(ann, before)
    expect(await decide(ben, before)).toEqual(['scheduled', 2])
    await clock.advance(hour)
    await createScheduler({ store, clock, log: silentLog, onReleased: () => {}, ...times }).run()
    expect([await statusOf(before), await statusOf(at)]).toEqual(['sent', 'pending_send_approval'])
    expect([await decide(ann, at), await decide(ben, at)]).toEqual([
      ['pending_send_approval', 1],
      ['sent', 2],
    ])
  })
})
