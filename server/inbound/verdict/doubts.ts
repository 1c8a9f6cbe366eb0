/** What speaks for or against the sender of a message that is let in. All rows that apply; their points add up. */
import type { Reason } from '../../model/reason.ts'
import type { MessageFacts, SenderHistory } from './message-facts.ts'
import { isAmbiguous, isProven, leftAlone } from './proof.ts'

/** `when` says whether the row applies, or in words of the message what was found: the detail of the reason. */
export type Row<F> = { code: string; when: (facts: F) => boolean | string; points: number | ((facts: F) => number); words: string }

/** From here on a message is out of the agent's sight. */
export const quarantinedFrom = 12
/** From here on it is marked. */
export const flaggedFrom = 5

/** What stands, whoever sent it: trust outweighs none of it. */
export const findingRows: readonly Row<MessageFacts>[] = [
  {
    code: 'dmarc-reject-detour',
    when: ({ authentication: { results }, detour }) =>
      results.dmarc.result === 'fail' && results.dmarc.policy === 'reject' && detour !== null && detour.kind !== 'trusted' && detour.by,
    points: quarantinedFrom,
    words: 'The domain of the author asks to reject what it did not send. Somebody who passes mail on may have broken the proof.',
  },
  {
    code: 'dmarc-quarantine',
    when: ({ authentication: { results }, detour }) =>
      results.dmarc.result === 'fail' && results.dmarc.policy === 'quarantine' && detour?.kind !== 'trusted',
    points: quarantinedFrom,
    words: 'The domain of the author asks to quarantine what it did not send.',
  },
  {
    code: 'dmarc-address-hidden',
    when: ({ authentication: { results }, detour, judgesByIp }) =>
      results.dmarc.result === 'fail' && results.dmarc.policy === 'reject' && detour === null && !judgesByIp,
    points: quarantinedFrom,
    words: 'It is not signed by the domain of the author, and the address of the client, which could prove it as well, is not known here.',
  },
  {
    code: 'author-none',
    when: ({ authentication, shownAuthor }) => authentication.author === 'none' || shownAuthor === null,
    points: flaggedFrom,
    words: 'It names no author, or none that can be read.',
  },
  {
    code: 'author-ambiguous',
    when: isAmbiguous,
    points: quarantinedFrom,
    words: 'Its author field can be read in two ways: what was verified is not what is shown.',
  },
]

/** Doubts about the sender, which trust in the sender outweighs. */
export const doubtRows: readonly Row<MessageFacts>[] = [
  {
    code: 'dmarc-detour-trusted',
    when: ({ authentication: { results }, detour }) =>
      results.dmarc.result === 'fail' && !leftAlone(results.dmarc.policy) && detour?.kind === 'trusted' && detour.by,
    points: 1,
    words: 'It failed DMARC here, and passed it at a forwarder that the operator trusts.',
  },
  {
    code: 'dmarc-fail',
    when: ({ authentication: { results } }) => results.dmarc.result === 'fail' && leftAlone(results.dmarc.policy),
    points: 2,
    words: 'The domain of the author did not send it, as far as DMARC can tell, and asks for nothing to be done about that.',
  },
  {
    code: 'dmarc-none',
    when: (facts) => facts.authentication.author === 'one' && ['none', 'permerror'].includes(dmarcOf(facts)) && !isProven(facts),
    points: 1,
    words: 'The domain of the author has no DMARC policy, and nothing proves that it sent this.',
  },
  {
    code: 'unauthenticated',
    when: (facts) => facts.judgesByIp && !isProven(facts) && !passedAnything(facts),
    points: 2,
    words: 'Neither SPF nor DKIM proves any domain to have had a part in it.',
  },
  {
    code: 'spf-fail',
    when: (facts) => !isProven(facts) && facts.authentication.results.spf.result === 'fail' && (spfDomain(facts) ?? true),
    points: 3,
    words: 'The domain of the return address does not let this client send for it.',
  },
  {
    code: 'spf-softfail',
    when: (facts) => !isProven(facts) && facts.authentication.results.spf.result === 'softfail' && (spfDomain(facts) ?? true),
    points: 1,
    words: 'The domain of the return address probably does not let this client send for it.',
  },
  {
    code: 'dkim-fail',
    when: (facts) => !isProven(facts) && facts.authentication.results.dkim.some(({ result }) => result === 'fail'),
    points: 1,
    words: 'It was signed, and is not what was signed.',
  },
  {
    code: 'reverse-none',
    when: ({ client }) => client.reverse === 'none',
    points: 3,
    words: 'The address of the client has no name.',
  },
  {
    code: 'reverse-mismatch',
    when: ({ client }) => client.reverse === 'mismatch',
    points: 2,
    words: 'The name of the client’s address does not lead back to it.',
  },
  {
    code: 'blocklist',
    when: ({ client }) => client.listings.length > 0 && client.listings.map(({ list }) => list).join(', '),
    points: ({ client }) => client.listings.reduce((sum, { points }) => sum + points, 0),
    words: 'Block lists have the address of the client. Each has the points that it was given.',
  },
  {
    code: 'helo-no-name',
    when: ({ client }) => client.helo === 'no-name',
    points: 1,
    words: 'The client introduced itself by something that is not its name.',
  },
]

/** What a mailbox knows of the author. Below 0 it speaks for the sender. */
export const historyRows: readonly Row<{ proven: boolean; history: SenderHistory }>[] = [
  {
    code: 'sender-new',
    when: ({ proven, history }) => proven && isNew(history),
    points: 0,
    words: 'This author has not written to this mailbox before.',
  },
  {
    code: 'sender-new-unproven',
    when: ({ proven, history }) => !proven && isNew(history),
    points: 1,
    words: 'This author has not written to this mailbox before, and nothing proves who wrote this.',
  },
  {
    code: 'sender-proof-missing',
    when: ({ proven, history }) => !proven && history.verified > 0,
    points: 4,
    words: 'Earlier emails of this author were proved to be theirs; this one is not.',
  },
  {
    code: 'sender-known',
    when: ({ proven, history }) => proven && history.verified > 0 && history.sent === 0,
    points: -2,
    words: 'This author has written to this mailbox before.',
  },
  {
    code: 'sender-correspondent',
    when: ({ proven, history }) => proven && history.sent > 0,
    points: -4,
    words: 'This mailbox has written to this author.',
  },
]

/** The reasons of the rows that apply. */
export const reasonsOf = <F>(rows: readonly Row<F>[], facts: F): Reason[] =>
  rows.flatMap(({ code, when, points, words }) => {
    const found = when(facts)
    if (found === false) return []
    return [
      {
        code,
        points: typeof points === 'number' ? points : points(facts),
        words,
        detail: typeof found === 'string' ? printable(found) : null,
      },
    ]
  })

const maxDetail = 200
/** A detail as it may stand among our own words: printable, and not long. */
const printable = (text: string): string => text.slice(0, maxDetail).replace(/[\p{C}\p{Zl}\p{Zp}]+/gu, ' ')

const dmarcOf = ({ authentication }: MessageFacts) => authentication.results.dmarc.result
const spfDomain = ({ authentication }: MessageFacts): string | null => authentication.results.spf.domain
const isNew = ({ received, sent }: SenderHistory): boolean => received === 0 && sent === 0
const passedAnything = ({ authentication: { results } }: MessageFacts): boolean =>
  results.spf.result === 'pass' || results.dkim.some(({ result }) => result === 'pass')
