/** Values that are lists of functions: `scale(0) translate(1px, 2px)` (CSS Values 4 §2.4). */

export type CssFunction = { name: string; parts: readonly string[] }

const maxFunctions = 12
const maxParts = 40

/** Null when it is anything else. @param value lower case, trimmed */
export function readFunctions(value: string): CssFunction[] | null {
  const found: CssFunction[] = []
  for (let at = 0; at < value.length;) {
    const open = value.indexOf('(', at)
    const name = value.slice(at, open).trim()
    if (open < 0 || found.length === maxFunctions || !/^[a-z0-9-]{1,30}$/.test(name)) return null
    const close = closing(value, open)
    if (close < 0) return null
    found.push({ name, parts: partsOf(value.slice(open + 1, close)) })
    at = close + 1
    while (/\s/.test(value[at] ?? '')) at++
  }
  return found.length === 0 ? null : found
}

function closing(text: string, open: number): number {
  let depth = 0
  for (let at = open; at < text.length; at++) {
    if (text[at] === '(') depth++
    else if (text[at] === ')' && --depth === 0) return at
  }
  return -1
}

/** Separated by spaces or commas, but not those within brackets. */
export function partsOf(text: string): string[] {
  const parts: string[] = []
  let depth = 0
  let from = 0
  for (let at = 0; at <= text.length && parts.length < maxParts; at++) {
    const mark = text[at] ?? ','
    if (mark === '(') depth++
    else if (mark === ')') depth--
    else if ((mark === ',' && depth <= 0) || (depth <= 0 && /\s/.test(mark))) {
      if (at > from) parts.push(text.slice(from, at))
      from = at + 1
    }
  }
  return parts
}
