import { expect, it } from 'vitest'
import type { Policy } from '../../server/model/policy.ts'
import { noteSent } from '../../server/store/correspondents.ts'
import { listLog } from '../../server/store/log.ts'
import { type Desk, openDesk } from '../support/desk.ts'
import { describeOnEachEngine } from '../support/stores.ts'

const hour = 3_600_000
let turn = 0
const letter = (more: Record<string, unknown> = {}) => ({
  to: ['bo@remote.test'],
  subject: `Hello ${(turn += 1)}`,
  markdown: 'Hi',
  ...more,
})
const setAtHand = (desk: Desk, rules: Policy) =>
  desk.store.db
    .updateTable('mailboxes')
    .set({ policy_json: JSON.stringify(rules) })
    .where('id', '=', desk.ours.free.id)
    .execute()
const send = async (desk: Desk, more: Record<string, unknown> = {}) => {
  const { body } = await desk.call(desk.ours.keys.agent, 'POST', '/send_email', { mailbox_id: desk.ours.free.id, ...letter(more) })
  return [body['status'] ?? body['code'], body['rule'] ?? body['error']]
}
const holdNew = { who: ['first_contact'], outcome: 'hold' as const }

describeOnEachEngine('the policy of a mailbox', (openStore) => {
  it('decides on what is sent, and says which rule it was to agent, reviewer and record', async () => {
    const desk = await openDesk(openStore)
    const { keys, free } = desk.ours
    const set = await desk.call(keys.admin, 'PUT', `/v1/mailboxes/${free.id}/policy`, {
      rules: [{ who: ['CY@remote.TEST'], outcome: 'block' }, holdNew],
    })
    expect(set).toMatchObject({
      status: 200,
      body: { status: 'set', rules: [{ who: ['cy@remote.test'], outcome: 'block' }, holdNew], set_by: expect.any(String) },
    })
    expect((await desk.call(keys.admin, 'GET', `/get_policy?mailbox_id=${free.id}`)).body).toMatchObject({
      words: [
        'An email with a recipient who is on the list of the rule is refused.',
        'An email with a recipient who is new to it waits for a person.',
      ],
    })
    const rule = 'Rule 2 of the policy of this mailbox: an email with a recipient who is new to it waits for a person.'
    expect(await send(desk)).toEqual(['pending_approval', rule])
    expect((await desk.call(keys.reviewer, 'GET', '/list_pending')).body).toMatchObject({ messages: [{ reason: rule }] })
    await desk.store.transaction((tx) => noteSent(tx, { mailboxId: free.id, addresses: ['bo@remote.test'], now: 1 }))
    expect(await send(desk)).toEqual(['sent', 'The mailbox is autonomous: the agent sends without asking.'])
    expect(await send(desk, { bcc: ['cy@remote.test'] })).toEqual(['BLOCKED_BY_POLICY', expect.stringContaining('Rule 1 of the policy')])
    const [blocked] = await listLog(desk.store.db, { accountId: desk.ours.accountId, world: 'live' }, { limit: 1 })
    expect(blocked).toMatchObject({ action: 'email.blocked', details: { bcc: ['cy@remote.test'] } })
    expect(JSON.stringify(blocked?.metadata)).not.toContain('cy@')
  })

  it('is made stricter at once, and looser by the code of the operator only', async () => {
    const desk = await openDesk(openStore)
    const { keys, free, accountId } = desk.ours
    await desk.store.db.updateTable('accounts').set({ oversight_email: 'boss@operators.test' }).where('id', '=', accountId).execute()
    const path = `/v1/mailboxes/${free.id}/policy`
    const set = (rules: unknown, more: Record<string, unknown> = {}) => desk.call(keys.admin, 'PUT', path, { rules, ...more })
    expect((await set([holdNew])).body).toMatchObject({ status: 'set' })
    const asked = await set([])
    expect(asked).toMatchObject({ status: 202, body: { status: 'pending_approval', action: 'loosen_policy' } })
    expect((await desk.call(keys.admin, 'GET', path)).body).toMatchObject({ rules: [holdNew] })
    const { body: mail } = await desk.store.db.selectFrom('operator_mails').select('body').orderBy('id', 'desc').executeTakeFirstOrThrow()
    const code = /\b[0-9A-Z]{4}-[0-9A-Z]{4}\b/.exec(mail)?.[0]
    expect(await set([{ who: '*', outcome: 'allow' }], { approval_code: code })).toMatchObject({ status: 404 })
    expect(await set([], { approval_code: 'AAAA-AAAA' })).toMatchObject({ status: 403 })
    expect((await set([], { approval_code: code })).body).toMatchObject({ status: 'set', rules: [] })
    expect((await desk.call(keys.admin, 'GET', path)).body).toMatchObject({ rules: [] })
    const entries = (await listLog(desk.store.db, { accountId, world: 'live' }, { limit: 50 })).filter(
      ({ action }) => action === 'policy.set',
    )
    expect(entries.map(({ metadata }) => metadata['is_looser'])).toEqual([true, false])
  })

  it('that was changed since a code was asked for is not undone by that code', async () => {
    const desk = await openDesk(openStore)
    const { keys, free, accountId } = desk.ours
    await desk.store.db.updateTable('accounts').set({ oversight_email: 'boss@operators.test' }).where('id', '=', accountId).execute()
    const path = `/v1/mailboxes/${free.id}/policy`
    await desk.call(keys.admin, 'PUT', path, { rules: [holdNew] })
    await desk.call(keys.admin, 'PUT', path, { rules: [] })
    const { body: mail } = await desk.store.db.selectFrom('operator_mails').select('body').orderBy('id', 'desc').executeTakeFirstOrThrow()
    await desk.call(keys.admin, 'PUT', path, { rules: [{ who: '*', outcome: 'block' }] })
    const late = await desk.call(keys.admin, 'PUT', path, { rules: [], approval_code: /\b[0-9A-Z]{4}-[0-9A-Z]{4}\b/.exec(mail)?.[0] })
    expect(late.status).toBe(404)
    expect((await desk.call(keys.admin, 'GET', path)).body).toMatchObject({ rules: [{ who: '*', outcome: 'block' }] })
  })

  it('cannot be passed by many calls at once, a reply to all, or many recipients', { timeout: 30_000 }, async () => {
    const desk = await openDesk(openStore)
    await setAtHand(desk, [{ who: '*', how_many: { more_than: 5, per: 'hour', of: 'mailbox' }, outcome: 'hold' }])
    const both = { cc: ['cy@remote.test'] }
    const ended = await Promise.all(Array.from({ length: 5 }, () => send(desk, both)))
    expect(ended.map(([status]) => String(status)).toSorted((one, other) => one.localeCompare(other))).toEqual([
      'pending_approval',
      'pending_approval',
      'pending_approval',
      'sent',
      'sent',
    ])
    expect(await send(desk)).toMatchObject(['pending_approval', expect.stringContaining('beyond 5 messages in an hour of the mailbox')])
    await desk.clock.advance(2 * hour)
    expect((await send(desk))[0]).toBe('sent')
    expect((await send(desk, { to: Array.from({ length: 6 }, (_, at) => `p${at}@remote.test`) }))[0]).toBe('pending_approval')
  })

  it('counts each recipient and each conversation by itself', async () => {
    const desk = await openDesk(openStore)
    await setAtHand(desk, [{ who: '*', how_many: { more_than: 1, per: 'day', of: 'recipient' }, outcome: 'hold' }])
    expect((await send(desk))[0]).toBe('sent')
    expect((await send(desk, { to: ['dee@remote.test'] }))[0]).toBe('sent')
    expect((await send(desk, { to: ['ed@remote.test'], bcc: ['BO@remote.test'] }))[0]).toBe('pending_approval')
    await setAtHand(desk, [{ who: '*', how_many: { more_than: 2, per: 'day', of: 'thread' }, outcome: 'hold' }])
    const { id } = await desk.receive(desk.ours.free)
    const reply = async () =>
      (await desk.call(desk.ours.keys.agent, 'POST', '/reply_email', { email_id: id, markdown: `Yes ${(turn += 1)}` })).body['status']
    expect([await reply(), await reply(), await reply()]).toEqual(['sent', 'sent', 'pending_approval'])
  })

  it('may ask for two people, each with a key of their own', async () => {
    const desk = await openDesk(openStore)
    const { keys } = desk.ours
    await setAtHand(desk, [{ who: '*', outcome: 'hold_for_two' }])
    expect(await send(desk)).toEqual([
      'pending_approval',
      'Rule 1 of the policy of this mailbox: an email of any kind waits for two people.',
    ])
    const pending = async () => {
      const { body } = await desk.call(keys.reviewer, 'GET', '/v1/oversight/pending')
      return (body['messages'] ?? body['emails']) as Record<string, unknown>[]
    }
    const [held] = await pending()
    expect(held).toMatchObject({ approvals_needed: 2, approved_by: [], approval_state: 'approved by 0 of 2' })
    const decide = (key: string, action = 'approve') =>
      desk.call(key, 'POST', '/trpc/decide_email', { email_id: held?.['id'], action, content_hash: held?.['content_hash'] })
    expect(JSON.stringify((await decide(keys.reviewer)).body)).toContain('"approved_in_part"')
    expect((await pending())[0]).toMatchObject({ approved_by: [expect.any(String)], approval_state: 'approved by 1 of 2' })
    expect(await decide(keys.reviewer)).toMatchObject({ status: 409 })
    expect(JSON.stringify((await decide(await desk.key({ scopes: ['read', 'oversight'] }))).body)).toContain('"approved_and_sent"')
    expect(await pending()).toEqual([])
  })

  it('is asked about an email that is to be sent later', async () => {
    const desk = await openDesk(openStore)
    await setAtHand(desk, [{ who: '*', outcome: 'allow' }])
    const at = new Date(desk.clock.now() + hour).toISOString()
    expect((await send(desk, { send_at: at }))[0]).toBe('scheduled')
    await setAtHand(desk, [{ who: '*', outcome: 'block' }])
    expect((await send(desk, { send_at: at }))[0]).toBe('BLOCKED_BY_POLICY')
  })

  it('is previewed over what was handed in before it is switched on', { timeout: 30_000 }, async () => {
    const desk = await openDesk(openStore)
    const { keys, free } = desk.ours
    for (let at = 0; at < 4; at += 1) {
      await send(desk, { markdown: at === 3 ? 'It costs $5,000.' : 'Hi' })
      await desk.clock.advance(60_000)
    }
    await send(desk, { to: ['cy@else.test'] })
    const ask = async (rules: unknown) => (await desk.call(keys.admin, 'POST', `/v1/mailboxes/${free.id}/policy/preview`, { rules })).body
    expect(await ask([])).toMatchObject({
      emails: 5,
      is_complete: true,
      would: { sent: 5, held: 0, refused: 0 },
      needs_approval: false,
      by_mode: 5,
    })
    expect(await ask([{ who: '*', what: { amount_over: 1000 }, outcome: 'hold' }])).toMatchObject({
      would: { sent: 4, held: 1, refused: 0 },
      now: { sent: 5, held: 0, refused: 0 },
      rules: [{ emails: 1 }],
      message: 'It would have held 1 of 5, and refused 0.',
      needs_approval: false,
    })
    // The first to each of them.
    expect(await ask([holdNew])).toMatchObject({ would: { held: 2 } })
    expect(await ask([{ who: ['*@remote.test'], outcome: 'allow' }])).toMatchObject({
      would: { sent: 4, refused: 1 },
      needs_approval: true,
    })
    expect(await ask([{ who: '*', how_many: { more_than: 3, per: 'hour', of: 'recipient' }, outcome: 'hold' }])).toMatchObject({
      would: { held: 1 },
    })
    expect((await desk.call(keys.admin, 'GET', `/v1/mailboxes/${free.id}/policy`)).body).toMatchObject({ rules: [] })
  })

  it('is refused when it is none', async () => {
    const desk = await openDesk(openStore)
    const manyNames = Array.from({ length: 50 }, (_, at) => ({
      who: Array.from({ length: 20 }, (__, n) => `a${at}-${n}@remote.test`),
      outcome: 'hold',
    }))
    const none: unknown[][] = [
      [{ who: [], outcome: 'hold' }],
      [{ who: ['*'], outcome: 'hold' }],
      [{ who: ['everybody'], outcome: 'hold' }],
      [{ who: ['*@test'], outcome: 'allow' }],
      [{ outcome: 'hold' }],
      [{ who: '*', outcome: 'perhaps' }],
      [{ who: '*', what: { found: ['private_key'] }, outcome: 'allow' }],
      [{ who: '*', how_many: { per: 'hour', of: 'mailbox' }, outcome: 'hold' }],
      [{ who: '*', how_many: { more_than: 1, at_most: 2, per: 'hour', of: 'mailbox' }, outcome: 'hold' }],
      Array.from({ length: 51 }, () => holdNew),
      manyNames,
    ]
    for (const rules of none)
      expect(await desk.call(desk.ours.keys.admin, 'PUT', `/v1/mailboxes/${desk.ours.free.id}/policy`, { rules })).toMatchObject({
        status: 400,
      })
    const { keys } = desk.ours
    for (const key of [keys.agent, keys.reader, keys.reviewer])
      expect(await desk.call(key, 'PUT', `/v1/mailboxes/${desk.ours.free.id}/policy`, { rules: [] })).toMatchObject({ status: 403 })
  })
})
