import type { Meaning } from '../lexicon.ts'
import type { Phrase } from '../phrase-finder.ts'

/** Rows of meanings as phrases of one code. The lexicon test says so when a word in them is no meaning. */
export const phrasesOf = <C extends string>(code: C, rows: readonly string[]): Phrase<C>[] =>
  rows.map((row) => ({ code, says: row.split(' ') as Meaning[] }))
