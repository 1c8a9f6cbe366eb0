import type { Address } from '../../server/model/address.ts'
import type { AuthenticationResults } from '../../server/model/verdict.ts'
import type { Authentication, MailboxFacts, MessageFacts } from '../../server/inbound/verdict/message-facts.ts'

export const domain = 'remote.test'

/** What authentication may have said of a message of bo@remote.test: nothing, besides what is given. */
export const said = (
  dmarc: Partial<AuthenticationResults['dmarc']>,
  more: Partial<Omit<Authentication, 'results'>> & Partial<Omit<AuthenticationResults, 'dmarc'>> = {},
): Authentication => {
  const { author = 'one', unsure = false, chain = null, spf = { result: 'none', domain: null }, dkim = [], arc = { result: 'none' } } = more
  return { author, unsure, chain, results: { spf, dkim, dmarc: { result: 'none', policy: null, domain, ...dmarc }, arc } }
}

export const signedBy = (
  signer: string,
  result: AuthenticationResults['dkim'][number]['result'] = 'pass',
): AuthenticationResults['dkim'] => [{ result, domain: signer, selector: 's', aligned: signer === domain }]

/** A message of bo@remote.test from a client of which all is well and nothing is known. */
export const message = (authentication: Authentication, more: Partial<MessageFacts> = {}): MessageFacts => ({
  authentication,
  shownAuthor: `bo@${domain}` as Address,
  judgesByIp: true,
  client: { isStranger: true, reverse: 'confirmed', helo: 'plausible', listings: [] },
  detour: null,
  rate: { lastHour: 0, limit: null },
  firstTime: false,
  content: [],
  examined: true,
  scan: { reasons: [], malware: null, missing: null },
  ...more,
})

/** Of a mailbox that has had one unproved letter from the author. */
export const mailbox = (more: Partial<MailboxFacts> = {}): MailboxFacts => ({
  history: { received: 1, verified: 0, sent: 0 },
  learned: null,
  conversation: [],
  ...more,
})
