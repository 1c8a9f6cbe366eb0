/** White space as RFC 6376 §2.8 has it. JavaScript counts more, of which some are halves of letters here, where each character is an octet. */

const isWhite = (octet: number): boolean => octet === 32 || octet === 9 || octet === 13 || octet === 10

/** In one pass each way; a pattern that is tied to the end would begin anew at each blank. */
export function trimWhite(text: string): string {
  let start = 0
  let end = text.length
  while (start < end && isWhite(text.charCodeAt(start))) start++
  while (end > start && isWhite(text.charCodeAt(end - 1))) end--
  return text.slice(start, end)
}

const white = /[ \t\r\n]+/g

export const withoutWhite = (text: string): string => text.replaceAll(white, '')
