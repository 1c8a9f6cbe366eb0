import { Parser } from 'htmlparser2'
import { createCollector } from './collector.ts'
import type { FileText, TextTask } from './words.ts'

type Task = Omit<TextTask, 'kind'>

export function textOfPlain({ bytes, mostCharacters }: Task): FileText {
  const out = createCollector(mostCharacters)
  const { text, isDoubtful } = decoded(bytes, mostCharacters)
  out.add(text.replace(/\r\n?/g, '\n'))
  return { ...out.result(), parts: null, ...(isDoubtful && { isDoubtful }) }
}

const unread = new Set(['script', 'style', 'head', 'template', 'noscript', 'svg', 'object'])
const lines = new Set('p div br tr li h1 h2 h3 h4 h5 h6 table section article blockquote pre hr ul ol'.split(' '))

/** Every text in it, what a browser would not show as well: this is for a program that was told whose words they are. */
export function textOfHtml({ bytes, mostCharacters }: Task): FileText {
  const out = createCollector(mostCharacters)
  let inside = 0
  const parser = new Parser({
    onopentagname(name) {
      if (unread.has(name)) inside += 1
      else if (lines.has(name)) out.add('\n')
      else if (name === 'td' || name === 'th') out.add('\t')
    },
    onclosetag(name) {
      if (unread.has(name)) inside -= 1
      else if (lines.has(name)) out.add('\n')
    },
    ontext(text) {
      if (inside === 0 && !out.isFull()) out.add(text.replace(/\s+/g, ' '))
    },
  })
  const { text: page, isDoubtful } = decoded(bytes, mostBytes)
  parser.end(page)
  return { ...out.result(), parts: null, ...(isDoubtful && { isDoubtful }) }
}

const mostBytes = 8 * 1024 * 1024

/** UTF-16 by its mark, UTF-8 where it is that, else the Windows code page that most old files are in. */
export function decoded(bytes: Uint8Array, most: number): { text: string; isDoubtful: boolean } {
  const part = bytes.subarray(0, Math.min(bytes.length, most * 4))
  const encoding = part[0] === 0xff && part[1] === 0xfe ? 'utf-16le' : part[0] === 0xfe && part[1] === 0xff ? 'utf-16be' : 'utf-8'
  try {
    // `stream`: the last character may have been cut.
    const text = new TextDecoder(encoding, { fatal: true }).decode(part, { stream: true })
    return { text, isDoubtful: countOf(text, isControl) > text.length * mostControls }
  } catch {
    const text = new TextDecoder(encoding === 'utf-8' ? 'windows-1252' : encoding).decode(part)
    const isWestern = text.length < fewest || countOf(text, isForeign) <= text.length * mostForeign
    return { text, isDoubtful: encoding !== 'utf-8' || !isWestern || countOf(text, isControl) > text.length * mostControls }
  }
}

/** Shares of all characters. Any octets at all have 13 in a hundred controls, and every second is foreign; a letter in French has one in twenty. */
const [mostControls, mostForeign] = [0.01, 1 / 3]
/** Shorter texts may be all accents. */
const fewest = 8

function countOf(text: string, isOne: (unit: number) => boolean): number {
  let count = 0
  for (let at = 0; at < text.length; at += 1) if (isOne(text.charCodeAt(at))) count += 1
  return count
}

const isForeign = (unit: number): boolean => unit >= 0x80
/** But tab, line ends, page ends and what terminals write colours with. */
const isControl = (unit: number): boolean =>
  (unit < 0x20 && !(unit >= 9 && unit <= 13) && unit !== 0x1b) || (unit >= 0x7f && unit < 0xa0 && unit !== 0x85)
