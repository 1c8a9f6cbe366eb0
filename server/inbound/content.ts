/** The readable text of a message, from what its sender offered. */
import { extractNewText } from '../mailbox/extract.ts'
import { htmlToMarkdown, htmlToText } from './html.ts'
import type { MessageFlag } from './parsed-message.ts'
import { cleanText, cut, hasDeceptiveCharacters } from './text.ts'

/** `markdown` is the whole visible text, `extracted` only what is new in it. */
export type ReadableText = { markdown: string; extracted: string; flags: MessageFlag[] }

/** Characters. A letter that says more is cut, and flagged; its raw bytes have everything. */
const maxText = 256 * 1024
const maxHtml = 1024 * 1024
/** From here on plain text is a letter of its own, whatever stands beside it. */
const substantial = 200

/** Which text of a message to read. Plain text is what its author meant for programs: nothing in it can be hidden and it needs no
 *  conversion. But some senders put only "open this in a browser" there, so it must say a fair part of what the HTML says. */
export function chooseText(plain: string, html: string): 'plain' | 'html' {
  const said = plain.trim().length
  if (html.trim() === '' || said >= substantial) return 'plain'
  return said > 0 && said * 4 >= htmlToText(html.slice(0, maxHtml)).length ? 'plain' : 'html'
}

export const readPlain = (text: string, forwarded: boolean): ReadableText => finish(text.slice(0, maxText * 2), forwarded, [])

export function readHtml(html: string, forwarded: boolean): ReadableText {
  const reading = htmlToMarkdown(html.slice(0, maxHtml))
  if (reading === null) return readHtmlSimply(html, forwarded)
  return finish(reading.markdown, forwarded, [...(reading.hidden ? ['hidden-text' as const] : []), ...tooLong(html)])
}

/** For HTML that the converter cannot read in time: its words, hidden ones too. */
export const readHtmlSimply = (html: string, forwarded: boolean): ReadableText =>
  finish(htmlToText(html.slice(0, maxHtml)), forwarded, ['html-simplified', ...tooLong(html)])

const tooLong = (html: string): MessageFlag[] => (html.length > maxHtml ? ['text-truncated'] : [])

function finish(text: string, forwarded: boolean, flags: MessageFlag[]): ReadableText {
  const clean = cleanText(text)
  const markdown = cut(clean, maxText)
  if (markdown.length < clean.length) flags.push('text-truncated')
  if (hasDeceptiveCharacters(text)) flags.push('invisible-characters')
  if (clean.includes('\ufffd')) flags.push('undecodable-text')
  return { markdown, extracted: extractNewText(markdown, { forwarded }), flags }
}
