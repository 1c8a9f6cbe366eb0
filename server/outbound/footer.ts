/**
 * What stands at the end of each email behind what its agent wrote (contract §11.4): who writes, that an AI agent does, what a person had to do with it,
 * and where all this can be checked. Part of the composed message, so of what is hashed and approved.
 *
 * Promises: it is in the plain text and in the HTML, with the same words, last; nothing an agent writes takes it away or closes what it stands in; and no
 * agent says the sentences about oversight in its own name.
 */
import type { OversightSaid } from '../model/email.ts'
import type { UnsubscribeUris } from './unsubscribe/unsubscribe.ts'

/** `unsubscribe` and `postalAddress` null: it says nothing of them. */
export type FooterFacts = {
  writer: string
  said: OversightSaid
  /** as clients reach the server; null: it cannot be reached */
  publicUrl: string | null
  postalAddress: string | null
  unsubscribe: UnsubscribeUris | null
}

/** The words of the public contract. */
const disclosure = 'This email was sent by an AI agent.'

const sentences: Record<OversightSaid, string> = {
  approved: 'A person approved this email before it was sent.',
  allow_listed: 'A person decided beforehand that this agent may write to this recipient.',
  monitored: 'A person monitors what this agent sends.',
  autonomous: 'No person looked at this email before it was sent.',
}

/** A line of the footer: text, and a link behind it. */
type Line = { text: string; href?: string }

function linesOf({ writer, said, publicUrl, postalAddress, unsubscribe }: FooterFacts): Line[] {
  const verify = publicUrl === null ? null : new URL('/verify', publicUrl).href
  const leave = unsubscribe === null ? null : (unsubscribe.https ?? unsubscribe.mailto)
  return [
    { text: plain(writer) },
    { text: disclosure },
    { text: sentences[said] },
    verify === null ? { text: 'Sent via MultiMail' } : { text: 'Sent via MultiMail · Verify sender', href: verify },
    ...(postalAddress ?? '').split(/\r\n?|\n/).map((line) => ({ text: plain(line) })),
    ...(leave === null ? [] : [{ text: 'Unsubscribe', href: leave }]),
  ].filter(({ text }) => text !== '')
}

/** One line of visible characters. */
const plain = (text: string): string =>
  text
    .toWellFormed()
    .replace(/[\p{C}\p{Zl}\p{Zp}\s]+/gu, ' ')
    .trim()

/** The footer as people read it, without what separates it from the rest. */
export const footerText = (facts: FooterFacts): string =>
  linesOf(facts)
    .map(({ text, href }) => (href === undefined ? text : `${text}: ${href}`))
    .join('\n')

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;').replaceAll("'", '&#39;')

/** @param footer of `footerText`. Behind `-- `, by which mail programs know what is no part of the letter (RFC 3676 §4.3). */
export const withFooterText = (text: string, footer: string): string => `${text.trimEnd()}\n\n-- \n${footer}\n`

/** @param html a document of `htmlFromMarkdown`, in which the last `</body>` is its own: an agent writes no tags */
export function withFooterHtml(html: string, facts: FooterFacts): string {
  const lines = linesOf(facts).map(({ text, href }) =>
    href === undefined ? escaped(text) : `<a href="${escaped(href)}">${escaped(text)}</a>`,
  )
  const end = html.lastIndexOf('</body>')
  return `${html.slice(0, end)}<hr>\n<p><small>${lines.join('<br>\n')}</small></p>\n${html.slice(end)}`
}

const lettersOf = (text: string): string =>
  text
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[^\p{L}]+/gu, '')
const ownSentences = Object.values(sentences).map(lettersOf)
const quoted = /^\s{0,3}>/

/** True when it says one of the footer's sentences about oversight, however it is set, and not in a quotation. */
export function imitatesFooter(markdown: string): boolean {
  const own = markdown.split('\n').filter((line) => !quoted.test(line))
  const letters = lettersOf(own.join(' '))
  return ownSentences.some((sentence) => letters.includes(sentence))
}
