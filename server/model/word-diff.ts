/** What differs between two texts, word by word. */
import { diffLines, diffWordsWithSpace } from 'diff'

/** Those that are `same` or `removed` are together the text before, those that are `same` or `added` the text after. */
export type DiffPart = { kind: 'same' | 'added' | 'removed'; text: string }

/** Of both texts together, in characters. */
const longest = 100_000
/** Words, or lines, that come or go. Time grows with the square of it: some tens of milliseconds. */
const mostChanges = 400

/** By words, or by lines where too many words differ; null when too many lines do, or the texts are too long to be compared. */
export function wordDiff(before: string, after: string): DiffPart[] | null {
  if (before.length + after.length > longest) return null
  const bounds = { maxEditLength: mostChanges }
  const parts = diffWordsWithSpace(before, after, bounds) ?? diffLines(before, after, bounds)
  return parts?.map(({ value: text, added, removed }) => ({ kind: added ? 'added' : removed ? 'removed' : 'same', text })) ?? null
}
