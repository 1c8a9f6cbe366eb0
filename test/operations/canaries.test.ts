import { expect, it } from 'vitest'
import { createTextReader } from '../../server/mailbox/attachment-text/reader.ts'
import { newId } from '../../server/model/ids.ts'
import { type Canaries, createCanaries } from '../../server/outbound/canaries/place.ts'
import { createApprovals } from '../../server/oversight/approvals.ts'
import { systemClock } from '../../server/platform/clock.ts'
import { silentLog } from '../../server/platform/log.ts'
import { insertHold } from '../../server/store/holds.ts'
import { listLog } from '../../server/store/log.ts'
import { insertRelease } from '../../server/store/releases.ts'
import { ann, signedIn } from '../support/browser.ts'
import { type Desk, openDesk } from '../support/desk.ts'
import { describeOnEachEngine } from '../support/stores.ts'

const hour = 3_600_000
const day = 24 * hour
let turn = 0

/** The same numbers in turn: each test has its own chances. */
const chances = (...of: number[]) => {
  let at = 0
  return () => of[at++ % of.length] ?? 0
}

describeOnEachEngine('a test email among those that wait', (openStore) => {
  const canariesOf = ({ store, clock }: Desk, chance: () => number): Canaries =>
    createCanaries({
      store,
      clock,
      log: silentLog,
      onReleased: () => expect.fail('something was released'),
      giveUpAfterMs: 120 * hour,
      holdExpiryMs: 72 * hour,
      publicUrl: 'https://mail.ours.test',
      readText: createTextReader({ clock: systemClock, limitMs: 60_000 }),
      chance,
    })
  const want = ({ store, ours }: Desk, canaries_per_week: number, mailbox = ours.gated) =>
    store.db.updateTable('mailboxes').set({ canaries_per_week }).where('id', '=', mailbox.id).execute()
  const send = async (desk: Desk, mailbox = desk.ours.gated, key = desk.ours.keys.agent) => {
    const body = { mailbox_id: mailbox.id, to: ['bo@remote.test'], subject: `An offer ${(turn += 1)}`, markdown: 'It costs 5.' }
    return String((await desk.call(key, 'POST', '/send_email', body)).body['id'])
  }
  const listed = async (desk: Desk, key = desk.ours.keys.reviewer) =>
    (await desk.call(key, 'GET', '/v1/oversight/pending')).body['emails'] as Record<string, unknown>[]
  const rows = ({ store }: Desk) => store.db.selectFrom('canaries').selectAll().orderBy('id').execute()
  /** Real mail that waits, and a test email among it. @param which chance of the fault: 0 is the first */
  const open = async (which = 0) => {
    const desk = await openDesk(openStore)
    await want(desk, 7)
    const real = await send(desk)
    await desk.clock.advance(1)
    const canaries = canariesOf(desk, chances(0, 0, which, 0))
    expect(await canaries.work(desk.clock.now())).toBe(1)
    const [row] = await rows(desk)
    return { desk, real, canaries, row: row ?? expect.fail('none') }
  }
  /** Whether anything that could bring it out is there. */
  const traces = async ({ store }: Desk, id: string) => {
    const count = async (table: 'emails' | 'holds' | 'decisions' | 'releases' | 'deliveries' | 'email_places' | 'approval_links') =>
      (
        await store.db
          .selectFrom(table)
          .selectAll()
          .where(table === 'emails' ? 'id' : 'email_id', '=', id as never)
          .execute()
      ).length
    const counts = await Promise.all(
      (['emails', 'holds', 'decisions', 'releases', 'deliveries', 'email_places', 'approval_links'] as const).map(count),
    )
    return counts.reduce((sum, one) => sum + one, 0)
  }
  const actionsOf = async (desk: Desk) =>
    (await listLog(desk.store.db, { accountId: desk.ours.accountId, world: 'live' }, { limit: 50 }))
      .map(({ action }) => action)
      .filter((action) => action.startsWith('canary.'))

  it('looks like one of them to a reviewer, and is on the record as what it is', async () => {
    const { desk, real, row } = await open()
    const emails = await listed(desk)
    expect(emails.map(({ id }) => id)).toEqual([row.id, real])
    const [canary, mail] = emails
    expect(Object.keys(canary ?? {}).toSorted()).toEqual(Object.keys(mail ?? {}).toSorted())
    expect(canary).toMatchObject({
      status: 'pending_send_approval',
      to: ['bo@remote-test.example'],
      subject: mail?.['subject'],
      proposed_by: mail?.['proposed_by'],
      footer: mail?.['footer'],
      from: mail?.['from'],
      approvals_needed: 1,
    })
    // Of the gate itself: it would have held it.
    expect(canary?.['reason']).toBe(mail?.['reason'])
    const review = (await desk.call(desk.ours.keys.reviewer, 'GET', `/review_email?email_id=${row.id}`)).body
    const same = (await desk.call(desk.ours.keys.reviewer, 'GET', `/review_email?email_id=${real}`)).body
    expect(Object.keys(review).toSorted()).toEqual(Object.keys(same).toSorted())
    expect(review).toMatchObject({
      is_unchanged: true,
      content_hash: canary?.['content_hash'],
      as_sent: { recipients: [{ address: 'bo@remote-test.example', field: 'to' }] },
    })
    expect(JSON.stringify(review['as_sent'])).toContain('summary of our conversation')
    expect(await actionsOf(desk)).toEqual(['canary.placed'])
  })

  it('has a fault that is found by the checks, where it is of that kind', async () => {
    for (const [which, fault, kind] of [
      [0.4, 'secret', 'assigned_secret'],
      [0.7, 'bank_account', 'bank_account'],
    ] as const) {
      const { desk, row } = await open(which)
      expect(row.fault).toBe(fault)
      const [canary] = await listed(desk)
      expect(canary).toMatchObject({ findings: [expect.objectContaining({ kind })] })
    }
  })

  it('is seen by no agent, told of by no event or letter, and counts for nothing', { timeout: 60_000 }, async () => {
    const { desk, row } = await open()
    const { keys, gated, accountId } = desk.ours
    const canary = JSON.parse(row.email_json) as { thread_id: string; subject: string; markdown: string }
    for (const key of [keys.agent, keys.reader, keys.bound, keys.admin]) {
      for (const path of [
        `/check_inbox?mailbox=${gated.id}&limit=100`,
        `/check_inbox?mailbox=${gated.id}&status=pending_approval`,
        `/read_email?email_id=${row.id}`,
        `/get_thread?thread_id=${canary.thread_id}`,
        `/get_email_raw?email_id=${row.id}`,
        `/get_receipt?email_id=${row.id}`,
        '/search_emails?query=summary',
        '/list_queue',
      ]) {
        const { body } = await desk.call(key, 'GET', path)
        expect([path, JSON.stringify(body).includes(row.id) || JSON.stringify(body).includes('remote-test.example')]).toEqual([path, false])
      }
      expect((await desk.call(key, 'POST', '/cancel_message', { email_id: row.id })).status).not.toBe(200)
      expect((await desk.call(key, 'POST', '/edit_scheduled_email', { email_id: row.id, markdown: 'x' })).status).not.toBe(200)
    }
    const told = await desk.store.db.selectFrom('events').select('data_json').execute()
    expect(told.some(({ data_json }) => data_json.includes(row.id))).toBe(false)
    const [telling] = desk.approvalMail.jobs
    await telling?.work(desk.clock.now())
    const letters = await desk.store.db.selectFrom('operator_mails').select('body').execute()
    expect(letters.some(({ body }) => body.includes('remote-test.example'))).toBe(false)
    const count = async (table: 'monthly_messages' | 'send_windows' | 'recent_submissions' | 'first_contacts') =>
      (await desk.store.db.selectFrom(table).selectAll().execute()).length
    const before = [
      await count('monthly_messages'),
      await count('send_windows'),
      await count('recent_submissions'),
      await count('first_contacts'),
    ]
    await desk.call(keys.reviewer, 'POST', '/decide_email', { email_id: row.id, action: 'approve' })
    expect([
      await count('monthly_messages'),
      await count('send_windows'),
      await count('recent_submissions'),
      await count('first_contacts'),
    ]).toEqual(before)
    const suggested = await desk.call(keys.reviewer, 'GET', `/suggest_upgrade?mailbox_id=${gated.id}`)
    expect(suggested.body).toMatchObject({ leaving: { decided: 0 } })
    expect((await desk.call(keys.admin, 'GET', '/get_usage')).body).toMatchObject({ emails_sent: 1 })
    expect(await traces(desk, row.id)).toBe(0)
    expect(accountId).toBe(row.account_id)
  })

  it('that is approved is missed: nothing leaves, the one who approved it and the operator are told', async () => {
    const { desk, real, row } = await open()
    const { reviewer } = desk.ours.keys
    const [canary] = await listed(desk)
    const decide = (action: string, content_hash?: unknown) =>
      desk.call(reviewer, 'POST', '/v1/oversight/decide', { email_id: row.id, action, ...(content_hash !== undefined && { content_hash }) })
    expect(await decide('approve', 'f'.repeat(64))).toMatchObject({ status: 409, body: { code: 'CONTENT_CHANGED' } })
    expect(await decide('approve', canary?.['content_hash'])).toMatchObject({
      status: 200,
      body: { status: 'canary_missed', queued_at: null, approvals_given: 0, message: expect.stringContaining('Nothing was sent') },
    })
    expect(await decide('approve')).toMatchObject({ status: 409, body: { code: 'NOT_PENDING' } })
    expect(await decide('reject')).toMatchObject({ status: 409, body: { code: 'NOT_PENDING' } })
    expect(await traces(desk, row.id)).toBe(0)
    expect((await listed(desk)).map(({ id }) => id)).toEqual([real])
    const [entry] = await listLog(desk.store.db, { accountId: desk.ours.accountId, world: 'live' }, { limit: 10 }).then((all) =>
      all.filter(({ action }) => action === 'canary.missed'),
    )
    expect(entry).toMatchObject({
      resourceType: 'canary',
      resourceId: row.id,
      metadata: { fault: 'wrong_recipient', mailbox_id: row.mailbox_id },
    })
    const letters = await desk.store.db.selectFrom('operator_mails').select(['recipient', 'subject', 'body']).execute()
    expect(letters).toMatchObject([{ recipient: 'boss@ours-test.example', subject: 'A test email was approved: support@ours.test' }])
    expect(letters[0]?.body).toContain(entry?.actorId ?? 'nobody')
    // What it said, which may name people, is gone.
    const [after] = await rows(desk)
    expect([after?.state, after?.email_json, after?.raw.length, after?.decided_by]).toEqual(['missed', '', 0, entry?.actorId])
  })

  it('that is rejected is told to nobody but the one who did it', async () => {
    const { desk, row } = await open()
    const decided = await desk.call(desk.ours.keys.reviewer, 'POST', '/decide_email', {
      email_id: row.id,
      action: 'reject',
      reason: 'Wrong.',
    })
    expect(decided).toMatchObject({ status: 200, body: { status: 'rejected', message: expect.stringContaining('rejecting it was right') } })
    expect(await actionsOf(desk)).toEqual(['canary.rejected', 'canary.placed'])
    expect(await desk.store.db.selectFrom('operator_mails').select('id').execute()).toEqual([])
    expect(await traces(desk, row.id)).toBe(0)
  })

  it('cannot leave by the session of a person, whose session may have ended, nor by a link', async () => {
    const { desk, row } = await open()
    const browser = await signedIn(desk, desk.ours.accountId)
    const shown = (await browser.get('/session/pending')).body['emails'] as Record<string, unknown>[]
    expect(shown.map(({ id }) => id)).toContain(row.id)
    const one = (await browser.get(`/session/pending/${row.id}`)).body
    expect(one).toMatchObject({ id: row.id, content_hash: row.content_hash })
    // A link is made from rows that refer to a hold and an email; this one has neither.
    const person = await desk.store.db.selectFrom('people').select('id').executeTakeFirstOrThrow()
    const link = {
      hold_id: row.hold_id,
      person_id: person.id,
      account_id: row.account_id,
      email_id: row.id,
      content_hash: row.content_hash,
    }
    await expect(
      desk.store.db
        .insertInto('approval_links')
        .values({ ...link, token_hash: 'a', created_at: 1, told_at: 1, expires_at: desk.clock.now() + day, ended_at: null })
        .execute(),
    ).rejects.toThrow(/foreign key/i)
    const decided = await browser.post('/session/decide', { email_id: row.id, content_hash: row.content_hash, action: 'approve' })
    expect(decided).toMatchObject({ status: 200, body: { status: 'canary_missed' } })
    expect(await traces(desk, row.id)).toBe(0)
    expect((await desk.store.db.selectFrom('operator_mails').select('subject').execute()).map(({ subject }) => subject)).toContain(
      'A test email was approved: support@ours.test',
    )
    expect(ann).toContain('@')
  })

  it('is for others than who seems to have written it, and it is on the record that they tried', async () => {
    const desk = await openDesk(openStore)
    const browser = await signedIn(desk, desk.ours.accountId)
    const { id: ownerId } = await desk.store.db.selectFrom('people').select('id').where('address_key', '=', ann).executeTakeFirstOrThrow()
    const tenancy = { accountId: desk.ours.accountId, world: 'live' } as const
    const hers = await desk.keys.issue({ tenancy, name: 'hers', scopes: ['read', 'send'], ownerId })
    await want(desk, 7)
    await send(desk, desk.ours.gated, hers.ok ? hers.value.key : '')
    await desk.clock.advance(1)
    await canariesOf(desk, chances(0)).work(desk.clock.now())
    const [row] = await rows(desk)
    const decided = await browser.post('/session/decide', { email_id: row?.id, content_hash: row?.content_hash, action: 'approve' })
    expect(decided).toMatchObject({ status: 403, body: { code: 'SELF_APPROVAL' } })
    const refused = await desk.store.db.selectFrom('log_entries').select('resource_id').where('action', '=', 'approval.refused').execute()
    expect(refused).toEqual([{ resource_id: row?.id }])
  })

  it('cannot be held, released or delivered: the tables refuse it', async () => {
    const { desk, row } = await open()
    const now = desk.clock.now()
    const { account_id, world, mailbox_id, content_hash } = row
    const inTx = (work: Parameters<Desk['store']['transaction']>[0]) => expect(desk.store.transaction(work)).rejects.toThrow(/foreign key/i)
    await inTx((tx) =>
      insertHold(tx, {
        id: row.hold_id,
        account_id,
        world,
        mailbox_id,
        email_id: row.id,
        direction: 'outbound',
        content_hash,
        reason: 'r',
        state: 'open',
        people: 1,
        created_at: now,
        expires_at: now + day,
        ended_at: null,
      }),
    )
    await inTx((tx) =>
      insertRelease(tx, {
        id: newId('release', now),
        email_id: row.id,
        content_hash: content_hash as never,
        kind: 'policy',
        decision_id: null,
        rule: 'r',
        prepended: '',
        created_at: now,
      }),
    )
    expect(await traces(desk, row.id)).toBe(0)
  })

  it('stays one that waits when the mode is raised or the process dies in the middle, and ends once however many decide', async () => {
    const { desk, row } = await open()
    const { store, clock, ours } = desk
    await store.db.updateTable('mailboxes').set({ oversight_mode: 'autonomous' }).where('id', '=', ours.gated.id).execute()
    await desk.clock.advance(hour)
    expect(await traces(desk, row.id)).toBe(0)
    // Whatever is written of a decision is one transaction: when it breaks off, nothing of it is there.
    const broken = new Error('the process died')
    const dying = {
      ...store,
      transaction: (work: Parameters<typeof store.transaction>[0]) =>
        store.transaction(async (tx) => Promise.reject(await work(tx).then(() => broken))),
    }
    const deps = { clock, log: silentLog, onReleased: () => expect.fail('released'), giveUpAfterMs: 1, allowTestSelfApproval: false }
    const reviewer = {
      kind: 'key',
      accountId: ours.accountId,
      world: 'live',
      keyId: newId('key', 1),
      name: 'r',
      scopes: ['oversight'],
      mailboxIds: null,
    } as const
    await expect(
      createApprovals({ ...deps, store: dying as typeof store }).decide(reviewer, { email: row.id, action: 'approve' }),
    ).rejects.toThrow('the process died')
    expect((await rows(desk)).map(({ state }) => state)).toEqual(['open'])
    const approvals = createApprovals({ ...deps, store })
    const all = await Promise.all(
      (['approve', 'reject', 'approve', 'reject'] as const).map((action) => approvals.decide(reviewer, { email: row.id, action })),
    )
    expect(all.filter(({ ok }) => ok).length).toBe(1)
    expect(all.flatMap((one) => (one.ok ? [] : [one.code]))).toEqual(['NOT_PENDING', 'NOT_PENDING', 'NOT_PENDING'])
    expect((await actionsOf(desk)).length).toBe(2)
    expect(await traces(desk, row.id)).toBe(0)
  })

  it('is decided on by nobody who may not decide, and is nothing of another account, world or mailbox', async () => {
    const { desk, row } = await open()
    const { keys, free } = desk.ours
    for (const key of [keys.agent, keys.admin, keys.reader])
      expect((await desk.call(key, 'POST', '/decide_email', { email_id: row.id, action: 'approve' })).status).toBe(403)
    for (const key of [desk.theirs.keys.reviewer, keys.testAdmin, await desk.key({ scopes: ['oversight'], mailboxIds: [free.id] })]) {
      expect((await desk.call(key, 'POST', '/decide_email', { email_id: row.id, action: 'approve' })).status).toBe(404)
      const pending = await desk.call(key, 'GET', '/list_pending')
      expect(JSON.stringify(pending.body).includes(row.id)).toBe(false)
      const review = await desk.call(key, 'GET', `/review_email?email_id=${row.id}`)
      expect(review.status).toBeGreaterThanOrEqual(403)
    }
    expect((await rows(desk)).map(({ state }) => state)).toEqual(['open'])
  })

  it('comes seldom, one at a time, only among others, and expires as they do', { timeout: 60_000 }, async () => {
    const desk = await openDesk(openStore)
    const always = canariesOf(desk, () => 0)
    await want(desk, 2)
    // Nothing waits.
    expect(await always.work(desk.clock.now())).toBe(0)
    await send(desk)
    expect(await canariesOf(desk, () => 0.99).work(desk.clock.now())).toBe(0)
    expect(await always.work(desk.clock.now())).toBe(1)
    for (let at = 0; at < 5; at += 1) {
      await desk.clock.advance(hour)
      expect(await always.work(desk.clock.now())).toBe(0)
    }
    await desk.clock.advance(3 * day)
    await send(desk)
    expect(await listed(desk)).toHaveLength(1)
    const [first] = await rows(desk)
    expect((await desk.call(desk.ours.keys.reviewer, 'POST', '/decide_email', { email_id: first?.id, action: 'approve' })).status).toBe(409)
    expect(await always.work(desk.clock.now())).toBe(1)
    expect((await rows(desk)).map(({ state }) => state)).toEqual(['expired', 'open'])
    // Two nodes at the same moment, and two in this week were wanted.
    await desk.store.db.deleteFrom('canaries').execute()
    await Promise.all([always.work(desk.clock.now()), always.work(desk.clock.now())])
    expect((await rows(desk)).length).toBe(1)
  })

  it('is wanted by the operator or not at all, and is taken back when it is wanted no more', async () => {
    const { desk, row, canaries } = await open()
    const { keys, gated } = desk.ours
    const path = `/v1/mailboxes/${gated.id}/oversight`
    const set = (canaries_per_week: number, more: object = {}) => desk.call(keys.admin, 'POST', path, { canaries_per_week, ...more })
    expect((await desk.call(keys.admin, 'GET', path)).body).toMatchObject({ canaries_per_week: 7 })
    expect(await set(8)).toMatchObject({ status: 400 })
    expect(await set(1)).toMatchObject({ status: 202 })
    expect(await set(0)).toMatchObject({ status: 202, body: { action: 'loosen_oversight' } })
    const { body: mail } = await desk.store.db.selectFrom('operator_mails').select('body').orderBy('id', 'desc').executeTakeFirstOrThrow()
    const approval_code = /\b[0-9A-Z]{4}-[0-9A-Z]{4}\b/.exec(mail)?.[0]
    expect(await set(0, { approval_code })).toMatchObject({ status: 200, body: { status: 'set', canaries_per_week: 0 } })
    expect((await rows(desk)).map(({ id, state }) => [id, state])).toEqual([[row.id, 'withdrawn']])
    expect(await actionsOf(desk)).toEqual(['canary.withdrawn', 'canary.placed'])
    await desk.clock.advance(8 * day)
    await send(desk)
    expect(await canaries.work(desk.clock.now())).toBe(0)
    expect((await desk.call(keys.reviewer, 'POST', '/decide_email', { email_id: row.id, action: 'approve' })).status).toBe(409)
  })
})
