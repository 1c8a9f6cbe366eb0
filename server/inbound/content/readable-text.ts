/** The readable text of a message, from what its sender offered. */
import { extractNewText } from '../../mailbox/extract.ts'
import { visibleLength } from '../html/hidden-text.ts'
import { htmlToText } from '../html/plain-words.ts'
import { type HtmlReading, readHtml } from '../html/read-html.ts'
import type { MessageFlag, TextSource } from '../message/parsed-message.ts'
import { cleanText, cut, hasDeceptiveCharacters } from '../message/text.ts'

/** How much care it is made with. `simple`: only the words, when the good way took too long; `none`: not even those. */
export type TextCare = 'good' | 'simple' | 'none'

/** `markdown` is the whole visible text, `extracted` only what is new in it. */
export type ReadableText = { markdown: string; extracted: string; flags: MessageFlag[] }

/** `said`: the text that was chosen, before invisible characters were taken out of it. `html`: how the HTML reads, whichever was chosen. */
export type Reading = ReadableText & { said: string; from: 'plain' | 'html'; html: HtmlReading | null }

/** Characters. A letter that says more is cut, and flagged; its raw bytes have everything. */
const maxText = 256 * 1024
const maxHtml = 1024 * 1024
/** From here on plain text is a letter of its own, whatever stands beside it. */
const substantial = 200
/** A shorter one must say at least a third of what the HTML says. */
const fairPart = 3

export function readText({ plain, html, forwarded }: TextSource): Reading {
  const reading = html.trim() === '' ? null : readHtml(html.slice(0, maxHtml))
  if (reading === null || isLetterOfItsOwn(plain, reading.characters)) {
    const said = plain.slice(0, maxText * 2)
    return { ...finish(said, forwarded, []), said, from: 'plain', html: reading }
  }
  const flags: MessageFlag[] = reading.hidden.characters > 0 ? ['hidden-text'] : []
  if (reading.isSimplified) flags.push('html-simplified')
  const said = reading.markdown
  return { ...finish(said, forwarded, [...flags, ...tooLong(html)]), said, from: 'html', html: reading }
}

/** For a message whose text could not be read in time: its words, hidden ones too. */
export function readSimply({ plain, html, forwarded }: TextSource): ReadableText {
  const words = htmlToText(html.slice(0, maxHtml))
  if (isLetterOfItsOwn(plain, visibleLength(words))) return finish(plain.slice(0, maxText * 2), forwarded, [])
  return finish(words, forwarded, ['html-simplified', ...tooLong(html)])
}

/** Plain text is what its author meant for programs: nothing in it can be hidden and it needs no conversion. But some senders put only
 *  "open this in a browser" there, so it must say a fair part of what the HTML says. */
function isLetterOfItsOwn(plain: string, inHtml: number): boolean {
  if (inHtml === 0 || plain.trim().length >= substantial) return true
  const said = visibleLength(plain)
  return said > 0 && said * fairPart >= inHtml
}

const tooLong = (html: string): MessageFlag[] => (html.length > maxHtml ? ['text-truncated'] : [])

function finish(text: string, forwarded: boolean, flags: MessageFlag[]): ReadableText {
  const clean = cleanText(text)
  const markdown = cut(clean, maxText)
  if (markdown.length < clean.length) flags.push('text-truncated')
  if (hasDeceptiveCharacters(text)) flags.push('invisible-characters')
  if (clean.includes('\ufffd')) flags.push('undecodable-text')
  return { markdown, extracted: extractNewText(markdown, { forwarded }), flags }
}
