import { expect, it } from 'vitest'
import { openDesk } from '../support/desk.ts'
import { furnishScene } from '../support/scene.ts'
import { sql } from 'kysely'
import type { DeliveryId } from '../../server/model/ids.ts'
import { claimDue } from '../../server/store/queue.ts'
import { describeOnEachEngine, describeOnPostgres } from '../support/stores.ts'
import { furnishTestWorld, rowsOfWorlds } from '../support/test-world.ts'

/** What a reset leaves in the test world: how it is set up, and what was on the record. */
const kept = ['api_keys', 'log_entries', 'mailboxes', 'usage_days', 'webhooks']
/** How mailboxes are set up; what test keys told the operator; the counts of standings and of the month, which leave test mail out; and what is not of the
 *  test world, or follows emails by itself. */
const setUp = [
  ['aliases', 'allowlist_entries', 'noticing_mailboxes', 'notified_mailboxes', 'send_caps'],
  ['issues', 'timed_reviews', 'mailbox_days', 'mailbox_standings', 'monthly_messages'],
  ['received_reports', 'search_entries', 'search_queue', 'operator_sessions', 'signups', 'approval_links', 'reviewer_turns'],
].flat()
/** store/sandbox-reset.ts. A new table belongs there, or above. */
const emptied = [
  ['address_failures', 'admin_actions', 'allowances', 'attachments', 'attempts', 'contacts', 'correspondents', 'decisions', 'deliveries'],
  [
    'canaries',
    'email_places',
    'email_tags',
    'email_versions',
    'emails',
    'events',
    'first_contacts',
    'hold_approvals',
    'holds',
    'idempotent_calls',
    'kept_views',
    'mode_findings',
    'mode_upgrades',
    'opens',
    'policy_counts',
    'review_openings',
    'review_times',
  ],
  ['recent_submissions', 'releases', 'send_windows', 'sending_stops', 'spam_tokens', 'suppressions', 'threads', 'webhook_deliveries'],
].flat()

describeOnEachEngine('the reset of the test world', (openStore) => {
  it('leaves nothing there but how it is set up, and touches no row of another world or account', { timeout: 30_000 }, async () => {
    const desk = await openDesk(openStore)
    const { keys } = desk.ours
    await furnishScene(desk, desk.ours)
    await furnishTestWorld(desk, desk.theirs)
    await furnishTestWorld(desk, desk.ours)
    const before = await rowsOfWorlds(desk.store, desk.ours.accountId)
    const answer = await desk.call(keys.testAdmin, 'POST', '/v1/sandbox/reset')
    expect(answer).toMatchObject({ status: 200, body: { removed: { emails: 6, contacts: 1, suppressions: 1 }, is_done: true } })
    const after = await rowsOfWorlds(desk.store, desk.ours.accountId)
    expect(after.others).toEqual(before.others)
    const left = [...after.own].filter(([table, rows]) => rows.length > 0 && !kept.includes(table)).map(([table]) => table)
    expect(left).toEqual([])
    for (const table of ['mailboxes', 'webhooks']) expect(after.own.get(table)?.length).toBe(before.own.get(table)?.length)
    const log = (rows: typeof before) => (rows.own.get('log_entries') ?? []).map(({ seq }) => Number(seq))
    expect(log(after)).toEqual(expect.arrayContaining(log(before)))
    expect((await desk.call(keys.testAdmin, 'GET', '/check_inbox')).body).toMatchObject({ messages: [] })
    expect((await desk.call(keys.testAdmin, 'POST', '/reset_sandbox', {})).body).toMatchObject({ removed: { emails: 0 }, is_done: true })
  })

  it('is known to empty each table in which the test world may have rows, or to leave it on purpose', async () => {
    const store = await openStore()
    const tables = await store.db.introspection.getTables()
    const ofWorlds = tables.filter(({ columns }) =>
      columns.some(({ name }) => ['world', 'mailbox_id', 'email_id', 'delivery_id'].includes(name)),
    )
    expect(ofWorlds.map(({ name }) => name).toSorted()).toEqual([...emptied, ...kept, ...setUp].toSorted())
  })

  it('lets a new run begin, whose mail is newer than all that was', { timeout: 30_000 }, async () => {
    const desk = await openDesk(openStore)
    const { keys, test } = desk.ours
    const places = async () =>
      (await desk.store.db.selectFrom('email_places').select('place').where('mailbox_id', '=', test.id).execute()).map(({ place }) => place)
    const seqs = async () => (await desk.store.db.selectFrom('events').select('seq').execute()).map(({ seq }) => seq)
    const first = await furnishTestWorld(desk, desk.ours)
    const [oldPlaces, oldSeqs] = [await places(), await seqs()]
    await desk.call(keys.testAdmin, 'POST', '/reset_sandbox', {})
    expect((await desk.call(keys.test, 'GET', `/read_email?email_id=${first.email}`)).status).toBe(404)
    const again = await furnishTestWorld(desk, desk.ours)
    expect(Math.min(...(await places()))).toBeGreaterThan(Math.max(...oldPlaces))
    expect(Math.min(...(await seqs()))).toBeGreaterThan(Math.max(...oldSeqs))
    expect((await desk.call(keys.test, 'GET', `/check_inbox?since_id=${again.email}`)).body).toMatchObject({ messages: expect.any(Array) })
    expect((await desk.call(keys.test, 'GET', `/check_inbox?since_id=${first.email}`)).status).toBe(404)
  })

  it('goes on in parts, each on the record', { timeout: 30_000 }, async () => {
    const desk = await openDesk(openStore)
    const { keys, accountId } = desk.ours
    await desk.store.transaction(async (tx) => {
      for (let n = 0; n < 1100; n += 1)
        await tx
          .insertInto('contacts')
          .values({
            id: `con_${String(n).padStart(26, '0')}` as never,
            account_id: accountId,
            world: 'test',
            address: `a${n}@remote.test`,
            email: `a${n}@remote.test`,
            name: '',
            tags_json: '[]',
            metadata_json: '{}',
            search_text: '',
            created_at: 1,
            updated_at: 1,
          })
          .execute()
    })
    const answer = await desk.call(keys.testAdmin, 'POST', '/reset_sandbox', {})
    expect(answer.body).toMatchObject({ removed: { contacts: 1100 }, is_done: true })
    const entries = await desk.store.db.selectFrom('log_entries').select('body').where('action', '=', 'sandbox.reset').execute()
    expect(entries.length).toBe(3)
  })

  it('is for admin keys of the whole test world', async () => {
    const desk = await openDesk(openStore)
    const { admin, test } = desk.ours.keys
    const reset = (key: string) => desk.call(key, 'POST', '/reset_sandbox', {})
    expect(await reset(admin)).toMatchObject({ status: 403, body: { code: 'TEST_KEY_ONLY' } })
    expect(await reset(test)).toMatchObject({ status: 403, body: { code: 'SCOPE_MISSING' } })
  })
})

describeOnPostgres('the reset of the test world', (openStore) => {
  it('waits for an attempt that begins, and takes it away too', { timeout: 30_000 }, async () => {
    const desk = await openDesk(openStore)
    const { store, clock } = desk
    const { delivery } = await furnishTestWorld(desk, desk.ours)
    const [locked, mayEnd] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    // The attempt is written down, but not yet on the record.
    const inTheWay = store.transaction(async (tx) => {
      await sql`select 1 from log_head for update`.execute(tx)
      locked.resolve()
      await mayEnd.promise
    })
    await locked.promise
    const waits = sql<{ pid: number }>`select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
    const untilWaiting = async (count: number) => {
      while ((await waits.execute(store.db)).rows.length < count);
    }
    const claiming = claimDue(store, { ids: [delivery as DeliveryId], now: clock.now(), leaseMs: 60_000, lease: 'one' })
    await untilWaiting(1)
    const resetting = desk.call(desk.ours.keys.testAdmin, 'POST', '/reset_sandbox', {})
    await untilWaiting(2)
    mayEnd.resolve()
    await inTheWay
    expect(await claiming).toHaveLength(1)
    expect(await resetting).toMatchObject({ status: 200, body: { is_done: true } })
    expect(await store.db.selectFrom('attempts').select('id').execute()).toEqual([])
  })
})
