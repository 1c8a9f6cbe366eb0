/** Every way in which somebody may change a log, tried on a real one: in the tables of both engines, and in an exported file. */
import fc from 'fast-check'
import { sql } from 'kysely'
import { beforeAll, describe, expect, it } from 'vitest'
import type { Json } from '../../server/model/canonical.ts'
import { canonicalJson } from '../../server/model/canonical.ts'
import { type Checkpoint, openCheckpoint, signCheckpoint } from '../../server/model/checkpoint.ts'
import { createFrontier } from '../../server/model/merkle.ts'
import { newSignerKey, parseSignerKey } from '../../server/model/note.ts'
import { makeCheckpoint } from '../../server/record/checkpoints.ts'
import { type ExpectedFile, type FileVerdict, exportLog, linesOf, longestLine, verifyLogFile } from '../../server/record/log-file.ts'
import type { Store } from '../../server/store/db.ts'
import { chainHash, emptyChain, leafHash } from '../../server/store/log-format.ts'
import type { LogVerdict } from '../../server/store/log-check.ts'
import { eraseLogDetails, verifyLog } from '../../server/store/log.ts'
import { appendSome, logKey as key } from '../support/recorded.ts'
import { describeOnEachEngine } from '../support/stores.ts'
import { createVirtualClock } from '../support/virtual-clock.ts'

const count = 70
const clock = createVirtualClock(0)
/** A log of 70 entries, of which 20, then 50 are signed, and some of which are of erased details. */
async function furnish(store: Store): Promise<Checkpoint> {
  const signed: Checkpoint[] = []
  for (const more of [20, 30, 20]) {
    await appendSome(store, more)
    if (signed.length === 2) break
    const made = await makeCheckpoint({ store, key, clock })
    const checkpoint = made.ok ? openCheckpoint(made.value.note, key) : null
    if (checkpoint === null) throw new Error('no checkpoint')
    signed.push(checkpoint)
  }
  await store.transaction((tx) => eraseLogDetails(tx, 5))
  const [, last] = signed
  if (last === undefined) throw new Error('no checkpoint')
  return last
}

const seqs = fc.integer({ min: 1, max: count })
const flip = (text: string, at: number, bit: number): string => {
  const octets = Buffer.from(text)
  const index = at % octets.length
  octets.writeUInt8(octets.readUInt8(index) ^ (1 << bit), index)
  return octets.toString('latin1')
}

describeOnEachEngine('a log in which somebody changed something', (open) => {
  let store: Store
  let kept: Checkpoint
  beforeAll(async () => {
    store = await open()
    kept = await furnish(store)
  })

  /** What verifying says then; all of it is taken back. */
  async function verdictAfter(...statements: ReturnType<typeof sql>[]): Promise<LogVerdict> {
    const table = store.engine === 'postgres' ? (name: string) => ` on ${name}` : () => ''
    const fences = ['log_entries_kept', 'log_entries_unchanged', 'log_head_follows'].map((name) => `${name}${table('log_entries')}`)
    fences.push(...['log_checkpoints_kept', 'log_checkpoints_unchanged'].map((name) => `${name}${table('log_checkpoints')}`))
    const tried = await store.db.startTransaction().execute()
    try {
      for (const fence of fences) await sql.raw(`drop trigger ${fence}`).execute(tried)
      for (const statement of statements) await statement.execute(tried)
      return await verifyLog(tried, { key, kept: [kept], mustBeSigned: true })
    } finally {
      await tried.rollback().execute()
    }
  }
  const entry = async (seq: number) => store.db.selectFrom('log_entries').selectAll().where('seq', '=', seq).executeTakeFirstOrThrow()

  it('is whole as it is, with what was erased', async () => {
    expect(await verdictAfter()).toEqual({
      ok: true,
      value: { entries: count, chainHash: (await entry(count)).chain_hash, signed: 50, checkpoints: 2 },
    })
  })

  it('shows any flipped bit of an entry, at that entry', { timeout: 120_000 }, async () => {
    const columns = [
      'body',
      'leaf_hash',
      'chain_hash',
      'details_json',
      'details_salt',
      'action',
      'actor_id',
      'resource_id',
      'resource_type',
    ] as const
    await fc.assert(
      fc.asyncProperty(seqs, fc.constantFrom(...columns), fc.nat(), fc.integer({ min: 0, max: 6 }), async (seq, column, at, bit) => {
        const value = (await entry(seq))[column]
        // A NUL cannot be stored.
        const changed = value === null ? null : flip(value, at, bit)
        if (changed === null || changed.includes('\0')) return
        const verdict = await verdictAfter(sql`update log_entries set ${sql.ref(column)} = ${changed} where seq = ${seq}`)
        expect(verdict).toMatchObject({ ok: false, seq })
      }),
      { numRuns: 120 },
    )
  })

  it('shows entries that were removed, swapped, put in or cut off, at the first of them', { timeout: 120_000 }, async () => {
    const head = async (seq: number) =>
      sql`update log_head set next_seq = ${seq + 1}, chain_hash = ${seq === 0 ? emptyChain : (await entry(seq)).chain_hash} where id = 1`
    await fc.assert(
      fc.asyncProperty(seqs, seqs, async (one, other) => {
        const [first, second] = [Math.min(one, other), Math.max(one, other)]
        expect(await verdictAfter(sql`delete from log_entries where seq = ${first}`)).toMatchObject({ ok: false, seq: first })
        const move = (from: number, to: number) => sql`update log_entries set seq = ${to} where seq = ${from}`
        if (first !== second)
          expect(await verdictAfter(move(first, 999), move(second, first), move(999, second))).toMatchObject({ ok: false, seq: first })
        // Those behind make room for a copy.
        const copy = { ...(await entry(second)), seq: 999, id: 'log_copy' }
        const room = [
          sql`update log_entries set seq = seq + 1000 where seq >= ${first}`,
          sql`update log_entries set seq = seq - 999 where seq >= 1000`,
        ]
        const insert = sql`insert into log_entries (${sql.join(Object.keys(copy).map((name) => sql.ref(name)))}) values (${sql.join(Object.values(copy))})`
        expect(await verdictAfter(...room, insert, move(999, first))).toMatchObject({ ok: false, seq: first })
        const cut = sql`delete from log_entries where seq >= ${first}`
        expect(await verdictAfter(cut)).toMatchObject({ ok: false, seq: first })
        // Behind what was signed nobody can tell, as long as the head agrees.
        if (first <= 50) expect(await verdictAfter(cut, await head(first - 1))).toMatchObject({ ok: false, seq: first })
      }),
      { numRuns: 25 },
    )
  })

  /** Somebody who knows how to: an entry is changed and all that follow are made anew, head, tree and all. */
  async function rewriting(from: number, ...also: ReturnType<typeof sql>[]): Promise<LogVerdict> {
    const rows = await store.db.selectFrom('log_entries').selectAll().orderBy('seq').execute()
    const statements: ReturnType<typeof sql>[] = []
    const tree = createFrontier()
    let chain = emptyChain
    for (const row of rows) {
      const body = row.seq === from ? row.body.replace('"live"', '"test"') : row.body
      const leaf = leafHash(body)
      chain = chainHash(chain, leaf)
      const world = row.seq === from ? 'test' : row.world
      if (row.seq >= from)
        statements.push(
          sql`update log_entries set world = ${world}, body = ${body}, leaf_hash = ${leaf}, chain_hash = ${chain} where seq = ${row.seq}`,
        )
      for (const { level, end, hash } of tree.push(leaf))
        if (end >= from) statements.push(sql`update log_subtrees set hash = ${hash} where level = ${level} and last_seq = ${end}`)
    }
    return verdictAfter(...statements, sql`update log_head set chain_hash = ${chain}`, ...also)
  }

  it('shows a log that was made anew from an entry on, between the checkpoints around it', { timeout: 60_000 }, async () => {
    expect(await rewriting(7)).toEqual({ ok: false, code: 'CHECKPOINT_CONTRADICTED', seq: 20, from: 1 })
    expect(await rewriting(33)).toEqual({ ok: false, code: 'CHECKPOINT_CONTRADICTED', seq: 50, from: 21 })
    // Without the checkpoints of the store, the one that was kept elsewhere still does.
    expect(await rewriting(7, sql`delete from log_checkpoints`)).toEqual({ ok: false, code: 'CHECKPOINT_CONTRADICTED', seq: 50, from: 1 })
    // Behind the last checkpoint nobody can tell yet.
    expect(await rewriting(60)).toMatchObject({ ok: true, value: { signed: 50 } })
  })

  it('shows any change of a checkpoint or of the tree, at its last entry', { timeout: 60_000 }, async () => {
    const notes = await store.db.selectFrom('log_checkpoints').select(['size', 'note']).execute()
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...notes), fc.nat(), fc.integer({ min: 0, max: 6 }), async ({ size, note }, at, bit) => {
        const changed = flip(note, at, bit)
        if (changed.includes('\0')) return
        const verdict = await verdictAfter(sql`update log_checkpoints set note = ${changed} where size = ${size}`)
        expect(verdict).toEqual({ ok: false, code: 'CHECKPOINT_INVALID', seq: size })
      }),
      { numRuns: 30 },
    )
    const subtrees = await store.db.selectFrom('log_subtrees').selectAll().execute()
    for (const { level, last_seq: seq } of subtrees) {
      const which = sql`where level = ${level} and last_seq = ${seq}`
      const fault = { ok: false, code: 'TREE_CHANGED', seq }
      expect(await verdictAfter(sql`update log_subtrees set hash = ${'0'.repeat(64)} ${which}`)).toMatchObject(fault)
      if (seq <= 50) expect(await verdictAfter(sql`delete from log_subtrees ${which}`)).toMatchObject(fault)
    }
    const more = (seq: number, level: number) => sql`insert into log_subtrees (last_seq, level, hash) values (${seq}, ${level}, 'x')`
    expect(await verdictAfter(more(17, 4))).toMatchObject({ code: 'TREE_CHANGED', seq: 17 })
    expect(await verdictAfter(more(96, 4))).toMatchObject({ code: 'TREE_CHANGED', seq: 96, from: 71 })
    expect(await verdictAfter(sql`update log_checkpoints set size = 49 where size = 50`)).toMatchObject({
      code: 'CHECKPOINT_INVALID',
      seq: 49,
    })
    expect(await verdictAfter(sql`update log_checkpoints set chain_hash = 'x' where size = 20`)).toMatchObject({
      code: 'CHECKPOINT_INVALID',
      seq: 20,
    })
  })

  it('is refused with another key, and when nothing of it is signed', async () => {
    const other = parseSignerKey(newSignerKey(key.name, Buffer.alloc(32, 9)))
    expect(await verifyLog(store.db, { key: other, mustBeSigned: true })).toEqual({ ok: false, code: 'CHECKPOINT_INVALID', seq: 20 })
    const unsigned = await open()
    await appendSome(unsigned, 3)
    expect(await verifyLog(unsigned.db, { key })).toMatchObject({ ok: true, value: { signed: 0 } })
    expect(await verifyLog(unsigned.db, { key, mustBeSigned: true })).toEqual({ ok: false, code: 'NO_CHECKPOINT', seq: 0 })
    // A checkpoint of nothing proves nothing.
    const empty = { origin: key.name, size: 0, root: createFrontier().root() }
    expect(await verifyLog(unsigned.db, { key, kept: [empty], mustBeSigned: true })).toMatchObject({ code: 'NO_CHECKPOINT' })
  })

  it('is refused when nothing was signed for hours, though the server signs each hour', async () => {
    const busy = await open()
    await appendSome(busy, 3)
    await makeCheckpoint({ store: busy, key, clock })
    const verdictLater = async (ms: number) => {
      await appendSome(busy, 1, ms)
      return verifyLog(busy.db, { key, mustBeSigned: true })
    }
    const three = 3 * 3_600_000
    // However long ago that was when the next entry came.
    expect(await verdictLater(10 * three)).toMatchObject({ ok: true, value: { signed: 3 } })
    expect(await verdictLater(11 * three)).toMatchObject({ ok: true, value: { entries: 5 } })
    expect(await verdictLater(11 * three + 1)).toEqual({ ok: false, code: 'STALE', seq: 4 })
    expect(await verifyLog(busy.db, { key })).toMatchObject({ ok: true })
    await makeCheckpoint({ store: busy, key, clock })
    expect(await verifyLog(busy.db, { key, mustBeSigned: true })).toMatchObject({ ok: true, value: { signed: 6 } })
  })
})

async function* inPieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield Promise.resolve(bytes.subarray(at, at + size))
}
const verdictOf = (text: string | Buffer, expected: ExpectedFile, size = 1000): Promise<FileVerdict> =>
  verifyLogFile(linesOf(inPieces(Buffer.from(text as string), size)), expected)

describeOnEachEngine('an exported log', (open) => {
  let lines: string[]
  let kept: Checkpoint
  beforeAll(async () => {
    const store = await open()
    kept = await furnish(store)
    lines = []
    for await (const line of exportLog(store.db, key)) lines.push(line)
  })
  const strict = () => ({ key, kept: [kept], mustBeSigned: true })
  const joined = (all: readonly string[]): string => all.map((line) => `${line}\n`).join('')
  /** Where entry `seq` is: behind the head and the checkpoints before it. */
  const lineOf = (seq: number): number => seq + (seq > 20 ? 1 : 0) + (seq > 50 ? 1 : 0)

  it('is checked on any machine, however its octets come, with what was erased', async () => {
    expect(lines.length).toBe(1 + count + 2 + 1)
    expect(lines.filter((line) => line.startsWith('{"checkpoint"'))).toEqual([lines[21], lines[52]])
    for (const size of [1, 7, 4096, 1_000_000]) {
      const verdict = await verdictOf(joined(lines), strict(), size)
      expect(verdict).toMatchObject({ ok: true, value: { entries: count, signed: 50, checkpoints: 2 } })
    }
    expect(await verdictOf(joined(lines), { key: null })).toMatchObject({ ok: true, key: { name: key.name, id: key.id } })
    // Somebody erases more of it, in the file.
    const erased = lines.map((line) => canonicalJson(without(JSON.parse(line) as { entry?: { [name: string]: Json } })))
    expect(await verdictOf(joined(erased), strict())).toMatchObject({ ok: true })
  })
  const without = (line: { entry?: { [name: string]: Json } }): Json =>
    line.entry === undefined ? line : { entry: { ...line.entry, details: null, salt: null } }

  it('shows any flipped bit, at its place', { timeout: 60_000 }, async () => {
    const whole = Buffer.from(joined(lines))
    const starts: number[] = []
    for (let at = 0; at < whole.length; at = whole.indexOf(10, at) + 1) starts.push(at)
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), fc.integer({ min: 0, max: 7 }), async (at, bit) => {
        const changed = Buffer.from(whole)
        changed.writeUInt8(changed.readUInt8(at) ^ (1 << bit), at)
        const line = starts.findLastIndex((start) => start <= at) + 1
        const verdict = await verdictOf(changed, strict())
        expect(verdict.ok, `octet ${at} bit ${bit}`).toBe(false)
        if (!verdict.ok) expect(verdict.line, `octet ${at} bit ${bit}`).toBeLessThanOrEqual(line + 1)
        if (!verdict.ok) expect(verdict.line, `octet ${at} bit ${bit}`).toBeGreaterThanOrEqual(Math.min(line, 1 + count + 2))
      }),
      { numRuns: 800 },
    )
  })

  it('shows lines that were removed, swapped, repeated or cut off, at the first of them', { timeout: 60_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(seqs, seqs, async (one, other) => {
        const [first, second] = [Math.min(one, other), Math.max(one, other)]
        const [at, to] = [lineOf(first), lineOf(second)]
        const seqOf = async (changed: readonly string[]) => {
          const verdict = await verdictOf(joined(changed), strict())
          return verdict.ok ? null : verdict.seq
        }
        expect(await seqOf(lines.toSpliced(at, 1))).toBe(first)
        if (at !== to) expect(await seqOf(lines.with(at, lines[to] ?? '').with(to, lines[at] ?? ''))).toBe(first)
        expect(await seqOf(lines.toSpliced(at, 0, lines[to] ?? ''))).toBe(first === second ? first + 1 : first)
        expect(await seqOf(lines.slice(0, at))).toBe(first)
      }),
      { numRuns: 60 },
    )
    for (const at of [0, 21, 52, lines.length - 1])
      expect(await verdictOf(joined(lines.toSpliced(at, 1)), strict())).toMatchObject({ ok: false })
    for (const at of [0, 21, 52, lines.length - 1])
      expect(await verdictOf(joined(lines.toSpliced(at, 0, lines[at] ?? '')), strict())).toMatchObject({ ok: false })
  })

  it('is refused with another key, another checkpoint, or none', async () => {
    const other = parseSignerKey(newSignerKey(key.name, Buffer.alloc(32, 9)))
    expect(await verdictOf(joined(lines), { key: other, mustBeSigned: true })).toMatchObject({ ok: false, code: 'CHECKPOINT_INVALID' })
    const [head = '', ...rest] = lines
    const claims = canonicalJson({ ...(JSON.parse(head) as { [name: string]: Json }), key: null })
    expect(await verdictOf(joined([claims, ...rest]), { key: other, mustBeSigned: true })).toMatchObject({
      code: 'CHECKPOINT_INVALID',
      seq: 20,
    })
    expect(await verdictOf(joined([claims, ...rest]), { key: null })).toMatchObject({ code: 'CHECKPOINT_INVALID', seq: 20 })
    const bare = rest.filter((line) => !line.startsWith('{"checkpoint"')).map((line) => line.replace('"checkpoints":2', '"checkpoints":0'))
    expect(await verdictOf(joined([head, ...bare]), { key })).toMatchObject({ ok: true, value: { signed: 0 } })
    expect(await verdictOf(joined([head, ...bare]), { key, mustBeSigned: true })).toMatchObject({ code: 'NO_CHECKPOINT' })
    const beyond = { origin: key.name, size: 71, root: 'ab'.repeat(32) }
    expect(await verdictOf(joined(lines), { key, kept: [beyond] })).toMatchObject({ code: 'CUT_OFF', seq: 71 })
    expect(await verdictOf(joined(lines), { key, kept: [{ ...beyond, size: 30 }] })).toMatchObject({
      code: 'CHECKPOINT_CONTRADICTED',
      seq: 30,
      from: 21,
    })
    const forged = canonicalJson({ checkpoint: signCheckpoint({ size: 30, root: 'ab'.repeat(32) }, key), size: 30 })
    expect(await verdictOf(joined(lines.toSpliced(lineOf(30) + 1, 0, forged)), { key })).toMatchObject({
      code: 'CHECKPOINT_CONTRADICTED',
      seq: 30,
    })
  })
})

describe('what is no exported log', () => {
  it('is refused, whatever it is', async () => {
    for (const text of [
      '',
      '\n',
      '{}\n',
      '[]\n',
      'null\n',
      '{"format":"multimail-log/2","key":null}\n',
      '{"format":"multimail-log/1","key":"x"}\n',
      '\ufeff{}\n',
    ])
      expect((await verdictOf(text, { key: null })).ok, text).toBe(false)
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 400 }), async (octets) => !(await verdictOf(Buffer.from(octets), { key: null })).ok),
    )
  })

  it('is refused when a line does not end, before it fills the memory', async () => {
    let given = 0
    async function* endless(): AsyncGenerator<Buffer> {
      for (;;) {
        given += 65_536
        yield Promise.resolve(Buffer.alloc(65_536, 97))
      }
    }
    expect(await verifyLogFile(linesOf(endless()), { key: null })).toMatchObject({ ok: false, code: 'LINE_UNREADABLE', line: 1 })
    expect(given).toBeLessThan(longestLine + 3 * 65_536)
  })
})
