import { sql } from 'kysely'
import { expect, it } from 'vitest'
import { findCheckpoint, openCheckpoint } from '../../server/model/checkpoint.ts'
import { verifierKeyText } from '../../server/model/note.ts'
import { timesOf } from '../../server/platform/periodic.ts'
import { silentLog } from '../../server/platform/log.ts'
import { type Checkpoints, createCheckpoints, makeCheckpoint } from '../../server/record/checkpoints.ts'
import { ensureLogKey, findLogKey } from '../../server/record/log-key.ts'
import { insertAccount, setOversightEmail } from '../../server/store/accounts.ts'
import type { Store } from '../../server/store/db.ts'
import { verifyLog } from '../../server/store/log.ts'
import { newId } from '../../server/model/ids.ts'
import { appendSome, logKey as key } from '../support/recorded.ts'
import { describeOnEachEngine } from '../support/stores.ts'
import { createVirtualClock } from '../support/virtual-clock.ts'
import { accountRow } from '../store/rows.ts'

const start = Date.parse('2026-11-23T09:00:00Z')
const hour = 3_600_000

function recordOf(store: Store, clock = createVirtualClock(start)) {
  const told: string[] = []
  const tell = (what: string) => () => Promise.resolve(void told.push(what))
  const checkpoints: Checkpoints = createCheckpoints({
    store,
    key,
    clock,
    log: silentLog,
    onContradiction: (detail) => tell(`contradiction: ${detail}`)(),
    onSigned: tell('signed'),
    onMail: () => void tell('mail')(),
  })
  return { checkpoints, clock, told }
}
const sizes = async (store: Store) =>
  (await store.db.selectFrom('log_checkpoints').select('size').orderBy('size').execute()).map(({ size }) => size)

/** Somebody who holds the database: first the fences go. */
async function tamper(store: Store, ...statements: string[]): Promise<void> {
  const fences = ['log_entries_kept on log_entries', 'log_entries_unchanged on log_entries', 'log_head_follows on log_entries']
  fences.push('log_checkpoints_kept on log_checkpoints', 'log_checkpoints_unchanged on log_checkpoints')
  const drops = fences.map((fence) => `drop trigger if exists ${store.engine === 'postgres' ? fence : fence.split(' ')[0]}`)
  for (const statement of [...drops, ...statements]) await sql.raw(statement).execute(store.db)
}

describeOnEachEngine('checkpoints', (open) => {
  it('sign the log as it is, once for each size, and verify', async () => {
    const store = await open()
    const { checkpoints } = recordOf(store)
    expect(await checkpoints.make()).toMatchObject({ ok: false, code: 'NOTHING' })
    await appendSome(store, 3)
    const made = await checkpoints.make()
    const note = made.ok ? made.value.note : ''
    expect(openCheckpoint(note, key)).toMatchObject({ origin: key.name, size: 3 })
    expect(await checkpoints.make()).toEqual(made)
    await appendSome(store, 60)
    expect(await checkpoints.make()).toMatchObject({ ok: true, value: { size: 63 } })
    expect(await sizes(store)).toEqual([3, 63])
    expect(await verifyLog(store.db, { key })).toMatchObject({ ok: true, value: { entries: 63, signed: 63, checkpoints: 2 } })
  })

  it('are made once when several ask at once, on several nodes', async () => {
    const store = await open()
    await appendSome(store, 40)
    const made = await Promise.all(
      [recordOf(store), recordOf(store)].flatMap(({ checkpoints }) => [checkpoints.make(), checkpoints.make()]),
    )
    expect(new Set(made.map((one) => (one.ok ? one.value.note : one.code))).size).toBe(1)
    expect(await sizes(store)).toEqual([40])
  })

  it('are made while others append, and contradict each other never', async () => {
    const store = await open()
    await appendSome(store, 20)
    const { checkpoints, told } = recordOf(store)
    const other = recordOf(store)
    const appending = async () => {
      for (let n = 0; n < 20; n += 1) await appendSome(store, 7)
    }
    const signing = async ({ checkpoints: one }: { checkpoints: Checkpoints }) => {
      for (let n = 0; n < 15; n += 1) expect((await one.make()).ok).toBe(true)
    }
    await Promise.all([appending(), signing({ checkpoints }), signing(other)])
    expect(told.filter((one) => one !== 'signed')).toEqual([])
    await checkpoints.make()
    expect(await verifyLog(store.db, { key })).toMatchObject({ ok: true, value: { entries: 160, signed: 160 } })
  })

  it('come each hour, and the newest once a day by mail to the operator', async () => {
    const store = await open()
    const id = newId('account', start)
    await store.transaction(async (tx) => {
      await insertAccount(tx, accountRow(id, 'ours'))
      await setOversightEmail(tx, id, 'op@elsewhere.test')
    })
    const { checkpoints, clock, told } = recordOf(store)
    const [job] = checkpoints.jobs
    const next = timesOf(job?.schedule ?? '')
    for (let hours = 1; hours <= 30; hours += 1) {
      await appendSome(store, 1)
      await clock.advance(next(clock.now()) - clock.now())
      await job?.work(clock.now())
    }
    expect(clock.now()).toBe(start + 29 * hour + 7 * 60_000)
    expect(await sizes(store)).toEqual(Array.from({ length: 30 }, (_, at) => at + 1))
    const letters = await store.db.selectFrom('operator_mails').selectAll().orderBy('id').execute()
    expect(letters.map(({ recipient }) => recipient)).toEqual(['op@elsewhere.test', 'op@elsewhere.test'])
    expect(letters[1]?.subject).toBe('Checkpoint of the log: 25 entries')
    expect(letters[1]?.body).toContain(verifierKeyText(key))
    const note = findCheckpoint(letters[1]?.body ?? '')
    const mailed = openCheckpoint(note ?? '', key)
    expect(mailed).toMatchObject({ size: 25 })
    expect(told.filter((one) => one === 'mail').length).toBe(2)
    // What was mailed shows that the newest entries were cut off, though all in the store agrees.
    const cut = [
      'delete from log_entries where seq > 20',
      'delete from log_checkpoints where size > 20',
      'delete from log_subtrees where last_seq > 20',
    ]
    const [chain] = await store.db.selectFrom('log_entries').select('chain_hash').where('seq', '=', 20).execute()
    await tamper(store, ...cut, `update log_head set next_seq = 21, chain_hash = '${chain?.chain_hash}'`)
    expect(await verifyLog(store.db, { key })).toMatchObject({ ok: true, value: { entries: 20 } })
    expect(await verifyLog(store.db, { key, kept: mailed === null ? [] : [mailed] })).toEqual({ ok: false, code: 'CUT_OFF', seq: 21 })
  })

  it('are mailed to nobody when nobody is asked by mail', async () => {
    const store = await open()
    await appendSome(store, 1)
    const { checkpoints, clock, told } = recordOf(store)
    await checkpoints.jobs[0]?.work(clock.now())
    await store.transaction((tx) => insertAccount(tx, accountRow(newId('account', start), 'ours')))
    await checkpoints.jobs[0]?.work(clock.now())
    expect(told).toEqual(['signed', 'signed'])
    expect(await store.db.selectFrom('operator_mails').select('id').execute()).toEqual([])
  })

  it('are made when the server stops, but not for longer than it may take', async () => {
    const store = await open()
    await appendSome(store, 5)
    const { checkpoints } = recordOf(store)
    checkpoints.interrupt()
    expect(await checkpoints.make()).toMatchObject({ ok: false, code: 'STOPPED' })
    await checkpoints.close()
    expect(await sizes(store)).toEqual([5])
    // A store that does not answer: the wait ends by the clock.
    const [stuck, asked] = [Promise.withResolvers<never>(), Promise.withResolvers<void>()]
    const db = new Proxy(store.db, {
      get(_target, name) {
        if (name !== 'selectFrom') return undefined
        asked.resolve()
        return () => new Proxy({}, { get: (_one, step, self) => (step === 'executeTakeFirst' ? () => stuck.promise : () => self) })
      },
    })
    const hanging = recordOf({ ...store, db })
    const closing = hanging.checkpoints.close()
    await asked.promise
    await hanging.clock.advance(2_000)
    await closing
  })

  it('stop between two rounds', async () => {
    const store = await open()
    await appendSome(store, 2100)
    let rounds = 0
    const made = await makeCheckpoint({ store, key, clock: createVirtualClock(start) }, () => (rounds += 1) > 2)
    expect(made).toMatchObject({ ok: false, code: 'STOPPED' })
    const [{ reached } = { reached: 0 }] = await store.db
      .selectFrom('log_subtrees')
      .select(({ fn }) => fn.max('last_seq').as('reached'))
      .execute()
    expect(reached).toBe(2048)
    expect(await makeCheckpoint({ store, key, clock: createVirtualClock(start) })).toMatchObject({ ok: true, value: { size: 2100 } })
  })

  const other = `'${'ee'.repeat(32)}'`
  it.each<[string, string[], RegExp]>([
    [
      'a log that lost its newest entries',
      ['delete from log_entries where seq > 30', 'update log_head set next_seq = 31'],
      /50 entries were signed, and there are 30/,
    ],
    ['a log that was emptied', ['delete from log_entries', 'update log_head set next_seq = 1'], /and there are 0/],
    ['a chain that was made anew', [`update log_entries set chain_hash = ${other} where seq = 50`], /entry 50, or one before it/],
    ['a last entry that is gone', ['delete from log_entries where seq = 50'], /entry 50, or one before it/],
    ['a new entry that was changed', [`update log_entries set body = '{}' where seq = 55`], /BODY_CHANGED at entry 55/],
    ['a new entry that is gone', ['delete from log_entries where seq = 55'], /GAP at entry 55/],
    ['a new last entry that is gone', ['delete from log_entries where seq = 60'], /GAP at entry 60/],
    ['an old entry’s hash, behind the tree', [`update log_entries set leaf_hash = ${other} where seq = 49`], /at entry 49/],
    [
      'a tree that was changed',
      [`update log_subtrees set hash = ${other} where last_seq = 32 and level = 5`],
      /does not begin with the 50/,
    ],
    ['a head that names another end', [`update log_head set chain_hash = ${other}`], /its chain ends otherwise/],
    ['a tree with a hole', ['delete from log_subtrees where last_seq = 32'], /has a hole/],
    ['a checkpoint of another size', ['update log_checkpoints set size = 49'], /was not signed/],
    ['a checkpoint that is none', [`update log_checkpoints set note = 'x'`], /was not signed/],
  ])('are not made of %s; that is an alarm', async (_what, statements, words) => {
    const store = await open()
    const { checkpoints, told } = recordOf(store)
    await appendSome(store, 50)
    await checkpoints.make()
    await appendSome(store, 10)
    const before = await store.db.selectFrom('log_checkpoints').select('created_at').execute()
    await tamper(store, ...statements)
    expect(await checkpoints.make()).toMatchObject({ ok: false, code: 'CONTRADICTION', detail: expect.stringMatching(words) })
    expect(told).toEqual(['signed', expect.stringMatching(words)])
    expect(await store.db.selectFrom('log_checkpoints').select('created_at').execute()).toEqual(before)
    await checkpoints.close()
    expect(await store.db.selectFrom('log_checkpoints').select('created_at').execute()).toEqual(before)
  })

  it('are made again when the table of the tree was emptied', async () => {
    const store = await open()
    const { checkpoints } = recordOf(store)
    await appendSome(store, 50)
    await checkpoints.make()
    await appendSome(store, 10)
    await store.db.deleteFrom('log_subtrees').execute()
    expect(await checkpoints.make()).toMatchObject({ ok: true, value: { size: 60 } })
    expect(await verifyLog(store.db, { key })).toMatchObject({ ok: true, value: { signed: 60 } })
  })

  it.each<[string, string[], RegExp | null]>([
    ['an entry that was changed', [`update log_entries set body = '{}' where seq = 300`], /BODY_CHANGED at entry 300/],
    ['an entry that is gone', ['delete from log_entries where seq = 300'], /GAP at entry 300/],
    [
      'a subtree that was changed',
      [`update log_subtrees set hash = ${other} where last_seq = 304 and level = 4`],
      /TREE_CHANGED at entry 304/,
    ],
    ['a subtree too many', [`insert into log_subtrees (last_seq, level, hash) values (305, 4, ${other})`], /TREE_CHANGED at entry 305/],
    ['a subtree that is gone', ['delete from log_subtrees where last_seq = 320'], null],
  ])('look again at what is kept and was not signed: %s', async (_what, statements, words) => {
    const store = await open()
    const { checkpoints } = recordOf(store)
    await appendSome(store, 50)
    await checkpoints.make()
    await appendSome(store, 1100)
    let rounds = 0
    const stopped = await makeCheckpoint({ store, key, clock: createVirtualClock(start) }, () => (rounds += 1) > 1)
    expect(stopped).toMatchObject({ ok: false, code: 'STOPPED' })
    await tamper(store, ...statements)
    const made = await checkpoints.make()
    if (words !== null) return expect(made).toMatchObject({ ok: false, code: 'CONTRADICTION', detail: expect.stringMatching(words) })
    expect(made).toMatchObject({ ok: true, value: { size: 1150 } })
    expect(await verifyLog(store.db, { key })).toMatchObject({ ok: true, value: { signed: 1150 } })
  })

  it('are made with one key, whoever starts first, that keeps its name', async () => {
    const store = await open()
    expect(await findLogKey(store.db)).toBeNull()
    const [one, two] = await Promise.all([ensureLogKey(store, 'mx.ours.test', start), ensureLogKey(store, 'mx.other.test', start)])
    expect(verifierKeyText(one)).toBe(verifierKeyText(two))
    expect(one.name).toMatch(/^mx\.(ours|other)\.test\/log\/[0-9a-f]{8}$/)
    const later = await ensureLogKey(store, 'mx.new.test', start)
    expect([later.name, (await findLogKey(store.db))?.name]).toEqual([one.name, one.name])
  })

  it('are kept: the tables refuse to change or forget one', async () => {
    const store = await open()
    await appendSome(store, 1)
    await recordOf(store).checkpoints.make()
    for (const statement of [`update log_checkpoints set note = 'x'`, 'update log_checkpoints set size = 2', 'delete from log_checkpoints'])
      await expect(sql.raw(statement).execute(store.db)).rejects.toThrow('append-only')
    await sql.raw('update log_checkpoints set mailed_at = 1').execute(store.db)
  })
})
