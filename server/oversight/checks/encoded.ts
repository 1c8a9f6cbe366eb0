/** Data that stands in a text in a form nobody reads: the way in which an agent would carry a file out, knowing it or not. */
import type { Hit } from './hit.ts'

const leastHex = 160
const leastBase64 = 240
/** Of a block that was cut into lines (RFC 2045 §6.8: 76 characters; RFC 7468 §2: 64). */
const leastLines = 5
const leastQuery = 600

// Lines that are shorter are words of another kind.
const word = /(?<![A-Za-z0-9+/_=-])[A-Za-z0-9+/_=-]{56,4096}/g
const isHex = /^[0-9a-fA-F]+$/

export function* encodedData(text: string): Generator<Hit> {
  let lines = 0
  let end = 0
  for (const match of text.matchAll(word)) {
    const [found] = match
    if (!isMixed(found)) continue
    lines = /^\r?\n[> ]{0,8}$/.test(text.slice(end, Math.min(match.index, end + 12))) ? lines + 1 : 1
    end = match.index + found.length
    if (found.length >= (isHex.test(found) ? leastHex : leastBase64) || lines === leastLines)
      yield { kind: 'encoded_data', at: match.index, excerpt: `${found.slice(0, 12)}… (${found.length} characters)` }
  }
}

/** No rule of a table, no path and no long word: letters and digits, of many kinds. */
const isMixed = (found: string): boolean => /\d/.test(found) && /[A-Za-z]/.test(found) && new Set(found.slice(0, 240)).size >= 10

const link = /https?:\/\/[^\s<>"'`)\]]{1,4000}/gi

export function* longLinks(text: string): Generator<Hit> {
  for (const match of text.matchAll(link)) {
    const [found] = match
    const at = found.search(/[?#]/)
    if (at !== -1 && found.length - at >= leastQuery)
      yield { kind: 'long_link', at: match.index, excerpt: `${found.slice(0, Math.min(at, 80))}? (${found.length - at} characters)` }
  }
}
