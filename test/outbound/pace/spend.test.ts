import { beforeEach, expect, it } from 'vitest'
import type { OversightMode } from '../../../server/model/email.ts'
import type { World } from '../../../server/model/world.ts'
import type { Caps } from '../../../server/outbound/pace/caps.ts'
import { type CapChange, chooseOnHost } from '../../../server/outbound/mailbox-choices.ts'
import { type Submissions, createSubmissions } from '../../../server/outbound/submit.ts'
import { createApprovals } from '../../../server/oversight/approvals.ts'
import { silentLog } from '../../../server/platform/log.ts'
import { noteReceived } from '../../../server/store/correspondents.ts'
import type { Store } from '../../../server/store/db.ts'
import { listLog } from '../../../server/store/log.ts'
import { type Office, address, openOffice } from '../../support/offices.ts'
import { describeOnEachEngine } from '../../support/stores.ts'
import { type VirtualClock, createVirtualClock } from '../../support/virtual-clock.ts'

const start = Date.UTC(2026, 10, 22, 12)
const minute = 60_000
const hour = 60 * minute

describeOnEachEngine('the caps of a mailbox', (openStore) => {
  let store: Store
  let clock: VirtualClock
  let office: Office
  let caps: Caps
  let submissions: Submissions

  const open = (mode: OversightMode, world: World = 'live') => openOffice(store, start, { mode, world })
  beforeEach(async () => {
    store = await openStore()
    clock = createVirtualClock(start)
    office = await open('autonomous')
    caps = { hour: null, day: null, new: null }
  })
  const begin = (given: Partial<Caps>) => {
    caps = { ...caps, ...given }
    const shared = { store, giveUpAfterMs: 72 * hour, clock, log: silentLog, onReleased: () => {} }
    submissions = createSubmissions({ ...shared, holdExpiryMs: 72 * hour, caps })
    return createApprovals({ ...shared, allowTestSelfApproval: false })
  }

  const names = (count: number, from = 0) => Array.from({ length: count }, (_, at) => address(`p${from + at}@remote.test`))
  let written = 0
  /** Never the same twice, which would be refused for that. */
  const letter = (to = names(1), of = office) => ({ mailbox: of.mailbox.id, to, subject: `Hello ${(written += 1)}`, markdown: 'Hi' })
  const send = async (to = names(1), of = office) => {
    const sent = await submissions.send(of.agent, letter(to, of))
    return sent.ok ? 'sent' : { code: sent.code, detail: sent.detail, retryAfterMs: sent.retryAfterMs }
  }
  const refusal = (retryAfterMs: number, words = '') => ({
    code: 'RATE_LIMITED',
    detail: expect.stringContaining(words),
    retryAfterMs,
  })
  const countOf = async (table: 'emails' | 'threads' | 'deliveries' | 'send_windows' | 'first_contacts') =>
    Number(
      (
        await store.db
          .selectFrom(table)
          .select((it) => it.fn.countAll().as('n'))
          .executeTakeFirstOrThrow()
      ).n,
    )

  it('refuse what is over the day, with the time to wait, and file nothing of it', async () => {
    begin({ day: 3 })
    expect(await send(names(2))).toBe('sent')
    await clock.advance(hour)
    expect(await send()).toBe('sent')
    expect(await send()).toEqual(refusal(23 * hour + 5 * minute, 'at most 3 messages in a day'))
    expect([await countOf('emails'), await countOf('threads'), await countOf('deliveries')]).toEqual([2, 2, 3])

    await clock.advance(23 * hour + 5 * minute)
    expect(await send(names(2))).toBe('sent')
    expect(await send()).toMatchObject({ code: 'RATE_LIMITED' })
    expect(await countOf('send_windows')).toBe(2)
  })

  it('refuse what is over the hour', async () => {
    begin({ hour: 1, day: 100 })
    expect(await send()).toBe('sent')
    expect(await send()).toEqual(refusal(65 * minute, 'in an hour'))
    await clock.advance(65 * minute)
    expect(await send()).toBe('sent')
  })

  it('refuse strangers over the number for a day, and nobody whom the mailbox knows', async () => {
    begin({ new: 2 })
    expect(await send(names(2))).toBe('sent')
    expect(await send(names(2))).toBe('sent')
    expect(await send(names(3))).toEqual(refusal(24 * hour + 5 * minute, 'to whom it has not written before'))
    await store.transaction((tx) =>
      noteReceived(tx, { mailboxId: office.mailbox.id, address: 'proved@remote.test', verified: true, now: start }),
    )
    await store.transaction((tx) =>
      noteReceived(tx, { mailboxId: office.mailbox.id, address: 'claimed@remote.test', verified: false, now: start }),
    )
    expect(await send([address('Proved@remote.test')])).toBe('sent')
    expect(await send([address('claimed@remote.test')])).toMatchObject({ code: 'RATE_LIMITED' })
    await clock.advance(24 * hour + 5 * minute)
    expect(await send(names(2, 10))).toBe('sent')
    expect(await countOf('first_contacts')).toBe(2)
  })

  it('count what is held once: handing it in counts, approving it does not and is never refused', async () => {
    office = await open('gated_send')
    const approvals = begin({ day: 2, new: 2 })
    const held = await submissions.send(office.agent, letter())
    if (!held.ok || held.value.contentHash === null) throw new Error('not held')
    // The same person again is no new recipient, although nothing was sent to them yet.
    expect(await send()).toBe('sent')
    expect(await send()).toMatchObject({ code: 'RATE_LIMITED' })
    const decided = await approvals.decide(office.reviewer, {
      email: held.value.id,
      action: 'approve',
      contentHash: held.value.contentHash,
    })
    expect(decided).toMatchObject({ ok: true })
    expect(await countOf('deliveries')).toBe(1)
    expect(await countOf('first_contacts')).toBe(1)
  })

  it('count a draft when it is submitted, once, and not when that fails', async () => {
    begin({ day: 1 })
    const email = await office.arrived()
    const draft = async () => {
      const made = await submissions.draftReply(office.agent, { email: email.id, markdown: 'Yes' })
      if (!made.ok) throw new Error(made.code)
      return made.value.id
    }
    const [one, other] = [await draft(), await draft()]
    expect(await countOf('send_windows')).toBe(0)
    expect(await submissions.sendDraft(office.agent, { draft: one })).toMatchObject({ ok: true })
    expect(await submissions.sendDraft(office.agent, { draft: one })).toMatchObject({ code: 'NOT_A_DRAFT' })
    expect(await submissions.sendDraft(office.agent, { draft: other })).toMatchObject({ code: 'RATE_LIMITED' })
    // It is still a draft, to be submitted later.
    await clock.advance(25 * hour)
    expect(await submissions.sendDraft(office.agent, { draft: other })).toMatchObject({ ok: true })
  })

  it('do not count what an idempotency key repeats, also beyond the cap', async () => {
    begin({ day: 1 })
    const once = { ...letter(), idempotencyKey: 'one' }
    expect(await submissions.send(office.agent, once)).toMatchObject({ ok: true })
    expect(await submissions.send(office.agent, once)).toMatchObject({ ok: true, value: { replayed: true } })
    expect(await send()).toMatchObject({ code: 'RATE_LIMITED' })
  })

  it('let exactly as many through as they say when all come at once', async () => {
    begin({ day: 5, new: 4 })
    const results = await Promise.all(Array.from({ length: 12 }, (_, at) => send(names(1, at))))
    expect(results.filter((one) => one === 'sent')).toHaveLength(4)
    expect((await Promise.all(Array.from({ length: 4 }, () => send()))).filter((one) => one === 'sent').length).toBeLessThanOrEqual(1)
    expect(await countOf('deliveries')).toBeLessThanOrEqual(5)
  })

  it('are each mailbox’s own, and each world’s', async () => {
    begin({ day: 1 })
    const [other, test] = [await open('autonomous'), await open('autonomous', 'test')]
    for (const one of [office, other, test]) {
      expect(await send(names(1), one)).toBe('sent')
      expect(await send(names(1), one)).toMatchObject({ code: 'RATE_LIMITED' })
    }
  })

  it('can be set for one mailbox by the operator, on the record, up to none at all', async () => {
    begin({ day: 1, new: 5 })
    const change = (to: CapChange) => chooseOnHost({ store, clock, caps }, office.mailbox.address, 'live', { caps: to })
    expect(await change({ day: 2, hour: 2 })).toMatchObject({ ok: true, value: { caps: { hour: 2, day: 2, new: 5 } } })
    expect([await send(), await send()]).toEqual(['sent', 'sent'])
    expect(await send()).toMatchObject({ code: 'RATE_LIMITED' })
    expect(await change({ day: null, hour: null, new: null })).toMatchObject({ value: { caps: { hour: null, day: null, new: null } } })
    expect(await send(names(50))).toBe('sent')
    expect(await change({ day: 'standard', new: 'standard' })).toMatchObject({ value: { caps: { hour: null, day: 1, new: 5 } } })
    expect(await change({})).toMatchObject({ value: { caps: { day: 1 } } })
    const logged = await listLog(store.db, office.tenancy, { limit: 50 })
    expect(logged.filter(({ action }) => action === 'mailbox.limited')).toHaveLength(3)
    expect(await chooseOnHost({ store, clock, caps }, 'nobody@remote.test', 'live', {})).toMatchObject({ code: 'MAILBOX_NOT_FOUND' })
  })
})
