/** X.Y.Z of RFC 3463. */
export type EnhancedStatus = `${2 | 4 | 5}.${number}.${number}`

/** One SMTP reply: basic code (RFC 5321 §4.2), enhanced status code (RFC 3463) when the server gave one, and its text. */
export type Reply = { code: number; status: EnhancedStatus | null; text: string }

const enhanced = /^([245]\.\d{1,3}\.\d{1,3})(?:[ -]|$)/

// What the other side says is kept, logged and shown: it may not be endless, and nothing in it may break a line or move a terminal.
const maxLength = 4096
const unprintable = /[\p{C}\p{Zl}\p{Zp}]+/gu

/** Reads a reply as received, all lines of it: `550 5.1.1 no such user` or `550-5.1.1 no\r\n550 5.1.1 such user`. Null when it is none.
 *  Its text comes out as one printable line, cut short when it is very long. */
export function parseReply(text: string): Reply | null {
  const lines = text
    .slice(0, maxLength)
    .split(/\r?\n/)
    .map((line) => line.replace(unprintable, ' ').trimEnd())
    .filter((line) => line !== '')
  const code = /^([2-5]\d\d)(?:[ -]|$)/.exec(lines[0] ?? '')?.[1]
  if (code === undefined) return null
  const texts = lines.map((line) => (line.startsWith(code) ? line.slice(4) : line))
  const status = (enhanced.exec(texts[0] ?? '')?.[1] ?? null) as EnhancedStatus | null
  const strip = (line: string) => (status !== null && line.startsWith(status) ? line.slice(status.length).trimStart() : line)
  return { code: Number(code), status, text: texts.map(strip).join(' ').trim() }
}

/** `550 5.1.1 No such user`, one line. */
export const formatReply = (reply: Reply): string =>
  [reply.code, reply.status, reply.text].filter((part) => part !== null && part !== '').join(' ')
