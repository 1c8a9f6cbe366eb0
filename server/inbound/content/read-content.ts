/** What a message says, as text and as signs: the step after its parts were taken from each other. */
import type { ParsedMessage } from '../parsed-message.ts'
import type { Plan } from '../plan.ts'
import { type ContentFindings, nothingFound } from './findings.ts'
import { type ReadableText, type TextSource, readSimply, readText } from './readable-text.ts'
import { scanContent } from './scan.ts'

/** A message whose text is still to be made. `subject` as written, before anything invisible was taken out. */
export type UnreadText = { message: ParsedMessage; source: TextSource; subject: string }

/** @param how `simple`: only the words, when the good way took too long; `none`: not even those */
export function readContent(
  { message, source, subject }: UnreadText,
  how: Plan['text'],
): { parsed: ParsedMessage; content: ContentFindings } {
  if (how === 'none') return { parsed: withText(message, nothing), content: nothingFound }
  if (how === 'simple') return { parsed: withText(message, readSimply(source)), content: nothingFound }
  const reading = readText(source)
  const parsed = withText(message, reading)
  return { parsed, content: scanContent({ parsed, source, reading, subject }) }
}

const nothing: ReadableText = { markdown: '', extracted: '', flags: ['html-simplified', 'unparsable'] }

const withText = (message: ParsedMessage, { markdown, extracted, flags }: ReadableText): ParsedMessage => ({
  ...message,
  markdown,
  extracted,
  flags: [...new Set([...message.flags, ...flags])],
})
