/** What is not let in, and what it is answered. The first row that applies. */
import type { Reply } from '../../model/reply.ts'
import type { MessageFacts } from './message-facts.ts'
import { isProven, leftAlone } from './proof.ts'

export type Refusal = { code: string; when: (facts: MessageFacts) => boolean; words: string; reply: Reply }

const comeAgain: Reply = { code: 451, status: '4.7.0', text: 'The sender domain could not be verified at this moment, try again later' }

export const refusals: readonly Refusal[] = [
  {
    code: 'helo-ours',
    when: ({ client }) => client.helo === 'ours',
    words: 'The client introduced itself by the name of this server.',
    reply: { code: 550, status: '5.7.1', text: 'That is the name of this server, not yours' },
  },
  {
    // RFC 5322 §3.6 allows one From field, and RFC 9989 §11.5 warns of several authors: what is shown and what was verified may then be two.
    code: 'author-many',
    when: ({ authentication }) => authentication.author === 'many',
    words: 'It names several authors of different domains, so nobody can vouch for what is shown.',
    reply: { code: 550, status: '5.7.1', text: 'A message must have one From field, with authors of one domain' },
  },
  {
    code: 'malware',
    when: ({ scan }) => scan.malware !== null,
    words: 'A scanner found malware in it.',
    reply: { code: 550, status: '5.7.1', text: 'Refused: malware was found in the message' },
  },
  {
    code: 'scanner-missing',
    when: ({ scan }) => scan.missing !== null,
    words: 'A scanner that has to look at every message did not answer.',
    reply: { code: 451, status: '4.3.0', text: 'The message could not be scanned at this moment, try again later' },
  },
  {
    code: 'rate',
    when: ({ rate }) => rate.limit !== null && rate.lastHour > rate.limit,
    words: 'Its sender has sent too many messages to one mailbox within an hour.',
    reply: { code: 451, status: '4.7.1', text: 'Too many messages from this sender to this mailbox, try again later' },
  },
  {
    // "We could not find out" is no "there is none": accepting would let in anybody who can make a DNS server fail.
    code: 'dmarc-temperror',
    when: (facts) => facts.authentication.results.dmarc.result === 'temperror' && !isProven(facts),
    words: 'The DNS could not say at that moment what the policy of the author’s domain is.',
    reply: comeAgain,
  },
  {
    code: 'dmarc-unsure',
    when: (facts) => failsPolicy(facts) && facts.authentication.unsure,
    words: 'DMARC failed while a look-up that SPF or DKIM needed was not answered.',
    reply: comeAgain,
  },
  {
    // RFC 9989 §7.4: not for p=reject alone. Refused is what nobody seems to have passed on, so that the failure has no innocent explanation.
    code: 'dmarc-reject',
    when: (facts) =>
      failsPolicy(facts) && facts.authentication.results.dmarc.policy === 'reject' && facts.judgesByIp && facts.detour === null,
    words: 'The domain of the author asks to reject what it did not send, and nothing says that this was passed on by somebody.',
    reply: { code: 550, status: '5.7.1', text: 'Refused by the DMARC policy of the sender domain' },
  },
]

const failsPolicy = ({ authentication: { results } }: MessageFacts): boolean =>
  results.dmarc.result === 'fail' && !leftAlone(results.dmarc.policy)
