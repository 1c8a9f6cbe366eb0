import { describe, expect, it } from 'vitest'
import { emailStatuses } from '../../server/model/email.ts'
import { outcomeOf } from '../../server/operations/outcome.ts'
import { describeOnEachEngine } from '../support/stores.ts'
import { openDesk } from '../support/desk.ts'

const none = { rejection_code: null, rejection_reason: null, redo_asked: 0, replaced_by_id: null, delivered_at: null, bounced_at: null }
const email = { id: 'em_one', ended_by: 'person', ...none } as const
const nextOf = (change: object) =>
  outcomeOf({ ...email, direction: 'outbound', status: 'sent', approved_at: 1, ...change } as never)?.next ?? null

describe('what an agent is told to do', () => {
  it('speaks of sending of what is on its way only', () => {
    for (const status of emailStatuses)
      for (const direction of ['inbound', 'outbound'])
        for (const approved_at of [null, 1]) {
          const isLeaving =
            direction === 'outbound' && approved_at !== null && !['rejected', 'expired', 'cancelled', 'send_failed'].includes(status)
          expect([status, direction, nextOf({ status, direction, approved_at })?.includes('on its way') ?? false]).toEqual([
            status,
            direction,
            isLeaving,
          ])
          if (direction === 'inbound') expect(nextOf({ status, direction, approved_at }) ?? '').not.toMatch(/submit|sent/)
        }
  })

  it.each([
    [{ status: 'send_failed' }, /not sent/],
    [{ delivered_at: 2 }, /was delivered/],
    [{ bounced_at: 2 }, /came back/],
    [{ direction: 'inbound', status: 'unread' }, /let it in/],
    [{ direction: 'inbound', status: 'rejected' }, /keeps it from you/],
    [{ status: 'rejected', redo_asked: 1 }, /with replaces set to em_one/],
    [{ status: 'cancelled' }, /will not be sent/],
    [{ status: 'cancelled', replaced_by_id: 'em_two' }, /em_two/],
  ])('fits what became of it: %o', (change, words) => expect(nextOf(change)).toMatch(words))
})

describeOnEachEngine('an approved email that is taken back', (openStore) => {
  it('was ended by whoever took it back', async () => {
    const desk = await openDesk(openStore)
    const { agent, reviewer } = desk.ours.keys
    const letter = { mailbox_id: desk.ours.gated.id, to: ['bo@remote.test'], subject: 'An offer', markdown: 'It costs 5.' }
    const id = String((await desk.call(agent, 'POST', '/send_email', letter)).body['id'])
    await desk.call(reviewer, 'POST', '/decide_email', { email_id: id, action: 'approve' })
    await desk.store.db.updateTable('emails').set({ ended_by: 'person' }).execute()
    const { id: delivery_id } = await desk.store.db.selectFrom('deliveries').select('id').executeTakeFirstOrThrow()
    expect((await desk.call(reviewer, 'POST', '/cancel_delivery', { delivery_id })).status).toBe(200)
    const read = await desk.call(agent, 'GET', `/read_email?email_id=${id}`)
    expect(read.body).toMatchObject({ status: 'cancelled', outcome: { kind: 'cancelled', by: 'key' } })
  })
})
