/**
 * Looks through one text for what should not leave.
 *
 * Promise: linear in the text, whatever is in it. Each pattern begins only where a word begins and ends within a bounded number of characters, and a text
 * is looked at in slices, so that whoever asks can let others have their turn in between.
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
  for (let from = 0; from < text.length; from += sliceLength) {
    const begin = Math.max(0, from - overlap)
    const slice = plainCharacters(text.slice(begin, from + sliceLength))
    const hits = scanners.flatMap((scanner) => first(scanner(slice), mostOfSlice))
    const before = line - linesIn(text.slice(begin, from))
    yield hits.map(({ kind, at, excerpt }) => ({ kind, excerpt, line: before + linesIn(slice.slice(0, at)) }))
    line += linesIn(text.slice(from, from + sliceLength))
  }
}

function first(hits: Iterable<Hit>, most: number): Hit[] {
  const taken: Hit[] = []
  for (const hit of hits) {
    taken.push(hit)
    if (taken.length >= most) break
  }
  return taken
}

/** Other forms of the same digits and letters become these; what nobody sees is taken out. */
const plainCharacters = (text: string): string =>
  isAscii.test(text)
    ? text
    : text
        .toWellFormed()
        .normalize('NFKC')
        .replaceAll(/\p{Cf}/gu, '')
const isAscii = /^\p{ASCII}*$/u

function linesIn(text: string): number {
  let count = 0
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) count += 1
  return count
}
