import { expect, it } from 'vitest'
import { type Candidate, judgeRecipient, judgeSender } from '../../server/inbound/recipients.ts'
import type { MailboxId } from '../../server/model/ids.ts'
import { formatReply } from '../../server/model/reply.ts'
import { address } from '../support/offices.ts'

/** `alias:suspended` is a candidate; so is `alias`, an active one. */
const candidate = (text: string): Candidate => {
  const [via, state = 'active'] = text.split(':')
  return { id: text as MailboxId, via: via as Candidate['via'], state: state as Candidate['state'] }
}
const nobody = '550 5.1.1 No such mailbox here'
const later = '450 4.2.1 Mailbox suspended for now, try again later'
const relaying = '550 5.7.1 Relaying denied'

it.each<[local: string, candidates: string[], outcome: string]>([
  ['ann', ['mailbox'], 'mailbox'],
  ['ann', ['mailbox', 'catch-all'], 'mailbox'],
  ['ann', ['mailbox:suspended', 'catch-all'], later],
  ['ann', ['mailbox:deleted', 'catch-all'], nobody],
  ['sales', ['alias', 'catch-all'], 'alias'],
  ['sales', ['alias', 'mailbox:deleted'], 'alias'],
  ['sales', ['alias:suspended', 'catch-all'], later],
  ['sales', ['alias:deleted', 'catch-all'], nobody],
  ['ann+x', ['catch-all', 'plus', 'mailbox'], 'mailbox'],
  ['ann+x', ['plus', 'alias'], 'alias'],
  ['ann+x', ['catch-all', 'plus'], 'plus'],
  ['ann+x', ['plus:deleted', 'plus', 'catch-all'], 'plus'],
  ['ann+x', ['plus:suspended', 'catch-all'], later],
  ['ann+x', ['plus:deleted', 'catch-all'], nobody],
  ['nobody', [], nobody],
  ['nobody', ['catch-all'], 'catch-all'],
  ['nobody', ['catch-all:suspended'], later],
  ['nobody', ['catch-all:deleted'], nobody],
  // somebody always answers for a domain, whoever can
  ['postmaster', ['role', 'catch-all'], 'role'],
  ['Postmaster', ['alias', 'role'], 'alias'],
  ['abuse', ['mailbox:suspended', 'role'], 'role'],
  ['abuse', ['mailbox:deleted', 'role'], 'role'],
  ['abuse', ['alias:deleted', 'catch-all'], 'catch-all'],
  ['postmaster', ['mailbox:suspended', 'role:suspended'], later],
  ['postmaster', [], nobody],
  // an address with a route in it belongs to who has exactly it, or to nobody
  ['ann%evil.test', ['catch-all'], relaying],
  ['evil.test!ann', ['catch-all'], relaying],
  ['"ann@evil.test"', ['catch-all'], relaying],
  ['ann+bo%evil.test', ['plus', 'catch-all'], relaying],
  ['a%b', ['mailbox', 'catch-all'], 'mailbox'],
  ['a%b', ['alias'], 'alias'],
])('RCPT TO %s with %j is %s', (local, candidates, outcome) => {
  for (const order of [candidates, candidates.toReversed()]) {
    const facts = { address: address(`${local}@ours.test`), domainIsOurs: true, candidates: order.map(candidate) }
    const verdict = judgeRecipient(facts)
    expect(verdict.ok ? verdict.recipient.via : formatReply(verdict.reply)).toBe(outcome)
  }
})

it.each([
  ['an address that none can read', { address: null, domainIsOurs: true, candidates: [] }, '553 5.1.3 Address syntax not supported'],
  ['a foreign domain', { address: address('ann@evil.test'), domainIsOurs: false, candidates: [] }, relaying],
])('RCPT TO %s', (_what, facts, reply) => {
  const verdict = judgeRecipient(facts)
  expect(verdict.ok ? 'accepted' : formatReply(verdict.reply)).toBe(reply)
})

it.each([
  ['', null],
  ['bo@remote.test', 'bo@remote.test'],
  ['bo@bücher.test', 'bo@xn--bcher-kva.test'],
  ['bo', '553 5.1.7 Sender address syntax not supported'],
])('MAIL FROM:<%s>', (path, expected) => {
  const verdict = judgeSender(path)
  expect(verdict.ok ? verdict.reversePath : formatReply(verdict.reply)).toBe(expected)
})
