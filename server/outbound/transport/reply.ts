import { type Reply, parseReply } from '../../model/reply.ts'

// Enough for what people and our rules look for; a reply may be a page of policy text, or an attack on whoever reads it.
const maxReplyText = 500

/** A stranger's words made fit to store and show: one line, no control or invisible characters (so no terminal codes), at most 500 characters. */
export const cleanText = (text: string): string =>
  text
    .slice(0, 10 * maxReplyText)
    .replace(/[\p{C}\p{Z}]+/gu, ' ')
    .trim()
    .slice(0, maxReplyText)

/** A reply as received, bounded; null when it is none. */
export function readReply(raw: string): Reply | null {
  const reply = parseReply(raw.slice(0, 10 * maxReplyText))
  return reply === null ? null : { ...reply, text: cleanText(reply.text) }
}
