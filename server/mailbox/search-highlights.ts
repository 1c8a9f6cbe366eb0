/** Where an email has the words that were looked for. Pure. */
import type { Phrase } from '../store/search.ts'
import type { SearchedText, TextKind } from './search-texts.ts'
import { type Word, wordsOf } from './search-words.ts'

/** One place: the words as they stand there, and what stands around them. Apart, so that no text can pretend to be a mark. */
export type Highlight = { in: TextKind; before: string; match: string; after: string }

const mostHighlights = 3
const mostInOneText = 2
const around = 60
const longestMatch = 200

/** @param phrases what is looked for; where it stands in the text is found again here */
export function highlightsOf(phrases: readonly Phrase[], texts: readonly SearchedText[]): Highlight[] {
  const found: Highlight[] = []
  for (const { kind, text } of texts) {
    const here = phrases.filter(({ field }) => field === null || field === kind)
    if (here.length === 0) continue
    for (const place of placesOf(here, text)) {
      found.push({ in: kind, ...cutOut(text, place) })
      if (found.length === mostHighlights) return found
    }
  }
  return found
}

type Place = { start: number; end: number }

function placesOf(phrases: readonly Phrase[], text: string): Place[] {
  const longest = Math.max(...phrases.map(({ words }) => words.length))
  const places: Place[] = []
  const last: Word[] = []
  for (const word of wordsOf(text)) {
    last.push(word)
    if (last.length > longest) last.shift()
    const phrase = phrases.find(({ words }) => endsWith(last, words))
    const first = phrase && last.at(-phrase.words.length)
    if (first === undefined || first.start < (places.at(-1)?.end ?? -around) + around) continue
    places.push({ start: first.start, end: word.end })
    if (places.length === mostInOneText) return places
  }
  return places
}

const endsWith = (last: readonly Word[], words: readonly string[]): boolean =>
  last.length >= words.length && words.every((word, at) => last.at(at - words.length)?.word === word)

function cutOut(text: string, { start, end }: Place): Omit<Highlight, 'in'> {
  const from = Math.max(0, start - around)
  const until = Math.min(text.length, end + around)
  return {
    before: (from > 0 ? '…' : '') + line(text.slice(from, start)),
    match: line(text.slice(start, Math.min(end, start + longestMatch))),
    after: line(text.slice(end, until)) + (until < text.length ? '…' : ''),
  }
}

const line = (text: string): string => text.replaceAll(/[\s\p{Cc}]+/gu, ' ').toWellFormed()
