/**
 * Words as the search index knows them. Both databases get these and make none of their own, so that they find the same.
 *
 * A word is a run of letters, digits and the marks on them (Unicode L, N, M), in compatibility form, in lower case, without the accents of Latin, Greek and
 * Cyrillic; no endings are cut off. Where a script puts no spaces between words, each character is one, and several are looked for as a phrase.
 */

export type Word = {
  word: string
  /** where it stands in the text, in UTF-16 units; `end` is exclusive */
  start: number
  end: number
}

/** Longer ones are cut, here and in the index alike. */
const longestWord = 64
/** Some characters become eighteen in compatibility form. */
const longestRun = 1024

const run = /[\p{L}\p{N}\p{M}]+/gu
const unspaced = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/v
const within =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]\p{M}*|[[\p{L}\p{N}\p{M}]--[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]]+/gv
// oxlint-disable-next-line no-control-regex
const ascii = /^[\x00-\x7f]*$/

/** The words of a text, in order. */
export function* wordsOf(text: string): Generator<Word> {
  for (const { 0: found, index } of text.matchAll(run)) {
    const end = index + found.length
    if (ascii.test(found)) yield { word: cut(found.toLowerCase()), start: index, end }
    else yield* wordsOfRun(found.slice(0, longestRun), index, end)
  }
}

function* wordsOfRun(found: string, start: number, end: number): Generator<Word> {
  const plain = folded(found)
  // A run may fall apart into several. Where each is in the text is known when nothing changed its length; else each is all of the run.
  const isInPlace = plain.length === found.length && unspaced.test(plain)
  for (const { 0: word, index } of plain.matchAll(within))
    yield isInPlace ? { word: cut(word), start: start + index, end: start + index + word.length } : { word: cut(word), start, end }
}

const folded = (found: string): string =>
  found
    .normalize('NFKD')
    .replaceAll(/[\u0300-\u036f]/g, '')
    .toLowerCase()
    .replaceAll('ς', 'σ')
    .replaceAll('ß', 'ss')
    .normalize('NFC')

const cut = (word: string): string =>
  word.length <= longestWord
    ? word
    : word
        .slice(0, longestWord)
        .toWellFormed()
        .replace(/\uFFFD$/, '')
