import { expect, it } from 'vitest'
import { hashOfKey } from '../../server/identity/key-text.ts'
import { expireDue } from '../../server/oversight/expiry.ts'
import { createApprovals } from '../../server/oversight/approvals.ts'
import { silentLog } from '../../server/platform/log.ts'
import type { EmailId } from '../../server/model/ids.ts'
import { listLog } from '../../server/store/log.ts'
import { type Answer, type Desk, openDesk } from '../support/desk.ts'
import { describeOnEachEngine } from '../support/stores.ts'

const hour = 3_600_000
let count = 0

async function held(desk: Desk, more: object = {}): Promise<string> {
  const letter = { mailbox_id: desk.ours.gated.id, to: ['bo@remote.test'], subject: `Offer ${(count += 1)}`, markdown: 'It costs 5.' }
  const { body } = await desk.call(desk.ours.keys.agent, 'POST', '/send_email', { ...letter, ...more })
  if (body['status'] !== 'pending_approval') throw new Error(JSON.stringify(body))
  return String(body['id'])
}
const wait = (desk: Desk, id: string, seconds = 30, key = desk.ours.keys.agent): Promise<Answer> =>
  desk.call(key, 'GET', `/wait_for_decision?email_id=${id}&timeout_seconds=${seconds}`)
const decide = (desk: Desk, email_id: string, input: object) =>
  desk.call(desk.ours.keys.reviewer, 'POST', '/decide_email', { email_id, ...input })
const outcomeShown = async (desk: Desk, id: string) =>
  (await desk.call(desk.ours.keys.agent, 'GET', `/read_email?email_id=${id}`)).body['outcome']

/** Resolves when as many listen. */
async function listening(desk: Desk, number: number): Promise<void> {
  while (desk.live.listening() !== number) await new Promise((resolve) => void setImmediate(resolve))
}

/** Each way in which the waiting of an email ends. */
const ends: Record<string, (desk: Desk, id: string) => Promise<unknown>> = {
  approved: (desk, id) => decide(desk, id, { action: 'approve' }),
  rejected: (desk, id) => decide(desk, id, { action: 'reject', reason_code: 'wrong_facts', reason: 'It costs 6.' }),
  'rejected, another version wanted': (desk, id) => decide(desk, id, { action: 'redo', reason: 'Say it costs 6.' }),
  cancelled: (desk, id) => desk.call(desk.ours.keys.agent, 'POST', '/cancel_message', { email_id: id }),
  superseded: (desk, id) => held(desk, { replaces: id }),
}

describeOnEachEngine('wait_for_decision', (open, { newPlace }) => {
  const openStore = () => open()

  it.each(Object.entries(ends))('answers when it is %s, without the clock moving on, as read_email does', async (kind, end) => {
    const desk = await openDesk(openStore)
    const [id, other] = [await held(desk), await held(desk)]
    const calls = [wait(desk, id), wait(desk, id, 30, desk.ours.keys.reader)]
    const elsewhere = wait(desk, other)
    await listening(desk, 3)
    await end(desk, id)
    for (const answer of await Promise.all(calls)) {
      expect(answer).toMatchObject({
        status: 200,
        body: { email_id: id, still_waits: false, held_until: null, outcome: { kind: kind.split(',')[0] } },
      })
      expect(answer.body['outcome']).toEqual(await outcomeShown(desk, id))
      expect(answer.body['next']).toBe((answer.body['outcome'] as { next: string }).next)
    }
    // Whoever waits for another email of that mailbox goes on waiting.
    await listening(desk, 1)
    await decide(desk, other, { action: 'approve' })
    expect((await elsewhere).body).toMatchObject({ outcome: { kind: 'approved', by: 'key' }, status: 'sent' })
    await listening(desk, 0)
    // Whoever asks again has it at once.
    expect((await wait(desk, id)).body).toMatchObject({ still_waits: false, outcome: { kind: kind.split(',')[0] } })
  })

  it('answers when nobody decided in time', async () => {
    const desk = await openDesk(openStore)
    const id = await held(desk)
    await desk.clock.advance(72 * hour - 10_000)
    const call = wait(desk, id, 120)
    await listening(desk, 1)
    await desk.clock.advance(10_000)
    await expireDue({ store: desk.store, log: silentLog }, desk.clock.now())
    expect((await call).body).toMatchObject({ status: 'expired', still_waits: false, outcome: { kind: 'expired', by: 'system' } })
  })

  it('says that it still waits and until when, once the time of the call is over', async () => {
    const desk = await openDesk(openStore)
    const id = await held(desk)
    const heldUntil = new Date(desk.clock.now() + 72 * hour).toISOString()
    const call = wait(desk, id, 120)
    await listening(desk, 1)
    await desk.clock.advance(119_999)
    expect(desk.live.listening()).toBe(1)
    await desk.clock.advance(1)
    expect(await call).toMatchObject({
      status: 200,
      body: {
        status: 'pending_approval',
        still_waits: true,
        outcome: null,
        held_until: heldUntil,
        next: expect.stringContaining(heldUntil),
      },
    })
    expect(desk.live.admitted('wait')).toBe(0)
    for (const seconds of [4, 121]) expect((await wait(desk, id, seconds)).status).toBe(400)
  })

  it('goes on waiting when one of two has approved, and when it is given longer', async () => {
    const desk = await openDesk(openStore)
    const id = await held(desk)
    await desk.store.db
      .updateTable('holds')
      .set({ people: 2 })
      .where('email_id', '=', id as EmailId)
      .execute()
    await desk.clock.advance(hour)
    const call = wait(desk, id)
    await listening(desk, 1)
    expect((await decide(desk, id, { action: 'approve' })).body).toMatchObject({ status: 'approved_in_part' })
    const renewed = await desk.call(desk.ours.keys.reviewer, 'POST', '/renew_hold', { email_id: id })
    expect(renewed.status).toBe(200)
    expect(desk.live.listening()).toBe(1)
    const second = await desk.key({ scopes: ['read', 'oversight'] })
    await desk.call(second, 'POST', '/decide_email', { email_id: id, action: 'approve' })
    expect((await call).body).toMatchObject({ still_waits: false, outcome: { kind: 'approved' } })
  })

  it('answers at once for what waits for nobody, and knows only what its key can read', async () => {
    const desk = await openDesk(openStore)
    const mail = await desk.receive(desk.ours.gated)
    expect((await wait(desk, mail.id)).body).toMatchObject({ status: 'unread', still_waits: false, outcome: null })
    const arriving = await desk.receive(desk.ours.guarded, { status: 'pending_inbound_approval' })
    expect(await wait(desk, arriving.id)).toMatchObject({ status: 404, body: { code: 'EMAIL_NOT_FOUND' } })
    const theirs = await desk.receive(desk.theirs.gated)
    const id = await held(desk)
    const elsewhere = await desk.key({ scopes: ['read', 'send'], mailboxIds: [desk.ours.free.id] })
    for (const [key, named] of [
      [desk.ours.keys.agent, theirs.id],
      [desk.ours.keys.agent, `em_${'0'.repeat(26)}`],
      [desk.ours.keys.test, id],
      [elsewhere, id],
    ] as const)
      expect(await wait(desk, named, 30, key)).toMatchObject({ status: 404, body: { code: 'EMAIL_NOT_FOUND' } })
    const path = (mailbox: string) => `/v1/mailboxes/${mailbox}/emails/${id}/decision?timeout_seconds=5`
    expect((await desk.call(desk.ours.keys.agent, 'GET', path(desk.ours.free.id))).status).toBe(404)
    await decide(desk, id, { action: 'approve' })
    expect((await desk.call(desk.ours.keys.agent, 'GET', path(desk.ours.gated.id))).body).toMatchObject({ status: 'sent' })
  })

  it('misses no decision that comes while it begins to wait', async () => {
    const desk = await openDesk(openStore)
    const calls: Promise<Answer>[] = []
    for (let round = 0; round < 10; round++) {
      const id = await held(desk)
      calls.push(wait(desk, id))
      // From before it has looked to after it listens.
      for (let turn = 0; turn < round * 2; turn++) await new Promise((resolve) => void setImmediate(resolve))
      const [, decided] = await Promise.all([wait(desk, id), decide(desk, id, { action: 'approve' })])
      expect(decided.status).toBe(200)
    }
    for (const { body } of await Promise.all(calls)) expect(body).toMatchObject({ still_waits: false, outcome: { kind: 'approved' } })
    expect(desk.live.admitted('wait')).toBe(0)
  })

  it('hears of what another process on the same database decided, within a second', async () => {
    const place = await newPlace()
    const desk = await openDesk(() => open(place))
    const id = await held(desk)
    const call = wait(desk, id)
    await listening(desk, 1)
    const other = { store: await open(place), clock: desk.clock, log: silentLog, onReleased: () => undefined, giveUpAfterMs: hour }
    const reviewer = await desk.keys.identify(desk.ours.keys.reviewer)
    if (reviewer === null) throw new Error('nobody')
    const approvals = createApprovals({ ...other, allowTestSelfApproval: false })
    expect((await approvals.decide(reviewer, { email: id as EmailId, action: 'reject', reason: 'No.' })).ok).toBe(true)
    await desk.clock.advance(1_000)
    expect((await call).body).toMatchObject({ outcome: { kind: 'rejected', reason: 'No.' } })
  })

  it('puts what it told on the record, as a view that the key was given', async () => {
    const desk = await openDesk(openStore)
    const id = await held(desk)
    await decide(desk, id, { action: 'reject', reason: 'It costs 6.' })
    await wait(desk, id)
    const [entry] = await listLog(desk.store.db, desk.ours.gated.tenancy, { limit: 1 })
    expect(entry).toMatchObject({
      action: 'email.awaited',
      resourceId: id,
      metadata: { mailbox_id: desk.ours.gated.id, view_hash: expect.stringMatching(/^[0-9a-f]{64}$/) },
    })
    // What the reviewer said is not in what is hashed for good.
    expect(JSON.stringify(entry)).not.toContain('costs 6')
  })

  it('forgets a caller that has gone, tells nothing to a key that was revoked, and ends with the server', async () => {
    const desk = await openDesk(openStore)
    const id = await held(desk)
    const gone = new AbortController()
    const headers = { authorization: `Bearer ${desk.ours.keys.agent}` }
    const left = fetch(`${desk.url}/wait_for_decision?email_id=${id}`, { headers, signal: gone.signal })
    await listening(desk, 1)
    gone.abort()
    await expect(left).rejects.toThrow()
    await listening(desk, 0)
    const key = await desk.key({ scopes: ['read'] })
    const call = wait(desk, id, 30, key)
    await listening(desk, 1)
    await desk.store.db.updateTable('api_keys').set({ revoked_at: desk.clock.now() }).where('secret_hash', '=', hashOfKey(key)).execute()
    await decide(desk, id, { action: 'approve' })
    expect(await call).toMatchObject({ status: 401, body: { code: 'KEY_NOT_ACCEPTED' } })
    const last = wait(desk, await held(desk))
    await listening(desk, 1)
    desk.live.close()
    expect(await last).toMatchObject({ status: 503, body: { code: 'UNAVAILABLE' } })
  })
})
