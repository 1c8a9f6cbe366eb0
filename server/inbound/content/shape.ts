/** What a message looks like as a whole, whatever it says: the ways of bulk mail that does not want to be read by a filter. */
import type { HtmlReading } from '../html/read-html.ts'
import type { Evidence } from './evidence.ts'

/** Visible characters; less is no letter. */
const fewCharacters = 30
const muchHtml = 20 * 1024
const littleText = 100

export type ShapeFacts = { subject: string; plainCharacters: number; html: HtmlReading | null; htmlLength: number; hasAttachments: boolean }

export function judgeShape({ subject, plainCharacters, html, htmlLength, hasAttachments }: ShapeFacts, evidence: Evidence): void {
  if (isShouting(subject)) evidence.add('shouting-subject', { detail: subject })
  if (/!\s?!|\$\s?\$|[!！].{0,60}[!！]/.test(subject.slice(0, 300))) evidence.add('exclamations', { detail: subject })
  if (endsAtRandom(subject)) evidence.add('random-token', { detail: subject })
  if (html === null || plainCharacters >= fewCharacters) return
  if (html.pictures > 0 && html.characters < fewCharacters && !hasAttachments) evidence.add('image-only')
  else if (htmlLength > muchHtml && html.characters < littleText) evidence.add('little-text')
}

function isShouting(subject: string): boolean {
  const letters = subject.match(/\p{Lu}|\p{Ll}/gu) ?? []
  return letters.length >= 12 && letters.filter((letter) => letter === letter.toUpperCase()).length >= letters.length * 0.9
}

/** Its last word changes often between digits and small letters, as no number of an order does. */
function endsAtRandom(subject: string): boolean {
  const word = subject.trimEnd().split(/\s/).at(-1) ?? ''
  if (!/^[a-z0-9]{8,40}$/.test(word)) return false
  let changes = 0
  for (let at = 1; at < word.length; at++) if (isDigit(word[at]) !== isDigit(word[at - 1])) changes++
  return changes >= 4
}
const isDigit = (character: string | undefined): boolean => character !== undefined && character >= '0' && character <= '9'
