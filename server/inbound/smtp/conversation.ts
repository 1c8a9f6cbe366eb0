/**
 * What each command is answered and what it leads to: one session's state, without its socket.
 *
 * Promise: which command may come when is one table (talk.ts); a command that is refused changes nothing; every reply but those to EHLO and
 * HELO and 354 carries an enhanced code (RFC 2034 §4).
 */
import { type Command, type Unreadable, parseCommand } from './command-line.ts'
import { mail, rcpt, rset } from './envelope.ts'
import { hello } from './hello.ts'
import type { Later } from './input.ts'
import { type Answer, say, sayAndClose } from './answers.ts'
import { outOfOrder } from './order.ts'
import type { Talk } from './talk.ts'
import { bdat, data } from './transfer.ts'

type Handler = (talk: Talk, argument: string) => Later<Answer>

const notHere =
  (verb: string): Handler =>
  () =>
    say(verb, 502, '5.5.1', 'Command not implemented')
const bare =
  (verb: string, handler: Handler): Handler =>
  (talk, argument) =>
    argument === '' ? handler(talk, '') : say(verb, 501, '5.5.4', `${verb} takes no argument`)

const handlers: Record<string, Handler> = {
  EHLO: (talk, argument) => hello(talk, 'EHLO', argument),
  HELO: (talk, argument) => hello(talk, 'HELO', argument),
  MAIL: inOrder('MAIL', mail),
  RCPT: inOrder('RCPT', rcpt),
  DATA: bare('DATA', inOrder('DATA', data)),
  // Its octets have to be read whatever is said about it, so it sees to the order itself.
  BDAT: bdat,
  RSET: bare('RSET', rset),
  NOOP: () => say('NOOP', 250, '2.0.0', 'OK'),
  QUIT: bare('QUIT', () => sayAndClose('QUIT', 221, '2.0.0', 'Bye')),
  STARTTLS: bare('STARTTLS', startTls),
  // RFC 5321 §3.5.3, §7.3: says nothing about who exists.
  VRFY: (_talk, argument) =>
    argument === '' ? say('VRFY', 501, '5.5.4', 'VRFY needs an argument') : say('VRFY', 252, '2.5.0', 'Send a message and see'),
  EXPN: notHere('EXPN'),
  HELP: notHere('HELP'),
  AUTH: notHere('AUTH'),
  ETRN: notHere('ETRN'),
  TURN: notHere('TURN'),
  SEND: notHere('SEND'),
  SOML: notHere('SOML'),
  SAML: notHere('SAML'),
}

function inOrder(verb: string, handler: Handler): Handler {
  return (talk, argument) => {
    const problem = outOfOrder(talk, verb)
    return problem === null ? handler(talk, argument) : say(verb, 503, '5.5.1', problem)
  }
}

/** RFC 3207 §4. What stands behind it in the clear was put there by somebody in between, or by a broken sender: CVE-2011-0411. */
function startTls({ peer }: Talk): Answer {
  if (peer.cipher() !== null) return say('STARTTLS', 503, '5.5.1', 'TLS is active already')
  if (peer.unread() > 0) return sayAndClose('STARTTLS', 554, '5.5.0', 'Nothing may be sent behind STARTTLS before the handshake')
  return { verb: 'STARTTLS', reply: { code: 220, status: '2.0.0', text: 'Go ahead' }, next: { read: 'tls' } }
}

/** What a web page makes a browser send here is a request, and the commands are in its body. */
const http = /^(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|TRACE|CONNECT)$/

/** Answers one command line, given without its CRLF. */
export function answerCommand(talk: Talk, line: Buffer): Later<Answer> {
  const command = parseCommand(line)
  if (command === null) return say('', 500, '5.5.2', 'There are characters in it that no command has')
  const handler = Object.hasOwn(handlers, command.verb) ? handlers[command.verb] : undefined
  if (handler !== undefined) return handler(talk, command.argument)
  return unknown(command)
}

function unknown({ verb, argument }: Command): Answer {
  return http.test(verb) && argument.includes('HTTP/')
    ? sayAndClose('', 421, '4.7.0', 'This is a mail server')
    : say('', 500, '5.5.2', 'Command not recognized')
}

/** Where such a line ends is a matter of opinion, so nothing behind it can be trusted to be a command. */
export const answerUnreadable = (why: Unreadable): Answer =>
  sayAndClose('', 500, '5.5.2', why === 'stray' ? 'Lines must end in CRLF; bare CR, bare LF and NUL are not accepted' : 'Line too long')

/** Answers what was read since DATA or BDAT. */
export function answerTaken(talk: Talk): Later<Answer> {
  const answer = talk.whenTaken
  talk.whenTaken = null
  return answer === null ? say('', 503, '5.5.1', 'Nothing was asked for') : answer()
}
