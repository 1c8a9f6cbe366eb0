/** One connection to one host, as a client (RFC 5321 §3): nodemailer speaks, this watches over it. */
import { isAscii } from 'node:buffer'
import { type Socket, isIP } from 'node:net'
import { Readable } from 'node:stream'
import { TLSSocket, connect as connectTls } from 'node:tls'
import SMTPConnection, { type SMTPError } from 'nodemailer/lib/smtp-connection'
import type { Clock } from '../../platform/clock.ts'
import type { Log } from '../../platform/log.ts'
import { type Dispatch, type Ending, type Stage, type Target, type TlsRequirement, type TlsTrouble, ourEnding } from '../transport.ts'
import { mustEnd } from '../control/interruption.ts'
import { type Progress, createProgress } from './progress.ts'
import { relayTrouble } from './relay.ts'
import { cleanText, readReply } from './reply.ts'
import { type Hello, handshake, peerOf, tlsRefusal } from './tls.ts'

export type ConnectionDeps = {
  clock: Clock
  /** Begins to connect; the socket tells how it went. */
  dial: () => Socket
  /** whom to trust instead of those the world does: PEM */
  authorities?: readonly string[]
}

/** @param hostname our name for EHLO @param hello `none`: no TLS, whatever is offered */
export type Manner = { target: Target; hostname: string; requirement: TlsRequirement; hello: Hello }

/** Does one thing at a time: is opened, then takes one message after another, with a `reset` before a further one unless the last was accepted a moment ago (smtp.ts). */
export type Connection = {
  /** As far as MAIL may be said. Null when it may; an ending when the attempt is over. */
  open(signal: AbortSignal, log: Log): Promise<Ending | null>
  /** @param isUnsure whether the remote is still there: then it has to answer MAIL as soon as it would have to answer RSET */
  deliver(dispatch: Dispatch, signal: AbortSignal, log: Log, isUnsure?: boolean): Promise<Ending>
  /** RSET. False when the remote is not there any more, or will not go on. */
  reset(signal: AbortSignal): Promise<boolean>
  /** @param politely with QUIT, and some patience for the answer (RFC 5321 §4.1.1.10) */
  close(politely: boolean): void
  /** Does `work` when the remote closes the connection while nothing is under way. */
  onLost(work: () => void): void
  facts(): { remoteAddress: string | null; tls: string | null; tlsTrouble: TlsTrouble | null; handshakeFailed: boolean }
}

const pieceBytes = 64 * 1024
const maxReplyBytes = 64 * 1024
/** All that a host may say while one thing is under way: nodemailer keeps each line until its turn comes, also an empty one, and takes one in each turn of
 *  the event loop. */
const maxSaid = { bytes: 256 * 1024, lines: 1_000 }
const quitPatienceMs = 5_000
const stillTherePatienceMs = 10_000
// nodemailer's own timers stay out of the way: the stages have theirs, on our clock.
const neverMs = 2 * 60 * 60 * 1000

export function createConnection(manner: Manner, deps: ConnectionDeps): Connection {
  const { target, requirement } = manner
  let present: { resolve: (ending: Ending | null) => void; reject: (error: Error) => void } | null = null
  let smtp: SMTPConnection | null = null
  let tls: string | null = null
  let tlsTrouble: TlsTrouble | null = null
  let handshaking = false
  let isLost = false
  let onLost = (): void => {}
  let said = { bytes: 0, lines: 0 }
  const socket = deps.dial()
  const progress = createProgress(deps.clock, { onStuck: (why) => lose(why), onNonsense: (why) => breakWith(why) })
  const remoteAddress = (): string | null => socket.remoteAddress ?? (isIP(target.address) > 0 ? target.address : null)

  /** One thing under way, from its first command to its ending; null when it came to a good one that is not yet the end. */
  function step(first: Stage, signal: AbortSignal, act: () => void, firstMs?: number): Promise<Ending | null> {
    const { promise, resolve, reject } = Promise.withResolvers<Ending | null>()
    present = { resolve, reject }
    said = { bytes: 0, lines: 0 }
    progress.begin(first, firstMs)
    const onAbort = (): void => {
      if (mustEnd(signal, progress.stage() === 'dot')) interrupt()
    }
    if (signal.aborted) interrupt()
    else {
      signal.addEventListener('abort', onAbort, { once: true })
      act()
    }
    return promise.finally(() => signal.removeEventListener('abort', onAbort))
  }
  const end = (ending: Ending | null): void => {
    const ended = present
    present = null
    progress.stop()
    ended?.resolve(ending)
  }
  // No reply: after the last octet the remote may have taken the message all the same, and only it knows (RFC 1047).
  const lose = (why: string): void => {
    isLost = true
    if (present === null) return onLost()
    const stage = progress.stage()
    const status = stage === 'connect' ? '4.4.1' : stage === 'tls' ? '4.7.5' : '4.4.2'
    handshaking ||= stage === 'tls' && progress.handshakeBegan()
    end(
      stage === 'dot'
        ? { ...ourEnding(stage, 451, status, `${why}; the message was sent and may have been accepted`), mayBeAccepted: true }
        : ourEnding(stage, 451, status, why),
    )
  }
  const interrupt = (): void => lose('Interrupted')
  /** For a host whose words are not to be relied on: nothing more is said to it, not even the rest of a message. */
  const breakWith = (why: string): void => {
    lose(why)
    socket.destroy()
  }
  /** @returns whether it is worth reading; its answer to our QUIT is, for one */
  const hear = (piece: Buffer): boolean => {
    said.bytes += piece.length
    for (let at = piece.indexOf(10); at >= 0 && said.lines <= maxSaid.lines; at = piece.indexOf(10, at + 1)) said.lines += 1
    if (said.bytes > maxSaid.bytes || said.lines > maxSaid.lines) breakWith('The host says more than anybody has to')
    else if (present === null && !isLost) breakWith('The host speaks unasked')
    return !socket.destroyed
  }
  const fail = (error: SMTPError): void => {
    if (error.command === 'API' && error.code === 'ECONNECTION') return lose('The connection was closed')
    if (error.command === 'API') present?.reject(error) // we asked for what nodemailer does not do: a bug, not an answer
    if (error.response === undefined) return lose(cleanText(error.message))
    const reply = readReply(error.response)
    if (reply === null) return lose('The answer is not SMTP')
    answered({ stage: stageOfError(error, progress.stage()), reply, by: 'remote', mayBeAccepted: false })
  }
  const answered = (ending: Ending): void => {
    const isEarly = ending.stage === 'dot' && progress.stage() !== 'dot'
    // What is no answer to a message is the answer to something before it: what this one came to, nobody says.
    if (ending.stage === 'dot' && ending.reply.code >= 300 && ending.reply.code < 400)
      return breakWith('The replies of the host are out of step')
    if (isEarly && ending.reply.code < 300) return breakWith('The host accepted a message that it had not got')
    end(target.relay === undefined ? ending : relayTrouble(ending))
    if (isEarly) breakWith('The rest of the message is of no use')
  }

  function talk(log: Log): void {
    log.debug({ host: target.host, remoteAddress: remoteAddress() }, 'delivery.connected')
    if (target.relay?.tls === 'implicit') wrap()
    else converse(socket)
  }
  /** TLS before the greeting. */
  function wrap(): void {
    progress.enter('tls')
    handshaking = true
    const wrapped = connectTls({
      socket,
      ...handshake(requirement, target, manner.hello === 'small' ? 'small' : 'usual', deps.authorities),
    })
    wrapped.on('error', (error: Error) => lose(cleanText(error.message)))
    wrapped.once('secureConnect', () => {
      handshaking = false
      if (present !== null && isWelcome(wrapped)) converse(wrapped)
    })
  }
  function converse(wire: Socket): void {
    progress.enter('greeting')
    const opened = speakSmtp(wire, manner, progress, deps.authorities)
    smtp = opened
    listenIn(opened, hear)
    opened.on('error', fail)
    // With a 421 the connection ends first and its reason follows (RFC 5321 §3.8).
    opened.on('end', () => setImmediate(() => lose('The connection was closed')))
    opened.connect((error) => {
      if (present === null) return
      if (error !== undefined) return fail(error)
      if (isEncrypted(opened)) logIn(opened)
    })
  }
  /** Whether the host is who it has to be; otherwise this was the ending. */
  function isWelcome(encrypted: TLSSocket): boolean {
    const peer = peerOf(encrypted, requirement, target, deps.clock.now())
    tls = peer.tls
    tlsTrouble = peer.trouble
    if (peer.refusal === null) return true
    end(ourEnding('tls', 451, '4.7.5', peer.refusal))
    return false
  }
  function isEncrypted(opened: SMTPConnection): boolean {
    const wire = opened._socket
    if (wire instanceof TLSSocket) return tls !== null || isWelcome(wire)
    if (manner.hello !== 'none') tlsTrouble = 'starttls-not-supported'
    if (requirement.kind === 'opportunistic') return true
    end(ourEnding('tls', 451, '4.7.10', tlsRefusal('starttls-not-supported', requirement)))
    return false
  }
  function logIn(opened: SMTPConnection): void {
    const login = target.relay?.login ?? null
    if (login === null) return end(null)
    if (tls === null) return end(ourEnding('tls', 451, '4.7.10', 'The smarthost offers no TLS, and our password is not said in plain text'))
    const method = ['PLAIN', 'LOGIN'].find((name) => progress.extension('AUTH')?.toUpperCase().split(' ').includes(name))
    if (method === undefined) return end(ourEnding('mail', 451, '4.7.8', 'The smarthost offers no AUTH PLAIN or LOGIN to log in with'))
    progress.enter('mail')
    opened.login({ method, user: login.user, pass: login.password }, (error) => {
      if (present === null) return
      if (error !== null && error !== undefined) return fail(error)
      end(null)
    })
  }
  function send({ reversePath, forwardPath, front = '', message, requireTls = false }: Dispatch, opened: SMTPConnection): void {
    const envelope = {
      from: reversePath ?? '',
      to: [forwardPath],
      size: Buffer.byteLength(front) + message.length,
      use8BitMime: isEightBit(front) || isEightBit(message),
      requireTLSExtensionEnabled: requireTls,
    }
    opened.send(envelope, inPieces(Buffer.from(front), message, progress), (error, info) => {
      if (present === null) return
      if (error !== null) return fail(error)
      const reply = readReply(info.response)
      if (reply === null) return lose('The answer is not SMTP')
      answered({ stage: 'dot', reply, by: 'remote', mayBeAccepted: false })
    })
  }

  socket.on('error', (error) => lose(cleanText(error.message)))
  return {
    open: (signal, log) => step('connect', signal, () => void socket.once('connect', () => void (present === null || talk(log)))),
    async deliver(dispatch, signal, log, isUnsure = false) {
      const unfit = misfit(dispatch, progress, tls)
      if (unfit !== null) return unfit
      const opened = smtp
      if (opened === null || isLost) return ourEnding('mail', 451, '4.4.2', 'The connection was closed')
      log.debug({ host: target.host, tls }, 'delivery.sending')
      const ending = await step('mail', signal, () => send(dispatch, opened), isUnsure ? stillTherePatienceMs : undefined)
      if (ending === null) throw new Error('a message came to no end')
      return ending
    },
    async reset(signal) {
      const opened = smtp
      if (opened === null || isLost) return false
      const late = deps.clock.at(deps.clock.now() + stillTherePatienceMs, () => lose('No answer to RSET'))
      const ending = await step('mail', signal, () =>
        opened.reset((error) => (error === null || error === undefined ? end(null) : fail(error))),
      )
      late.cancel()
      return ending === null
    },
    close(politely) {
      progress.stop()
      isLost = true
      hangUp(smtp, socket, politely, deps.clock)
    },
    onLost: (work) => void (onLost = work),
    facts: () => ({ remoteAddress: remoteAddress(), tls, tlsTrouble, handshakeFailed: handshaking }),
  }
}

const speakSmtp = (wire: Socket, { target, hostname, requirement, hello }: Manner, progress: Progress, authorities?: readonly string[]) =>
  new SMTPConnection({
    connection: wire,
    host: target.host,
    name: hostname,
    secure: wire instanceof TLSSocket,
    secured: wire instanceof TLSSocket,
    ignoreTLS: hello === 'none',
    ...(hello !== 'none' && { tls: handshake(requirement, target, hello, authorities) }),
    connectionTimeout: neverMs,
    greetingTimeout: neverMs,
    socketTimeout: neverMs,
    maxResponseSize: maxReplyBytes,
    transactionLog: true,
    logger: {
      debug(entry: { tnx?: string }, line: unknown) {
        if (entry.tnx === 'client') progress.sent(String(line))
        if (entry.tnx === 'server') progress.received(String(line))
      },
      ...silent,
    },
  })

/** What comes in passes here before nodemailer reads it: its own limit is for one reply, and there is none for how many it keeps. */
function listenIn(connection: SMTPConnection, hear: (piece: Buffer) => boolean): void {
  const inner = connection as unknown as { _onData(piece: Buffer): void }
  const read = inner._onData.bind(connection)
  inner._onData = (piece) => {
    if (hear(piece)) read(piece)
  }
}

const ignore = (): void => {}
const silent = { trace: ignore, info: ignore, warn: ignore, error: ignore, fatal: ignore }

const stageOfCommand: Record<string, Stage> = { 'MAIL FROM': 'mail', 'RCPT TO': 'rcpt', EHLO: 'ehlo', HELO: 'ehlo', STARTTLS: 'tls' }

/** Which command a reply refused; sent in one batch, they are answered while the session already stands further on. */
function stageOfError(error: SMTPError, current: Stage): Stage {
  if (error.command === 'DATA') return error.code === 'EMESSAGE' ? 'dot' : 'data'
  return stageOfCommand[error.command ?? ''] ?? current
}

/** What the remote's EHLO says it cannot take: refused here, in the words it would use, instead of sent and broken on the way. */
function misfit(
  { reversePath, forwardPath, front = '', message, requireTls }: Dispatch,
  progress: Progress,
  tls: string | null,
): Ending | null {
  const limit = Number(progress.extension('SIZE') ?? 0) // RFC 1870 §4: 0 is no fixed limit
  if (limit > 0 && Buffer.byteLength(front) + message.length > limit)
    return ourEnding('mail', 552, '5.3.4', `The message is larger than the ${limit} octets the host takes`)
  if (isEightBit(`${reversePath ?? ''}${forwardPath}`) && progress.extension('SMTPUTF8') === null) {
    return ourEnding('mail', 553, '5.6.7', 'The host does not take internationalized addresses') // RFC 6531 §3.5
  }
  if ((isEightBit(front) || isEightBit(message)) && progress.extension('8BITMIME') === null) {
    return ourEnding('mail', 554, '5.6.3', 'The host does not take 8-bit content') // RFC 6152 §3
  }
  if (requireTls === true && (tls === null || progress.extension('REQUIRETLS') === null)) {
    return ourEnding('mail', 550, '5.7.30', 'The message may only go over TLS all the way, and the host does not promise that (REQUIRETLS)') // RFC 8689 §4.2.1
  }
  return null
}

const isEightBit = (octets: Buffer | string): boolean => !isAscii(typeof octets === 'string' ? Buffer.from(octets) : octets)

/** The message as a stream, so that the stage and its alarm follow how far it went. */
function inPieces(front: Buffer, message: Buffer, progress: Progress): Readable {
  // A small message goes as one piece, with what is in front of it.
  let at = Math.max(0, pieceBytes - front.length)
  let next: Buffer = Buffer.concat([front, message.subarray(0, at)])
  const stream = new Readable({
    read() {
      progress.enter('data')
      this.push(next.length > 0 ? next : null)
      next = message.subarray(at, at + pieceBytes)
      at += next.length
    },
  })
  // Before the final dot is written, so that a loss from here on is never taken for a message that cannot have arrived.
  stream.once('end', () => progress.enter('dot'))
  return stream
}

function hangUp(connection: SMTPConnection | null, socket: Socket, politely: boolean, clock: Clock): void {
  if (connection === null) return void socket.destroy()
  if (!politely || connection.destroyed) return connection.close()
  const alarm = clock.at(clock.now() + quitPatienceMs, () => connection.close())
  connection.once('end', () => alarm.cancel())
  connection.quit()
}
