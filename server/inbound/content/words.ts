/**
 * Reads text for what its words mean: one pass over its characters, hashing each word as it goes, so that ordinary text costs no memory and
 * no more than a look-up a word.
 *
 * Words are compared as they look: case, accents, full-width and look-alike letters, invisible characters within and digits for letters make no
 * difference ("1gn0re", "іgnоre"), nor do spaces between single letters ("i g n o r e"); that somebody wrote so is noted.
 */
import { dropped, fold, folds, isLookalike, normalised, unfolded } from './confusables.ts'
import { hashAsLetters, ideographicAt, isFiller, longestWord, wordsWithin } from './disguises.ts'
import { type Meaning, hashStart, hashStep, isIdeographic, meaningOf } from './lexicon.ts'
import { createSetting } from './word-setting.ts'

/** A word that means something. `place` grows with the words between: three a word, one an ideograph. `from`, `to`: in `ReadWords.text`. */
export type Token = {
  meaning: Meaning
  place: number
  from: number
  to: number
  /** within quotation marks, or in a quoted line */
  isQuoted: boolean
  /** written so that a program would not know it */
  isDisguised: boolean
  isIdeographic: boolean
  /** after a fence such as `---` or `[` */
  isFenced: boolean
  /** the first of its line, with a colon behind it */
  isTurn: boolean
}

export type ReadWords = {
  /** the text as it was compared, which is not as long as what was given */
  text: string
  tokens: Token[]
  words: number
  /** words in which letters of several scripts are mixed to look like one */
  mixedScript: number
  /** stretches without a space that are too long for words */
  longRuns: readonly { from: number; to: number }[]
}

const maxTokens = 20_000
/** A run of single letters this long is words that were pulled apart. */
const pulledApart = 5
const maxPulledApart = 400
const underscore = 95
const [letterA, letterZ] = [97, 122]
const zero = 48
const nine = 57

export function readWords(given: string): ReadWords {
  const text = normalised(given)
  const setting = createSetting(text)
  const tokens: Token[] = []
  let words = 0
  let mixedScript = 0
  let place = 0
  let apart: { letters: string; from: number; to: number } | null = null

  function add(meaning: Meaning, from: number, to: number, isDisguised: boolean, isIdeographic = false): void {
    if (tokens.length >= maxTokens) return
    const { isQuoted, isFenced } = setting.at(place)
    tokens.push({ meaning, place, from, to, isQuoted, isDisguised, isIdeographic, isFenced, isTurn: setting.isTurn(to) })
  }

  function endApart(): void {
    const run = apart
    apart = null
    if (run === null || run.letters.length < pulledApart) return
    for (const meaning of wordsWithin(run.letters)) {
      add(meaning, run.from, run.to, true)
      place += 3
    }
  }

  function addLetter(from: number, to: number): void {
    apart ??= { letters: '', from, to }
    if (apart.letters.length < maxPulledApart) apart.letters += String.fromCharCode(fold(text.charCodeAt(from)))
    apart.to = to
  }

  /** Reads the word that begins here; gives where it ends. */
  function word(from: number): number {
    let hash = hashStart
    let digits = 0
    let isForeign = false
    let isBroken = false
    let at = from
    // Most words are nothing but the letters a to z.
    for (; at < text.length; at++) {
      const code = text.charCodeAt(at) | 0x20
      if (code < letterA || code > letterZ) break
      hash = hashStep(hash, code)
    }
    let letters = at - from
    let isLatin = letters > 0
    for (; at < text.length; at++) {
      const code = text.charCodeAt(at)
      const unit = folds[code] === unfolded ? fold(code) : (folds[code] ?? 0)
      if (unit > dropped) {
        if (code > 0x7f) {
          if (isIdeographic(code)) break
          isForeign ||= isLookalike(code)
        } else if (unit > nine) isLatin = true
        if (unit >= zero && unit <= nine) digits++
        else letters++
        hash = hashStep(hash, unit)
      } else if (unit === dropped) {
        isBroken ||= isFiller(code)
      } else if (code === underscore && fold(text.charCodeAt(at + 1)) > dropped) {
        hash = hashStep(hash, underscore)
      } else break
    }
    words++
    if (letters === 1 && digits === 0) addLetter(from, at)
    else if (apart !== null) endApart()
    const isMixed = isLatin && isForeign
    if (isMixed && letters > 2) mixedScript++
    const known = meaningOf(hash)
    const asLetters = known === undefined && digits > 0 && letters > 1 && at - from <= longestWord
    const meaning = asLetters ? meaningOf(hashAsLetters(text, from, at)) : known
    if (meaning !== undefined && meaning !== 'stop') add(meaning, from, at, isMixed || asLetters || isBroken)
    // A number hardly keeps words apart: "4,200,000 dollars".
    if (meaning !== 'stop' && meaning !== 'all') place += letters === 0 ? 1 : 3
    setting.wordEnded()
    return at
  }

  function ideograph(from: number): number {
    const found = ideographicAt(text, from)
    words++
    if (found !== null && found.meaning !== 'stop') add(found.meaning, from, found.end, found.isBroken, true)
    if (found?.meaning !== 'stop' && found?.meaning !== 'all') place++
    setting.wordEnded()
    return found?.end ?? from + 1
  }

  for (let at = 0; at < text.length;) {
    const code = text.charCodeAt(at)
    const unit = fold(code)
    if (unit > dropped) at = isIdeographic(code) ? ideograph(at) : word(at)
    else {
      if (unit !== dropped) setting.mark(code, at, place)
      at++
    }
  }
  endApart()
  return { text, tokens, words, mixedScript, longRuns: setting.end() }
}
