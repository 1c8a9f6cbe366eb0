/**
 * The hash tree of RFC 9162 §2.1 over leaves that are hashed already. Pure. Hashes are lower-case hex of SHA-256; leaves are counted from 0.
 *
 * A tree of any size is made of whole subtrees, so what a proof needs is said in spans of leaves, each of which is a few whole subtrees: whoever keeps those
 * reads a logarithm of the tree.
 */
import { sha256 } from './canonical.ts'

/** MTH({}), of a tree without leaves. */
export const emptyRoot = sha256('')

const nodePrefix = Uint8Array.of(1)
export const nodeHash = (left: string, right: string): string => sha256(nodePrefix, Buffer.from(left, 'hex'), Buffer.from(right, 'hex'))

/** The leaves D[from:to]. */
export type Span = { from: number; to: number }
/** A whole subtree: 2^`level` leaves, behind which the tree has `end` of them. */
export type Subtree = { level: number; end: number }
export type HashedSubtree = Subtree & { hash: string }

/** Whose hashes are the audit path of a leaf, from the leaf up (§2.1.3.1). @param index less than `size` */
export function inclusionSpans(index: number, size: number): Span[] {
  const spans: Span[] = []
  let [from, to] = [0, size]
  while (to - from > 1) {
    const middle = from + splitOf(to - from)
    if (index < middle) {
      spans.push({ from: middle, to })
      to = middle
    } else {
      spans.push({ from, to: middle })
      from = middle
    }
  }
  return spans.toReversed()
}

/** Whose hashes prove that the tree of `second` leaves begins with that of `first` (§2.1.4.1); none when one of them is empty or they are the same.
 *  @param first at most `second` */
export function consistencySpans(first: number, second: number): Span[] {
  if (first === 0) return []
  const spans: Span[] = []
  let [from, to, isKnown] = [0, second, true]
  while (first !== to) {
    const middle = from + splitOf(to - from)
    if (first <= middle) {
      spans.push({ from: middle, to })
      to = middle
    } else {
      spans.push({ from, to: middle })
      from = middle
      isKnown = false
    }
  }
  // What is left is the first tree itself, whose hash the verifier has, or the end of it.
  if (!isKnown) spans.push({ from, to })
  return spans.toReversed()
}

/** The largest power of two below `count`, which is 2 or more. */
function splitOf(count: number): number {
  let half = 1
  while (half * 2 < count) half *= 2
  return half
}

/** What a span of a tree is made of, from the left; `hashOf` these is its hash. */
export function subtreesOf({ from, to }: Span): Subtree[] {
  const subtrees: Subtree[] = []
  for (let at = from; at < to;) {
    let [level, width] = [0, 1]
    while (at % (width * 2) === 0 && at + width * 2 <= to) [level, width] = [level + 1, width * 2]
    at += width
    subtrees.push({ level, end: at })
  }
  return subtrees
}

/** The hash of what these subtrees make up, from the left. */
export const hashOf = (hashes: readonly string[]): string =>
  hashes.length === 0 ? emptyRoot : hashes.reduceRight((right, left) => nodeHash(left, right))

export type Inclusion = { leaf: string; index: number; size: number; path: readonly string[]; root: string }

/** §2.1.3.2: whether the leaf is in the tree at its place. */
export function isIncluded({ leaf, index, size, path, root }: Inclusion): boolean {
  if (!areSizes(index, size) || index >= size) return false
  let [node, last, hash] = [index, size - 1, leaf]
  for (const sibling of path) {
    if (last === 0) return false
    if (isRight(node) || node === last) {
      hash = nodeHash(sibling, hash)
      while (!isRight(node) && node !== 0) [node, last] = [half(node), half(last)]
    } else hash = nodeHash(hash, sibling)
    ;[node, last] = [half(node), half(last)]
  }
  return last === 0 && hash === root
}

export type Consistency = { first: number; second: number; firstRoot: string; secondRoot: string; path: readonly string[] }

/** §2.1.4.2: whether the second tree begins with the first. Every tree begins with the empty one. */
export function isConsistent({ first, second, firstRoot, secondRoot, path }: Consistency): boolean {
  if (!areSizes(first, second) || first > second) return false
  if (first === second) return path.length === 0 && firstRoot === secondRoot
  if (first === 0) return path.length === 0 && firstRoot === emptyRoot
  if (path.length === 0) return false
  const [start, ...more] = isPowerOfTwo(first) ? [firstRoot, ...path] : path
  if (start === undefined) return false
  let [node, last] = [first - 1, second - 1]
  while (isRight(node)) [node, last] = [half(node), half(last)]
  let [ofFirst, ofSecond] = [start, start]
  for (const hash of more) {
    if (last === 0) return false
    if (isRight(node) || node === last) {
      ;[ofFirst, ofSecond] = [nodeHash(hash, ofFirst), nodeHash(hash, ofSecond)]
      while (!isRight(node) && node !== 0) [node, last] = [half(node), half(last)]
    } else ofSecond = nodeHash(ofSecond, hash)
    ;[node, last] = [half(node), half(last)]
  }
  return last === 0 && ofFirst === firstRoot && ofSecond === secondRoot
}

const areSizes = (...sizes: number[]): boolean => sizes.every((size) => Number.isSafeInteger(size) && size >= 0)
// Not bit by bit: those operators know 32 bits.
const isRight = (node: number): boolean => node % 2 === 1
const half = (node: number): number => Math.floor(node / 2)
function isPowerOfTwo(count: number): boolean {
  let rest = count
  while (!isRight(rest)) rest = half(rest)
  return rest === 1
}

/** A tree that grows leaf by leaf and remembers only the whole subtrees it is made of. */
export type Frontier = {
  /** @returns the subtrees that are whole with this leaf, the leaf itself first */
  push(leaf: string): HashedSubtree[]
  size(): number
  root(): string
}

/** @param made of what a tree of some size is made (`subtreesOf`), to go on from there */
export function createFrontier(made: readonly HashedSubtree[] = []): Frontier {
  const whole = [...made]
  let size = made.at(-1)?.end ?? 0
  return {
    push(leaf) {
      size += 1
      let top: HashedSubtree = { level: 0, end: size, hash: leaf }
      const completed = [top]
      for (let left = whole.at(-1); left?.level === top.level; left = whole.at(-1)) {
        whole.pop()
        top = { level: top.level + 1, end: size, hash: nodeHash(left.hash, top.hash) }
        completed.push(top)
      }
      whole.push(top)
      return completed
    },
    size: () => size,
    root: () => hashOf(whole.map(({ hash }) => hash)),
  }
}
