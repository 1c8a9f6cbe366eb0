/** EHLO and HELO: who is there, and what we can do. */
import type { Answer } from './answers.ts'
import { type Talk, endMail } from './talk.ts'
import { commands } from './input.ts'

/** RFC 5321 §4.5.3.1.2 gives a domain 255 octets, and an address literal is shorter. */
const maxNameLength = 255

/** What we do and nothing else: no AUTH, no DSN, no BINARYMIME. */
const extensions = ({ host, peer }: Talk): string[] => [
  'PIPELINING',
  `SIZE ${host.maxMessageBytes}`,
  '8BITMIME',
  'SMTPUTF8',
  'ENHANCEDSTATUSCODES',
  'CHUNKING',
  // RFC 9422. A session may hold any number of transactions.
  `LIMITS RCPTMAX=${host.maxRecipients}`,
  // RFC 8689 §3: what asks for TLS is offered where there is TLS.
  peer.cipher() === null ? 'STARTTLS' : 'REQUIRETLS',
]

/** @param argument the name the client calls itself; one word is all we ask, real clients send worse than RFC 5321 allows */
export function hello(talk: Talk, verb: 'EHLO' | 'HELO', argument: string): Answer {
  // RFC 2034 §4: no enhanced code in any reply to these two.
  const answer = (code: number, text: string, lines: string[] = []): Answer => ({
    verb,
    reply: { code, status: null, text },
    lines,
    next: commands,
  })
  if (argument === '' || argument.includes(' ') || argument.length > maxNameLength) return answer(501, `Say ${verb} and your host name`)
  talk.hello = { name: argument.toLowerCase(), extended: verb === 'EHLO' }
  endMail(talk)
  talk.peer.saidHello(argument)
  if (verb === 'HELO') return answer(250, talk.host.name)
  const offered = extensions(talk)
  return answer(250, offered.at(-1) ?? '', [talk.host.name, ...offered.slice(0, -1)])
}
