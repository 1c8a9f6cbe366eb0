import { expect, it } from 'vitest'
import type { SystemActor } from '../../../server/model/actor.ts'
import type { SuppressionReason } from '../../../server/model/suppression.ts'
import type { Tenancy } from '../../../server/model/world.ts'
import { suppress, suppressionOf } from '../../../server/outbound/suppression/suppression.ts'
import type { Store } from '../../../server/store/db.ts'
import { appendLogs, listLog } from '../../../server/store/log.ts'
import { changeSettings } from '../../../server/store/mailboxes.ts'
import { listSuppressions } from '../../../server/store/suppressions.ts'
import { type Leaving, createLeaving } from '../../support/leaving.ts'
import { openOffice } from '../../support/offices.ts'
import { createRemoteMx } from '../../support/remote-mx.ts'
import { describeOnEachEngine } from '../../support/stores.ts'

const day = 24 * 60 * 60_000
const hand: SystemActor = { kind: 'system', part: 'host' }
const noEvidence = { mailboxId: null, emailId: null, deliveryId: null }

const put = (
  store: Store,
  tenancy: Tenancy,
  address: string,
  now: number,
  reason: SuppressionReason = 'manual',
  expiresAt: number | null = null,
) =>
  store.transaction(async (tx) => {
    const done = await suppress(tx, { tenancy, address, reason, evidence: noEvidence, actor: hand, expiresAt, now })
    await appendLogs(tx, done.entries)
    return done
  })

describeOnEachEngine('the suppression list', (openStore) => {
  it('belongs to one account in one world, whatever the case of an address', async () => {
    const store = await openStore()
    const ours = await openOffice(store, 1_000)
    const theirs = await openOffice(store, 1_000)
    await put(store, ours.tenancy, 'Bo@Remote.test', 1_000)
    expect(await suppressionOf(store.db, ours.tenancy, 'bo@remote.TEST', 2_000)).toMatchObject({
      address: 'bo@remote.test',
      reason: 'manual',
    })
    for (const other of [theirs.tenancy, { ...ours.tenancy, world: 'test' as const }]) {
      expect(await suppressionOf(store.db, other, 'bo@remote.test', 2_000)).toBeNull()
      expect(await listSuppressions(store.db, other, { now: 2_000, limit: 10 })).toEqual([])
    }
  })

  it('keeps the stronger reason, and what lasts longer', async () => {
    const store = await openStore()
    const { tenancy } = await openOffice(store, 1_000)
    const now = () => suppressionOf(store.db, tenancy, 'bo@remote.test', 1_500)
    expect((await put(store, tenancy, 'bo@remote.test', 1_000, 'hard_bounce', 9_000)).entries).toHaveLength(1)
    // The same, without an end.
    expect((await put(store, tenancy, 'bo@remote.test', 1_001, 'hard_bounce')).entries).toHaveLength(1)
    expect(await now()).toMatchObject({ expires_at: null })
    expect(await put(store, tenancy, 'bo@remote.test', 1_002, 'hard_bounce', 9_000)).toEqual({ suppressed: true, entries: [] })
    await put(store, tenancy, 'bo@remote.test', 1_003, 'complaint')
    expect(await put(store, tenancy, 'bo@remote.test', 1_004, 'unsubscribe')).toEqual({ suppressed: true, entries: [] })
    expect(await now()).toMatchObject({ reason: 'complaint' })
  })

  it('forgets what has run out, and takes a weaker reason in its place', async () => {
    const store = await openStore()
    const { tenancy } = await openOffice(store, 1_000)
    await put(store, tenancy, 'bo@remote.test', 1_000, 'manual', 5_000)
    expect(await suppressionOf(store.db, tenancy, 'bo@remote.test', 4_999)).not.toBeNull()
    expect(await suppressionOf(store.db, tenancy, 'bo@remote.test', 5_000)).toBeNull()
    expect(await listSuppressions(store.db, tenancy, { now: 5_000, limit: 10 })).toEqual([])
    await put(store, tenancy, 'bo@remote.test', 6_000, 'hard_bounce')
    expect(await suppressionOf(store.db, tenancy, 'bo@remote.test', 6_000)).toMatchObject({ reason: 'hard_bounce' })
  })
})

describeOnEachEngine('who is suppressed by what a mail server answers', (openStore) => {
  const bounced = async (leaving: Leaving) =>
    (await leaving.events()).filter(({ type }) => type === 'message.bounced').map(({ data }) => data)
  const listed = (store: Store, { office, clock }: Leaving) => listSuppressions(store.db, office.tenancy, { now: clock.now(), limit: 10 })

  it('an address that does not exist, at once: the event, the list and the log say so, and the next mail is not dialled', async () => {
    const store = await openStore()
    const remote = await createRemoteMx({ answers: { rcpt: '550 5.1.1 No such user' }, extensions: [] })
    const leaving = await createLeaving(store, { remote })
    const email = await leaving.queue()
    await leaving.runner.drain()
    const [delivery] = await leaving.deliveries(email)
    expect(await bounced(leaving)).toMatchObject([{ bounce_class: 'recipient', suppressed: true }])
    expect(await listed(store, leaving)).toMatchObject([
      {
        address: 'bo@remote.test',
        reason: 'hard_bounce',
        mailbox_id: email.mailbox_id,
        email_id: email.id,
        delivery_id: delivery?.id,
        expires_at: null,
      },
    ])
    expect(await listLog(store.db, leaving.office.tenancy, { limit: 1 })).toMatchObject([
      { action: 'suppression.added', metadata: { reason: 'hard_bounce', email_id: email.id }, details: { address: 'bo@remote.test' } },
    ])
    const dialled = remote.sessions()
    const second = await leaving.queue()
    await leaving.runner.drain()
    expect(await leaving.deliveries(second)).toMatchObject([{ state: 'bounced', bounce_class: 'suppressed', attempts: 1, last_host: null }])
    expect((await bounced(leaving)).at(-1)).toMatchObject({
      email_id: second.id,
      bounce_type: 'hard',
      bounce_class: 'suppressed',
      bounce_code: null,
      suppressed: true,
      diagnostic: 'Not sent: the address is on the suppression list (hard_bounce)',
    })
    expect(remote.sessions()).toBe(dialled)
    expect(await listed(store, leaving)).toHaveLength(1)
  })

  it('of several recipients only the one that failed', async () => {
    const store = await openStore()
    const remote = await createRemoteMx({ answers: { rcpt: ['550 5.1.1 No', '250 Ok'] }, extensions: [] })
    const leaving = await createLeaving(store, { remote, runner: { concurrency: 1 } })
    const email = await leaving.queue({ to: ['a@remote.test', 'b@remote.test'] })
    await leaving.runner.drain()
    expect((await listed(store, leaving)).map(({ address }) => address)).toEqual(['a@remote.test'])
    const again = await leaving.queue({ to: ['a@remote.test', 'b@remote.test'] })
    await leaving.runner.drain()
    expect((await leaving.deliveries(email)).map(({ state }) => state)).toEqual(['bounced', 'delivered'])
    expect((await leaving.deliveries(again)).map(({ state }) => state)).toEqual(['bounced', 'delivered'])
  })

  it('never a copy that an operator set up, even when the agent names its address', async () => {
    const store = await openStore()
    const remote = await createRemoteMx()
    const leaving = await createLeaving(store, { remote })
    const { mailbox, tenancy } = leaving.office
    const boss = 'boss@remote.test'
    await put(store, tenancy, boss, leaving.clock.now(), 'unsubscribe')
    const stateAfter = async (copies_json: string | null) => {
      const email = await leaving.queue({ to: [boss] })
      await store.db.updateTable('emails').set({ copies_json }).where('id', '=', email.id).execute()
      await leaving.runner.drain()
      return (await leaving.deliveries(email)).map(({ state }) => state)
    }
    expect(await stateAfter(null)).toEqual(['bounced'])
    expect(await stateAfter(JSON.stringify({ cc: [], bcc: [boss] }))).toEqual(['delivered'])
    await store.transaction((tx) => changeSettings(tx, mailbox.id, { auto_bcc: 'Boss@remote.test' }))
    expect(await stateAfter(null)).toEqual(['delivered'])
    await store.transaction((tx) => changeSettings(tx, mailbox.id, { auto_bcc: null }))
    expect(await stateAfter(null)).toEqual(['bounced'])
    await store.db.updateTable('accounts').set({ oversight_email: boss }).execute()
    await store.db.updateTable('mailboxes').set({ oversight_mode: 'monitored' }).execute()
    expect(await stateAfter(null)).toEqual(['delivered'])
  })

  it('trouble of ours suppresses nobody', async () => {
    const store = await openStore()
    const remote = await createRemoteMx({
      answers: { rcpt: '550 5.7.1 Service unavailable; client host blocked using Spamhaus' },
      extensions: [],
    })
    const leaving = await createLeaving(store, { remote })
    await leaving.queue()
    await leaving.runner.drain()
    for (let due = await leaving.nextDue(); due !== null; due = await leaving.nextDue()) {
      await leaving.clock.advance(due - leaving.clock.now())
      await leaving.runner.drain()
    }
    expect(await bounced(leaving)).toMatchObject([{ bounce_class: 'blocklisted', suppressed: false }])
    expect(await listed(store, leaving)).toEqual([])
  })

  it('a disabled mailbox the second time in thirty days', async () => {
    const store = await openStore()
    const remote = await createRemoteMx({ answers: { rcpt: '550 5.2.1 The account is disabled' }, extensions: [] })
    const leaving = await createLeaving(store, { remote })
    const sendOne = async () => {
      await leaving.queue()
      await leaving.runner.drain()
    }
    await sendOne()
    await leaving.clock.advance(31 * day)
    await sendOne()
    expect((await bounced(leaving)).map(({ suppressed }) => suppressed)).toEqual([false, false])
    await leaving.clock.advance(29 * day)
    await sendOne()
    expect((await bounced(leaving)).map(({ suppressed }) => suppressed)).toEqual([false, false, true])
    expect(await listed(store, leaving)).toMatchObject([{ reason: 'hard_bounce' }])
  })

  it('in the test world as in the live one, and not in both', async () => {
    const store = await openStore()
    const leaving = await createLeaving(store, { world: 'test' })
    const to = ['bounce@anywhere.test']
    await leaving.queue({ to })
    await leaving.runner.drain()
    expect(await bounced(leaving)).toMatchObject([{ suppressed: true }])
    expect(
      await suppressionOf(store.db, { ...leaving.office.tenancy, world: 'live' }, 'bounce@anywhere.test', leaving.clock.now()),
    ).toBeNull()
    const again = await leaving.queue({ to })
    await leaving.runner.drain()
    expect(await leaving.deliveries(again)).toMatchObject([{ bounce_class: 'suppressed' }])
  })
})
