import { expect, it } from 'vitest'
import { type EmailId, newId } from '../../server/model/ids.ts'
import { mostDecisions } from '../../server/oversight/ladder/evidence.ts'
import { insertEmail } from '../../server/store/emails.ts'
import { insertHold } from '../../server/store/holds.ts'
import { countSending } from '../../server/store/standings.ts'
import { insertThread } from '../../server/store/threads.ts'
import { type Desk, type Mailbox, openDesk } from '../support/desk.ts'
import { plainEmail } from '../support/plain-email.ts'
import { describeOnEachEngine } from '../support/stores.ts'

const day = 24 * 60 * 60_000
type Ended = 'approved' | 'rejected' | 'expired' | 'open' | 'cancelled'

describeOnEachEngine('what speaks for more autonomy', (openStore) => {
  /** Emails that waited, as their decisions left them. */
  const decided = (
    desk: Desk,
    mailbox: Mailbox,
    states: readonly Ended[],
    more: { domain?: string; at?: number; hashes?: string[] } = {},
  ) =>
    desk.store.transaction(async (tx) => {
      const { domain = 'remote.test', at = desk.clock.now(), hashes = ['a'] } = more
      const tenant = { account_id: mailbox.tenancy.accountId, world: mailbox.tenancy.world, mailbox_id: mailbox.id }
      const thread_id = newId('thread', at)
      await insertThread(tx, { id: thread_id, ...tenant, subject: 's', created_at: at, last_activity_at: at })
      for (const state of states) {
        const id: EmailId = newId('email', at)
        const forward_paths_json = JSON.stringify([`bo@${domain}`, `cy@${domain.toUpperCase()}`])
        await insertEmail(tx, plainEmail(at, { id, ...tenant, thread_id, direction: 'outbound', forward_paths_json }))
        for (const [turn, content_hash] of hashes.entries())
          await insertHold(tx, {
            id: newId('hold', at),
            ...tenant,
            email_id: id,
            direction: 'outbound',
            content_hash,
            reason: 'r',
            // Of one that was changed while it waited, the hold before ended another way.
            state: turn === hashes.length - 1 ? state : 'cancelled',
            people: 1,
            created_at: at,
            expires_at: at + day,
            ended_at: state === 'open' ? null : at,
          })
      }
    })
  const of = (count: number, state: Ended): Ended[] => Array.from({ length: count }, () => state)
  const ask = async (desk: Desk, mailbox: Mailbox, key = desk.ours.keys.reviewer) =>
    (await desk.call(key, 'GET', `/v1/mailboxes/${mailbox.id}/suggested-upgrade`)).body

  it('is counted from decisions, with the figures by domain, and changes nothing', { timeout: 60_000 }, async () => {
    const desk = await openDesk(openStore)
    const { gated, free, keys } = desk.ours
    await decided(desk, gated, [...of(110, 'approved'), 'rejected'])
    await decided(desk, gated, [...of(10, 'approved'), 'rejected', ...of(3, 'expired'), 'open', 'cancelled'], { domain: 'other.test' })
    // Long ago, and elsewhere.
    await decided(desk, gated, of(50, 'rejected'), { at: desk.clock.now() - 31 * day })
    await decided(desk, free, of(50, 'rejected'))
    await desk.store.transaction((tx) => countSending(tx, gated.id, { delivered: 240, bounced: 1 }, desk.clock.now()))
    expect(await ask(desk, gated)).toMatchObject({
      oversight_mode: 'gated_send',
      suggested_mode: 'monitored',
      words: '120 of 122 were approved as they were in 30 days, with no complaints and 1 bounce. It may go to monitored.',
      against: [],
      is_complete: true,
      leaving: { approved: 120, changed: 0, rejected: 2, expired: 3, decided: 122, at_least: 0.9421 },
      arriving: { decided: 0, share: null, at_least: 0 },
      domains: [
        { domain: 'remote.test', approved: 110, rejected: 1, decided: 111 },
        { domain: 'other.test', approved: 10, rejected: 1, decided: 11 },
      ],
      delivered: 240,
      bounced: 1,
      complained: 0,
      lowered: 0,
      what_next: expect.stringContaining('target_mode monitored'),
    })
    expect(
      (await desk.store.db.selectFrom('mailboxes').select('oversight_mode').where('id', '=', gated.id).executeTakeFirst())?.oversight_mode,
    ).toBe('gated_send')
    expect(await desk.store.db.selectFrom('mode_upgrades').selectAll().execute()).toEqual([])
    for (const key of [keys.agent, keys.reader])
      expect((await desk.call(key, 'GET', `/suggest_upgrade?mailbox_id=${gated.id}`)).status).toBe(403)
    expect(await ask(desk, gated, keys.admin)).toMatchObject({ suggested_mode: 'monitored' })
  })

  it('is less when emails were changed while they waited, and nothing after a complaint', async () => {
    const desk = await openDesk(openStore)
    const { gated } = desk.ours
    await decided(desk, gated, of(40, 'approved'))
    await decided(desk, gated, of(20, 'approved'), { hashes: ['a', 'b'] })
    expect(await ask(desk, gated)).toMatchObject({ suggested_mode: null, leaving: { approved: 40, changed: 20, decided: 60 } })
    await decided(desk, gated, of(140, 'approved'))
    expect(await ask(desk, gated)).toMatchObject({ suggested_mode: 'gated_new' })
    await desk.store.transaction((tx) => countSending(tx, gated.id, { delivered: 300, complained: 1 }, desk.clock.now()))
    expect(await ask(desk, gated)).toMatchObject({ suggested_mode: null, against: ['It drew 1 complaint in 30 days.', expect.any(String)] })
  })

  it('counts an email that a reviewer worded anew as changed, and an approval that was taken back as none', async () => {
    const desk = await openDesk(openStore)
    const { gated, keys } = desk.ours
    const held = async () => {
      const letter = { mailbox_id: gated.id, to: ['cy@remote.test'], subject: newId('email', desk.clock.now()), markdown: 'It costs 5.' }
      return (await desk.call(keys.agent, 'POST', '/send_email', letter)).body
    }
    const decide = (email_id: unknown, action: string, key = keys.reviewer) =>
      desk.call(key, 'POST', '/decide_email', { email_id, action, reason: 'So.' })
    const other = await desk.key({ scopes: ['read', 'oversight'] })

    const { id, content_hash } = await held()
    await desk.call(keys.reviewer, 'POST', '/edit_held_email', { email_id: id, content_hash, markdown: 'It costs 6.' })
    expect((await decide(id, 'approve', other)).status).toBe(200)
    expect(await ask(desk, gated)).toMatchObject({ leaving: { approved: 0, changed: 1, rejected: 0 } })

    await desk.call(keys.admin, 'PATCH', `/v1/mailboxes/${gated.id}`, { undo_window_seconds: 30 })
    const wrong = await held()
    await decide(wrong['id'], 'approve')
    await desk.call(keys.reviewer, 'POST', '/undo_approval', { email_id: wrong['id'] })
    expect(await ask(desk, gated)).toMatchObject({ leaving: { approved: 0, changed: 1, rejected: 0 } })
    await decide(wrong['id'], 'reject')
    expect(await ask(desk, gated)).toMatchObject({ leaving: { approved: 0, changed: 1, rejected: 1 } })
  })

  it('looks at the newest decisions only, and says so', { timeout: 60_000 }, async () => {
    const desk = await openDesk(openStore)
    const { gated } = desk.ours
    await decided(desk, gated, of(60, 'rejected'), { at: desk.clock.now() - 2 * day })
    await decided(desk, gated, of(mostDecisions, 'approved'))
    expect(await ask(desk, gated)).toMatchObject({
      is_complete: false,
      suggested_mode: 'monitored',
      leaving: { approved: mostDecisions, rejected: 0 },
    })
  })
})
