import fc from 'fast-check'
import { expect, it } from 'vitest'
import { waitingKinds } from '../../server/store/sandbox-clock.ts'
import { type Desk, openDesk } from '../support/desk.ts'
import { furnishScene } from '../support/scene.ts'
import { describeOnEachEngine } from '../support/stores.ts'
import { furnishTestWorld, rowsOfWorlds } from '../support/test-world.ts'

const day = 86_400
const advance = ({ call, ours }: Desk, seconds: unknown, key = ours.keys.test) => call(key, 'POST', '/v1/sandbox/clock', { seconds })

/** Which columns a difference is in, as `table.column`. */
function changed(before: Map<string, Record<string, unknown>[]>, after: Map<string, Record<string, unknown>[]>): Map<string, Set<unknown>> {
  const found = new Map<string, Set<unknown>>()
  for (const [table, rows] of before) {
    const key = (row: Record<string, unknown>): string =>
      JSON.stringify(row['id'] ?? row['seq'] ?? row['idempotency_key'] ?? row['content_digest'] ?? row)
    const later = new Map((after.get(table) ?? []).map((row) => [key(row), row]))
    for (const row of rows)
      for (const [column, value] of Object.entries(row)) {
        const now = later.get(key(row))?.[column]
        if (later.has(key(row)) && now !== value)
          found.set(`${table}.${column}`, (found.get(`${table}.${column}`) ?? new Set()).add(Number(value) - Number(now)))
      }
  }
  return found
}

describeOnEachEngine('the clock of the test world', (openStore) => {
  it(
    'brings nearer what waits there, by exactly so much, and touches no row of another world or account',
    { timeout: 30_000 },
    async () => {
      const desk = await openDesk(openStore)
      await furnishScene(desk, desk.ours)
      await furnishTestWorld(desk, desk.theirs)
      await furnishTestWorld(desk, desk.ours)
      const before = await rowsOfWorlds(desk.store, desk.ours.accountId)
      expect(await advance(desk, day + 1)).toMatchObject({
        status: 200,
        body: { seconds: day + 1, came_due: { scheduled: 1, deliveries: 0, holds: 0, requests: 1 }, is_done: false },
      })
      const after = await rowsOfWorlds(desk.store, desk.ours.accountId)
      expect(after.others).toEqual(before.others)
      const moved = changed(before.own, after.own)
      expect([...moved.keys()].toSorted()).toEqual(
        [
          'admin_actions.created_at',
          'admin_actions.expires_at',
          'allowances.expires_at',
          'api_keys.last_used_at',
          'deliveries.give_up_at',
          'deliveries.next_attempt_at',
          'deliveries.queued_at',
          'emails.due_at',
          'emails.send_at',
          'holds.expires_at',
          'holds.renewable_until',
          'idempotent_calls.created_at',
          'idempotent_calls.expires_at',
          'mode_upgrades.created_at',
          'mode_upgrades.expires_at',
          'recent_submissions.at',
          'webhooks.next_attempt_at',
        ].filter((name) => name !== 'api_keys.last_used_at' || moved.has(name)),
      )
      for (const [column, by] of moved)
        if (column !== 'api_keys.last_used_at') expect([column, [...by]]).toEqual([column, [(day + 1) * 1000]])
    },
  )

  it('lets a decision that nobody makes expire, and nothing else of what waits for one', { timeout: 30_000 }, async () => {
    const desk = await openDesk(openStore)
    const { pending, scheduled } = await furnishTestWorld(desk, desk.ours)
    expect((await advance(desk, 73 * 3600)).body).toMatchObject({ came_due: { holds: 1 } })
    const list = await desk.call(desk.ours.keys.testAdmin, 'GET', '/list_pending')
    expect(list.body['pending']).toEqual([])
    const refused = await desk.call(desk.ours.keys.testAdmin, 'POST', '/decide_email', { email_id: pending, action: 'approve' })
    expect(refused).toMatchObject({ status: 409, body: { code: 'HOLD_EXPIRED' } })
    expect(scheduled).toMatch(/^em_/)
  })

  it('is moved once for one idempotency key, and the key is remembered all the same', { timeout: 30_000 }, async () => {
    const desk = await openDesk(openStore)
    await furnishTestWorld(desk, desk.ours)
    const dueAt = async () =>
      Number((await desk.store.db.selectFrom('emails').select('due_at').where('status', '=', 'scheduled').executeTakeFirstOrThrow()).due_at)
    const before = await dueAt()
    const once = () => desk.call(desk.ours.keys.test, 'POST', '/advance_clock', { seconds: 2 * day, idempotency_key: 'two-days' })
    const [first, second] = [await once(), await once()]
    expect([second.status, second.body]).toEqual([200, first.body])
    expect(before - (await dueAt())).toBe(2 * day * 1000)
    // What another call was remembered by is forgotten after a day, as it would be.
    await advance(desk, day)
    expect(
      (await desk.call(desk.ours.keys.testAdmin, 'POST', '/add_contact', { email: 'di@remote.test', idempotency_key: 'contact' })).status,
    ).toBe(200)
  })

  it('may be moved by keys of the whole test world, so far at most, and says so on the record', async () => {
    const desk = await openDesk(openStore)
    const { agent, admin, testAdmin } = desk.ours.keys
    for (const key of [agent, admin]) expect(await advance(desk, 1, key)).toMatchObject({ status: 403, body: { code: 'TEST_KEY_ONLY' } })
    for (const seconds of [-1, 0.5, 90 * day + 1, '1', null]) expect((await advance(desk, seconds)).status).toBe(400)
    const tenancy = { accountId: desk.ours.accountId, world: 'test' } as const
    const bound = await desk.keys.issue({ tenancy, name: 'bound', scopes: ['read', 'send'], mailboxIds: [desk.ours.test.id] })
    if (!bound.ok) throw new Error(bound.code)
    expect(await advance(desk, 1, bound.value.key)).toMatchObject({ status: 403, body: { code: 'KEY_BOUND' } })
    expect((await advance(desk, 90 * day)).status).toBe(200)
    const { entries } = (await desk.call(testAdmin, 'GET', '/get_audit_log')).body as {
      entries: { action: string; metadata: Record<string, unknown> }[]
    }
    const moved = entries.filter(({ action }) => action === 'sandbox.clock_advanced')
    expect(moved.map(({ metadata }) => metadata['seconds'])).toEqual([90 * day])
    expect(Object.keys(moved[0]?.metadata ?? {}).toSorted()).toEqual(['seconds', ...waitingKinds].toSorted())
  })

  it('keeps counting what a mailbox sent within the hour, until the hour has passed', { timeout: 30_000 }, async () => {
    const desk = await openDesk(openStore, { caps: { hour: 1, day: 2, new: null } })
    const { test, keys } = desk.ours
    await desk.store.db.updateTable('mailboxes').set({ oversight_mode: 'autonomous' }).where('id', '=', test.id).execute()
    let count = 0
    const send = async (): Promise<number> =>
      (await desk.call(keys.test, 'POST', '/send_email', { to: ['bo@remote.test'], subject: `No. ${(count += 1)}`, markdown: 'Hi' })).status
    expect([await send(), await send()]).toEqual([200, 429])
    await advance(desk, 1800)
    expect(await send()).toBe(429)
    await advance(desk, 2400)
    expect([await send(), await send()]).toEqual([200, 429])
    await advance(desk, 3900)
    expect(await send()).toBe(429)
    await advance(desk, 22 * 3600)
    expect(await send()).toBe(200)
  })

  it('comes to the same in one move as in several', { timeout: 60_000 }, async () => {
    const desk = await openDesk(openStore)
    await furnishTestWorld(desk, desk.ours)
    const times = async () => {
      const { own } = await rowsOfWorlds(desk.store, desk.ours.accountId)
      return ['deliveries', 'holds', 'mode_upgrades']
        .flatMap((table) => own.get(table) ?? [])
        .filter((row) => row['state'] === 'queued' || row['state'] === 'open')
        .map((row) => Number(row['next_attempt_at'] ?? row['expires_at']))
    }
    let total = 0
    const first = await times()
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 0, max: day }), { maxLength: 4 }), async (moves) => {
        for (const seconds of moves) await advance(desk, seconds)
        total += moves.reduce((sum, one) => sum + one, 0)
        expect(await times()).toEqual(first.map((time) => time - total * 1000))
      }),
      { numRuns: 5 },
    )
  })
})
