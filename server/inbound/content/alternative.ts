/** Whether the two forms of a message say the same: a person is shown the HTML, and a program reads the plain text. */
import { hashStart, hashStep } from './lexicon.ts'

const maxCompared = 20_000
const shortestWord = 4
/** Fewer words than this are a note that the letter is somewhere else. */
const fewWords = 12
const differing = 0.6

/** @param shown everything that the HTML says, also what is hidden: its plain form usually has that as well */
export function saysOtherwise(plain: string, shown: string): boolean {
  const said = wordsOf(plain)
  if (said.size < fewWords) return false
  const known = wordsOf(shown)
  let missing = 0
  for (const word of said) if (!known.has(word)) missing++
  return missing >= said.size * differing
}

/** Hashes of the longer words; addresses of links differ between the two, so what has a slash does not count. */
function wordsOf(text: string): Set<number> {
  const words = new Set<number>()
  const end = Math.min(text.length, maxCompared)
  let hash = hashStart
  let length = 0
  let isAddress = false
  for (let at = 0; at <= end; at++) {
    const code = at < end ? text.charCodeAt(at) : 32
    if ((code >= 97 && code <= 122) || (code >= 65 && code <= 90) || code > 0xbf) {
      hash = hashStep(hash, code | 0x20)
      length++
    } else {
      if (code === 47 || code === 58) isAddress = true
      if (length >= shortestWord && !isAddress) words.add(hash)
      hash = hashStart
      length = 0
      if (code <= 32) isAddress = false
    }
  }
  return words
}
