/**
 * Words and what they mean to us, whatever the language. A phrase is a sequence of meanings (phrases/), so one row covers every synonym in every
 * language that lexicon-words.ts has.
 */
import { fold, dropped, normalised } from './confusables.ts'
import { type Meaning, wordsOf } from './lexicon-words.ts'

export type { Meaning } from './lexicon-words.ts'

/** FNV-1a over folded units. 32 bits: a wrong word would have to collide within a whole phrase. */
export const hashStart = 0x811c9dc5
export const hashStep = (hash: number, unit: number): number => Math.imul(hash ^ unit, 0x01000193)

function hashOf(word: string): number {
  let hash = hashStart
  for (const unit of foldedUnits(word)) hash = hashStep(hash, unit)
  return hash
}

/** Chinese and Japanese: words without spaces between them. */
export const isIdeographic = (unit: number): boolean =>
  (unit >= 0x3040 && unit <= 0x30ff) || (unit >= 0x3400 && unit <= 0x9fff) || (unit >= 0xf900 && unit <= 0xfaff)

function foldedUnits(word: string): number[] {
  const text = normalised(word)
  return Array.from({ length: text.length }, (_, at) => fold(text.charCodeAt(at)) || text.charCodeAt(at)).filter((unit) => unit !== dropped)
}

export type Lexicon = {
  /** by `hashOf` */
  byHash: ReadonlyMap<number, Meaning>
  /** 0 where no word has these low 16 bits: most words of a letter are none of ours, and this says so before the map is asked */
  mayHave: Uint8Array
  /** of words of letters, by the hash of their first unit; the longest first */
  ideographic: ReadonlyMap<number, readonly { units: readonly number[]; meaning: Meaning }[]>
}

/** Of these also what a child writes to hide them: backwards, and with the alphabet turned by half. */
const mayBeEncoded: ReadonlySet<Meaning> = new Set(['ignore', 'prior', 'instruction', 'reveal', 'secret'])
const backwards = (word: string): string => Array.from(word).toReversed().join('')
const rotated = (word: string): string =>
  word.replace(/[a-z]/g, (letter) => String.fromCharCode(((letter.charCodeAt(0) - 97 + 13) % 26) + 97))

export const lexicon: Lexicon = build()

export const meaningOf = (hash: number): Meaning | undefined =>
  lexicon.mayHave[hash & 0xffff] === 1 ? lexicon.byHash.get(hash) : undefined

function build(): Lexicon {
  const byHash = new Map<number, Meaning>()
  const ideographic = new Map<number, { units: number[]; meaning: Meaning }[]>()
  for (const [meaning, words] of wordsOf) {
    for (const word of words) {
      const units = foldedUnits(word)
      const [first = 0] = units
      if (isIdeographic(first)) {
        const same = ideographic.get(first) ?? []
        same.push({ units, meaning })
        same.sort((a, b) => b.units.length - a.units.length)
        ideographic.set(first, same)
      } else {
        byHash.set(hashOf(word), meaning)
        if (mayBeEncoded.has(meaning) && word.length >= 6)
          for (const one of [backwards(word), rotated(word)]) byHash.set(hashOf(one), meaning)
      }
    }
  }
  const mayHave = new Uint8Array(0x10000)
  for (const hash of byHash.keys()) mayHave[hash & 0xffff] = 1
  return { byHash, mayHave, ideographic }
}
