import { expect, it } from 'vitest'
import { verifyLog } from '../../server/store/log.ts'
import { type Leaving, createLeaving } from '../support/leaving.ts'
import { createRemoteMx } from '../support/remote-mx.ts'
import { describeOnEachEngine } from '../support/stores.ts'

const minute = 60_000
const hour = 60 * minute

describeOnEachEngine('what follows from an attempt', (openStore) => {
  const told = async (leaving: Leaving) => (await leaving.events()).filter((event) => event.type !== 'message.sent')
  /** Attempt by attempt, until nothing is queued or `until` is reached. */
  const runUntil = async (leaving: Leaving, until: number): Promise<void> => {
    for (;;) {
      await leaving.runner.drain()
      const due = await leaving.nextDue()
      if (due === null || due > until) return
      await leaving.clock.advance(due - leaving.clock.now())
    }
  }

  it('a delivery: the email has it when every recipient has, each is told, and the log says so', async () => {
    const store = await openStore()
    const remote = await createRemoteMx({ answers: { rcpt: ['250 Ok', '450 4.2.0 Greylisted', '250 Ok'] }, extensions: [] })
    const leaving = await createLeaving(store, { remote, runner: { concurrency: 1 } })
    const email = await leaving.queue({ to: ['a@remote.test', 'b@remote.test'] })
    await leaving.runner.drain()
    expect((await leaving.email(email)).delivered_at).toBeNull()
    await runUntil(leaving, Infinity)
    expect(await leaving.email(email)).toMatchObject({ delivered_at: leaving.clock.now(), bounced_at: null, status: 'sent' })
    expect(await told(leaving)).toMatchObject([
      { type: 'message.delivered', data: { recipient: 'a@remote.test', email_id: email.id } },
      { type: 'message.delivered', data: { recipient: 'b@remote.test', email_id: email.id, delivered_at: leaving.clock.now() } },
    ])
    const actions = (await store.db.selectFrom('log_entries').select('action').orderBy('seq').execute()).map((entry) => entry.action)
    expect(actions.filter((action) => action.startsWith('delivery.')).map((action) => action.slice('delivery.'.length))).toEqual(
      'attempted delivered attempted deferred attempted delivered'.split(' '),
    )
    expect(await verifyLog(store.db)).toMatchObject({ ok: true })
  })

  it('a bounce: hard, with the code, the remote’s words made plain, and what to do', async () => {
    const remote = await createRemoteMx({
      answers: { rcpt: `550-5.1.1 No such user\u0007 \u001b[31mhere\r\n550 5.1.1 ${'x'.repeat(600)}` },
      extensions: [],
    })
    const leaving = await createLeaving(await openStore(), { remote })
    const email = await leaving.queue()
    await leaving.runner.drain()
    expect(await leaving.email(email)).toMatchObject({
      bounced_at: leaving.clock.now(),
      bounce_type: 'hard',
      delivered_at: null,
      status: 'sent',
    })
    const [event] = await told(leaving)
    expect(event).toMatchObject({
      type: 'message.bounced',
      data: {
        recipient: 'bo@remote.test',
        bounce_type: 'hard',
        bounce_code: '550 5.1.1',
        bounce_class: 'recipient',
        suppress: 'at-once',
        suppressed: true,
        may_be_accepted: false,
        remedy: expect.stringContaining('Check the address'),
      },
    })
    const diagnostic = String(event?.data['diagnostic'])
    expect(diagnostic).toMatch(/^550 5\.1\.1 No such user \[31mhere x+$/)
    expect(diagnostic.length).toBeLessThan(520)
  })

  it(
    'a long wait: told after a quarter of an hour and after four hours; then an end after 72 hours: expired, soft',
    { timeout: 120_000 },
    async () => {
      const remote = await createRemoteMx({ answers: { rcpt: '451 4.3.0 Later' }, extensions: [] })
      const leaving = await createLeaving(await openStore(), { remote })
      const email = await leaving.queue()
      const queuedAt = leaving.clock.now()
      await runUntil(leaving, queuedAt + 14 * minute)
      expect(await told(leaving)).toEqual([])
      await runUntil(leaving, queuedAt + 71 * hour)
      expect(await told(leaving)).toMatchObject([
        { type: 'message.delayed', data: { recipient: 'bo@remote.test', bounce_class: 'temporary', attempts: 3 } },
        { type: 'message.delayed', data: { recipient: 'bo@remote.test', bounce_class: 'temporary', attempts: expect.any(Number) } },
      ])
      await runUntil(leaving, Infinity)
      expect(leaving.clock.now() - queuedAt).toBe(72 * hour)
      expect(await leaving.deliveries(email)).toMatchObject([
        { state: 'expired', bounce_class: 'temporary', settled_at: leaving.clock.now() },
      ])
      expect(await leaving.email(email)).toMatchObject({ bounce_type: 'soft', bounced_at: leaving.clock.now(), delivered_at: null })
      expect((await told(leaving)).map((event) => [event.type, event.data['bounce_type']])).toEqual([
        ['message.delayed', null],
        ['message.delayed', null],
        ['message.bounced', 'soft'],
      ])
    },
  )

  it('a message that may have arrived is said to be so, to its end', async () => {
    const remote = await createRemoteMx({ answers: { dot: ['cut', '550 5.7.1 No more'] } })
    const leaving = await createLeaving(await openStore(), { remote })
    const email = await leaving.queue()
    await runUntil(leaving, Infinity)
    expect(await leaving.deliveries(email)).toMatchObject([{ state: 'bounced', may_be_accepted: 1 }])
    expect(await told(leaving)).toMatchObject([{ type: 'message.bounced', data: { may_be_accepted: true, bounce_class: 'refused' } }])
  })

  it('of two recipients that fail, the hard failure weighs more', async () => {
    const remote = await createRemoteMx({ answers: { rcpt: ['550 5.1.1 No', '451 4.3.0 Later'] }, extensions: [] })
    const leaving = await createLeaving(await openStore(), { remote, runner: { concurrency: 1 } })
    const email = await leaving.queue({ to: ['a@remote.test', 'b@remote.test'] })
    await runUntil(leaving, Infinity)
    expect(await leaving.email(email)).toMatchObject({ bounce_type: 'hard', delivered_at: null })
    expect((await leaving.deliveries(email)).map((delivery) => delivery.state)).toEqual(['bounced', 'expired'])
  })
})
