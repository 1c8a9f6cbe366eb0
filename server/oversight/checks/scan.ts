/**
 * Looks through one text for what should not leave.
 *
 * Promise: linear in the text, whatever is in it. Each pattern begins only where a word begins and ends within a bounded number of characters, and a text
 * is looked at in slices, so that whoever asks can let others have their turn in between. Characters that nobody sees are taken out first, so no number of
 * them keeps apart what belongs together.
 */
import { encodedData, longLinks } from './encoded.ts'
import { bankAccounts } from './bank-accounts.ts'
import { cardNumbers } from './card-numbers.ts'
import type { Hit } from './hit.ts'
import { personalNumbers } from './personal-numbers.ts'
import { remoteImages } from './remote-images.ts'
import { secrets } from './secrets.ts'

/** `line`: from 1. */
type PlacedHit = Omit<Hit, 'at'> & { line: number }
type Scanner = (text: string) => Iterable<Hit>

const ofText: readonly Scanner[] = [secrets, cardNumbers, bankAccounts, personalNumbers, encodedData, longLinks]
const ofHtml: readonly Scanner[] = [...ofText, remoteImages]

const sliceLength = 16 * 1024
/** Longer than anything that is looked for, so that nothing is missed where a slice ends. */
const overlap = 4 * 1024
const mostOfSlice = 20

/** One slice after the other; what stands where two overlap may come twice. */
export function* scan(text: string, { isHtml }: { isHtml: boolean }): Generator<PlacedHit[]> {
  const scanners = isHtml ? ofHtml : ofText
  let line = 1
  let before = ''
  for (let from = 0, to = 0; from < text.length; from = to) {
    to = from + sliceLength
    // Half a character is none, and would stay where the whole is taken out.
    if (isFirstHalf(text.charCodeAt(to - 1))) to += 1
    const seen = before + visible(text.slice(from, to))
    const slice = isAscii.test(seen) ? seen : seen.toWellFormed().normalize('NFKC')
    const hits = scanners.flatMap((scanner) => first(scanner(slice), mostOfSlice))
    line -= linesIn(before)
    yield hits.map(({ kind, at, excerpt }) => ({ kind, excerpt, line: line + linesIn(slice.slice(0, at)) }))
    line += linesIn(seen)
    before = seen.slice(-overlap)
  }
}

/** Other forms of digits and letters become one (NFKC); these are shown as nothing at all (Unicode: format characters, and what may be ignored). */
const unseen = /[\p{Cf}\p{Default_Ignorable_Code_Point}]/gu
const visible = (text: string): string => (isAscii.test(text) ? text : text.replaceAll(unseen, ''))
const isAscii = /^\p{ASCII}*$/u
const isFirstHalf = (unit: number): boolean => unit >= 0xd800 && unit < 0xdc00

function first(hits: Iterable<Hit>, most: number): Hit[] {
  const taken: Hit[] = []
  for (const hit of hits) {
    taken.push(hit)
    if (taken.length >= most) break
  }
  return taken
}

function linesIn(text: string): number {
  let count = 0
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) count += 1
  return count
}
