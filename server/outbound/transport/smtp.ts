/**
 * Delivery over SMTP: which address of ours, over a connection that is open already or a new one, with as much TLS as the requirement says.
 *
 * Promises: a requirement is met or nothing goes; without one, TLS when it works (RFC 7435), in plain text when it does not. No address is
 * dialled that is not public, unless the operator chose it.
 */
import { type Socket, connect, isIP } from 'node:net'
import type { Clock } from '../../platform/clock.ts'
import {
  type Ending,
  type Session,
  type SessionEnd,
  type Target,
  type TlsRequirement,
  type Transport,
  opportunistic,
  ourEnding,
} from '../transport.ts'
import { type BrokenTls, createBrokenTls } from './broken-tls.ts'
import { type Reuse, createPool } from './pool.ts'
import { isPublicAddress } from '../../platform/public-address.ts'
import { type Connection, type Manner, createConnection } from './session.ts'
import { type Source, sourceFor } from './sources.ts'
import type { Hello } from './tls.ts'

export type SmtpDeps = {
  /** our name for EHLO, where a source has none of its own */
  hostname: string
  clock: Clock
  /** our addresses to send from; none: whichever the system takes */
  sources?: readonly Source[]
  /** null or left out: a connection for each message */
  reuse?: Reuse | null
  /** whom to trust instead of those the world does: PEM */
  authorities?: readonly string[]
  dial?: (target: Target, from: string | undefined) => Socket
}

export type SmtpTransport = Transport & {
  /** Closes the connections that wait for another message; what is under way goes on. */
  closeIdle(): void
}

/** A transport that may open connections; only ever used for the live world. */
export function createSmtpTransport(deps: SmtpDeps): SmtpTransport {
  const brokenTls = createBrokenTls(deps.clock)
  const pool = deps.reuse ? createPool(deps.clock, deps.reuse) : null
  const used = new WeakMap<Connection, Use>()

  const transport = async (session: Session): Promise<SessionEnd> => {
    const barred = barredFrom(session)
    if (barred !== null) return { ...barred, remoteAddress: null, tls: null }
    const way = wayOf(session, deps)
    return (await again(session, way)) ?? (await climbDown(session, way, brokenTls, (hello) => anew(session, way, hello)))
  }

  /** Over a connection that waits. Null when there is none, or it was of no use and this message is none the wiser. */
  async function again(session: Session, way: Way): Promise<SessionEnd | null> {
    const connection = pool?.take(way.key) ?? null
    if (connection === null) return null
    const isUnasked = isReady(used.get(connection), deps.clock.now())
    if (!isUnasked && !(await connection.reset(session.signal))) {
      connection.close(false)
      return null
    }
    session.log.debug({ host: session.target.host, reused: true }, 'delivery.connected')
    const end = await converse(connection, session, way, isUnasked)
    // Some hosts count the messages of a connection and say so at MAIL: nothing was handed over yet.
    return end.stage === 'mail' && !session.signal.aborted ? null : { ...end, reused: true }
  }

  async function anew(session: Session, way: Way, hello: Hello): Promise<Tried> {
    const { clock, authorities, dial = dialTcp } = deps
    const connection = createConnection(
      { target: session.target, hostname: way.hostname, requirement: way.requirement, hello },
      { clock, dial: () => dial(session.target, way.from), ...(authorities && { authorities }) },
    )
    const ending = await connection.open(session.signal, session.log)
    if (ending === null) return { end: await converse(connection, session, way), handshakeFailed: false }
    connection.close(ending.by === 'remote')
    return { end: { ...ending, ...factsOf(connection) }, handshakeFailed: connection.facts().handshakeFailed }
  }

  async function converse(
    connection: Connection,
    { target, dispatch, signal, log }: Session,
    { key }: Way,
    isUnsure = false,
  ): Promise<SessionEnd> {
    const ending = await connection.deliver(dispatch, signal, log, isUnsure)
    const end = { ...ending, ...factsOf(connection) }
    const count = (used.get(connection)?.count ?? 0) + 1
    used.set(connection, { count, acceptedAt: isAccepted(end) ? deps.clock.now() : null })
    if (pool !== null && endedWell(ending) && count < mostOver(target, deps.reuse)) pool.put(key, connection)
    else connection.close(ending.by === 'remote')
    return end
  }

  return Object.assign(transport, { closeIdle: () => pool?.close() })
}

/** `acceptedAt` (epoch ms): when its last message was accepted; null when that one was not. */
type Use = { count: number; acceptedAt: number | null }

/** A host that has accepted a message has forgotten its envelope (RFC 5321 §4.1.1.4), and a moment later it is still there: RSET would only cost the time
 *  there and back. One that is gone all the same says nothing to MAIL; it has as long as for RSET, and then another connection is made. */
const isReady = (use: Use | undefined, now: number): boolean => {
  const acceptedAt = use?.acceptedAt ?? null
  return acceptedAt !== null && Math.abs(now - acceptedAt) < stillThereMs
}
const stillThereMs = 1_000

const mostOver = (target: Target, reuse: Reuse | null = null): number =>
  reuse === null ? 1 : Math.min(reuse.maxMessages, reuse.mostOf?.(target) ?? reuse.maxMessages)

const dialTcp: NonNullable<SmtpDeps['dial']> = ({ address, port }, from) =>
  connect({ host: address, port, ...(from !== undefined && { localAddress: from, family: isIP(from) }) })

/** How this message goes: from where, under which name, with which TLS. What goes the same way may share a connection. */
type Way = Pick<Manner, 'hostname' | 'requirement'> & { from: string | undefined; key: string }

function wayOf(session: Session, { sources = [], hostname }: SmtpDeps): Way {
  const { target, dispatch } = session
  const source = sourceFor(sources, dispatch.reversePath, target)
  const requirement = requirementOf(session)
  const key = JSON.stringify([target, requirement, source], (_name, value: unknown) =>
    value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value,
  )
  return { hostname: source?.name ?? hostname, from: source?.address, requirement, key }
}

/** What the recipient's domain wants of its own hosts says nothing about a smarthost; there the operator's word counts, and the message's. */
function requirementOf({ target: { host, relay }, tls = opportunistic }: Session): TlsRequirement {
  if (relay === undefined) return tls
  if (relay.tls !== 'offered') return { kind: 'verified', because: 'operator', names: [host] }
  return tls.kind === 'verified' && tls.because === 'requiretls' ? { ...tls, names: [host] } : opportunistic
}

type Tried = { end: SessionEnd; handshakeFailed: boolean }

/** The usual ClientHello, a small one, then plain text where that is allowed; each needs a connection of its own. */
async function climbDown(
  { target, signal }: Session,
  { requirement }: Way,
  broken: BrokenTls,
  attempt: (hello: Hello) => Promise<Tried>,
): Promise<SessionEnd> {
  const mayBePlain = requirement.kind === 'opportunistic' && target.relay?.tls !== 'implicit'
  const known = broken.of(target.host)
  let hello: Hello = known === 'none' && !mayBePlain ? 'usual' : known
  for (let trouble: SessionEnd['tlsTrouble'] = null; ;) {
    const { end, handshakeFailed } = await attempt(hello)
    trouble ??= end.tlsTrouble ?? null
    const next = isTlsFailure(end) && !signal.aborted ? nextHello(hello, handshakeFailed, mayBePlain) : null
    if (next !== null) {
      trouble ??= 'validation-failure'
      hello = next
      continue
    }
    // What failed in plain text deserves another try with TLS next time: the host may have been mended, or want it.
    if (known === 'none' && !isAccepted(end)) broken.forget(target.host)
    else if (hello !== known && !isTlsFailure(end)) broken.remember(target.host, hello)
    return { ...(mayBePlain ? end : withoutPlainText(end)), tlsTrouble: trouble ?? (isTlsFailure(end) ? 'validation-failure' : null) }
  }
}

function nextHello(hello: Hello, handshakeFailed: boolean, mayBePlain: boolean): Hello | null {
  if (hello === 'usual' && handshakeFailed) return 'small'
  return mayBePlain && hello !== 'none' ? 'none' : null
}

const isAccepted = ({ stage, reply }: SessionEnd): boolean => stage === 'dot' && reply.code < 300

/** A certificate that does not do is no failure of this kind: it will not do the next time either.
 *  Some hosts offer STARTTLS and cannot do it; some agree on TLS and then fall silent. */
const isTlsFailure = ({ stage, tls, by }: SessionEnd): boolean =>
  (stage === 'tls' && tls === null) || (stage === 'ehlo' && tls !== null && by === 'us')

/** That a host refuses STARTTLS is no refusal of the message, whatever number it says. */
const withoutPlainText = (end: SessionEnd): SessionEnd =>
  end.stage === 'tls' && end.by === 'remote'
    ? {
        ...end,
        ...ourEnding('tls', 451, '4.7.5', `TLS is required, and the host refuses to begin it: ${end.reply.code} ${end.reply.text}`),
      }
    : end

/** The remote decided about this message and stayed: then it may be asked about another one. */
const endedWell = ({ stage, reply, by }: Ending): boolean => by === 'remote' && reply.code !== 421 && (stage === 'dot' || stage === 'rcpt')

const factsOf = (connection: Connection): Pick<SessionEnd, 'remoteAddress' | 'tls' | 'tlsTrouble'> => {
  const { remoteAddress, tls, tlsTrouble } = connection.facts()
  return { remoteAddress, tls, tlsTrouble }
}

function barredFrom({ target, dispatch }: Session): Ending | null {
  if (hasBareLineEnd(Buffer.from(dispatch.front ?? '')) || hasBareLineEnd(dispatch.message)) return bareLineEnd
  // The address that is dialled is the one that is looked at here: no name is looked up in between.
  return target.trusted === true || isPublicAddress(target.address) ? null : notPublic
}

// A lone CR or LF ends a line for some readers and not for others (SMTP smuggling); we do not mend what was approved, we refuse it.
const bareLineEnd = ourEnding('data', 554, '5.6.11', 'The message has a bare CR or LF')
const notPublic = ourEnding('connect', 550, '5.4.4', 'The host has no public address')

/** RFC 5321 §2.3.8: CR and LF only ever together. */
export function hasBareLineEnd(message: Buffer): boolean {
  for (let at = message.indexOf(10); at >= 0; at = message.indexOf(10, at + 1)) if (message[at - 1] !== 13) return true
  for (let at = message.indexOf(13); at >= 0; at = message.indexOf(13, at + 1)) if (message[at + 1] !== 10) return true
  return false
}
