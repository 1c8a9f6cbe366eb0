import { beforeEach, expect, it } from 'vitest'
import { type Caps, noCaps } from '../../server/outbound/pace/caps.ts'
import { findReleased, namedBy } from '../../server/outbound/released.ts'
import { createScheduler } from '../../server/outbound/scheduled.ts'
import type { EditInput } from '../../server/outbound/submission.ts'
import { type Submissions, createSubmissions } from '../../server/outbound/submit.ts'
import { createSuppressions } from '../../server/outbound/suppression/by-hand.ts'
import { type Timing, atOnce } from '../../server/outbound/timing.ts'
import { createTextReader } from '../../server/mailbox/attachment-text/reader.ts'
import { systemClock } from '../../server/platform/clock.ts'
import { silentLog } from '../../server/platform/log.ts'
import { attachmentsOf } from '../../server/store/attachments.ts'
import type { Store } from '../../server/store/db.ts'
import { type EmailRow, emailById, envelopeOf } from '../../server/store/emails.ts'
import { setMailboxState } from '../../server/store/mailboxes.ts'
import { deliveriesOf } from '../../server/store/queue.ts'
import { type Office, address, openOffice } from '../support/offices.ts'
import { claimNext } from '../support/leaving.ts'
import { describeOnEachEngine } from '../support/stores.ts'
import { type VirtualClock, createVirtualClock } from '../support/virtual-clock.ts'

const start = Date.UTC(2026, 10, 22, 12)
const hour = 3_600_000
const later: Timing = { ...atOnce, gateTiming: 'gate_first' }
const readText = createTextReader({ clock: systemClock, limitMs: 60_000 })
const times = { holdExpiryMs: 72 * hour, giveUpAfterMs: 120 * hour }

describeOnEachEngine('editing mail that waits for its time', (openStore) => {
  let store: Store
  let clock: VirtualClock
  let office: Office
  let submissions: Submissions
  const begin = (caps: Partial<Caps> = {}) => {
    submissions = createSubmissions({
      store,
      clock,
      log: silentLog,
      onReleased: () => {},
      ...times,
      caps: { ...noCaps, ...caps },
      readText,
    })
  }
  beforeEach(async () => {
    store = await openStore()
    clock = createVirtualClock(start)
    office = await openOffice(store, start, { mode: 'autonomous' })
    begin()
  })

  const due = () => createScheduler({ store, clock, log: silentLog, onReleased: () => {}, ...times }).run()
  const file = { name: 'order.txt', contentType: 'text/plain', content: Buffer.from('1 box') }
  const submit = async () => {
    const letter = { mailbox: office.mailbox.id, to: [address('bo@remote.test')], subject: 'Hello', markdown: 'Hi', attachments: [file] }
    const sent = await submissions.send(office.agent, { ...letter, timing: { ...later, sendAt: clock.now() + hour } })
    if (!sent.ok) throw new Error(sent.code)
    return sent.value
  }
  const edit = (email: EmailRow['id'], change: Omit<EditInput, 'email'>) => submissions.edit(office.agent, { email, ...change })
  const row = async (id: EmailRow['id']): Promise<EmailRow> => {
    const email = await emailById(store.db, id)
    if (email === undefined) throw new Error('no email')
    return email
  }
  /** What would go on the wire. */
  const leaving = async () => {
    const [claim] = await claimNext(store, { now: clock.now(), leaseMs: 100 * hour, limit: 1, lease: 'ours' })
    if (claim === undefined) throw new Error('nothing is due')
    return findReleased(store, claim, await namedBy(store, claim))
  }

  it('sends at its time what it was edited to, with its attachments, and nothing else', async () => {
    const { id, contentHash } = await submit()
    expect(await edit(id, { markdown: 'Good-bye', to: [address('cy@remote.test')] })).toMatchObject({ ok: true })
    expect((await row(id)).content_hash).not.toBe(contentHash)
    expect(await attachmentsOf(store.db, [id])).toMatchObject([{ name: 'order.txt' }])
    await clock.advance(hour)
    await due()
    expect((await deliveriesOf(store.db, id)).map((it) => it.forward_path)).toEqual(['cy@remote.test'])
    const found = await leaving()
    expect(found.ok).toBe(true)
    const text = JSON.stringify(found)
    expect(text).not.toContain('bo@remote.test')
  })

  it('to another time moves it, and to one that is past sends it at once', async () => {
    const { id } = await submit()
    await edit(id, { sendAt: start + 3 * hour })
    await clock.advance(2 * hour)
    expect(await due()).toBe(0)
    await edit(id, { sendAt: start })
    expect(await due()).toBe(1)
    expect(await row(id)).toMatchObject({ status: 'sent', send_at: start + 2 * hour })
  })

  it('at the moment of its release comes before it or after it, never between', async () => {
    for (let turn = 0; turn < 8; turn += 1) {
      const { id } = await submit()
      await clock.advance(hour)
      const [edited, count] = await Promise.all([edit(id, { markdown: `Edited ${turn}` }), due()])
      if (count === 0) await due()
      const email = await row(id)
      expect(email.status).toBe('sent')
      expect(email.markdown).toBe(edited.ok ? `Edited ${turn}` : 'Hi')
      if (!edited.ok) expect(edited.code).toBe('NOT_SCHEDULED')
      const [delivery] = await deliveriesOf(store.db, id)
      expect(delivery?.forward_path).toBe('bo@remote.test')
      // Whichever was first, the released content is the one that is stored.
      expect((await leaving()).ok).toBe(true)
    }
  })

  it('twice at once keeps both changes', async () => {
    const { id } = await submit()
    const both = await Promise.all([
      edit(id, { subject: 'A subject' }),
      edit(id, { markdown: 'A text' }),
      edit(id, { sendAt: start + 2 * hour }),
    ])
    expect(both.map(({ ok }) => ok)).toEqual([true, true, true])
    expect(await row(id)).toMatchObject({ subject: 'A subject', markdown: 'A text', send_at: start + 2 * hour })
  })

  it('at the moment it is withdrawn loses to that, or is withdrawn with it', async () => {
    const { id } = await submit()
    await Promise.all([edit(id, { subject: 'Another' }), submissions.cancel(office.agent, { email: id })])
    expect((await row(id)).status).toBe('cancelled')
    expect(await edit(id, { subject: 'Another' })).toMatchObject({ ok: false, code: 'NOT_SCHEDULED' })
  })

  it('asks what a submission asks', async () => {
    const { id } = await submit()
    await createSuppressions({ store, clock }).add(office.agent, address('gone@remote.test'), null)
    expect(await edit(id, { to: [address('gone@remote.test')] })).toMatchObject({ ok: false, code: 'RECIPIENT_SUPPRESSED' })
    begin({ day: 2 })
    const two = [address('a@remote.test'), address('b@remote.test')]
    expect(await edit(id, { to: [...two, address('c@remote.test')] })).toMatchObject({ ok: false, code: 'RATE_LIMITED' })
    expect(await edit(id, { to: two })).toMatchObject({ ok: true })
    expect(await edit(id, { subject: 'Once more' })).toMatchObject({ ok: false, code: 'RATE_LIMITED' })
    expect(await edit(id, { subject: 'Hello', sendAt: start + 2 * hour })).toMatchObject({ ok: true })
    await store.db.updateTable('mailboxes').set({ oversight_mode: 'read_only' }).where('id', '=', office.mailbox.id).execute()
    expect(await edit(id, { sendAt: start + hour })).toMatchObject({ ok: false, code: 'READ_ONLY_MAILBOX' })
    await store.transaction((tx) => setMailboxState(tx, office.mailbox.id, 'suspended', start))
    expect(await edit(id, { sendAt: start + hour })).toMatchObject({ ok: false, code: 'MAILBOX_NOT_FOUND' })
    expect(envelopeOf(await row(id)).forwardPaths).toEqual(two)
  })
})
