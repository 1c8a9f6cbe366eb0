/** Which message a report is about: it carries that message, or its header, as a part of its own or below its text. */
import { parseMessageIds } from '../../model/msg-id.ts'
import type { ParsedMessage } from '../message/parsed-message.ts'
import { textOf } from './report-fields.ts'

const returnedTypes = new Set([
  'message/rfc822',
  'message/global',
  'text/rfc822-headers',
  'message/global-headers',
  // what some programs write for the two before
  'message/rfc822-headers',
  'text/rfc822',
])
const maxReturned = 5
const maxLines = 2_000
const mark = 'message/rfc822'

/** The Message-ID of the message that came back, with angle brackets; null when it cannot be told.
 *  @param raw for a message that the parser took for part of the text, as it does where no part says that this is a report */
export const originalMessageId = (parsed: ParsedMessage, raw: Buffer): string | null => inAttachments(parsed) ?? inRaw(raw)

function inAttachments({ attachments }: ParsedMessage): string | null {
  for (const { content } of attachments.filter((one) => returnedTypes.has(one.contentType.toLowerCase())).slice(0, maxReturned)) {
    const found = messageIdIn(textOf(content))
    if (found !== null) return found
  }
  return null
}

/** Behind the header of the first part that says it is a message. */
function inRaw(raw: Buffer): string | null {
  const head = raw.indexOf('\r\n\r\n')
  const type = head < 0 ? -1 : raw.indexOf(mark, head)
  const start = type < 0 ? -1 : raw.indexOf('\r\n\r\n', type)
  return start < 0 ? null : messageIdIn(textOf(raw.subarray(start + 4)))
}

/** The Message-ID in the header section that `text` begins with, LF line ends. */
export function messageIdIn(text: string): string | null {
  const lines = text.trimStart().split('\n', maxLines)
  const end = lines.findIndex((line) => line.trim() === '')
  const header = end < 0 ? lines : lines.slice(0, end)
  const at = header.findIndex((line) => /^message-id[ \t]{0,10}:/i.test(line))
  if (at < 0) return null
  // A long one is folded behind the colon.
  return (
    parseMessageIds(
      header
        .slice(at, at + 2)
        .join(' ')
        .slice(0, maxLines),
    )[0] ?? null
  )
}
