/** Collects what a document says and does not show. Bounded: what is beyond the limits is counted, not kept. */
import type { HiddenBy } from './visibility.ts'

export type HiddenText = {
  /** text of the letter itself that is kept from being seen; spaces and fillers are not counted */
  characters: number
  text: string
  /** of `characters`, those before anything visible: the preview line of a newsletter stands there */
  leading: number
  means: readonly (readonly [HiddenBy, number])[]
  /** comments that are sentences, and elements that no mail program shows */
  aside: { characters: number; text: string }
  /** what is said elsewhere: alternative texts, titles, comments that are code */
  unseen: string
}

type HiddenTextCollector = {
  add(text: string, by: HiddenBy, isLeading: boolean): void
  /** The next text stands in a paragraph of its own. */
  separate(): void
  addAside(text: string): void
  addUnseen(text: string): void
  addComment(text: string): void
  readonly characters: number
  result(): HiddenText
}

const maxKept = 64 * 1024
/** A shorter comment is a note of whoever made the template: "main content starts here". */
const shortestSentence = 40

export function createHiddenText(): HiddenTextCollector {
  const kept = createPile()
  const aside = createPile()
  const unseen = createPile()
  const means = new Map<HiddenBy, number>()
  let leading = 0
  return {
    add(text, by, isLeading) {
      const characters = kept.add(text)
      if (characters === 0) return
      means.set(by, (means.get(by) ?? 0) + characters)
      if (isLeading) leading += characters
    },
    separate: () => kept.separate(),
    addAside: (text) => void aside.add(text),
    addUnseen(text) {
      unseen.add(text)
      unseen.separate()
    },
    addComment(text) {
      const pile = isSentence(text) ? aside : unseen
      pile.add(text)
      pile.separate()
    },
    get characters() {
      return kept.characters
    },
    result: () => ({
      characters: kept.characters,
      text: kept.text(),
      leading,
      means: [...means],
      aside: { characters: aside.characters, text: aside.text() },
      unseen: unseen.text(),
    }),
  }
}

/** Comments for Outlook hold markup, and others hold code or rulers. */
function isSentence(text: string): boolean {
  if (text.length < shortestSentence || text.startsWith('[if') || text.includes('<')) return false
  const words = text.slice(0, 2_000).split(/\s+/)
  return words.length >= 5 && words.filter((word) => /^[\p{L}'’,.!?:;"-]+$/u.test(word)).length * 4 >= words.length * 3
}

function createPile(): { add(text: string): number; separate(): void; text(): string; readonly characters: number } {
  const parts: string[] = []
  let length = 0
  let characters = 0
  return {
    /** How many characters of it count. */
    add(text) {
      const visible = visibleLength(text)
      characters += visible
      if (length < maxKept && text !== '') {
        parts.push(text.slice(0, maxKept - length))
        length += text.length
      }
      return visible
    },
    separate() {
      if (parts.length > 0 && parts.at(-1) !== '\n') parts.push('\n')
    },
    text: () =>
      parts
        .join('')
        .replace(/[ \t\r\f]+/g, ' ')
        .replace(/ ?\n[ \n]*/g, '\n')
        .trim(),
    get characters() {
      return characters
    },
  }
}

/** Characters that leave a mark; spaces of every kind and what fills preview lines leave none. */
export function visibleLength(text: string): number {
  let count = 0
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code > 32 && (code < 127 || !isFiller(code))) count++
  }
  return count
}

const isFiller = (code: number): boolean =>
  code <= 0xa0 ||
  code === 0xad ||
  code === 0x34f ||
  code === 0x61c ||
  (code >= 0x180b && code <= 0x180e) ||
  (code >= 0x2000 && code <= 0x200f) ||
  (code >= 0x2028 && code <= 0x202f) ||
  (code >= 0x205f && code <= 0x206f) ||
  code === 0x2800 ||
  code === 0x3000 ||
  code === 0x3164 ||
  (code >= 0xfe00 && code <= 0xfe0f) ||
  code === 0xfeff ||
  code === 0xffa0
