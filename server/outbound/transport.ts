import type { Address } from '../model/address.ts'
import type { Reply } from '../model/reply.ts'
import type { Log } from '../platform/log.ts'

/** How far an attempt came, in order. `data` lasts from the DATA command to the last octet of the message; `dot` is the wait for the reply to it. */
export const stages = ['route', 'connect', 'greeting', 'ehlo', 'tls', 'mail', 'rcpt', 'data', 'dot'] as const
export type Stage = (typeof stages)[number]

/** How an attempt ended. `by` tells whose words the reply has: without an answer from the remote we put it in the same form, after RFC 3463.
 *  `mayBeAccepted`: the whole message was sent and no reply came, so the remote may have it (RFC 1047). */
export type Ending = { stage: Stage; reply: Reply; by: 'remote' | 'us'; mayBeAccepted: boolean }

/** One place to connect to. `host` is the name to show; `address` an IP address, or for a smarthost what the operator wrote. `trusted`: the operator
 *  chose it, so it may be an address of our own network. */
export type Target = { host: string; address: string; port: number; trusted?: boolean; relay?: Relay }

/** That a target is a smarthost, which takes mail for others from us. `implicit`: TLS from the first octet on (RFC 8314 §3.3); with it and with
 *  `starttls` its certificate has to be valid for its name; `offered`: TLS when it works. `login` is never said in plain text (RFC 4954 §4). */
export type Relay = { tls: 'implicit' | 'starttls' | 'offered'; login: Login | null }
export type Login = { user: string; password: string }

/** One recipient, one message, exactly as it goes on the wire (before dot-stuffing). */
export type Dispatch = {
  reversePath: Address | null
  forwardPath: Address
  /** header fields that go in front of `message`, each with its CRLF; apart, because a large message is held once only */
  front?: string
  message: Buffer
  /** RFC 8689 §4.2.1: MAIL says REQUIRETLS; where EHLO does not offer it, the attempt ends at stage `mail` with 550 5.7.30 */
  requireTls?: boolean
}

/** `tls` such as `TLSv1.3 TLS_AES_256_GCM_SHA384`, null in plain text. `tlsTrouble`: what was wrong with TLS, also where it did not matter;
 *  null when nothing was, undefined when nobody looked. */
export type SessionEnd = Ending & {
  remoteAddress: string | null
  tls: string | null
  tlsTrouble?: TlsTrouble | null
  /** over a connection that was open already */ reused?: boolean
}

/** In the words of RFC 8460 §4.3.1. Of a certificate: whether it leads to a known authority, is in time, and is valid for the target's host. */
export type TlsTrouble =
  | 'starttls-not-supported'
  | 'certificate-host-mismatch'
  | 'certificate-expired'
  | 'certificate-not-trusted'
  | 'validation-failure'

/** What a session must have before the message goes. `opportunistic`: TLS when it works, whoever is at the other end (RFC 7435). `encrypted`: TLS,
 *  whoever is at the other end (RFC 7672 §2.2, when no TLSA record can be used). `verified`: TLS with a certificate that leads to a known authority and is
 *  valid for one of `names` (RFC 8461 §4; RFC 8689 §4.2.1). `dane`: TLS with a key that one of `records` names; the first of `names` is for SNI, a
 *  certificate below a DANE-TA has to be valid for one of them (RFC 7672 §3.2). Where TLS is required and cannot be had, the attempt ends at stage `tls`
 *  with 4.7.x, and nothing goes in plain text. */
export type TlsRequirement =
  | { kind: 'opportunistic' }
  | { kind: 'encrypted'; because: 'dane' }
  | { kind: 'verified'; because: 'mta-sts' | 'requiretls' | 'operator'; names: readonly string[] }
  | { kind: 'dane'; names: readonly string[]; records: readonly DaneRecord[] }

/** A TLSA record that SMTP can use (RFC 6698 §2.1; RFC 7672 §3.1): only usages 2 (DANE-TA) and 3 (DANE-EE). */
export type DaneRecord = { usage: 2 | 3; selector: 0 | 1; matching: 0 | 1 | 2; data: Uint8Array }

export const opportunistic: TlsRequirement = { kind: 'opportunistic' }

/** `log` has the delivery's id already. An abort ends the session soon, as a lost connection would. */
export type Session = { target: Target; dispatch: Dispatch; signal: AbortSignal; log: Log; tls?: TlsRequirement }

/** Tries one target once. Never rejects for what the network does. */
export type Transport = (session: Session) => Promise<SessionEnd>

/** An ending in our own words. */
export const ourEnding = (stage: Stage, code: number, status: Reply['status'], text: string): Ending => ({
  stage,
  reply: { code, status, text },
  by: 'us',
  mayBeAccepted: false,
})
