/** Delivery over SMTP with TLS when it works (RFC 7435), in plain text when it does not. */
import { connect } from 'node:net'
import type { Clock } from '../../platform/clock.ts'
import { type SessionDeps, runSession } from './session.ts'
import { type SessionEnd, type Transport, ourEnding } from '../transport.ts'

type SmtpDeps = { hostname: string; clock: Clock; dial?: SessionDeps['dial'] }

/** A transport that may open connections; only ever used for the live world. */
export function createSmtpTransport({
  hostname,
  clock,
  dial = ({ address, port }) => connect({ host: address, port }),
}: SmtpDeps): Transport {
  const withoutTls = createMemory(clock)
  const deps = { hostname, clock, dial }
  return async (session) => {
    if (hasBareLineEnd(session.dispatch.message)) return { ...bareLineEnd, remoteAddress: null, tls: null }
    const { host } = session.target
    if (withoutTls.has(host)) {
      const ending = await runSession(session, false, deps)
      // What failed in plain text deserves another try with TLS next time: the host may have been mended, or want it.
      if (!isAccepted(ending)) withoutTls.forget(host)
      return ending
    }
    const ending = await runSession(session, true, deps)
    if (!isTlsFailure(ending) || session.signal.aborted) return ending
    withoutTls.remember(host)
    return await runSession(session, false, deps)
  }
}

const isAccepted = ({ stage, reply }: SessionEnd): boolean => stage === 'dot' && reply.code < 300

/** Some hosts offer STARTTLS and cannot do it; some agree on TLS and then fall silent. A new connection is needed either way. */
const isTlsFailure = ({ stage, tls, by }: SessionEnd): boolean => stage === 'tls' || (stage === 'ehlo' && tls !== null && by === 'us')

// A lone CR or LF ends a line for some readers and not for others (SMTP smuggling); we do not mend what was approved, we refuse it.
const bareLineEnd = ourEnding('data', 554, '5.6.11', 'The message has a bare CR or LF')

/** RFC 5321 §2.3.8: CR and LF only ever together. */
export function hasBareLineEnd(message: Buffer): boolean {
  for (let at = message.indexOf(10); at >= 0; at = message.indexOf(10, at + 1)) if (message[at - 1] !== 13) return true
  for (let at = message.indexOf(13); at >= 0; at = message.indexOf(13, at + 1)) if (message[at + 1] !== 10) return true
  return false
}

const rememberedMs = 3 * 24 * 60 * 60 * 1000
const maxRemembered = 10_000

/** Host names for three days. Only a memory: losing it costs one more failed handshake. */
function createMemory(clock: Clock) {
  const until = new Map<string, number>()
  return {
    has: (host: string): boolean => (until.get(host) ?? 0) > clock.now(),
    forget: (host: string): void => void until.delete(host),
    remember(host: string): void {
      if (until.size >= maxRemembered) until.delete(until.keys().next().value ?? host)
      until.set(host, clock.now() + rememberedMs)
    },
  }
}
