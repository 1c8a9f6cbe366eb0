/** MAIL, RCPT and RSET: the envelope is written, and torn up. */
import type { Reply } from '../../model/reply.ts'
import { noRoom } from './intake.ts'
import { type Answer, say } from './answers.ts'
import { type Mail, type Talk, endMail } from './talk.ts'
import { commands } from './input.ts'
import { judgeMailOptions, unknownParameter } from './mail-parameters.ts'
import { parsePathArgument } from './path.ts'

const answered = (verb: string, reply: Reply): Answer => ({ verb, reply, next: commands })
const badParameter = (verb: string): Answer => say(verb, 501, '5.5.4', 'Parameters must be KEYWORD or KEYWORD=value, each once')
/** RFC 6531 §3.5: such an address needs SMTPUTF8 all the way. */
const notAscii = (verb: string): Answer => say(verb, 553, '5.6.7', 'An address that is not US-ASCII needs SMTPUTF8')
const ascii = /^[ -~]*$/

export function mail(talk: Talk, argument: string): Answer {
  const { host, peer } = talk
  const parsed = parsePathArgument('FROM', argument)
  if (parsed === 'path') return say('MAIL', 501, '5.1.7', 'Write MAIL FROM:<address>')
  if (parsed === 'parameter') return badParameter('MAIL')
  const judged = judgeMailOptions(parsed.parameters, { secure: peer.cipher() !== null, maxMessageBytes: host.maxMessageBytes })
  if (!judged.ok) return answered('MAIL', judged.reply)
  if (!judged.options.utf8 && !ascii.test(parsed.path)) return notAscii('MAIL')
  const sender = host.judgeSender(parsed.path)
  if (!sender.ok) return answered('MAIL', sender.reply)
  if (!host.hasTime()) return say('MAIL', 451, '4.3.1', 'Too many messages at this moment, try again later')
  // Told now it costs nobody the message; and what we may know of this network comes last, when all else is well.
  const refusal = host.budget.of(peer.ip).hasRoom(judged.options.size) ? peer.mayMail(judged.options.size) : noRoom
  if (refusal !== null) return answered('MAIL', refusal)
  talk.transactions++
  talk.mail = { reversePath: sender.reversePath, recipients: new Map(), ...judged.options, transfer: null }
  return say('MAIL', 250, '2.1.0', 'Sender accepted')
}

export async function rcpt(talk: Talk, argument: string): Promise<Answer> {
  const { host } = talk
  const envelope = talk.mail as Mail
  const parsed = parsePathArgument('TO', argument)
  if (parsed === 'path') return say('RCPT', 501, '5.1.3', 'Write RCPT TO:<address>')
  if (parsed === 'parameter') return badParameter('RCPT')
  // DSN (RFC 3461) is not announced, and nothing else is known here.
  if (parsed.parameters.size > 0) return answered('RCPT', unknownParameter)
  if (!envelope.utf8 && !ascii.test(parsed.path)) return notAscii('RCPT')
  const key = parsed.path.toLowerCase()
  // Who was named already is not looked up again; for conduct that is a word that leads nowhere.
  if (envelope.recipients.has(key)) return say('NOOP', 250, '2.1.5', 'Recipient accepted')
  if (envelope.recipients.size >= host.maxRecipients)
    return say('RCPT', 452, '4.5.3', 'Too many recipients; send to the others with another message')
  const verdict = await host.judgeRecipient(parsed.path, talk)
  if (!verdict.ok) return answered('RCPT', verdict.reply)
  envelope.recipients.set(key, verdict.recipient)
  return say('RCPT', 250, '2.1.5', 'Recipient accepted')
}

export function rset(talk: Talk): Answer {
  endMail(talk)
  return say('RSET', 250, '2.0.0', 'Forgotten')
}
