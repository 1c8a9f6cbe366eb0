/** X.Y.Z of RFC 3463. */
export type EnhancedStatus = `${2 | 4 | 5}.${number}.${number}`

/** One SMTP reply: basic code (RFC 5321 §4.2), enhanced status code (RFC 3463) when the server gave one, and its text. */
export type Reply = { code: number; status: EnhancedStatus | null; text: string }

const enhanced = /^([245]\.\d{1,3}\.\d{1,3})(?:[ -]|$)/

/** Reads a reply as received, all lines of it: `550 5.1.1 no such user` or `550-5.1.1 no\r\n550 5.1.1 such user`. Null when it is none. */
export function parseReply(text: string): Reply | null {
  const lines = text.split(/\r?\n/).filter((line) => line !== '')
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
