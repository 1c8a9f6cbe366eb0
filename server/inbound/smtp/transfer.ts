/** DATA and BDAT: a message comes in, and is answered. */
import type { Reply } from '../../model/reply.ts'
import { type Intake, createIntake, noRoom } from './intake.ts'
import type { Client } from '../arrival.ts'
import { parseChunkArgument } from './chunk-size.ts'
import { type Answer, say, sayAndClose } from './answers.ts'
import { outOfOrder } from './order.ts'
import { type Mail, type Talk, type Transfer, endMail } from './talk.ts'
import { type Later, commands } from './input.ts'
import { createLineCheck } from './mail-data.ts'
import { nowhere } from './octets.ts'

/** A sender with a message says more at a time, but for its last words. */
const leastChunkBytes = 64

const begin = ({ host, peer }: Talk, { size }: Mail): Transfer => ({
  intake: createIntake({ maxBytes: host.maxMessageBytes, announced: size, budget: host.budget.of(peer.ip) }),
  lines: createLineCheck(),
  since: host.now(),
})

export function data(talk: Talk): Answer {
  // RFC 2920 §3.1: DATA ends a group of commands, its sender waits for 354. Who does not may be somebody else's message (CVE-2023-51764).
  if (talk.peer.unread() > 0) return sayAndClose('DATA', 554, '5.5.0', 'Wait for 354 before you send the message')
  const mail = talk.mail as Mail
  const transfer = (mail.transfer = begin(talk, mail))
  talk.whenTaken = () => complete(talk, mail, transfer, 'DATA')
  return {
    verb: 'DATA',
    reply: { code: 354, status: null, text: 'Go ahead, end with <CRLF>.<CRLF>' },
    next: { read: 'text', into: transfer.intake },
  }
}

/** RFC 3030 §2. Whatever is wrong with it, its octets are read before it is answered: they are not commands. */
export function bdat(talk: Talk, argument: string): Answer {
  const chunk = parseChunkArgument(argument)
  // How many octets follow is not known, so where the next command begins is not either.
  if (chunk === 'syntax') return sayAndClose('BDAT', 501, '5.5.4', 'Write BDAT, the number of octets, and LAST with the last ones')
  if (chunk === 'endless') return sayAndClose('BDAT', 552, '5.3.4', 'Nobody sends that many octets')
  const problem = outOfOrder(talk, 'BDAT')
  if (problem !== null) return swallow(talk, chunk.size, () => say('BDAT', 503, '5.5.1', problem))
  talk.peer.receiving()
  const mail = talk.mail as Mail
  const transfer = (mail.transfer ??= begin(talk, mail))
  const { intake, lines } = transfer
  talk.whenTaken = () => (chunk.last ? complete(talk, mail, transfer, 'BDAT') : answerChunk(talk, transfer, chunk.size))
  const into = {
    ...nowhere,
    add(bytes: Buffer, from: number, to: number): void {
      if (!lines.sound(bytes, from, to)) intake.stray()
      intake.add(bytes, from, to)
    },
  }
  return { verb: 'BDAT', reply: null, next: { read: 'octets', count: chunk.size, into } }
}

function swallow(talk: Talk, count: number, then: () => Answer): Answer {
  talk.whenTaken = then
  return { verb: 'BDAT', reply: null, next: { read: 'octets', count, into: nowhere } }
}

/** What was refused for its size or for want of room is told at once, so that the sender need not send the rest. After that the transaction
 *  is over: what is still on its way is read and answered 503. */
function answerChunk(talk: Talk, { intake }: Transfer, size: number): Answer {
  const { refusal } = intake
  const final = refusal !== null && (refusal === noRoom || refusal.code === 552)
  // For conduct, a chunk that is smaller than what it costs is a word that leads nowhere.
  if (!final) return say(size < leastChunkBytes ? 'NOOP' : 'BDAT', 250, '2.0.0', `${size} octets received`)
  endMail(talk)
  talk.host.refused(refusal, talk)
  return { verb: 'BDAT', reply: refusal, next: commands, message: intake.size }
}

async function complete(talk: Talk, mail: Mail, { intake, lines }: Transfer, verb: string): Promise<Answer> {
  if (!lines.mayEnd()) intake.stray()
  // From here on a sender that goes away takes nothing back, so the memory is in use until the message is dealt with.
  talk.mail = null
  try {
    const { refusal, size } = intake
    if (refusal !== null) talk.host.refused(refusal, talk)
    return { verb, reply: refusal ?? (await receive(talk, mail, intake)), next: commands, message: size }
  } finally {
    intake.release()
  }
}

const receive = (talk: Talk, { reversePath, recipients, utf8, requireTls }: Mail, intake: Intake): Later<Reply> =>
  talk.host.receive(
    { client: clientOf(talk, utf8), reversePath, recipients: [...recipients.values()], requireTls, bytes: intake.bytes() },
    talk,
  )

/** RFC 6531 §4.3 names the protocol when SMTPUTF8 was asked for; RFC 3848 the others. */
function clientOf({ hello, peer }: Talk, utf8: boolean): Client {
  const cipher = peer.cipher()
  const name = utf8 ? 'UTF8SMTP' : hello?.extended === true ? 'ESMTP' : 'SMTP'
  return { ip: peer.ip, helo: hello?.name ?? '', protocol: `${name}${cipher === null ? '' : 'S'}`, cipher }
}
