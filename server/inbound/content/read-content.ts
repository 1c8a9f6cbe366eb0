/** What a message says, as text and as signs: the step after its parts were taken from each other. */
import type { ParsedMessage, UnreadText } from '../message/parsed-message.ts'
import { type ContentFindings, nothingFound, readInHaste } from './findings.ts'
import { type ReadableText, type TextCare, readSimply, readText } from './readable-text.ts'
import { scanContent } from './scan.ts'

export function readContent({ message, source, subject }: UnreadText, how: TextCare): { parsed: ParsedMessage; content: ContentFindings } {
  if (how === 'none') return { parsed: withText(message, nothing), content: nothingFound }
  if (how === 'simple') return readWordsOnly({ message, source, subject })
  const reading = readText(source)
  const parsed = withText(message, reading)
  return { parsed, content: scanContent({ parsed, source, reading, subject }) }
}

/** What an agent is shown is scanned in any case, or else whoever makes a letter slow to read would be the one that nobody looks at. */
function readWordsOnly({ message, source, subject }: UnreadText): { parsed: ParsedMessage; content: ContentFindings } {
  const words = readSimply(source)
  const parsed = withText(message, words)
  const reading = { ...words, said: words.markdown, from: 'plain', html: null } as const
  const { reasons, hidden } = scanContent({ parsed, source: { ...source, html: '' }, reading, subject })
  return { parsed, content: { reasons: [readInHaste, ...reasons], hidden } }
}

const nothing: ReadableText = { markdown: '', extracted: '', flags: ['html-simplified', 'unparsable'] }

const withText = (message: ParsedMessage, { markdown, extracted, flags }: ReadableText): ParsedMessage => ({
  ...message,
  markdown,
  extracted,
  flags: [...new Set([...message.flags, ...flags])],
})
