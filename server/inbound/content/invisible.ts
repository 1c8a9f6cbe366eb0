/** Messages in characters that nobody sees, but a program reads: what they say, and how many there are. */

export type Invisible = {
  /** what was written in tag characters, variation selectors or zero-width bits */
  says: string
  /** how many such characters stood together at most, outside of what a channel decoded */
  longestRun: number
  /** characters that turn the direction of text by force (U+202D, U+202E) */
  overrides: number
  /** invisible characters between two letters of one word */
  splits: number
}

const nothing: Invisible = { says: '', longestRun: 0, overrides: 0, splits: 0 }
const maxSays = 16 * 1024
/** Fewer variation selectors, or zero-width characters, are somebody's emoji or fillers. */
const shortestSelectors = 4
const shortestBits = 24

/** Anything that could be part of a message in invisible characters; ordinary text has none, and is done with. */
// oxlint-disable-next-line no-misleading-character-class -- variation selectors are what this looks for
const suspicious = /[\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\udb40]/

export function readInvisible(text: string): Invisible {
  if (!suspicious.test(text)) return nothing
  const said: string[] = []
  let longestRun = 0
  let overrides = 0
  let splits = 0
  for (let at = 0; at < text.length;) {
    const kind = kindAt(text, at)
    if (kind === null) {
      at++
      continue
    }
    if (kind === 'override') {
      overrides++
      at++
      continue
    }
    const end = endOfRun(text, at, kind)
    const run = text.slice(at, end)
    if (kind === 'tag') said.push(isFlag(text, at) ? '' : fromTags(run))
    else if (kind === 'selector') said.push(fromSelectors(run))
    else {
      const bits = fromBits(run)
      said.push(bits)
      if (bits === '') longestRun = Math.max(longestRun, run.length)
      if (splitsWord(text, at, end)) splits++
    }
    at = end
  }
  return { says: said.join(' ').trim().slice(0, maxSays), longestRun, overrides, splits }
}

type Kind = 'tag' | 'selector' | 'zero-width' | 'override'

function kindAt(text: string, at: number): Kind | null {
  const code = text.charCodeAt(at)
  if (code < 0x180e) return null
  if (code === 0xdb40) {
    const low = text.charCodeAt(at + 1)
    return low >= 0xdd00 && low <= 0xddef ? 'selector' : low >= 0xdc00 && low <= 0xdc7f ? 'tag' : null
  }
  if (code >= 0xfe00 && code <= 0xfe0f) return 'selector'
  if (code === 0x202d || code === 0x202e) return 'override'
  return isZeroWidth(code) ? 'zero-width' : null
}

const isZeroWidth = (code: number): boolean =>
  (code >= 0x200b && code <= 0x200f) || (code >= 0x2060 && code <= 0x2064) || code === 0x180e || code === 0xfeff

function endOfRun(text: string, from: number, kind: Kind): number {
  let at = from
  while (at < text.length && kindAt(text, at) === kind) at += text.charCodeAt(at) === 0xdb40 ? 2 : 1
  return at
}

/** 🏴 followed by the tags of a region is the flag of England, Scotland or Wales (UTS 51 annex C). */
const isFlag = (text: string, at: number): boolean => text.slice(at - 2, at) === '\u{1f3f4}'

const fromTags = (run: string): string =>
  Array.from(run, (tag) => (tag.codePointAt(0) ?? 0) - 0xe0000)
    .filter((code) => code >= 0x20 && code < 0x7f)
    .map((code) => String.fromCharCode(code))
    .join('')

/** One selector after a character is its style; many are bytes: U+FE00–FE0F are 0–15, U+E0100–E01EF go on from 16. */
function fromSelectors(run: string): string {
  const bytes = Array.from(run, (selector) => {
    const point = selector.codePointAt(0) ?? 0
    return point >= 0xe0100 ? point - 0xe0100 + 16 : point - 0xfe00
  })
  return bytes.length < shortestSelectors ? '' : (readable(Buffer.from(bytes)) ?? '')
}

/** Two kinds of zero-width characters as bits, eight or seven to a character, either way round. */
function fromBits(run: string): string {
  const kinds = [...new Set(run)].slice(0, 4)
  if (run.length < shortestBits || kinds.length < 2) return ''
  for (const one of kinds.slice(0, 2)) {
    for (const width of [8, 7]) {
      const bits = Array.from(run, (character) => (character === one ? '1' : '0')).join('')
      const bytes = Array.from({ length: Math.floor(bits.length / width) }, (_, at) =>
        Number.parseInt(bits.slice(at * width, (at + 1) * width), 2),
      )
      const text = readable(Buffer.from(bytes))
      if (text !== null) return text
    }
  }
  return ''
}

/** Null for what is no text in ASCII or UTF-8. */
export function readable(bytes: Buffer): string | null {
  const text = bytes.toString('utf8')
  const odd = text.match(/[^\p{L}\p{N}\p{P}\p{Zs}\p{S}\s]|\ufffd/gu)?.length ?? 0
  return text.length > 0 && odd * 20 <= text.length ? text : null
}

const isLetter = /[A-Za-z]/
/** Zero-width joiners belong between letters of some scripts, so only Latin ones count. */
const splitsWord = (text: string, from: number, to: number): boolean => isLetter.test(text[from - 1] ?? '') && isLetter.test(text[to] ?? '')
