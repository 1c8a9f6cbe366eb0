import fc from 'fast-check'
import { sql } from 'kysely'
import { describe, expect, it } from 'vitest'
import { recoverPerson, removePerson } from '../../server/identity/people/on-host.ts'
import type { Address } from '../../server/model/address.ts'
import type { Scope } from '../../server/model/actor.ts'
import { type EmailId, type KeyId, newId } from '../../server/model/ids.ts'
import { oversightModes } from '../../server/model/email.ts'
import type { Rule } from '../../server/model/policy.ts'
import { mailboxToFile } from '../../server/store/mailboxes.ts'
import { createAllowances, longestAllowanceMs, whyNotAllowable } from '../../server/oversight/allowance.ts'
import { sendVerdict } from '../../server/oversight/gate.ts'
import { wouldTakeTwo } from '../../server/outbound/circumstances.ts'
import { type Browser, addTo, ann, signedIn } from '../support/browser.ts'
import { type Desk, openDesk } from '../support/desk.ts'
import { describeOnEachEngine, describeOnOneEngine, describeOnPostgres } from '../support/stores.ts'

const [minute, day] = [60_000, 86_400_000]
const [bo, cy, di] = ['bo@remote.test', 'cy@remote.test', 'di@remote.test'] as const
const ben = 'ben@elsewhere.example'

let letters = 0
const send = async (desk: Desk, to: readonly string[], { key = desk.ours.keys.agent, more = {}, mailbox = desk.ours.gated } = {}) => {
  const letter = { mailbox_id: mailbox.id, to, subject: `Offer ${(letters += 1)}`, markdown: 'Hello' }
  const { body, status } = await desk.call(key, 'POST', '/send_email', { ...letter, ...more })
  if (status >= 300) throw new Error(JSON.stringify(body))
  return { id: String(body['id']), wasSent: body['status'] !== 'pending_approval', rule: String(body['rule']) }
}
const inDays = ({ clock }: Desk, days: number) => new Date(clock.now() + days * day).toISOString()
const allow = (desk: Desk, browser: Browser, email_id: string, recipient: string, days = 7) =>
  browser.post('/session/allow', { email_id, recipient, until: inDays(desk, days) })
const personIdOf = async ({ store }: Desk, address: string) =>
  (await store.db.selectFrom('people').select('id').where('address_key', '=', address).executeTakeFirstOrThrow()).id
/** A key that is known to be somebody's. */
async function keyOf(desk: Desk, address: string | null, scopes: readonly Scope[] = ['read', 'send']): Promise<string> {
  const tenancy = { accountId: desk.ours.accountId, world: 'live' } as const
  const ownerId = address === null ? undefined : await personIdOf(desk, address)
  const issued = await desk.keys.issue({ tenancy, name: 'theirs', scopes, ownerId })
  if (!issued.ok) throw new Error(issued.code)
  return issued.value.key
}
/** With the operator's code. */
async function allowByKey(desk: Desk, key: string, email_id: string, recipient: string) {
  const wanted = { email_id, recipient, until: inDays(desk, 7) }
  expect((await desk.call(key, 'POST', '/allow_recipient', wanted)).body).toMatchObject({ status: 'pending_approval' })
  const asked = (await desk.store.db.selectFrom('operator_mails').select('body').orderBy('id', 'desc').executeTakeFirstOrThrow()).body
  const approval_code = /^ {2}(\w{4}-\w{4})$/m.exec(asked)?.[1]
  expect((await desk.call(key, 'POST', '/allow_recipient', { ...wanted, approval_code })).body).toMatchObject({ status: 'allowed' })
}

describe('what can be allowed for a time', () => {
  const now = 1_000_000
  const good = { isNamed: true, takesTwo: false, until: now + day, now }
  const open = { state: 'open', people: 1, expires_at: now + 1 } as const
  it('is a recipient of an email that goes out and waits or was approved, in a mailbox whose mode asks about recipients', () => {
    for (const oversight_mode of oversightModes)
      expect([oversight_mode, whyNotAllowable({ direction: 'outbound' }, { oversight_mode }, open, good) === null]).toEqual([
        oversight_mode,
        oversight_mode === 'gated_send' || oversight_mode === 'gated_new',
      ])
    const mode = { oversight_mode: 'gated_send' } as const
    const say = (
      ...of: [{ state: 'open' | 'rejected' | 'approved'; people: number; expires_at: number } | undefined, Partial<typeof good>?]
    ) => whyNotAllowable({ direction: 'outbound' }, mode, of[0], { ...good, ...of[1] })
    expect(say({ ...open, state: 'approved', expires_at: 0 })).toBeNull()
    expect(say(undefined)).toContain('waits')
    expect(say({ ...open, state: 'rejected' })).toContain('waits')
    expect(say({ ...open, expires_at: now })).toContain('waits')
    expect(say({ ...open, people: 2 })).toContain('more than one')
    expect(say(open, { takesTwo: true })).toContain('more than one')
    expect(say(open, { isNamed: false })).toContain('does not go')
    for (const until of [now, now - 1, now + longestAllowanceMs + 1]) expect(say(open, { until })).toContain('90 days')
    expect(say(open, { until: now + longestAllowanceMs })).toBeNull()
    expect(whyNotAllowable({ direction: 'inbound' }, mode, open, good)).toContain('waits')
  })

  it('is to the gate what the allow-list is, and is said in its rule', () => {
    const facts = { mustAsk: false, newcomer: null, findings: [], policy: null } as const
    for (const mode of oversightModes) {
      const [listed, forATime] = [false, true].map((isForATime) => sendVerdict(mode, { ...facts, areAllListed: true, isForATime }))
      expect(forATime?.outcome).toBe(listed?.outcome)
      if (mode === 'gated_send') expect(forATime?.rule).toContain('allowed by a reviewer for a time')
      // Without a listing it says nothing.
      expect(sendVerdict(mode, { ...facts, areAllListed: false, isForATime: true })).toEqual(
        sendVerdict(mode, { ...facts, areAllListed: false }),
      )
    }
  })
})

describeOnEachEngine('a recipient who is allowed for a time', (openStore) => {
  it('is written to without asking until then, and says why; everybody else is asked about', async () => {
    const desk = await openDesk(openStore)
    const browser = await signedIn(desk, desk.ours.accountId)
    const waiting = await send(desk, [bo])
    expect(waiting.wasSent).toBe(false)
    expect(await allow(desk, browser, waiting.id, 'Bo@Remote.test')).toMatchObject({
      status: 200,
      body: { status: 'allowed', address: bo, until: inDays(desk, 7), allowed_by: await personIdOf(desk, ann) },
    })
    const sent = await send(desk, [bo])
    expect(sent).toMatchObject({ wasSent: true, rule: expect.stringContaining('allowed by a reviewer for a time') })
    for (const to of [[cy], [bo, cy]]) expect((await send(desk, to)).wasSent).toBe(false)
    expect((await send(desk, [bo], { more: { bcc: [cy] } })).wasSent).toBe(false)
    // What waits goes on waiting: nothing is approved by it.
    expect((await desk.call(desk.ours.keys.agent, 'GET', `/read_email?email_id=${waiting.id}`)).body).toMatchObject({
      status: expect.stringContaining('pending'),
    })
    const listed = await desk.call(desk.ours.keys.reader, 'GET', `/list_allowlist?mailbox_id=${desk.ours.gated.id}`)
    expect(listed.body).toMatchObject({ entries: [], count: 0, allowed_for_a_time: [{ address: bo }] })
    await desk.clock.advance(7 * day - 1)
    expect((await send(desk, [bo])).wasSent).toBe(true)
    await desk.clock.advance(1)
    expect((await send(desk, [bo])).wasSent).toBe(false)
    const log = await desk.store.db.selectFrom('log_entries').selectAll().where('action', '=', 'allowance.given').execute()
    expect(log.map(({ body }) => body).join()).not.toContain('remote.test')
    expect(log.map(({ details_json }) => details_json).join()).toContain(bo)
  })

  it('is taken back at once, by whoever looks after the mailbox, without a code', async () => {
    const desk = await openDesk(openStore)
    const browser = await signedIn(desk, desk.ours.accountId)
    const { id } = await send(desk, [bo, cy, di])
    const allowed = []
    for (const one of [bo, cy, di]) allowed.push(String((await allow(desk, browser, id, one)).body['id']))
    expect((await send(desk, [bo, cy, di])).wasSent).toBe(true)
    const { gated, keys } = desk.ours
    const named = (allowance_id: unknown) => ({ mailbox_id: gated.id, allowance_id })
    expect(((await browser.get('/session/allowances')).body['allowances'] as unknown[]).length).toBe(3)
    expect(await browser.post('/session/allowances/end', named(allowed[0]))).toMatchObject({ status: 200, body: { status: 'ended' } })
    expect((await desk.call(keys.reviewer, 'POST', '/end_allowance', named(allowed[1]))).status).toBe(200)
    expect((await desk.call(keys.admin, 'DELETE', `/v1/mailboxes/${gated.id}/allowances/${allowed[2]}`)).status).toBe(200)
    for (const one of [bo, cy, di]) expect((await send(desk, [one])).wasSent).toBe(false)
    for (const gone of [allowed[0], 'alt_1', 'x'])
      expect(await desk.call(keys.reviewer, 'POST', '/end_allowance', named(gone))).toMatchObject({
        status: 404,
        body: { code: 'ALLOWANCE_NOT_FOUND' },
      })
  })

  it('takes a person who signed in a moment ago and may decide on the email, or the operator’s code', async () => {
    const desk = await openDesk(openStore)
    const browser = await signedIn(desk, desk.ours.accountId)
    const stranger = await signedIn(desk, desk.theirs.accountId, ben)
    const own = await send(desk, [bo], { key: await keyOf(desk, ann) })
    const { id } = await send(desk, [bo])
    expect(await allow(desk, browser, own.id, bo)).toMatchObject({ status: 403, body: { code: 'SELF_APPROVAL' } })
    const refused = await desk.store.db.selectFrom('log_entries').select('body').where('action', '=', 'approval.refused').execute()
    expect(refused.map(({ body }) => (JSON.parse(body) as { metadata: unknown }).metadata)).toEqual([
      { code: 'SELF_APPROVAL', asked: 'allow' },
    ])
    expect(await allow(desk, stranger, id, bo)).toMatchObject({ status: 404, body: { code: 'EMAIL_NOT_FOUND' } })
    expect(await allow(desk, browser, id, cy)).toMatchObject({ status: 409, body: { code: 'NOT_ALLOWABLE' } })
    for (const days of [0, -1, 91]) expect(await allow(desk, browser, id, bo, days)).toMatchObject({ status: 409 })
    for (const recipient of ['*@remote.test', '*', 'Bo <bo@remote.test>'])
      expect((await allow(desk, browser, id, recipient)).status, recipient).toBeGreaterThanOrEqual(400)
    await desk.clock.advance(15 * minute)
    expect(await allow(desk, browser, id, bo)).toMatchObject({ status: 403, body: { code: 'SIGN_IN_AGAIN' } })
    const { agent, admin, reviewer } = desk.ours.keys
    const wanted = { email_id: id, recipient: bo, until: inDays(desk, 3) }
    for (const key of [agent, admin]) expect((await desk.call(key, 'POST', '/allow_recipient', wanted)).status).toBe(403)
    expect((await desk.call(reviewer, 'POST', '/allow_recipient', wanted)).body).toMatchObject({ status: 'pending_approval' })
    expect((await send(desk, [bo])).wasSent).toBe(false)
    const asked = (await desk.store.db.selectFrom('operator_mails').select('body').orderBy('id', 'desc').executeTakeFirstOrThrow()).body
    const approval_code = /^ {2}(\w{4}-\w{4})$/m.exec(asked)?.[1]
    const otherwise = { ...wanted, until: inDays(desk, 4), approval_code }
    expect((await desk.call(reviewer, 'POST', '/allow_recipient', otherwise)).status).toBeGreaterThanOrEqual(400)
    expect((await desk.call(reviewer, 'POST', '/allow_recipient', { ...wanted, approval_code })).body).toMatchObject({ status: 'allowed' })
    expect((await send(desk, [bo])).wasSent).toBe(true)
  })

  it('is worth nothing for what a key of theirs wrote or drafted, who allowed it', async () => {
    const desk = await openDesk(openStore)
    const browser = await signedIn(desk, desk.ours.accountId)
    const other = await signedIn(desk, desk.ours.accountId, ben)
    const hers = await keyOf(desk, ann)
    const { id } = await send(desk, [bo])
    await allow(desk, browser, id, bo)
    expect((await send(desk, [bo])).wasSent).toBe(true)
    expect((await send(desk, [bo], { key: hers })).wasSent).toBe(false)
    const drafted = await desk.receive(desk.ours.gated, { from: bo })
    const draft = (await desk.call(hers, 'POST', '/draft_reply', { email_id: drafted.id, markdown: 'Hello' })).body['id']
    expect((await desk.call(desk.ours.keys.agent, 'POST', '/send_email', { draft_id: draft })).body).toMatchObject({
      status: 'pending_approval',
    })
    // With somebody else's word it is.
    await allow(desk, other, id, bo)
    expect((await send(desk, [bo], { key: hers })).wasSent).toBe(true)
  })

  it('has room for two hundred in a mailbox, and for whoever allows one of them longer', async () => {
    const desk = await openDesk(openStore)
    const browser = await signedIn(desk, desk.ours.accountId)
    const { id } = await send(desk, [bo, cy])
    await allow(desk, browser, id, bo, 1)
    const row = await desk.store.db.selectFrom('allowances').selectAll().executeTakeFirstOrThrow()
    const others = Array.from({ length: 199 }, (_, at) => ({ ...row, id: newId('allowance', at), address: `p${at}@remote.test` }))
    await desk.store.db.insertInto('allowances').values(others).execute()
    expect(await allow(desk, browser, id, bo, 9)).toMatchObject({ status: 200, body: { until: inDays(desk, 9) } })
    expect(await allow(desk, browser, id, cy)).toMatchObject({ body: { code: 'ALLOWLIST_FULL' } })
  })

  it('comes behind what holds for other reasons, and takes as many people as the email does', async () => {
    const desk = await openDesk(openStore)
    const browser = await signedIn(desk, desk.ours.accountId)
    const { store, ours } = desk
    const { id } = await send(desk, [bo])
    await allow(desk, browser, id, bo)
    // What the checks find.
    expect((await send(desk, [bo], { more: { markdown: 'My card: 4111 1111 1111 1111' } })).wasSent).toBe(false)
    const rules = (outcome: string) => JSON.stringify([{ who: [bo], outcome }])
    const under = async (outcome: string) => {
      await store.db
        .updateTable('mailboxes')
        .set({ policy_json: rules(outcome) })
        .where('id', '=', ours.gated.id)
        .execute()
      return send(desk, [bo])
    }
    expect((await under('hold')).wasSent).toBe(false)
    const forTwo = await under('hold_for_two')
    expect(forTwo.wasSent).toBe(false)
    expect(await allow(desk, browser, forTwo.id, bo)).toMatchObject({ status: 409, body: { code: 'NOT_ALLOWABLE' } })
    await store.db
      .updateTable('mailboxes')
      .set({ policy_json: null, oversight_mode: 'gated_all' })
      .where('id', '=', ours.gated.id)
      .execute()
    expect((await send(desk, [bo])).wasSent).toBe(false)
    expect(await allow(desk, browser, id, bo)).toMatchObject({ status: 409, body: { code: 'NOT_ALLOWABLE' } })
  })

  it('is no listing to a rule, and is refused where the rules of the day take two people', async () => {
    const desk = await openDesk(openStore)
    const browser = await signedIn(desk, desk.ours.accountId)
    const old = await send(desk, [bo, cy])
    const set = (policy: readonly Rule[]) =>
      desk.store.db
        .updateTable('mailboxes')
        .set({ policy_json: JSON.stringify(policy) })
        .where('id', '=', desk.ours.gated.id)
        .execute()
    const byRules: Rule[] = [
      { who: ['listed'], outcome: 'allow' },
      { who: '*', outcome: 'hold_for_two' },
    ]
    await set(byRules)
    // It was held for one, before there were rules.
    expect(await allow(desk, browser, old.id, bo)).toMatchObject({ status: 409, body: { code: 'NOT_ALLOWABLE' } })
    await set([{ who: [cy], outcome: 'hold_for_two' }])
    expect(await allow(desk, browser, old.id, cy)).toMatchObject({ status: 409 })
    expect(await allow(desk, browser, old.id, bo)).toMatchObject({ status: 200 })
    expect((await send(desk, [bo])).wasSent).toBe(true)
    await set(byRules)
    expect(await send(desk, [bo])).toMatchObject({ wasSent: false, rule: expect.stringContaining('Rule 2') })
    await set([{ who: ['listed'], what: { found: ['card_number'] }, outcome: 'allow' }])
    expect((await send(desk, [bo], { more: { markdown: 'My card: 4111 1111 1111 1111' } })).wasSent).toBe(false)
    const preview = { mailbox_id: desk.ours.gated.id, rules: byRules }
    expect((await desk.call(desk.ours.keys.admin, 'POST', '/preview_policy', preview)).body).toMatchObject({ would: { sent: 0 } })
  })

  it('ends when who allowed it is removed, or recovered on the host', async () => {
    const desk = await openDesk(openStore)
    for (const end of [recoverPerson, removePerson]) {
      const browser = await signedIn(desk, desk.ours.accountId).catch(async () => signedIn(desk, desk.ours.accountId, ben))
      const who = (await browser.get('/session/me')).body['person'] as { address: string }
      const { id } = await send(desk, [bo])
      await allow(desk, browser, id, bo)
      expect((await send(desk, [bo])).wasSent).toBe(true)
      await end(desk, desk.ours.accountId, who.address)
      expect((await send(desk, [bo])).wasSent).toBe(false)
    }
  })

  it('counts as their owner’s when a reviewer’s key says it, and ends with either of them', async () => {
    const desk = await openDesk(openStore)
    const first = await signedIn(desk, desk.ours.accountId)
    const [writer, decider] = [await keyOf(desk, ann), await keyOf(desk, ann, ['oversight'])]
    const { id } = await send(desk, [bo, cy, di])
    await allowByKey(desk, decider, id, bo)
    expect([(await send(desk, [bo])).wasSent, (await send(desk, [bo], { key: writer })).wasSent]).toEqual([true, false])
    await removePerson(desk, desk.ours.accountId, ann)
    expect((await send(desk, [bo])).wasSent).toBe(false)
    // Her key goes on to work, and when she comes back what it allowed meanwhile is hers again.
    await allowByKey(desk, decider, id, cy)
    expect((await first.get('/session/me')).body['person'] ?? null).toBeNull()
    await addTo(desk, desk.ours.accountId, ann)
    expect([(await send(desk, [cy])).wasSent, (await send(desk, [cy], { key: writer })).wasSent]).toEqual([true, false])
    const nobodys = await keyOf(desk, null, ['oversight'])
    await allowByKey(desk, nobodys, id, di)
    expect((await send(desk, [di])).wasSent).toBe(true)
    const keyIds = async (allowed: string) =>
      (await desk.store.db.selectFrom('allowances').select('allowed_by').where('address', '=', allowed).execute()).map(
        (one) => one.allowed_by,
      )
    for (const allowed of [cy, di]) {
      for (const key of await keyIds(allowed)) expect(await desk.keys.revoke(key as KeyId)).toBe(true)
      expect((await send(desk, [allowed])).wasSent).toBe(false)
    }
    const { body } = await desk.store.db
      .selectFrom('log_entries')
      .select('body')
      .where('action', '=', 'key.revoked')
      .orderBy('seq', 'desc')
      .executeTakeFirstOrThrow()
    expect(body).toContain('"allowances_ended":1')
  })

  it('ends by the clock of the test world there', async () => {
    const desk = await openDesk(openStore)
    const browser = await signedIn(desk, desk.ours.accountId)
    const test = await send(desk, [bo], { key: desk.ours.keys.test, mailbox: desk.ours.test })
    const of = { world: 'test', email_id: test.id, recipient: bo, until: inDays(desk, 2) }
    expect((await browser.post('/session/allow', of)).status).toBe(200)
    const tryTest = () => send(desk, [bo], { key: desk.ours.keys.test, mailbox: desk.ours.test })
    expect((await tryTest()).wasSent).toBe(true)
    await desk.call(desk.ours.keys.test, 'POST', '/advance_clock', { seconds: (2 * day) / 1000 })
    expect((await tryTest()).wasSent).toBe(false)
  })
})

describeOnOneEngine('what is allowed for a time, whatever is done in whatever order', (openStore) => {
  const people = [bo, cy, di] as const
  const step = fc.oneof(
    fc.record({ do: fc.constant('allow' as const), who: fc.nat(2), days: fc.integer({ min: 1, max: 5 }) }),
    fc.record({ do: fc.constant('end' as const), who: fc.nat(2) }),
    fc.record({ do: fc.constant('wait' as const), hours: fc.integer({ min: 1, max: 60 }) }),
    fc.record({ do: fc.constant('send' as const), to: fc.subarray([0, 1, 2], { minLength: 1 }) }),
  )
  it('lets go exactly what goes only to those who are allowed at that moment', { timeout: 120_000 }, async () => {
    const desk = await openDesk(openStore)
    await signedIn(desk, desk.ours.accountId)
    const allowances = createAllowances({ ...desk, wouldTakeTwo, allowTestSelfApproval: false })
    const personId = await personIdOf(desk, ann)
    const actor = { kind: 'person', personId, role: 'reviewer', accountId: desk.ours.accountId, world: 'live' } as const
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 14 }), async (steps) => {
        await desk.store.db.deleteFrom('allowances').execute()
        const until = new Map<number, number>()
        const email = await send(desk, people)
        for (const one of steps) {
          const now = desk.clock.now()
          if (one.do === 'wait') await desk.clock.advance(one.hours * 60 * minute)
          if (one.do === 'allow') {
            const input = { email: email.id as EmailId, recipient: (people[one.who] ?? bo) as Address, until: now + one.days * day }
            const given = await desk.store.transaction((tx) => allowances.allowIn(tx, actor, input))
            // The email does not wait for ever.
            if (given.ok) until.set(one.who, now + one.days * day)
            else expect(given.code).toBe('NOT_ALLOWABLE')
          }
          if (one.do === 'end') {
            await desk.store.db
              .deleteFrom('allowances')
              .where('address', '=', people[one.who] ?? bo)
              .execute()
            until.delete(one.who)
          }
          if (one.do === 'send') {
            const expected = one.to.every((who) => (until.get(who) ?? 0) > now)
            const { wasSent } = await send(
              desk,
              one.to.map((who) => people[who] ?? bo),
            )
            expect(wasSent).toBe(expected)
          }
        }
      }),
      { numRuns: 12 },
    )
  })
})

describeOnPostgres('what is taken back while an email is filed', (openStore) => {
  it('waits for the email that was judged with it, whoever takes it back', { timeout: 30_000 }, async () => {
    const desk = await openDesk(openStore)
    const { store, ours } = desk
    const browser = await signedIn(desk, ours.accountId)
    const other = await signedIn(desk, ours.accountId, ben)
    const { id } = await send(desk, [bo, cy])
    const given = String((await allow(desk, browser, id, bo)).body['id'])
    await allow(desk, other, id, cy)
    await allowByKey(desk, ours.keys.reviewer, id, bo)
    const [filing, mayEnd] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const order: string[] = []
    const inTheWay = store.transaction(async (tx) => {
      await mailboxToFile(tx, ours.gated.id)
      filing.resolve()
      await mayEnd.promise
      order.push('filed')
    })
    await filing.promise
    const waits = sql<{ pid: number }>`select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
    const untilWaiting = async (count: number) => {
      while ((await waits.execute(store.db)).rows.length < count);
    }
    const keyId = (
      await store.db.selectFrom('allowances').select('allowed_by').where('allowed_by', 'like', 'key_%').executeTakeFirstOrThrow()
    ).allowed_by as KeyId
    const take = async (what: Promise<unknown>) => void (await what, order.push('taken back'))
    const all = [take(browser.post('/session/allowances/end', { mailbox_id: ours.gated.id, allowance_id: given }))]
    await untilWaiting(1)
    all.push(take(removePerson(desk, ours.accountId, ben)))
    await untilWaiting(2)
    all.push(take(desk.keys.revoke(keyId)))
    await untilWaiting(3)
    mayEnd.resolve()
    await Promise.all([inTheWay, ...all])
    expect(order).toEqual(['filed', 'taken back', 'taken back', 'taken back'])
    expect(await store.db.selectFrom('allowances').selectAll().execute()).toEqual([])
  })
})
