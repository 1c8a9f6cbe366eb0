/** What stands around words: lines, quotation marks, fences. It tells somebody who uses a phrase from somebody who writes about it. */

export type Setting = {
  /** What is not part of a word. @param place as in words.ts */
  mark(code: number, at: number, place: number): void
  wordEnded(): void
  at(place: number): { isQuoted: boolean; isFenced: boolean }
  /** Whether a word that ends at `to` is the first of its line and has a colon behind it. */
  isTurn(to: number): boolean
  /** The stretches without a space that are too long for words. */
  end(): readonly { from: number; to: number }[]
}

const longRun = 40
const maxLongRuns = 30
/** A quotation that nobody ends does so here, in places. */
const longestQuotation = 400

const unitsOf = (marks: string): ReadonlySet<number> => new Set(Array.from(marks, (mark) => mark.charCodeAt(0)))
/** “ both begins (English) and ends (German) a quotation. */
const opening = unitsOf('“„«‹「『‚')
const closing = unitsOf('”»›」』“')
const fences = unitsOf('-=*#<~|')
const [newline, space, tab, straightQuote, backtick, greater, colon, bracket] = [10, 32, 9, 34, 96, 62, 58, 91]

export function createSetting(text: string): Setting {
  const longRuns: { from: number; to: number }[] = []
  let runFrom = 0
  let isLineEmpty = true
  let isFirstWord = true
  let isQuotedLine = false
  let quote = 0
  let quotedFrom = 0
  let fence = 0

  function white(code: number, at: number): void {
    if (at - runFrom >= longRun && longRuns.length < maxLongRuns) longRuns.push({ from: runFrom, to: at })
    runFrom = at + 1
    if (code !== newline) return
    if (isLineEmpty) quote = 0
    isLineEmpty = true
    isFirstWord = true
    isQuotedLine = false
    fence = 0
  }

  function quotation(code: number, place: number): void {
    const isEnd = code === quote || (quote > 0x7f && closing.has(code))
    if (isEnd) quote = 0
    else if (code === straightQuote || code === backtick || opening.has(code)) {
      quote = code
      quotedFrom = place
    }
  }

  return {
    mark(code, at, place) {
      if (code === space || code === newline || code === tab) return white(code, at)
      if (code === greater && isLineEmpty) isQuotedLine = true
      else isLineEmpty = false
      if (code > 0x7f || code === straightQuote || code === backtick) quotation(code, place)
      if (fences.has(code)) fence++
      else if (code === bracket) fence = 2
    },
    wordEnded() {
      isLineEmpty = false
      isFirstWord = false
      fence = 0
    },
    at: (place) => ({
      isQuoted: isQuotedLine || (quote !== 0 && place - quotedFrom <= longestQuotation),
      isFenced: fence >= 2,
    }),
    isTurn: (to) => isFirstWord && text.charCodeAt(to) === colon,
    end() {
      white(space, text.length)
      return longRuns
    },
  }
}
