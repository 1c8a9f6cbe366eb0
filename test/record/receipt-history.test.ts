/** What the log says of an email is in the history of its receipt, or stands here with the reason why not. */
import { describe, expect, it } from 'vitest'
import { deliveryOutcomes, historyActions } from '../../server/model/receipt.ts'
import type { Receipt } from '../../server/model/receipt.ts'
import type { EmailId } from '../../server/model/ids.ts'
import { createScheduler } from '../../server/outbound/scheduled.ts'
import { silentLog } from '../../server/platform/log.ts'
import { verifyReceipt } from '../../server/record/receipt.ts'
import { type LogAction, logActions, readActions } from '../../server/store/log.ts'
import { type Desk, openDesk } from '../support/desk.ts'
import { logKey } from '../support/recorded.ts'
import { furnishScene } from '../support/scene.ts'
import { describeOnEachEngine } from '../support/stores.ts'

const told: readonly LogAction[] = [...historyActions, ...(Object.keys(deliveryOutcomes) as (keyof typeof deliveryOutcomes)[])]

/** Those that may name an email, and are in no receipt. */
const notTold: Readonly<Record<string, readonly LogAction[]>> = {
  'It was read, which changes nothing; what_did_it_see and the log have who was shown what. What a reviewer looked at before deciding is told':
    readActions.filter((action) => action !== 'email.reviewed'),
  'It changes nothing either, and was the reviewer’s to see': ['pending.read', 'person.notified'],
  'An email of which this is true was not let go, so there is no receipt of it': [
    'email.rejected',
    'email.cancelled',
    'email.superseded',
    'hold.expired',
    'canary.placed',
    'canary.rejected',
    'canary.missed',
    'canary.expired',
    'canary.withdrawn',
  ],
  'A step on the way of a delivery: its end is told, with the last reply': [
    'delivery.attempted',
    'delivery.deferred',
    'delivery.paced',
    'delivery.hurried',
    'delivery.cancel_requested',
  ],
  'It comes after the mail has left, and nothing that was let go is any different for it': [
    'delivery.reported',
    'email.complained',
    'email.failed',
  ],
  'It is of arriving mail': ['email.received', 'email.injected', 'email.reported_spam', 'email.cleared_spam', 'report.received'],
  'It is no part of the email: what somebody noted beside it': ['email.tagged', 'email.untagged'],
  'Nothing came of it, and who tried is the reviewers’ affair': ['approval.refused', 'call.refused'],
  'The decision that it carried is told': ['person.link_used'],
}

/** Those of everything else: no entry of theirs is about one email. */
const namesNone = logActions.filter((action) => !told.includes(action) && !Object.values(notTold).flat().includes(action))

describe('the actions of the log', () => {
  it('are each in the history of a receipt, or not for a reason, and never both', () => {
    const reasons = Object.values(notTold).flat()
    expect(new Set(reasons).size).toBe(reasons.length)
    expect(reasons.filter((action) => told.includes(action))).toEqual([])
    expect(told.filter((action) => !logActions.includes(action))).toEqual([])
    // What has the name of mail is classified by hand.
    expect(namesNone.filter((action) => /^(?:email|hold|approval|delivery|canary|thread|attachment|receipt)\./.test(action))).toEqual([])
  })
})

const done = async (desk: Desk, key: string, path: string, body: object): Promise<Record<string, unknown>> => {
  const answer = await desk.call(key, 'POST', path, body)
  if (answer.status >= 300) throw new Error(`${path}: ${JSON.stringify(answer.body)}`)
  return answer.body
}
const schedulerOf = ({ store, clock }: Desk) =>
  createScheduler({ store, clock, log: silentLog, onReleased: () => undefined, holdExpiryMs: 259_200_000, giveUpAfterMs: 432_000_000 })
const receiptFor = async (desk: Desk, key: string, id: string): Promise<Receipt> => {
  const { status, body } = await desk.call(key, 'GET', `/get_receipt?email_id=${id}`)
  expect([status, body['code']]).toEqual([200, undefined])
  const checked = verifyReceipt(JSON.stringify(body), logKey)
  if (!checked.ok) throw new Error(checked.code)
  return checked.value.receipt
}
const actionsIn = ({ history }: Receipt): string[] => history.map(({ action }) => action)
const pem = `-----BEGIN PRIVATE KEY-----\n${'MIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n'.repeat(4)}-----END PRIVATE KEY-----`

describeOnEachEngine('the history of a receipt', (openStore) => {
  it('is all that was done with the mail, with what reviewers looked at for those alone who may know', { timeout: 60_000 }, async () => {
    const desk = await openDesk(openStore)
    const { agent, reviewer, admin } = desk.ours.keys
    const { id: mailbox } = desk.ours.gated
    await desk.store.db.updateTable('mailboxes').set({ undo_seconds: 60 }).where('id', '=', mailbox).execute()
    const parent = await desk.receive(desk.ours.gated)
    const draft = String((await done(desk, agent, '/draft_reply', { email_id: parent.id, markdown: 'Soon.' }))['id'])
    const id = String((await done(desk, agent, '/send_email', { draft_id: draft }))['id'])
    expect(id).toBe(draft)
    const look = () => desk.call(reviewer, 'GET', `/review_email?email_id=${id}`)
    expect((await look()).status).toBe(200)
    await desk.clock.advance(1_000)
    await done(desk, reviewer, '/renew_hold', { email_id: id })
    await done(desk, reviewer, '/decide_email', { email_id: id, action: 'approve' })
    await done(desk, reviewer, '/undo_approval', { email_id: id })
    await desk.store.db
      .updateTable('holds')
      .set({ people: 2 })
      .where('email_id', '=', id as EmailId)
      .where('state', '=', 'open')
      .execute()
    await look()
    await done(desk, reviewer, '/decide_email', { email_id: id, action: 'approve' })
    const second = await desk.key({ scopes: ['read', 'oversight'] })
    await done(desk, second, '/decide_email', { email_id: id, action: 'approve' })
    await desk.clock.advance(60_001)
    await schedulerOf(desk).run()
    // Who looks at it afterwards had no part in it, however often.
    for (let time = 0; time < 3; time++) await look()
    const all = ['email.drafted', 'email.submitted', 'email.held', 'email.reviewed', 'hold.renewed', 'email.approved']
    const again = ['email.approval_undone', 'email.held', 'email.reviewed', 'email.approved_in_part', 'email.approved', 'email.released']
    for (const key of [reviewer, admin]) {
      const receipt = await receiptFor(desk, key, id)
      expect(actionsIn(receipt)).toEqual([...all, ...again])
      // What was looked at is what left.
      const looks = receipt.history.filter(({ action }) => action === 'email.reviewed')
      expect(looks.map(({ content_hash }) => content_hash)).toEqual([receipt.content_hash, receipt.content_hash])
    }
    await desk.clock.advance(60_000)
    const seen = await receiptFor(desk, agent, id)
    expect(actionsIn(seen)).toEqual([...all, ...again].filter((action) => action !== 'email.reviewed'))
    expect(JSON.stringify(seen)).not.toContain('reviewed')
    expect(seen.entries.every(({ body }) => !body.includes('view_hash'))).toBe(true)
  })

  it('has what a reviewer changed, under both hashes', async () => {
    const desk = await openDesk(openStore)
    const { agent, reviewer } = desk.ours.keys
    const letter = { mailbox_id: desk.ours.gated.id, to: ['bo@remote.test'], subject: 'Hi', markdown: 'It costs 5.' }
    const { id, content_hash } = await done(desk, agent, '/send_email', letter)
    const edited = await done(desk, reviewer, '/edit_held_email', { email_id: id, content_hash, markdown: 'It costs 6.' })
    await done(desk, await desk.key({ scopes: ['read', 'oversight'] }), '/decide_email', { email_id: id, action: 'approve' })
    const receipt = await receiptFor(desk, agent, String(id))
    expect(actionsIn(receipt)).toEqual(['email.submitted', 'email.held', 'email.edited', 'email.held', 'email.approved', 'email.released'])
    expect(receipt.content_hash).toBe(edited['content_hash'])
    expect(receipt.history.map((one) => one.content_hash)).toContain(content_hash)
  })

  it('has what was refused of a change', async () => {
    const desk = await openDesk(openStore)
    const { agent, reviewer } = desk.ours.keys
    const send_at = new Date(desk.clock.now() + 86_400_000).toISOString()
    const letter = { mailbox_id: desk.ours.gated.id, to: ['bo@remote.test'], subject: 'Hi', markdown: 'Hello' }
    const { id } = await done(desk, agent, '/send_email', { ...letter, send_at, gate_timing: 'schedule_first' })
    const refused = await desk.call(agent, 'POST', '/edit_scheduled_email', { email_id: id, markdown: pem })
    expect(refused.body).toMatchObject({ code: 'CONTENT_BLOCKED' })
    await desk.clock.advance(86_400_000)
    await schedulerOf(desk).run()
    await done(desk, reviewer, '/decide_email', { email_id: id, action: 'approve' })
    const actions = actionsIn(await receiptFor(desk, agent, String(id)))
    expect(actions).toEqual(['email.submitted', 'email.scheduled', 'email.blocked', 'email.held', 'email.approved', 'email.released'])
  })

  it('is of an approval, also after it was moved more often than a receipt tells', { timeout: 120_000 }, async () => {
    const desk = await openDesk(openStore)
    const { agent, reviewer } = desk.ours.keys
    const sendAt = (minutes: number) => new Date(Date.parse('2026-03-04T09:00:00Z') + minutes * 60_000).toISOString()
    const letter = { mailbox_id: desk.ours.gated.id, to: ['bo@remote.test'], subject: 'Hi', markdown: 'Hello' }
    const { id } = await done(desk, agent, '/send_email', { ...letter, send_at: sendAt(0), gate_timing: 'gate_first' })
    await done(desk, reviewer, '/decide_email', { email_id: id, action: 'approve' })
    for (let time = 1; time <= 105; time++) await done(desk, agent, '/edit_scheduled_email', { email_id: id, send_at: sendAt(time) })
    await desk.clock.advance(4 * 86_400_000)
    await schedulerOf(desk).run()
    const receipt = await receiptFor(desk, agent, String(id))
    expect(receipt).toMatchObject({ release: { kind: 'approval' }, approval: { decision: 'approve' } })
    expect(actionsIn(receipt)[0]).toBe('email.approved')
    expect(receipt.history.length).toBeLessThan(105)
  })

  it('leaves out nothing that names an email: other entries name none', async () => {
    const desk = await openDesk(openStore)
    await furnishScene(desk, desk.ours)
    const rows = await desk.store.db.selectFrom('log_entries').select(['action', 'resource_type', 'body']).execute()
    const naming = rows.filter(({ resource_type, body }) => resource_type === 'email' || body.includes('"email_id":"em_'))
    expect(naming.length).toBeGreaterThan(5)
    expect([...new Set(naming.map(({ action }) => action))].filter((action) => namesNone.includes(action as LogAction))).toEqual([])
  })
})
