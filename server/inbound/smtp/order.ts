/** In which order commands may come (RFC 5321 §4.1.4). Pure. */
import type { Talk } from './talk.ts'

/** Where a session stands. */
type Stage = 'strange' | 'greeted' | 'mail' | 'recipients' | 'chunks'

function stageOf({ hello, mail }: Talk): Stage {
  if (mail === null) return hello === null ? 'strange' : 'greeted'
  if (mail.transfer !== null) return 'chunks'
  return mail.recipients.size === 0 ? 'mail' : 'recipients'
}

const helloFirst = 'Say EHLO first'
const mailFirst = 'MAIL must come first'
const rcptFirst = 'There is no recipient'
const mailGiven = 'MAIL was given already'
const chunksBegun = 'A message has begun with BDAT; finish it or say RSET'

/** Of the commands that have an order: why they cannot come now; null when they can (RFC 5321 §4.1.4, RFC 3030 §2). */
const order: Record<string, Record<Stage, string | null>> = {
  MAIL: { strange: helloFirst, greeted: null, mail: mailGiven, recipients: mailGiven, chunks: mailGiven },
  RCPT: { strange: helloFirst, greeted: mailFirst, mail: null, recipients: null, chunks: chunksBegun },
  DATA: { strange: helloFirst, greeted: mailFirst, mail: rcptFirst, recipients: null, chunks: chunksBegun },
  BDAT: { strange: helloFirst, greeted: mailFirst, mail: rcptFirst, recipients: null, chunks: null },
}

/** Why this command cannot come now; null when it can. */
export const outOfOrder = (talk: Talk, verb: string): string | null => order[verb]?.[stageOf(talk)] ?? null
