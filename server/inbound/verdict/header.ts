/** Whether a header section can be taken at all, before anything else looks at it. */
import { headerFields, splitMessage } from '../../model/headers.ts'
import type { Reply } from '../../model/reply.ts'

/** RFC 5321 §6.3 asks for a large number; Postfix uses 50. */
const maxHops = 50
/** A header section beyond this is no letter's; refusing it keeps every later step short. */
const maxHeaderBytes = 2 * 1024 * 1024
const maxHeaderLines = 10_000

/** What is wrong with the header section as a whole, before anything else looks at it; null when nothing is. */
export function judgeHeader(message: Buffer): Reply | null {
  const { header } = splitMessage(message)
  if (header.length > maxHeaderBytes || hasMoreLines(header, maxHeaderLines))
    return { code: 552, status: '5.3.4', text: 'Header section too large' }
  // A continuation line would continue our own last field: a stranger's words inside our Authentication-Results.
  if (/^[ \t]/.test(message.toString('latin1', 0, 1)))
    return { code: 554, status: '5.6.0', text: 'The message begins with a continuation line' }
  const hops = headerFields(header).filter(({ name }) => name === 'received').length
  return hops > maxHops ? { code: 554, status: '5.4.6', text: 'Too many hops, this looks like a mail loop' } : null
}

function hasMoreLines(header: Buffer, limit: number): boolean {
  let lines = 0
  for (let at = header.indexOf(10); at >= 0; at = header.indexOf(10, at + 1)) if (++lines > limit) return true
  return false
}
