/** Text on its way from HTML to Markdown: white space, and characters that mean something there. */

/** What HTML takes for white space; a no-break space is none (Infra §4.6). */
const isWhite = (code: number): boolean => code === 32 || (code >= 9 && code <= 13 && code !== 11)
/** White space that is not a single space. */
export const unevenSpace = /[\t\n\f\r]| {2}/
export const anySpace = /[ \t\n\f\r]+/g

export function firstVisible(text: string): number {
  let at = 0
  while (at < text.length && isWhite(text.charCodeAt(at))) at++
  return at
}
export function lastVisible(text: string): number {
  let at = text.length - 1
  while (at >= 0 && isWhite(text.charCodeAt(at))) at--
  return at
}

const special = /[\\*_`[\]]/
const everySpecial = /[\\*_`[\]]/g
const lineStart = /^(?:[-=>]|\+ |#{1,6} |~~~)/
const numbered = /^(\d{1,9})\. /

/** Characters that Markdown would read as marks. */
export function escaped(text: string, atLineStart: boolean): string {
  const plain = special.test(text) ? text.replace(everySpecial, '\\$&') : text
  return atLineStart ? plain.replace(lineStart, '\\$&').replace(numbered, '$1\\. ') : plain
}
