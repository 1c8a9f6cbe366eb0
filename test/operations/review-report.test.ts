import { sql } from 'kysely'
import { expect, it } from 'vitest'
import { newId } from '../../server/model/ids.ts'
import { forgetReviewTimes, noteReviewTime, setTimedReviews } from '../../server/store/review-times.ts'
import { listLog } from '../../server/store/log.ts'
import { signedIn } from '../support/browser.ts'
import { type Desk, openDesk } from '../support/desk.ts'
import { describeOnEachEngine, describeOnPostgres } from '../support/stores.ts'

let turn = 0

describeOnEachEngine('how people decide', (openStore) => {
  const enable = (desk: Desk) =>
    desk.store.db.insertInto('timed_reviews').values({ account_id: desk.ours.accountId, world: 'live', since: 1 }).execute()
  const held = async (desk: Desk) => {
    const body = { mailbox_id: desk.ours.gated.id, to: ['bo@remote.test'], subject: `An offer ${(turn += 1)}`, markdown: 'It costs 5.' }
    return String((await desk.call(desk.ours.keys.agent, 'POST', '/send_email', body)).body['id'])
  }
  const open = async ({ timed = true } = {}) => {
    const desk = await openDesk(openStore)
    const browser = await signedIn(desk, desk.ours.accountId)
    if (timed) await enable(desk)
    const show = async () => (await browser.get('/session/pending')).body['emails'] as { id: string; content_hash: string }[]
    const decide = (email: { id: string; content_hash: string }, action = 'approve') =>
      browser.post('/session/decide', {
        email_id: email.id,
        content_hash: email.content_hash,
        action,
        ...(action === 'reject' && { reason: 'No.' }),
      })
    const times = async () =>
      (await desk.store.db.selectFrom('review_times').select('time_ms').orderBy('decided_at').execute()).map(({ time_ms }) => time_ms)
    const report = async (key = desk.ours.keys.admin) => (await desk.call(key, 'GET', '/v1/reviewers/report')).body
    return { desk, browser, show, decide, times, report }
  }

  it('is timed from when it was first shown, or since the decision before, and is on the record beside it', async () => {
    const { desk, show, decide, times, report } = await open()
    await held(desk)
    await held(desk)
    await held(desk)
    const [one, two, three] = await show()
    if (one === undefined || two === undefined || three === undefined) throw new Error('too few')
    await desk.clock.advance(9_000)
    // Shown again: the first time counts.
    await show()
    await desk.clock.advance(1_000)
    expect((await decide(one)).status).toBe(200)
    await desk.clock.advance(1_500)
    expect((await decide(two)).status).toBe(200)
    await desk.clock.advance(4_000)
    expect((await decide(three, 'reject')).status).toBe(200)
    expect(await times()).toEqual([10_000, 1_500, 4_000])
    expect(await desk.store.db.selectFrom('review_openings').selectAll().execute()).toEqual([])
    const entries = await listLog(desk.store.db, { accountId: desk.ours.accountId, world: 'live' }, { limit: 50 })
    const approved = entries.find(({ action, resourceId }) => action === 'email.approved' && resourceId === one.id)
    expect(approved?.details).toEqual({ time_on_card_ms: 10_000 })
    expect(JSON.stringify(approved?.metadata)).not.toContain('10000')
    expect(entries.find(({ action }) => action === 'email.rejected')?.details).toEqual({ reason: 'No.', time_on_card_ms: 4_000 })
    expect(await report()).toMatchObject({
      enabled: true,
      is_complete: true,
      days: 56,
      all: {
        decided: 3,
        approved: 2,
        approval_rate: 0.6667,
        median_ms: 4_000,
        hasty_approvals: 1,
        unseen: 0,
        canaries: { rejected: 0, missed: 0 },
      },
      reviewers: [{ name: 'Ann', decided: 3, warnings: [] }],
    })
  })

  it('is not timed where nobody chose it, nor of keys, nor what was never shown', async () => {
    const { desk, show, decide, times, report } = await open({ timed: false })
    await held(desk)
    const [first] = await show()
    if (first === undefined) throw new Error('none')
    expect((await decide(first)).status).toBe(200)
    expect([await times(), await report()]).toMatchObject([[], { enabled: false, all: { decided: 0 }, reviewers: [] }])
    const entries = await listLog(desk.store.db, { accountId: desk.ours.accountId, world: 'live' }, { limit: 50 })
    expect(entries.find(({ action }) => action === 'email.approved')?.details).toBeNull()
    await enable(desk)
    const byKey = await held(desk)
    await desk.call(desk.ours.keys.reviewer, 'GET', '/list_pending')
    await desk.call(desk.ours.keys.reviewer, 'POST', '/decide_email', { email_id: byKey, action: 'approve' })
    expect(await times()).toEqual([])
    const unseen = await held(desk)
    const { content_hash } = await desk.store.db
      .selectFrom('holds')
      .select('content_hash')
      .where('email_id', '=', unseen as never)
      .executeTakeFirstOrThrow()
    expect((await decide({ id: unseen, content_hash })).status).toBe(200)
    expect([await times(), await report()]).toMatchObject([[null], { all: { decided: 1, unseen: 1, median_ms: null } }])
  })

  it('is switched on and off by the code of the operator, and off erases it', async () => {
    const { desk, show, decide, times } = await open({ timed: false })
    const { keys } = desk.ours
    const set = (enabled: boolean, more: object = {}) => desk.call(keys.admin, 'POST', '/set_review_report', { enabled, ...more })
    const code = async () =>
      /\b[0-9A-Z]{4}-[0-9A-Z]{4}\b/.exec(
        (await desk.store.db.selectFrom('operator_mails').select('body').orderBy('id', 'desc').executeTakeFirstOrThrow()).body,
      )?.[0]
    for (const key of [keys.agent, keys.reader, keys.reviewer]) {
      expect((await desk.call(key, 'GET', '/get_review_report')).status).toBe(403)
      expect((await desk.call(key, 'POST', '/set_review_report', { enabled: true })).status).toBe(403)
    }
    expect(await set(true)).toMatchObject({ status: 202, body: { status: 'pending_approval', action: 'time_reviews' } })
    expect(await set(true, { approval_code: await code() })).toMatchObject({ status: 200, body: { status: 'set', enabled: true } })
    await held(desk)
    await held(desk)
    const [one] = await show()
    if (one === undefined) throw new Error('none')
    await decide(one)
    expect(await times()).toEqual([0])
    await desk.clock.advance(61_000)
    expect(await set(false)).toMatchObject({ status: 202 })
    expect(await set(false, { approval_code: await code() })).toMatchObject({ body: { status: 'set', enabled: false } })
    expect(await times()).toEqual([])
    expect(await desk.store.db.selectFrom('review_openings').selectAll().execute()).toEqual([])
    // A test key chooses for its own world.
    const asked = await desk.call(keys.testAdmin, 'POST', '/set_review_report', { enabled: true })
    await desk.call(keys.testAdmin, 'POST', '/set_review_report', { enabled: true, approval_code: asked.body['sandbox_code'] })
    expect((await desk.call(keys.admin, 'GET', '/get_review_report')).body).toMatchObject({ enabled: false })
    expect((await desk.call(keys.testAdmin, 'GET', '/get_review_report')).body).toMatchObject({ enabled: true })
    expect((await desk.call(desk.theirs.keys.admin, 'GET', '/get_review_report')).body).toMatchObject({ enabled: false, reviewers: [] })
  })

  it('is forgotten after a time', async () => {
    const { desk, show, decide, times } = await open()
    await held(desk)
    await held(desk)
    const [one] = await show()
    if (one === undefined) throw new Error('none')
    await decide(one)
    const now = desk.clock.now()
    await forgetReviewTimes(desk.store.db, { opened: now, decided: now })
    expect([await times(), await desk.store.db.selectFrom('review_openings').selectAll().execute()]).toMatchObject([[0], [{}]])
    await forgetReviewTimes(desk.store.db, { opened: now + 1, decided: now + 1 })
    expect([await times(), await desk.store.db.selectFrom('review_openings').selectAll().execute()]).toEqual([[], []])
  })
})

describeOnPostgres('how people decide, switched off while somebody decides', (openStore) => {
  it('is erased with what is being noted', { timeout: 30_000 }, async () => {
    const desk = await openDesk(openStore)
    const { store, clock } = desk
    const tenancy = { accountId: desk.ours.accountId, world: 'live' } as const
    const now = clock.now()
    await store.transaction((tx) => setTimedReviews(tx, tenancy, true, now))
    const person = { kind: 'person', ...tenancy, personId: newId('person', now), role: 'reviewer' } as const
    const about = { mailboxId: desk.ours.gated.id, emailId: newId('email', now), action: 'approve', isCanary: false, now } as const
    const [noted, mayEnd] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const deciding = store.transaction(async (tx) => {
      await noteReviewTime(tx, { person, ...about })
      noted.resolve()
      await mayEnd.promise
    })
    await noted.promise
    const off = store.transaction((tx) => setTimedReviews(tx, tenancy, false, now))
    const waits = sql`select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
    while ((await waits.execute(store.db)).rows.length < 1);
    mayEnd.resolve()
    await Promise.all([deciding, off])
    expect(await store.db.selectFrom('review_times').selectAll().execute()).toEqual([])
  })
})
