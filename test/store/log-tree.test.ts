import { expect, it } from 'vitest'
import { consistencySpans, createFrontier, inclusionSpans, isConsistent, isIncluded } from '../../server/model/merkle.ts'
import type { Store } from '../../server/store/db.ts'
import { TreeHole, consistencyPath, growTree, inclusionPath, keptLevel, treeRoot, treeStart } from '../../server/store/log-tree.ts'
import { appendSome } from '../support/recorded.ts'
import { describeOnEachEngine } from '../support/stores.ts'

const leavesOf = async (store: Store) =>
  (await store.db.selectFrom('log_entries').select('leaf_hash').orderBy('seq').execute()).map(({ leaf_hash }) => leaf_hash)
const rootsOf = (leaves: readonly string[]): string[] => {
  const tree = createFrontier()
  return [
    tree.root(),
    ...leaves.map((leaf) => {
      tree.push(leaf)
      return tree.root()
    }),
  ]
}
/** @returns how far each round came */
async function grow(store: Store, until: number): Promise<number[]> {
  const rounds: number[] = []
  for (let size = await treeStart(store.db, until); rounds.at(-1) !== until;) {
    const grown = await growTree(store, size, until)
    if (!grown.ok) throw new Error(`${grown.code} ${grown.seq}`)
    size = grown.value.seq
    rounds.push(size)
  }
  return rounds
}

describeOnEachEngine('the tree over the log', (open) => {
  it('grows behind the log, in rounds of a bounded length, and only with whole subtrees of 16 and more', async () => {
    const store = await open()
    await appendSome(store, 2100)
    expect(await store.db.selectFrom('log_subtrees').selectAll().execute()).toEqual([])
    expect(await grow(store, 2100)).toEqual([1024, 2048, 2100])
    const rows = await store.db.selectFrom('log_subtrees').selectAll().execute()
    expect(rows.length).toBe(131 + 65 + 32 + 16 + 8 + 4 + 2 + 1)
    expect(rows.every(({ level, last_seq }) => level >= keptLevel && last_seq % 2 ** level === 0)).toBe(true)
    // Nothing is left to do, and doing it again changes nothing.
    expect(await grow(store, 2100)).toEqual([2100])
    expect(await store.db.selectFrom('log_subtrees').selectAll().execute()).toEqual(rows)
  })

  it('is the same tree whatever the rounds were, and whoever grew it at once', async () => {
    const store = await open()
    const rounds = [1, 14, 2, 1, 40, 7, 200]
    for (const count of rounds) {
      await appendSome(store, count)
      const { next_seq } = await store.db.selectFrom('log_head').select('next_seq').executeTakeFirstOrThrow()
      await Promise.all([grow(store, next_seq - 1), grow(store, next_seq - 1)])
    }
    const roots = rootsOf(await leavesOf(store))
    for (const size of [1, 2, 15, 16, 17, 31, 32, 33, 200, 256, 257, 265]) expect(await treeRoot(store.db, size)).toBe(roots[size])
  })

  it('proves each entry in each tree, and that each tree begins the next', async () => {
    const store = await open()
    await appendSome(store, 100)
    await grow(store, 100)
    const leaves = await leavesOf(store)
    const roots = rootsOf(leaves)
    for (const size of [1, 2, 16, 17, 63, 64, 65, 100])
      for (const seq of [1, 2, 16, 17, 48, 64, 100].filter((one) => one <= size)) {
        const proof = { leaf: leaves[seq - 1] ?? '', index: seq - 1, size, root: roots[size] ?? '' }
        expect(isIncluded({ ...proof, path: await inclusionPath(store.db, seq, size) })).toBe(true)
        const consistency = { first: seq, second: size, firstRoot: roots[seq] ?? '', secondRoot: roots[size] ?? '' }
        expect(isConsistent({ ...consistency, path: await consistencyPath(store.db, seq, size) })).toBe(true)
      }
  })

  it('says so when what should be kept is not there, or entries are not', async () => {
    const store = await open()
    await appendSome(store, 40)
    expect(inclusionSpans(0, 40).length).toBeGreaterThan(0)
    expect(consistencySpans(8, 40).length).toBeGreaterThan(0)
    await expect(treeRoot(store.db, 40)).rejects.toThrow(TreeHole)
    expect(await growTree(store, 0, 60)).toEqual({ ok: false, code: 'GAP', seq: 41 })
    await grow(store, 40)
    expect(await growTree(store, 0, 20)).toEqual({ ok: false, code: 'CUT_OFF', seq: 21 })
    await store.db.deleteFrom('log_subtrees').where('last_seq', '=', 16).execute()
    await expect(treeRoot(store.db, 17)).rejects.toThrow(TreeHole)
  })
})
