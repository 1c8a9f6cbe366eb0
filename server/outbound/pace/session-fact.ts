/** What the end of a session says about the destination, as opposed to the message. */
import { formatReply } from '../../model/reply.ts'
import { classify } from '../classify.ts'
import { retryHint } from '../schedule.ts'
import { type SessionEnd, stages } from '../transport.ts'
import type { Fact } from './pacing.ts'

const minute = 60_000

/** After Postfix and ZoneMTA: who refuses a connection may be back soon; who does not answer at all seldom is. */
export const hostHoldMs = { refused: 2 * minute, silent: 15 * minute }

/** For how long (ms) a host is left alone after this; null: it is not. @param interrupted we broke it off ourselves */
export function hostHold(end: SessionEnd, interrupted: boolean): number | null {
  if (interrupted || end.by !== 'us' || end.stage !== 'connect' || end.reply.code >= 500) return null
  return /^No answer within|ETIMEDOUT/.test(end.reply.text) ? hostHoldMs.silent : hostHoldMs.refused
}

/** Null: it says nothing (we broke it off, or refused ourselves). */
export function factOf(end: SessionEnd, tookMs: number, interrupted: boolean): Fact | null {
  if (end.by === 'us' && (interrupted || end.reply.code >= 500 || isOurWish(end))) return null
  const text = formatReply(end.reply)
  if (!isTooMuch(end)) return { kind: 'good', text, toldMs: null, tookMs }
  return { kind: 'bad', text, toldMs: end.by === 'remote' ? retryHint(text) : null, tookMs }
}

/** A requirement of ours that was not met, or a lost connection after the host had begun to work for us. */
const isOurWish = ({ stage }: SessionEnd): boolean => stage === 'tls' || stages.indexOf(stage) > stages.indexOf('mail')

function isTooMuch(end: SessionEnd): boolean {
  if (end.by === 'us') return true
  // 421 closes the channel whatever it is an answer to (RFC 5321 §3.8).
  if (end.reply.code === 421) return true
  if (end.stage === 'greeting' || end.stage === 'connect') return end.reply.code >= 400
  const name = classify(end).class
  return name === 'rate-limited' || (name === 'blocklisted' && end.reply.code < 500)
}
