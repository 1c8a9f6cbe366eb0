import { readContent } from '../../server/inbound/content/read-content.ts'
import type { ContentFindings } from '../../server/inbound/content/findings.ts'
import { type ParsedMessage, unreadMessage } from '../../server/inbound/message/parsed-message.ts'
import type { HeaderAddress } from '../../server/model/email.ts'

export type Letter = {
  from?: HeaderAddress
  replyTo?: HeaderAddress[]
  subject?: string
  plain?: string
  html?: string
  attachments?: { name: string; contentType?: string; content?: string | Uint8Array }[]
}

/** What the scan finds in a letter from a correspondent about whom nothing is odd, but for what is given. */
export function scanLetter(letter: Letter): ContentFindings & { parsed: ParsedMessage; codes: string[]; score: number } {
  const { from = { address: 'bo@remote.test', name: 'Bo Berg' }, replyTo = [], subject = 'Hello', plain = '', html = '' } = letter
  const attachments = (letter.attachments ?? []).map(({ name, contentType = 'application/octet-stream', content = '' }) => ({
    name,
    contentType,
    content: typeof content === 'string' ? Buffer.from(content) : content,
    contentId: null,
    isInline: false,
  }))
  const message = { ...unreadMessage([]), from, replyTo, subject, attachments }
  const { parsed, content } = readContent({ message, source: { plain, html, forwarded: false }, subject }, 'good')
  return {
    ...content,
    parsed,
    codes: content.reasons.map(({ code }) => code).toSorted(),
    score: content.reasons.reduce((sum, { points }) => sum + points, 0),
  }
}
