/** Data that stands in a text in a form nobody reads: the way in which an agent would carry a file out, knowing it or not. */
import type { Hit } from './hit.ts'

const leastHex = 160
const leastBase64 = 240
/** Of a block that was cut into lines (RFC 2045 §6.8: 76 characters; RFC 7468 §2: 64). */
const leastLines = 5
const leastQuery = 600

/** Shorter lines are words of another kind. */
const shortest = 56
const isHex = /^[0-9a-fA-F]+$/

const isOfWord = new Uint8Array(128)
for (const one of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/_=-') isOfWord[one.charCodeAt(0)] = 1

/** By hand: this is asked of every character. */
function* longWords(text: string): Generator<{ found: string; index: number }> {
  let index = 0
  for (let at = 0; at <= text.length; at += 1) {
    if (at < text.length && isOfWord[text.charCodeAt(at)] === 1) continue
    if (at - index >= shortest) yield { found: text.slice(index, at), index }
    index = at + 1
  }
}

export function* encodedData(text: string): Generator<Hit> {
  let lines = 0
  let end = 0
  for (const { found, index } of longWords(text)) {
    if (!isMixed(found)) continue
    lines = /^\r?\n[> ]{0,8}$/.test(text.slice(end, Math.min(index, end + 12))) ? lines + 1 : 1
    end = index + found.length
    if (found.length >= (isHex.test(found) ? leastHex : leastBase64) || lines === leastLines)
      yield { kind: 'encoded_data', at: index, excerpt: `${found.slice(0, 12)}… (${found.length} characters)` }
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
