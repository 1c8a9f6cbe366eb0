/**
 * What becomes of an arriving message, from what is known of it. Pure: the tables are in verdict/, docs/verdicts.md lists them, and
 * docs/decisions/010-verdict.md says why they are as they are.
 *
 * Promises: what is let in says why it was judged as it was; nothing the sender can write makes a refused author pass; what the DNS could not
 * say is asked for again, never taken for "there is none".
 */
import type { SpamVerdict } from '../model/email.ts'
import type { Reason } from '../model/reason.ts'
import type { Reply } from '../model/reply.ts'
import { doubtRows, findingRows, flaggedFrom, historyRows, quarantinedFrom, reasonsOf } from './verdict/doubts.ts'
import type { MailboxFacts, MessageFacts } from './verdict/message-facts.ts'
import { isProven } from './verdict/proof.ts'
import { refusals } from './verdict/refusals.ts'

export type InboundVerdict = { kind: 'refuse'; reply: Reply; reasons: readonly Reason[] } | Accepted

/** `findings` stand; `doubts` are about the sender, and trust in the sender outweighs them. `proven`: its author is who the message says.
 *  `examined`: its content could be read. `delayMs`: to wait before its reply. */
export type Accepted = {
  kind: 'accept'
  findings: readonly Reason[]
  doubts: readonly Reason[]
  proven: boolean
  examined: boolean
  delayMs: number
}

/** What a message that was let in is to one mailbox. `spam` null: nothing speaks against it, and its content was not examined. */
export type MailboxVerdict = { spam: SpamVerdict | null; score: number; reasons: readonly Reason[] }

/** A program that sends spam does not wait this long; a letter from somebody new can (Mox found it to be enough). */
const firstTimeDelayMs = 15_000

export function judgeMessage(facts: MessageFacts): InboundVerdict {
  const refusal = refusals.find(({ when }) => when(facts))
  if (refusal !== undefined) {
    const { code, words, reply } = refusal
    return { kind: 'refuse', reply, reasons: [{ code, points: 0, words, detail: null }] }
  }
  const proven = isProven(facts)
  const doubts = reasonsOf(doubtRows, facts)
  const findings = [...reasonsOf(findingRows, facts), ...facts.content, ...facts.scan.reasons]
  const isDoubtful = facts.client.isStranger && facts.firstTime && !proven && total([...doubts, ...findings]) > 0
  return { kind: 'accept', findings, doubts, proven, examined: facts.examined, delayMs: isDoubtful ? firstTimeDelayMs : 0 }
}

/** Trust outweighs doubts about the sender, never what the content shows: the account of somebody known may have been taken over. */
export function judgeForMailbox(verdict: Accepted, { history, learned, conversation }: MailboxFacts): MailboxVerdict {
  const { proven } = verdict
  const doubts = [...verdict.doubts, ...reasonsOf(historyRows, { proven, history }), ...(learned === null ? [] : [learned])]
  const findings = [...verdict.findings, ...conversation]
  const score = Math.round(Math.max(0, total(doubts)) + total(findings.filter(({ points }) => points > 0)))
  return { spam: spamVerdict(score, verdict.examined), score, reasons: [...findings, ...doubts] }
}

function spamVerdict(score: number, examined: boolean): SpamVerdict | null {
  if (score >= quarantinedFrom) return 'quarantined'
  if (score >= flaggedFrom) return 'flagged'
  return examined ? 'clean' : null
}

const total = (reasons: readonly Reason[]): number => reasons.reduce((sum, { points }) => sum + points, 0)
