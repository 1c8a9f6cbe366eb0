/** The lexicon's words where they do not stand as words: without spaces between them, in digits for letters, pulled apart. */
import { dropped, fold } from './confusables.ts'
import { type Meaning, hashStart, hashStep, lexicon, meaningOf } from './lexicon.ts'

export const longestWord = 24
/** Shorter words are found in any letters. */
const shortestWithin = 4

/** Digits that pass for letters. */
const leet: ReadonlyMap<number, number> = new Map(
  Object.entries({ 0: 'o', 1: 'i', 3: 'e', 4: 'a', 5: 's', 7: 't', 8: 'b' }).map(([digit, letter]) => [
    digit.charCodeAt(0),
    letter.charCodeAt(0),
  ]),
)

/** The longest word of the lexicon that begins here, and whether something invisible had to be passed over for it. */
export function ideographicAt(text: string, at: number): { meaning: Meaning; end: number; isBroken: boolean } | null {
  for (const { units, meaning } of lexicon.ideographic.get(fold(text.charCodeAt(at))) ?? []) {
    let end = at + 1
    let isBroken = false
    let matched = 1
    for (; matched < units.length && end < text.length; end++) {
      const code = text.charCodeAt(end)
      const unit = fold(code)
      if (unit === dropped) isBroken ||= isFiller(code)
      else if (unit === units[matched]) matched++
      else break
    }
    if (matched === units.length) return { meaning, end, isBroken }
  }
  return null
}

/** What nobody sees and no printer needs: a soft hyphen is the typesetter's, an accent belongs to its letter. */
export const isFiller = (code: number): boolean =>
  code === 0x200b || code === 0x200c || code === 0x180e || code === 0xfeff || (code >= 0x2060 && code <= 0x2064) || code === 0xdb40

/** `hashOf` a word with its digits as the letters they pass for. */
export function hashAsLetters(text: string, from: number, to: number): number {
  let hash = hashStart
  for (let at = from; at < to; at++) {
    const unit = fold(text.charCodeAt(at))
    if (unit > dropped) hash = hashStep(hash, leet.get(unit) ?? unit)
  }
  return hash
}

/** The words of the lexicon in letters that stand without spaces, always the longest. */
export function wordsWithin(letters: string): Meaning[] {
  const found: Meaning[] = []
  for (let at = 0; at < letters.length;) {
    let hash = hashStart
    let length = 1
    let meaning: Meaning | undefined
    for (let end = at; end < Math.min(letters.length, at + longestWord); end++) {
      hash = hashStep(hash, letters.charCodeAt(end))
      const known = end - at + 1 >= shortestWithin ? meaningOf(hash) : undefined
      if (known === undefined) continue
      meaning = known
      length = end + 1 - at
    }
    if (meaning !== undefined && meaning !== 'stop') found.push(meaning)
    at += length
  }
  return found
}
