/**
 * Arriving mail: the SMTP server on port 25, and everything up to the commit.
 *
 * Promises: 250 after DATA means the message is on disk; a message that is refused leaves nothing behind; nobody's mail is relayed; whatever
 * bytes come, other connections go on. Built on `smtp-server`; it speaks the protocol, what is answered is decided here.
 */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import type { SMTPServerAddress, SMTPServerDataStream, SMTPServerOptions, SMTPServerSession } from 'smtp-server'
import type { Config } from '../../config/schema.ts'
import type { Address } from '../model/address.ts'
import { type Reply, formatReply } from '../model/reply.ts'
import type { Clock } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import type { Store } from '../store/db.ts'
import { Server, asError, textOf } from './connection.ts'
import { collectMessage, createMemoryBudget } from './data.ts'
import type { Conduct, Visitor } from './conduct/conduct.ts'
import type { Receiver } from './receive.ts'
import { type Recipient, judgeRecipient, judgeRecipientParameters, judgeSender, recipientFacts } from './recipients.ts'
import type { Client } from './trace.ts'

export type ListenerConfig = {
  hostname: string
  smtp: Pick<Config['smtp'], 'host' | 'port' | 'maxMessageBytes' | 'maxRecipients'>
}
export type ListenerDeps = {
  config: ListenerConfig
  store: Store
  receive: Receiver
  conduct: Conduct
  /** PEM texts */
  tls: { key: string; cert: string }
  clock: Clock
  log: Log
}
/** `port` is the one that was bound, also when 0 was asked for. */
export type Listener = { listen(): Promise<{ host: string; port: number }>; close(): Promise<void> }

const maxClients = 500
const maxClientsOfOneAddress = 50
/** RFC 5321 §4.5.3.2.7: at least five minutes. */
const idleMs = 300_000
/** A sender that trickles bytes is never idle; nobody needs longer than this for one message, or for one session. */
const maxDataMs = 900_000
const maxSessionMs = 3_600_000
/** Commands have 512 octets (RFC 5321 §4.5.3.1.4); extensions and long addresses need some more. */
const maxCommandBytes = 2_048
/** Of one session; whoever guesses names is told no more of them, and an honest list is rarely this old. */
const maxRefusedRecipients = 100
/** Messages being received or handled at one time, in multiples of the largest. */
const largestMessagesAtOnce = 4
/** Then a message that is still on its way is left to its sender. Everything closes in parallel, within the time of platform/lifecycle.ts. */
const closingMs = 4_000

const trouble: Reply = { code: 451, status: '4.3.0', text: 'Local trouble, nothing was stored, try again later' }
const guessing: Reply = { code: 421, status: '4.7.0', text: 'Too many recipients were refused' }
const crowded: Reply = { code: 421, status: '4.7.0', text: 'Too many connections from your address' }

export function createListener(deps: ListenerDeps): Listener {
  const { config, store, receive, conduct, clock } = deps
  const budget = createMemoryBudget(config.smtp.maxMessageBytes * largestMessagesAtOnce)
  const sessions = new Map<string, { ip: string; refusals: number; visitor: Visitor | null; end(): void }>()
  const receiving = new Map<string, Promise<unknown>>()
  const recipients = new WeakMap<SMTPServerAddress, Recipient>()
  const reversePaths = new WeakMap<SMTPServerAddress, Address | null>()

  const server = new Server({
    ...protocol(config),
    ...deps.tls,
    onConnect(session, done) {
      const fromThere = [...sessions.values()].filter(({ ip }) => ip === session.remoteAddress).length
      const alarm = clock.at(clock.now() + maxSessionMs, () => server.hangUp(session.id, '4.4.2 Session too long'))
      const arrival = conduct.arrive({ ip: session.remoteAddress, sessionId: session.id })
      const visitor = arrival.kind === 'welcome' ? arrival.visitor : null
      sessions.set(session.id, { ip: session.remoteAddress, refusals: 0, visitor, end: () => alarm.cancel() })
      if (arrival.kind === 'refused') done(asError(arrival.reply))
      else done(fromThere >= maxClientsOfOneAddress ? asError(crowded) : null)
    },
    onClose(session) {
      sessions.get(session.id)?.end()
      sessions.get(session.id)?.visitor?.left()
      sessions.delete(session.id)
    },
    onMailFrom(path, _session, done) {
      const judged = judgeSender(path.address, parametersOf(path))
      if (judged.ok) reversePaths.set(path, judged.reversePath)
      done(judged.ok ? null : asError(judged.reply))
    },
    onRcptTo(path, session, done) {
      judgeRcpt(path, session).then(
        (refusal) => done(refusal === null || !isGuessing(session) ? refusal : asError(guessing)),
        () => done(asError(trouble)),
      )
    },
    onData(stream, session, done) {
      const work = takeMessage(stream, session)
        .catch((error: unknown) => failed(logOf(session), error))
        .then((reply) => {
          if (reply === null) return done(asError(trouble))
          if (reply.code === 250) done(null, textOf(reply))
          else done(asError(reply))
          logOf(session).debug({ reply: formatReply(reply) }, 'inbound.replied')
        })
        .finally(() => receiving.delete(session.id))
      receiving.set(session.id, work)
    },
  })
  // Strangers' connections break all the time; what matters is logged where it happens.
  server.on('error', (error) => deps.log.debug({ reason: error.message }, 'inbound.connection-error'))

  const logOf = (session: SMTPServerSession): Log => deps.log.child({ session: session.id, transaction: session.transaction })

  /** Counts a refused recipient. */
  function isGuessing({ id }: SMTPServerSession): boolean {
    const session = sessions.get(id)
    return session !== undefined && ++session.refusals > maxRefusedRecipients
  }

  async function judgeRcpt(path: SMTPServerAddress, session: SMTPServerSession): Promise<Error | null> {
    const parameters = judgeRecipientParameters(parametersOf(path))
    if (!parameters.ok) return asError(parameters.reply)
    const verdict = judgeRecipient(await recipientFacts(store.db, config.hostname, path.address))
    if (verdict.ok) {
      recipients.set(path, verdict.recipient)
      return null
    }
    logOf(session).info({ ip: session.remoteAddress, reply: formatReply(verdict.reply) }, 'inbound.recipient-refused')
    return asError(verdict.reply)
  }

  /** Null when the connection was lost first: there is nobody to answer. */
  async function takeMessage(stream: SMTPServerDataStream, session: SMTPServerSession): Promise<Reply | null> {
    const { mailFrom, rcptTo } = session.envelope
    const client = clientOf(session)
    const log = logOf(session)
    const alarm = clock.at(clock.now() + maxDataMs, () => server.hangUp(session.id, '4.4.2 Message takes too long'))
    const arrived = await collectMessage(stream, { maxBytes: config.smtp.maxMessageBytes, budget }).finally(() => alarm.cancel())
    try {
      if (arrived.kind === 'lost') return null
      if (arrived.kind === 'refused') {
        log.info({ ip: client.ip, reply: formatReply(arrived.reply) }, 'inbound.refused')
        return arrived.reply
      }
      return await receive({
        client,
        reversePath: mailFrom === false ? null : (reversePaths.get(mailFrom) ?? null),
        recipients: rcptTo.flatMap((path) => recipients.get(path) ?? []),
        requireTls: false,
        bytes: arrived.bytes,
        log: log.child({ ip: client.ip }),
      })
    } finally {
      arrived.release()
    }
  }

  return {
    async listen() {
      server.listen(config.smtp.port, config.smtp.host)
      await Promise.race([once(server.server, 'listening'), once(server.server, 'error').then(([error]) => Promise.reject(error as Error))])
      const bound = server.server.address() as AddressInfo
      return { host: bound.address, port: bound.port }
    },
    async close() {
      const closed = new Promise<void>((resolve) => server.close(resolve))
      for (const id of sessions.keys()) if (!receiving.has(id)) server.hangUp(id, '4.3.2 Shutting down')
      // What has been received completely is stored and answered.
      await Promise.all(receiving.values())
      for (const id of sessions.keys()) server.hangUp(id, '4.3.2 Shutting down')
      await closed
    },
  }
}

function failed(log: Log, error: unknown): Reply {
  log.error({ err: error }, 'inbound.failed')
  return trouble
}

/** We announce what we do and nothing else: no AUTH, no DSN, no REQUIRETLS, and none of the library's sendmail jokes. */
const protocol = (config: ListenerConfig): SMTPServerOptions => ({
  name: config.hostname,
  heloResponse: '%s',
  size: config.smtp.maxMessageBytes,
  maxRecipients: config.smtp.maxRecipients,
  maxClients,
  maxCommandLength: maxCommandBytes,
  socketTimeout: idleMs,
  closeTimeout: closingMs,
  disabledCommands: ['AUTH', 'XCLIENT', 'XFORWARD', 'WIZ', 'SHELL', 'KILL', 'HELP'],
  hideENHANCEDSTATUSCODES: false,
  disableReverseLookup: true,
  minVersion: 'TLSv1.2',
  logger: false,
})

const parametersOf = (path: SMTPServerAddress): string[] => Object.keys(path.args || {})

/** RFC 6531 §4.3 names the protocol when SMTPUTF8 was asked for. */
function clientOf(session: SMTPServerSession): Client {
  const secure = session.secure ? 'S' : ''
  const protocol = session.envelope.smtpUtf8 ? `UTF8SMTP${secure}` : session.transmissionType
  const cipher = session.tlsOptions === false ? null : (session.tlsOptions.standardName ?? session.tlsOptions.name)
  return { ip: session.remoteAddress, helo: session.hostNameAppearsAs, protocol, cipher }
}
