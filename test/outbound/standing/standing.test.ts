import { expect, it } from 'vitest'
import { noteSending, whyNotSend } from '../../../server/outbound/standing/standing.ts'
import type { Store } from '../../../server/store/db.ts'
import { appendLogs, listLog } from '../../../server/store/log.ts'
import { mailboxById } from '../../../server/store/mailboxes.ts'
import { standingOf, standingsOf } from '../../../server/store/standings.ts'
import { createLeaving } from '../../support/leaving.ts'
import { type Office, openOffice } from '../../support/offices.ts'
import { createRemoteMx } from '../../support/remote-mx.ts'
import { describeOnEachEngine } from '../../support/stores.ts'
import type { OversightMode } from '../../../server/model/email.ts'
import type { SendingCounts } from '../../../server/store/standings.ts'

const day = 24 * 60 * 60_000
const now = Date.UTC(2026, 10, 22)

describeOnEachEngine('the standing of a mailbox', (openStore) => {
  const note = (store: Store, { mailbox }: Office, what: keyof SendingCounts, at: number, times = 1) =>
    store.transaction(async (tx) => {
      const entries = []
      for (let done = 0; done < times; done++) entries.push(...(await noteSending(tx, mailbox.id, { [what]: 1 }, at)))
      await appendLogs(tx, entries)
    })
  const events = async (store: Store) => {
    const rows = await store.db.selectFrom('events').selectAll().where('type', '=', 'mailbox.standing_changed').orderBy('seq').execute()
    return rows.map((row) => JSON.parse(row.data_json) as Record<string, unknown>)
  }
  const modeOf = async (store: Store, { mailbox }: Office) => (await mailboxById(store.db, mailbox.id))?.oversight_mode

  it('gets worse step by step, each told once; autonomy goes, and does not come back', async () => {
    const store = await openStore()
    const office = await openOffice(store, now, { mode: 'autonomous' })
    const bystander = await openOffice(store, now, { mode: 'autonomous' })
    await note(store, office, 'delivered', now, 97)
    await note(store, office, 'bounced', now, 3)
    expect(await events(store)).toMatchObject([{ enforcement_tier: 'warning', previous_tier: null, oversight_mode: 'autonomous' }])
    expect(await whyNotSend(store, office.mailbox.id, now)).toBeNull()
    await note(store, office, 'bounced', now, 3)
    expect(await events(store)).toMatchObject([
      { enforcement_tier: 'warning' },
      {
        mailbox_id: office.mailbox.id,
        enforcement_tier: 'suspension',
        previous_tier: 'warning',
        previous_oversight_mode: 'autonomous',
        oversight_mode: 'gated_send',
        sending_disabled: true,
        reason: expect.stringContaining('bounces may be 5 %'),
      },
    ])
    expect(await listLog(store.db, office.tenancy, { limit: 1 })).toMatchObject([
      {
        action: 'mailbox.standing_changed',
        resourceId: office.mailbox.id,
        metadata: { enforcement_tier: 'suspension', oversight_mode: 'gated_send' },
      },
    ])
    expect(await modeOf(store, office)).toBe('gated_send')
    expect(await whyNotSend(store, office.mailbox.id, now)).toContain('messages bounced')
    // It ends when the month is over, and nobody has raised anything.
    expect(await whyNotSend(store, office.mailbox.id, now + 31 * day)).toBeNull()
    expect(await standingOf(store.db, office.mailbox.id)).toBeUndefined()
    expect(await modeOf(store, office)).toBe('gated_send')
    expect((await events(store)).at(-1)).toMatchObject({ enforcement_tier: null, previous_tier: 'suspension', sending_disabled: false })
    expect(await modeOf(store, bystander)).toBe('autonomous')
    expect(await standingsOf(store.db, [bystander.mailbox.id])).toEqual([])
  })

  it.each<[OversightMode, OversightMode]>([
    ['autonomous', 'gated_send'],
    ['monitored', 'gated_send'],
    ['gated_new', 'gated_send'],
    ['gated_send', 'gated_send'],
    ['gated_all', 'gated_all'],
    ['read_only', 'read_only'],
  ])('lowers autonomy and never raises it: %s becomes %s', async (mode, then) => {
    const store = await openStore()
    const office = await openOffice(store, now, { mode })
    await note(store, office, 'delivered', now, 10)
    await note(store, office, 'complained', now)
    expect(await standingOf(store.db, office.mailbox.id)).toMatchObject({ tier: 'restriction' })
    expect(await modeOf(store, office)).toBe(then)
    expect(await whyNotSend(store, office.mailbox.id, now)).toBeNull()
  })

  it('follows from what mail servers answer: addresses that do not exist, and not what is wrong with us', async () => {
    const store = await openStore()
    const remote = await createRemoteMx({
      answers: { rcpt: [...Array<string>(9).fill('250 Ok'), '550 5.1.1 No', '550 5.7.1 Blocked using Spamhaus'] },
      extensions: [],
    })
    const leaving = await createLeaving(store, { remote, runner: { concurrency: 1 } })
    await leaving.queue({ to: Array.from({ length: 11 }, (_, at) => `r${at}@remote.test`) })
    await leaving.runner.drain()
    expect(await store.db.selectFrom('mailbox_days').select(['delivered', 'bounced', 'complained']).execute()).toEqual([
      { delivered: 9, bounced: 1, complained: 0 },
    ])
    expect(await standingOf(store.db, leaving.office.mailbox.id)).toMatchObject({ tier: 'restriction' })
  })

  it('is nothing for the test world', async () => {
    const store = await openStore()
    const leaving = await createLeaving(store, { world: 'test' })
    await leaving.queue({ to: ['bounce@a.test', 'bounce@b.test', 'complaint@a.test', 'x@a.test'] })
    await leaving.runner.drain()
    expect(await store.db.selectFrom('mailbox_days').selectAll().execute()).toEqual([])
  })
})
