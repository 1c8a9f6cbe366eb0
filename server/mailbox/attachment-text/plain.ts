import { Parser } from 'htmlparser2'
import { createCollector } from './collector.ts'
import type { FileText, TextTask } from './words.ts'

type Task = Omit<TextTask, 'kind'>

export function textOfPlain({ bytes, mostCharacters }: Task): FileText {
  const out = createCollector(mostCharacters)
  out.add(decoded(bytes, mostCharacters).replace(/\r\n?/g, '\n'))
  return { ...out.result(), parts: null }
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
  parser.end(decoded(bytes, mostBytes))
  return { ...out.result(), parts: null }
}

const mostBytes = 8 * 1024 * 1024

/** UTF-16 by its mark, UTF-8 where it is that, else the Windows code page that most old files are in. */
function decoded(bytes: Uint8Array, most: number): string {
  const part = bytes.subarray(0, Math.min(bytes.length, most * 4))
  if (part[0] === 0xff && part[1] === 0xfe) return new TextDecoder('utf-16le').decode(part)
  if (part[0] === 0xfe && part[1] === 0xff) return new TextDecoder('utf-16be').decode(part)
  try {
    // `stream`: the last character may have been cut.
    return new TextDecoder('utf-8', { fatal: true }).decode(part, { stream: true })
  } catch {
    return new TextDecoder('windows-1252').decode(part)
  }
}
