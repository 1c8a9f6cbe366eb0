import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { sha256 } from '../../server/model/canonical.ts'
import {
  type Span,
  consistencySpans,
  createFrontier,
  emptyRoot,
  hashOf,
  inclusionSpans,
  isConsistent,
  isIncluded,
  nodeHash,
  subtreesOf,
} from '../../server/model/merkle.ts'

// RFC 9162 §2.1 word for word, as recursion over lists of leaf hashes.
const splitAt = (count: number): number => (count <= 2 ? 1 : 2 ** Math.floor(Math.log2(count - 1)))
function mth(leaves: readonly string[]): string {
  const [first] = leaves
  if (first === undefined) return sha256('')
  if (leaves.length === 1) return first
  const k = splitAt(leaves.length)
  return nodeHash(mth(leaves.slice(0, k)), mth(leaves.slice(k)))
}
function path(m: number, leaves: readonly string[]): string[] {
  if (leaves.length === 1) return []
  const k = splitAt(leaves.length)
  return m < k ? [...path(m, leaves.slice(0, k)), mth(leaves.slice(k))] : [...path(m - k, leaves.slice(k)), mth(leaves.slice(0, k))]
}
function subproof(m: number, leaves: readonly string[], b: boolean): string[] {
  if (m === leaves.length) return b ? [] : [mth(leaves)]
  const k = splitAt(leaves.length)
  return m <= k
    ? [...subproof(m, leaves.slice(0, k), b), mth(leaves.slice(k))]
    : [...subproof(m - k, leaves.slice(k), false), mth(leaves.slice(0, k))]
}

const leavesOf = (count: number): string[] => Array.from({ length: count }, (_, at) => sha256(`\0${at}`))
/** As a store would: each span by its whole subtrees. */
const hashesOf = (leaves: readonly string[], spans: readonly Span[]): string[] =>
  spans.map((span) => hashOf(subtreesOf(span).map(({ level, end }) => mth(leaves.slice(end - 2 ** level, end)))))
const rootOf = (leaves: readonly string[]): string => hashesOf(leaves, [{ from: 0, to: leaves.length }])[0] ?? ''

// Of the reference implementation of Certificate Transparency (RFC 6962), where they are called the test vectors.
const ctLeaves = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f'].map((hex) =>
  sha256(Uint8Array.of(0), Buffer.from(hex, 'hex')),
)
const ctRoots = [
  'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
]
const ctPaths: [number, number, string[]][] = [
  [0, 1, []],
  [
    0,
    8,
    [
      '96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7',
      '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
      '6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4',
    ],
  ],
  [
    5,
    8,
    [
      'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
      'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
      'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
    ],
  ],
  [2, 3, ['fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125']],
  [
    1,
    5,
    [
      '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
      '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
      'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
    ],
  ],
]
const ctConsistencies: [number, number, string[]][] = [
  [1, 1, []],
  [
    1,
    8,
    [
      '96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7',
      '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
      '6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4',
    ],
  ],
  [
    6,
    8,
    [
      '0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a',
      'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
      'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
    ],
  ],
  [
    2,
    5,
    [
      '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
      'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
    ],
  ],
]

describe('the test vectors of RFC 6962', () => {
  it.each(ctRoots.map((root, size) => [size, root] as const))('a tree of %d leaves', (size, root) => {
    expect(rootOf(ctLeaves.slice(0, size))).toBe(root)
  })

  it('a node, and the tree of nothing', () => {
    const [left, right] = ['N123', 'N456'].map((text) => Buffer.from(text).toString('hex'))
    expect(nodeHash(left ?? '', right ?? '')).toBe('aa217fe888e47007fa15edab33c2b492a722cb106c64667fc2b044444de66bbb')
    expect(emptyRoot).toBe(ctRoots[0])
  })

  it.each(ctPaths)('the path of leaf %d in a tree of %d', (index, size, expected) => {
    expect(hashesOf(ctLeaves, inclusionSpans(index, size))).toEqual(expected)
    expect(isIncluded({ leaf: ctLeaves[index] ?? '', index, size, path: expected, root: ctRoots[size] ?? '' })).toBe(true)
  })

  it.each(ctConsistencies)('that a tree of %d leaves begins one of %d', (first, second, expected) => {
    expect(hashesOf(ctLeaves, consistencySpans(first, second))).toEqual(expected)
    expect(isConsistent({ first, second, firstRoot: ctRoots[first] ?? '', secondRoot: ctRoots[second] ?? '', path: expected })).toBe(true)
  })
})

describe('against RFC 9162 §2.1 itself', () => {
  const sizes = fc.integer({ min: 1, max: 140 })

  it('roots and frontiers of every size', () => {
    const frontier = createFrontier()
    const leaves = leavesOf(300)
    leaves.forEach((leaf, at) => {
      const completed = frontier.push(leaf)
      const size = at + 1
      expect([frontier.size(), frontier.root(), rootOf(leaves.slice(0, size))]).toEqual([
        size,
        ...Array<string>(2).fill(mth(leaves.slice(0, size))),
      ])
      for (const { level, end, hash } of completed) expect(hash).toBe(mth(leaves.slice(end - 2 ** level, end)))
      expect(completed.length).toBe(Math.log2(size & -size) + 1)
    })
  })

  it('a frontier goes on from what a tree is made of', () => {
    fc.assert(
      fc.property(sizes, sizes, (first, more) => {
        const leaves = leavesOf(first + more)
        const made = subtreesOf({ from: 0, to: first }).map((one) => ({
          ...one,
          hash: mth(leaves.slice(one.end - 2 ** one.level, one.end)),
        }))
        const frontier = createFrontier(made)
        for (const leaf of leaves.slice(first)) frontier.push(leaf)
        expect(frontier.root()).toBe(mth(leaves))
      }),
    )
  })

  it('paths, and what they prove', () => {
    fc.assert(
      fc.property(
        sizes.chain((size) => fc.tuple(fc.constant(size), fc.nat(size - 1))),
        ([size, index]) => {
          const leaves = leavesOf(size)
          const proof = hashesOf(leaves, inclusionSpans(index, size))
          expect(proof).toEqual(path(index, leaves))
          expect(isIncluded({ leaf: leaves[index] ?? '', index, size, path: proof, root: mth(leaves) })).toBe(true)
        },
      ),
    )
  })

  it('consistency, and what it proves', () => {
    fc.assert(
      fc.property(
        sizes.chain((second) => fc.tuple(fc.integer({ min: 1, max: second }), fc.constant(second))),
        ([first, second]) => {
          const leaves = leavesOf(second)
          const proof = hashesOf(leaves, consistencySpans(first, second))
          expect(proof).toEqual(first === second ? [] : subproof(first, leaves, true))
          const roots = { firstRoot: mth(leaves.slice(0, first)), secondRoot: mth(leaves) }
          expect(isConsistent({ first, second, ...roots, path: proof })).toBe(true)
        },
      ),
    )
  })

  it('a tree of a million leaves asks for no more than forty subtrees', () => {
    const counts = [0, 1, 524_287, 999_999].map((index) => inclusionSpans(index, 1_000_000).flatMap(subtreesOf).length)
    expect(
      Math.max(...counts, ...[1, 3, 999_999].map((first) => consistencySpans(first, 1_000_000).flatMap(subtreesOf).length)),
    ).toBeLessThan(40)
  })
})

describe('what is refused', () => {
  const flipped = (hash: string): string => (hash.startsWith('0') ? '1' : '0') + hash.slice(1)
  const changes = (list: readonly string[]): string[][] => [
    ...list.map((hash, at) => list.with(at, flipped(hash))),
    ...list.map((_hash, at) => list.toSpliced(at, 1)),
    ...[...list, ''].map((_hash, at) => list.toSpliced(at, 0, sha256('?'))),
    ...list.slice(1).map((hash, at) => list.with(at, hash).with(at + 1, list[at] ?? '')),
  ]

  it('a path in which anything was changed, left out, put in or moved, another leaf, place, size or root', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 70 }).chain((size) => fc.tuple(fc.constant(size), fc.nat(size - 1))),
        ([size, index]) => {
          const leaves = leavesOf(size)
          const good = { leaf: leaves[index] ?? '', index, size, path: path(index, leaves), root: mth(leaves) }
          const bad = [
            ...changes(good.path).map((one) => ({ ...good, path: one })),
            { ...good, leaf: flipped(good.leaf) },
            { ...good, root: flipped(good.root) },
            ...[index - 1, index + 1, index ^ 1, size, -1, 0.5, Number.NaN].map((one) => ({ ...good, index: one })),
          ]
          for (const one of bad.filter((other) => other.index !== index || other.path !== good.path || other !== good))
            expect(isIncluded(one), JSON.stringify({ size, index, one })).toBe(false)
        },
      ),
      { numRuns: 60 },
    )
  })

  it('a proof of consistency in which anything was changed, or of other trees', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 70 }).chain((second) => fc.tuple(fc.integer({ min: 1, max: second - 1 }), fc.constant(second))),
        ([first, second]) => {
          const leaves = leavesOf(second)
          const good = {
            first,
            second,
            firstRoot: mth(leaves.slice(0, first)),
            secondRoot: mth(leaves),
            path: subproof(first, leaves, true),
          }
          const bad = [
            ...changes(good.path).map((one) => ({ ...good, path: one })),
            { ...good, firstRoot: flipped(good.firstRoot) },
            { ...good, secondRoot: flipped(good.secondRoot) },
            { ...good, first: second },
            { ...good, first: 0 },
            { ...good, first: second, second: first },
            { ...good, first: -1 },
          ]
          for (const one of bad) expect(isConsistent(one), JSON.stringify({ first, second, one })).toBe(false)
        },
      ),
      { numRuns: 60 },
    )
  })
})
