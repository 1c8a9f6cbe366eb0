/**
 * The Merkle tree over the log (RFC 9162 §2.1), as whole subtrees that are kept once they are whole. Whoever appends to the log has nothing to do with it: it grows
 * in rounds, behind the log, when something is to be signed. A proof reads a logarithm of the log.
 */
import type { Kysely } from 'kysely'
import {
  type HashedSubtree,
  type Span,
  type Subtree,
  consistencySpans,
  createFrontier,
  hashOf,
  inclusionSpans,
  subtreesOf,
} from '../model/merkle.ts'
import type { Store } from './db.ts'
import { type CheckedEntry, type LogFailure, type Place, beginning, chainFault } from './log-check.ts'
import type { Database } from './schema.ts'

type Db = Kysely<Database>

/** Subtrees of 16 entries and more are kept, so there is one row for eight entries; smaller ones are made of the leaf hashes that the entries have. */
export const keptLevel = 4
/** Entries in one round. */
const roundSize = 1024

/** Entries over which the tree stands: a multiple of 16. */
export async function treeSize(db: Db): Promise<number> {
  const { last_seq } = await db
    .selectFrom('log_subtrees')
    .select(({ fn }) => fn.max('last_seq').as('last_seq'))
    .executeTakeFirstOrThrow()
  return last_seq ?? 0
}

/** Where to begin when everything behind the first `size` entries is to be looked at: nothing smaller than 16 is kept. Earlier when the tree is shorter, as it is when
 *  somebody emptied its table for it to grow anew. */
export const treeStart = async (db: Db, size: number): Promise<number> => Math.min(size - (size % 2 ** keptLevel), await treeSize(db))

/** One round of growing towards `until` entries, each of which is looked at once more, whether or not its subtrees are kept already: what was kept and not signed may
 *  have been changed since. What is missing is kept. @param size from where (`treeStart`) @returns how far it came; from `until` on there is nothing left to do */
export async function growTree(store: Store, size: number, until: number): Promise<{ ok: true; value: Place } | LogFailure> {
  if ((await treeSize(store.db)) > until) return { ok: false, code: 'CUT_OFF', seq: until + 1 }
  const aim = Math.min(size + roundSize, until)
  const entries = await entriesBetween(store.db, Math.max(size - 1, 0), aim)
  // The last one that the tree has is there for its link in the chain.
  const before = size === 0 ? undefined : entries.shift()
  if (size > 0 && before?.seq !== size) return { ok: false, code: 'GAP', seq: size }
  const frontier = createFrontier(await frontierAt(store.db, size))
  let last = before === undefined ? beginning : { seq: before.seq, chain: before.chain_hash }
  const whole: HashedSubtree[] = []
  for (const entry of entries) {
    const fault = chainFault(entry, last)
    if (fault !== null) return fault
    last = { seq: entry.seq, chain: entry.chain_hash }
    whole.push(...frontier.push(entry.leaf_hash).filter(({ level }) => level >= keptLevel))
  }
  if (size + entries.length < aim) return { ok: false, code: 'GAP', seq: size + entries.length + 1 }
  const kept = await subtreesBetween(store.db, size, aim)
  const wrong = kept.find((one) => !whole.some(({ end, level, hash }) => end === one.end && level === one.level && hash === one.hash))
  if (wrong !== undefined) return { ok: false, code: 'TREE_CHANGED', seq: wrong.end }
  await keep(
    store,
    whole.filter((one) => !kept.some(({ end, level }) => end === one.end && level === one.level)),
  )
  return { ok: true, value: last }
}

/** Those behind `after` and not behind `until`, in their order. */
export const entriesBetween = (db: Db, after: number, until: number): Promise<CheckedEntry[]> =>
  db
    .selectFrom('log_entries')
    .select(['seq', 'body', 'leaf_hash', 'chain_hash', 'details_json', 'details_salt'])
    .where('seq', '>', after)
    .where('seq', '<=', until)
    .orderBy('seq')
    .execute()

async function frontierAt(db: Db, size: number): Promise<HashedSubtree[]> {
  const made = subtreesOf({ from: 0, to: size })
  const hashes = await readSubtrees(db, made)
  return made.map((subtree) => ({ ...subtree, hash: hashes(subtree) }))
}

async function keep(store: Store, whole: readonly HashedSubtree[]): Promise<void> {
  if (whole.length === 0) return
  const rows = whole.map(({ end, level, hash }) => ({ last_seq: end, level, hash }))
  // Another node may have come as far.
  await store.db
    .insertInto('log_subtrees')
    .values(rows)
    .onConflict((conflict) => conflict.doNothing())
    .execute()
}

/** Those whose last entry is behind `after` and not behind `until`. */
export async function subtreesBetween(db: Db, after: number, until: number): Promise<HashedSubtree[]> {
  const rows = await db.selectFrom('log_subtrees').selectAll().where('last_seq', '>', after).where('last_seq', '<=', until).execute()
  return rows.map(({ last_seq, level, hash }) => ({ end: last_seq, level, hash }))
}

/** The hash of the tree of the first `size` entries, over which it has grown. */
export async function treeRoot(db: Db, size: number): Promise<string> {
  const [root = ''] = await hashesOfSpans(db, [{ from: 0, to: size }])
  return root
}

/** The audit path of an entry in the tree of `size` entries. @param seq at most `size` */
export const inclusionPath = (db: Db, seq: number, size: number): Promise<string[]> => hashesOfSpans(db, inclusionSpans(seq - 1, size))

/** Those of several at once. */
export async function inclusionPaths(db: Db, seqs: readonly number[], size: number): Promise<string[][]> {
  const spans = seqs.map((seq) => inclusionSpans(seq - 1, size))
  const hashes = await hashesOfSpans(db, spans.flat())
  let at = 0
  return spans.map(({ length }) => hashes.slice(at, (at += length)))
}

/** That the first `second` entries begin with the first `first`. */
export const consistencyPath = (db: Db, first: number, second: number): Promise<string[]> =>
  hashesOfSpans(db, consistencySpans(first, second))

async function hashesOfSpans(db: Db, spans: readonly Span[]): Promise<string[]> {
  const parts = spans.map(subtreesOf)
  const hash = await readSubtrees(db, parts.flat())
  return parts.map((subtrees) => hashOf(subtrees.map(hash)))
}

/** What should be kept is not there. */
export class TreeHole extends Error {
  override message = 'the tree over the log has a hole'
}

/** One statement for what is kept and one for the leaves of what is not. Throws TreeHole when the tree has not grown so far. */
async function readSubtrees(db: Db, wanted: readonly Subtree[]): Promise<(subtree: Subtree) => string> {
  const [large, small] = [wanted.filter(({ level }) => level >= keptLevel), wanted.filter(({ level }) => level < keptLevel)]
  const ends = [...new Set(large.map(({ end }) => end))]
  const seqs = [...new Set(small.flatMap(seqsOf))]
  const [rows, entries] = await Promise.all([
    ends.length === 0 ? [] : db.selectFrom('log_subtrees').selectAll().where('last_seq', 'in', ends).execute(),
    seqs.length === 0 ? [] : db.selectFrom('log_entries').select(['seq', 'leaf_hash']).where('seq', 'in', seqs).execute(),
  ])
  const kept = new Map(rows.map(({ last_seq, level, hash }) => [`${level} ${last_seq}`, hash]))
  const leaves = new Map(entries.map(({ seq, leaf_hash }) => [seq, leaf_hash]))
  const there = (hash: string | undefined): string => {
    if (hash === undefined) throw new TreeHole()
    return hash
  }
  return (subtree) => {
    if (subtree.level >= keptLevel) return there(kept.get(`${subtree.level} ${subtree.end}`))
    const tree = createFrontier()
    for (const seq of seqsOf(subtree)) tree.push(there(leaves.get(seq)))
    return tree.root()
  }
}

const seqsOf = ({ level, end }: Subtree): number[] => Array.from({ length: 2 ** level }, (_, at) => end - 2 ** level + 1 + at)
