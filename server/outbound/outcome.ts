import { formatReply } from '../model/reply.ts'
import type { AttemptFacts } from '../store/queue.ts'
import { type Verdict, verdict } from './classify-meanings.ts'
import { classify } from './classify.ts'
import type { SessionEnd, Target } from './transport.ts'

/** How an attempt ended. `code` such as `550 5.1.1`; `text`: the remote's words or ours, for the diagnostic and for "try again in …". `waitUntil` (epoch
 *  ms): it was none, because the destination takes no more from us before that (pace/pace.ts); nobody was dialled and nothing is to be counted. */
export type Outcome = {
  verdict: Verdict
  facts: AttemptFacts
  code: string | null
  text: string
  mayBeAccepted: boolean
  waitUntil?: number
}

/** @param interrupted we broke it off ourselves: then what looks like a lost connection says nothing about the remote */
export function outcomeOf(end: SessionEnd, target: Target | null, signatures: string | null, interrupted: boolean): Outcome {
  const text = formatReply(end.reply)
  return {
    verdict: interrupted && end.by === 'us' ? verdict('interrupted', 'retry') : classify(end),
    facts: { host: target?.host ?? null, remoteAddress: end.remoteAddress, tls: end.tls, signatures, reply: text },
    code: end.reply.status === null ? String(end.reply.code) : `${end.reply.code} ${end.reply.status}`,
    text,
    mayBeAccepted: end.mayBeAccepted,
  }
}

/** An attempt that opened no connection. */
export const unsent = (judged: Verdict, text: string): Outcome => ({
  verdict: judged,
  facts: { host: null, remoteAddress: null, tls: null, signatures: null, reply: null },
  code: null,
  text,
  mayBeAccepted: false,
})
