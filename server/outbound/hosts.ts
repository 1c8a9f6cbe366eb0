import { isIPv4, isIPv6 } from 'node:net'
import { formatReply } from '../model/reply.ts'
import type { Log } from '../platform/log.ts'
import { classify } from './classify.ts'
import { type Dispatch, type SessionEnd, type Target, type Transport, stages } from './transport.ts'

type Tried = { end: SessionEnd; target: Target }

// As Postfix (smtp_mx_session_limit): of the sessions that came as far as the envelope.
const maxSessions = 2

/** Tries hosts in order until one has decided (RFC 5321 §5.1). @returns the attempt that came furthest; of equals the last
 *  @param targets at least one, most preferred first */
export async function tryHosts(
  transport: Transport,
  targets: readonly Target[],
  dispatch: Dispatch,
  signal: AbortSignal,
  log: Log,
): Promise<Tried> {
  let best: Tried | null = null
  let left = targets
  for (let sessions = 0; sessions < maxSessions;) {
    const [target, ...rest] = left
    if (target === undefined) break
    const end = await transport({ target, dispatch, signal, log })
    if (best === null || progressOf(end) >= progressOf(best.end)) best = { end, target }
    if (signal.aborted) break
    left = furtherTargets(end, target, rest)
    if (left.length > 0) log.debug({ host: target.host, stage: end.stage, reply: formatReply(end.reply) }, 'delivery.next-host')
    if (isSession(end)) sessions += 1
  }
  if (best === null) throw new Error('no target to try')
  return best
}

const progressOf = ({ stage }: SessionEnd): number => stages.indexOf(stage)
const isSession = (end: SessionEnd): boolean => progressOf(end) >= stages.indexOf('mail')

/** The targets worth trying after this end. A host's refusal of the message is final for all of them; trouble before the message, or a host
 *  that is only busy, is not. After the message was sent in full, another host could only make it a duplicate. */
function furtherTargets(end: SessionEnd, target: Target, rest: readonly Target[]): readonly Target[] {
  // Providers judge IPv6 senders more strictly, and a PTR record that is missing for one family may exist for the other.
  if (classify(end).class === 'ptr' && isIPv6(target.address)) return rest.filter(({ address }) => isIPv4(address))
  // Another host may promise what this one does not (RFC 8689 §4.2.1): nothing of the message was shown to it.
  if (!isSession(end) || (end.by === 'us' && end.reply.status === '5.7.30')) return rest
  return end.stage !== 'dot' && end.reply.code < 500 ? rest : []
}
