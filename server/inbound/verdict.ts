/**
 * What authentication leads to. Pure.
 *
 * DMARC is the only test that speaks about the author people see, so it alone refuses: SPF and DKIM by themselves break at every forwarder.
 * (RFC 9989 §7.4 would have p=reject alone not refuse either; docs/specifications.md says why it does here.) When the DNS could not answer, the
 * sender is asked to come again: an agent gets its letter minutes later, while accepting would let in anybody who can make a DNS server
 * fail, and refusing would lose real mail.
 */
import type { Reason } from '../model/reason.ts'
import type { Reply } from '../model/reply.ts'
import type { AuthenticationResults } from '../model/verdict.ts'
import type { SpamVerdict } from '../model/email.ts'

/** `author`: whether the From fields name one domain. `unsure`: a look-up that SPF or DKIM needed failed for now. */
export type Authentication = { results: AuthenticationResults; author: 'one' | 'none' | 'many'; unsure: boolean }

/** `spam` null: nothing speaks against it (which is not to say that its content was examined). */
export type InboundVerdict =
  | { kind: 'accept'; spam: null }
  | { kind: 'junk'; spam: Exclude<SpamVerdict, 'clean'>; reason: string }
  | { kind: 'refuse'; reply: Reply; reason: string }

/** What a message that was let in is to one mailbox. `score` null: nothing was counted. */
export type MailboxVerdict = { spam: SpamVerdict | null; score: number | null; reasons: readonly Reason[] }

const accept: InboundVerdict = { kind: 'accept', spam: null }
const junk = (spam: 'flagged' | 'quarantined', reason: string): InboundVerdict => ({ kind: 'junk', spam, reason })
const comeAgain: InboundVerdict = {
  kind: 'refuse',
  reason: 'dmarc-temperror',
  reply: { code: 451, status: '4.7.0', text: 'The sender domain could not be verified at this moment, try again later' },
}
const notTheAuthor: InboundVerdict = {
  kind: 'refuse',
  reason: 'dmarc-reject',
  reply: { code: 550, status: '5.7.1', text: 'Refused by the DMARC policy of the sender domain' },
}

/** The first row that applies. */
export function judgeMessage({ results, author, unsure }: Authentication): InboundVerdict {
  const { dmarc } = results
  if (dmarc.result === 'pass') return accept
  // RFC 9989 §11.5: with no author, or several, nobody vouches for what the reader sees.
  if (author !== 'one') return junk('flagged', `author-${author}`)
  if (dmarc.result === 'temperror') return passesUnderAnyPolicy(results) ? accept : comeAgain
  if (dmarc.result !== 'fail' || dmarc.policy === null || dmarc.policy === 'none') return accept
  if (unsure) return comeAgain
  return dmarc.policy === 'reject' ? notTheAuthor : junk('quarantined', 'dmarc-quarantine')
}

/** The very domain of the author passed SPF or signed: that is aligned in strict and in relaxed mode, so no record could say otherwise. */
function passesUnderAnyPolicy({ spf, dkim, dmarc }: AuthenticationResults): boolean {
  if (dmarc.domain === null) return false
  return (spf.result === 'pass' && spf.domain === dmarc.domain) || dkim.some((one) => one.result === 'pass' && one.domain === dmarc.domain)
}
