/** One SMTP session over one connection, as a client (RFC 5321 §3): nodemailer speaks, this watches over it. */
import { isAscii } from 'node:buffer'
import { type Socket, isIP } from 'node:net'
import { Readable } from 'node:stream'
import { TLSSocket } from 'node:tls'
import SMTPConnection, { type SMTPError } from 'nodemailer/lib/smtp-connection'
import type { Clock } from '../../platform/clock.ts'
import { type Progress, createProgress } from './progress.ts'
import { cleanText, readReply } from './reply.ts'
import { type Ending, type Session, type SessionEnd, type Stage, type Target, ourEnding } from '../transport.ts'

export type SessionDeps = {
  /** our name for EHLO */
  hostname: string
  clock: Clock
  /** Begins to connect; the socket tells how it went. */
  dial: (target: Target) => Socket
}

const pieceBytes = 64 * 1024
const maxReplyBytes = 64 * 1024
const quitPatienceMs = 5_000
// nodemailer's own timers stay out of the way: the stages have theirs, on our clock.
const neverMs = 2 * 60 * 60 * 1000

/** @param useTls STARTTLS when it is offered; the certificate is not checked, since without a policy (DANE, MTA-STS) anyone could also have
 *  removed the offer (RFC 7435) */
export function runSession(session: Session, useTls: boolean, deps: SessionDeps): Promise<SessionEnd> {
  const { target, signal, log } = session
  const { promise, resolve, reject } = Promise.withResolvers<SessionEnd>()
  let ended = false
  let connection: SMTPConnection | null = null
  let tls: string | null = null
  const progress = createProgress(deps.clock, (why) => lose(why))
  const socket = deps.dial(target)
  const remoteAddress = (): string | null => socket.remoteAddress ?? (isIP(target.address) > 0 ? target.address : null)

  const end = (ending: Ending): void => {
    if (ended) return
    ended = true
    progress.stop()
    signal.removeEventListener('abort', interrupt)
    resolve({ ...ending, remoteAddress: remoteAddress(), tls })
    hangUp(connection, socket, ending.by === 'remote', deps.clock)
  }
  // No reply: after the last octet the remote may have taken the message all the same, and only it knows (RFC 1047).
  const lose = (why: string): void => {
    const stage = progress.stage()
    const status = stage === 'connect' ? '4.4.1' : stage === 'tls' ? '4.7.5' : '4.4.2'
    end(
      stage === 'dot'
        ? { ...ourEnding(stage, 451, status, `${why}; the message was sent and may have been accepted`), mayBeAccepted: true }
        : ourEnding(stage, 451, status, why),
    )
  }
  const interrupt = (): void => lose('Interrupted')
  const fail = (error: SMTPError): void => {
    if (error.command === 'API') reject(error) // we asked for what nodemailer does not do: a bug, not an answer
    if (error.response === undefined) return lose(cleanText(error.message))
    const reply = readReply(error.response)
    if (reply === null) return lose('The answer is not SMTP')
    end({ stage: stageOfError(error, progress.stage()), reply, by: 'remote', mayBeAccepted: false })
  }

  const converse = (): void => {
    log.debug({ host: target.host, remoteAddress: remoteAddress() }, 'delivery.connected')
    progress.enter('greeting')
    const opened = openConnection(socket, target, useTls, deps.hostname, progress)
    connection = opened
    opened.on('error', fail)
    // With a 421 the connection ends first and its reason follows (RFC 5321 §3.8).
    opened.on('end', () => setImmediate(() => lose('The connection was closed')))
    opened.connect((error) => {
      if (ended) return
      if (error !== undefined) return fail(error)
      tls = tlsOf(opened)
      send(opened)
    })
  }
  const send = (opened: SMTPConnection): void => {
    const { reversePath, forwardPath, message } = session.dispatch
    const unfit = misfit(session, progress)
    if (unfit !== null) return end(unfit)
    log.debug({ host: target.host, tls }, 'delivery.sending')
    const envelope = { from: reversePath ?? '', to: [forwardPath], size: message.length, use8BitMime: isEightBit(message) }
    opened.send(envelope, inPieces(message, progress), (error, info) => {
      if (ended) return
      if (error !== null) return fail(error)
      const reply = readReply(info.response)
      if (reply === null) return lose('The answer is not SMTP')
      end({ stage: 'dot', reply, by: 'remote', mayBeAccepted: false })
    })
  }

  if (signal.aborted) interrupt()
  else signal.addEventListener('abort', interrupt, { once: true })
  socket.on('error', (error) => lose(cleanText(error.message)))
  socket.once('connect', () => void (ended || converse()))
  return promise
}

const openConnection = (socket: Socket, target: Target, useTls: boolean, hostname: string, progress: Progress): SMTPConnection =>
  new SMTPConnection({
    connection: socket,
    host: target.host,
    name: hostname,
    ignoreTLS: !useTls,
    tls: { rejectUnauthorized: false, minVersion: 'TLSv1.2' },
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

const ignore = (): void => {}
const silent = { trace: ignore, info: ignore, warn: ignore, error: ignore, fatal: ignore }

const stageOfCommand: Record<string, Stage> = { 'MAIL FROM': 'mail', 'RCPT TO': 'rcpt', EHLO: 'ehlo', HELO: 'ehlo', STARTTLS: 'tls' }

/** Which command a reply refused; sent in one batch, they are answered while the session already stands further on. */
function stageOfError(error: SMTPError, current: Stage): Stage {
  if (error.command === 'DATA') return error.code === 'EMESSAGE' ? 'dot' : 'data'
  return stageOfCommand[error.command ?? ''] ?? current
}

/** What the remote's EHLO says it cannot take: refused here, in the words it would use, instead of sent and broken on the way. */
function misfit({ dispatch }: Session, progress: Progress): Ending | null {
  const limit = Number(progress.extension('SIZE') ?? 0) // RFC 1870 §4: 0 is no fixed limit
  if (limit > 0 && dispatch.message.length > limit)
    return ourEnding('mail', 552, '5.3.4', `The message is larger than the ${limit} octets the host takes`)
  const addresses = `${dispatch.reversePath ?? ''}${dispatch.forwardPath}`
  if (isEightBit(Buffer.from(addresses)) && progress.extension('SMTPUTF8') === null) {
    return ourEnding('mail', 553, '5.6.7', 'The host does not take internationalized addresses') // RFC 6531 §3.5
  }
  if (isEightBit(dispatch.message) && progress.extension('8BITMIME') === null) {
    return ourEnding('mail', 554, '5.6.3', 'The host does not take 8-bit content') // RFC 6152 §3
  }
  return null
}

const isEightBit = (octets: Buffer): boolean => !isAscii(octets)

/** The message as a stream, so that the stage and its alarm follow how far it went. */
function inPieces(message: Buffer, progress: Progress): Readable {
  let at = 0
  const stream = new Readable({
    read() {
      progress.enter('data')
      const piece = message.subarray(at, at + pieceBytes)
      at += piece.length
      this.push(piece.length > 0 ? piece : null)
    },
  })
  // Before the final dot is written, so that a loss from here on is never taken for a message that cannot have arrived.
  stream.once('end', () => progress.enter('dot'))
  return stream
}

function tlsOf(connection: SMTPConnection): string | null {
  const socket = connection._socket
  return socket instanceof TLSSocket ? `${socket.getProtocol() ?? 'TLS'} ${socket.getCipher().name}` : null
}

/** Says QUIT to a remote that answers, and waits a little for it (RFC 5321 §4.1.1.10). */
function hangUp(connection: SMTPConnection | null, socket: Socket, politely: boolean, clock: Clock): void {
  if (connection === null) return void socket.destroy()
  if (!politely || connection.destroyed) return connection.close()
  const alarm = clock.at(clock.now() + quitPatienceMs, () => connection.close())
  connection.once('end', () => alarm.cancel())
  connection.quit()
}
