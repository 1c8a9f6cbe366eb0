import fc from 'fast-check'
import { sql } from 'kysely'
import { beforeAll, describe, expect, it } from 'vitest'
import type { Json } from '../../server/model/canonical.ts'
import { type KeyId, newId } from '../../server/model/ids.ts'
import type { Store } from '../../server/store/db.ts'
import { bodyOf, chainHash, detailsHash, emptyChain, leafHash } from '../../server/store/log-format.ts'
import { type Facts, type NewLogEntry, appendLog, eraseLogDetails, listLog } from '../../server/store/log.ts'
import type { LogFault, LogVerdict } from '../../server/store/log-check.ts'
import { verifyLog } from '../../server/store/log-verify.ts'
import { describeOnEachEngine } from '../support/stores.ts'
import { now } from './rows.ts'

const tenancy = { accountId: newId('account', now), world: 'live' } as const
const entry = (facts: Partial<NewLogEntry> = {}): NewLogEntry => ({
  at: now,
  actor: { kind: 'system', part: 'inbound' },
  tenancy,
  action: 'email.received',
  resourceType: 'email',
  resourceId: 'em_1',
  ...facts,
})
const append = async (store: Store, ...entries: NewLogEntry[]): Promise<void> => {
  for (const one of entries) await store.transaction((tx) => appendLog(tx, one))
}

/** What verifying says after somebody who holds the database changed it: first the fence goes, then the rows. All of it is taken back. */
async function verdictAfter(store: Store, ...statements: string[]): Promise<LogVerdict> {
  const onTable = store.engine === 'postgres' ? ' on log_entries' : ''
  const fences = ['log_entries_kept', 'log_entries_unchanged', 'log_head_follows'].map((name) => `drop trigger ${name}${onTable}`)
  const tried = await store.db.startTransaction().execute()
  try {
    for (const statement of [...fences, ...statements]) await sql.raw(statement).execute(tried)
    return await verifyLog(tried)
  } finally {
    await tried.rollback().execute()
  }
}

describeOnEachEngine('the log of record', (open) => {
  it('keeps who did what to what, and shows it newest first', async () => {
    const store = await open()
    const actor = { kind: 'key', keyId: 'key_1' as KeyId, name: 'agent', scopes: [], mailboxIds: null, ...tenancy } as const
    await append(store, entry(), entry({ actor, action: 'email.read', metadata: { size: 3 }, details: { from: 'bo@remote.test' } }))
    expect(await listLog(store.db, tenancy, { limit: 10 })).toMatchObject([
      {
        seq: 2,
        at: now,
        action: 'email.read',
        actorId: 'key_1',
        resourceType: 'email',
        resourceId: 'em_1',
        metadata: { size: 3 },
        details: { from: 'bo@remote.test' },
      },
      { seq: 1, actorId: 'system:inbound', metadata: {}, details: null },
    ])
  })

  it('shows a tenant its own world’s entries only, a page at a time', async () => {
    const store = await open()
    const other = { accountId: newId('account', now), world: 'live' } as const
    await append(
      store,
      entry(),
      entry({ tenancy: other }),
      entry({ tenancy: { ...tenancy, world: 'test' } }),
      entry({ tenancy: null }),
      entry(),
      entry(),
    )
    const seqs = async (page: { limit: number; before?: number }) => (await listLog(store.db, tenancy, page)).map((one) => one.seq)
    expect(await seqs({ limit: 2 })).toEqual([6, 5])
    expect(await seqs({ limit: 2, before: 5 })).toEqual([1])
    expect((await listLog(store.db, other, { limit: 9 })).map((one) => one.seq)).toEqual([2])
  })

  it('is one chain without a gap, however many append at once', async () => {
    const store = await open()
    await Promise.all(Array.from({ length: 100 }, (_, at) => append(store, entry({ resourceId: `em_${at}`, metadata: { at } }))))
    expect(await verifyLog(store.db)).toMatchObject({ ok: true, value: { entries: 100 } })
    expect((await listLog(store.db, tenancy, { limit: 200 })).map((one) => one.seq)).toEqual(
      Array.from({ length: 100 }, (_, at) => 100 - at),
    )
  })

  it('has no entry of a transaction that was taken back', async () => {
    const store = await open()
    const work = store.transaction(async (tx) => {
      await appendLog(tx, entry())
      throw new Error('taken back')
    })
    await expect(work).rejects.toThrow('taken back')
    await append(store, entry())
    expect(await verifyLog(store.db)).toMatchObject({ ok: true, value: { entries: 1 } })
  })

  it('verifies while it is written to, past one batch', async () => {
    const store = await open()
    const many = (count: number) =>
      store.transaction(async (tx) => {
        for (let at = 0; at < count; at++) await appendLog(tx, entry())
      })
    await many(510)
    const [verdict] = await Promise.all([verifyLog(store.db), many(20), many(20)])
    expect(verdict.ok).toBe(true)
    expect(await verifyLog(store.db)).toMatchObject({ ok: true, value: { entries: 550 } })
  })

  it('verifies when it is empty', async () => {
    expect(await verifyLog((await open()).db)).toEqual({
      ok: true,
      value: { entries: 0, chainHash: '0'.repeat(64), signed: 0, checkpoints: 0 },
    })
  })

  it('refuses to change or remove an entry', async () => {
    const store = await open()
    await append(store, entry({ details: { to: 'ann' } }))
    for (const statement of [
      `update log_entries set action = 'email.read'`,
      `update log_entries set body = '{}', details_json = null, details_salt = null`,
      `update log_entries set details_json = '{}'`,
      `update log_entries set account_id = null, world = null`,
      'delete from log_entries',
    ]) {
      await expect(sql.raw(statement).execute(store.db)).rejects.toThrow('append-only')
    }
    expect(await verifyLog(store.db)).toMatchObject({ ok: true })
  })

  it('lets details be erased, and still proves the rest', async () => {
    const store = await open()
    await append(store, entry({ details: { to: 'ann@ours.test' } }), entry())
    await store.transaction((tx) => eraseLogDetails(tx, 1))
    expect((await listLog(store.db, tenancy, { limit: 1, before: 2 }))[0]).toMatchObject({ details: null })
    expect(await verifyLog(store.db)).toMatchObject({ ok: true })
  })

  const changes = (hash: string): [string, string, { code: LogFault; seq: number }][] => [
    ['a changed body', `update log_entries set body = replace(body, 'em_2', 'em_9') where seq = 2`, { code: 'BODY_CHANGED', seq: 2 }],
    ['a changed leaf hash', `update log_entries set leaf_hash = '${hash}' where seq = 2`, { code: 'LEAF_CHANGED', seq: 2 }],
    ['a changed chain hash', `update log_entries set chain_hash = '${hash}' where seq = 2`, { code: 'CHAIN_BROKEN', seq: 2 }],
    ['a changed column', `update log_entries set actor_id = 'key_9' where seq = 2`, { code: 'COLUMNS_CHANGED', seq: 2 }],
    ['a changed time', `update log_entries set created_at = created_at + 1 where seq = 2`, { code: 'COLUMNS_CHANGED', seq: 2 }],
    ['an entry moved to another tenant', `update log_entries set account_id = 'acc_9' where seq = 2`, { code: 'COLUMNS_CHANGED', seq: 2 }],
    ['changed details', `update log_entries set details_json = '{"to":"eve"}' where seq = 2`, { code: 'DETAILS_CHANGED', seq: 2 }],
    ['a changed salt', `update log_entries set details_salt = '00' where seq = 2`, { code: 'DETAILS_CHANGED', seq: 2 }],
    [
      'details where there were none',
      `update log_entries set details_json = '{}', details_salt = '00' where seq = 3`,
      { code: 'DETAILS_CHANGED', seq: 3 },
    ],
    ['a removed entry', 'delete from log_entries where seq = 2', { code: 'GAP', seq: 2 }],
    ['a removed first entry', 'delete from log_entries where seq = 1', { code: 'GAP', seq: 1 }],
    ['a removed last entry', 'delete from log_entries where seq = 3', { code: 'HEAD_MISMATCH', seq: 3 }],
    ['an emptied log', 'delete from log_entries', { code: 'HEAD_MISMATCH', seq: 1 }],
    ['a head that was set back', 'update log_head set next_seq = 3', { code: 'HEAD_MISMATCH', seq: 4 }],
    ['a changed head', `update log_head set chain_hash = '${hash}'`, { code: 'HEAD_MISMATCH', seq: 4 }],
    ['a removed head', 'delete from log_head', { code: 'HEAD_MISMATCH', seq: 4 }],
  ]
  describe('shows', () => {
    let store: Store
    beforeAll(async () => {
      store = await open()
      await append(store, entry(), entry({ resourceId: 'em_2', details: { to: 'ann' } }), entry({ resourceId: 'em_3' }))
    })
    it.each(changes('f'.repeat(64)))('%s', async (_what, statement, fault) => {
      expect(await verdictAfter(store, statement)).toEqual({ ok: false, ...fault })
    })

    it('two entries that changed places', async () => {
      const move = (from: number, to: number): string => `update log_entries set seq = ${to} where seq = ${from}`
      expect(await verdictAfter(store, move(2, 9), move(3, 2), move(9, 3))).toMatchObject({ ok: false, seq: 2 })
    })

    it('a body that is no JSON, though somebody chained it', async () => {
      const leaf = leafHash('?')
      const change = `update log_entries set body = '?', leaf_hash = '${leaf}', chain_hash = '${chainHash(emptyChain, leaf)}' where seq = 1`
      expect(await verdictAfter(store, change)).toEqual({ ok: false, code: 'BODY_CHANGED', seq: 1 })
    })
  })

  it('carries whatever facts it is given, half a surrogate pair too', async () => {
    const store = await open()
    const facts = fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 4 }) as fc.Arbitrary<Facts>
    const some = [...fc.sample(fc.tuple(facts, facts), 40), [{}, { subject: 'a\uD83D' }] as const]
    await store.transaction(async (tx) => {
      for (const [metadata, details] of some) await appendLog(tx, entry({ metadata, details }))
    })
    const records = await listLog(store.db, tenancy, { limit: 50 })
    expect(records.toReversed().map((one) => [one.metadata, one.details])).toEqual(
      some.map(([metadata, details]) => [plain(metadata), plain(details)]),
    )
    expect(await verifyLog(store.db)).toMatchObject({ ok: true, value: { entries: 41 } })
  })
})

/** As JSON and UTF-8 give it back: without minus zero, without half characters. */
const plain = (value: Json): unknown => JSON.parse(Buffer.from(JSON.stringify(value).replace('\\ud83d', '\uFFFD')).toString())

describe('the log format', () => {
  it('is what docs/decisions/002-log-format.md says: its example', () => {
    const body = bodyOf(
      {
        seq: 1,
        id: 'log_01JD0000000000000000000000' as Parameters<typeof bodyOf>[0]['id'],
        account_id: 'acc_01JD0000000000000000000000' as NonNullable<Parameters<typeof bodyOf>[0]['account_id']>,
        world: 'live',
        action: 'email.received',
        actor_id: 'system:inbound',
        resource_type: 'email',
        resource_id: 'em_01JD0000000000000000000000',
        created_at: 1_790_000_000_000,
      },
      { size: 5 },
      detailsHash(Buffer.alloc(16), '{"from":"bo@remote.test"}'),
    )
    expect([body, leafHash(body), chainHash(emptyChain, leafHash(body))]).toEqual([
      '{"account":"acc_01JD0000000000000000000000","action":"email.received","actor":"system:inbound","at":"2026-09-21T14:13:20.000Z",' +
        '"details_hash":"41386fa5e653ed4b625dbc1481048e6934f3740724613e224500a310885eb44c","id":"log_01JD0000000000000000000000",' +
        '"metadata":{"size":5},"resource":{"id":"em_01JD0000000000000000000000","type":"email"},"seq":1,"world":"live"}',
      'b96e95aca5e9c68dadbc634dcab8971f3298bc8ff7e3f0642483ed006356fc76',
      'eedd84b47996536b49b6c3f364241f45408339cf35126e2869ca446672cb8793',
    ])
  })
})
