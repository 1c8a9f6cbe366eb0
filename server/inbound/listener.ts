/**
 * Arriving mail: the SMTP server on port 25, and everything up to the commit.
 *
 * Promises: 250 after DATA means the message is on disk; a message that is refused leaves nothing behind; nobody's mail is relayed; whatever
 * bytes come, other connections go on. Built on `smtp-server`; the protocol is in smtp/, how strangers behave is judged in conduct/.
 */
import type { Arrival } from './arrival.ts'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import type { SMTPServerOptions } from 'smtp-server'
import type { Config } from '../../config/schema.ts'
import { type Reply, formatReply } from '../model/reply.ts'
import type { Alarm, Clock } from '../platform/clock.ts'
import { maxDescriptors } from '../platform/descriptors.ts'
import type { Log } from '../platform/log.ts'
import type { Store } from '../store/db.ts'
import { type Conduct, noPlace } from './conduct/conduct.ts'
import { type Receiver, crowdedFrom } from './receive.ts'
import { type SignedAddresses, type RecipientVerdict, judgeRecipient, judgeSender, recipientFacts } from './recipients.ts'
import { type Connection, type Door, shuttingDown } from './smtp/connection.ts'
import { judgeTime, timeCheckMs } from './smtp/deadlines.ts'
import { createMemoryBudget } from './smtp/memory-budget.ts'
import { Server } from './smtp/server.ts'
import { maxSockets } from './smtp/sockets.ts'
import type { Host, Peer, Talk } from './smtp/talk.ts'

export type ListenerConfig = {
  hostname: string
  smtp: Pick<Config['smtp'], 'host' | 'port' | 'maxMessageBytes' | 'maxRecipients' | 'maxConnections' | 'proxies'>
}
export type ListenerDeps = SignedAddresses & {
  config: ListenerConfig
  store: Store
  receive: Receiver['receive']
  /** how far what receives is behind, from 0 to 1 */
  load: Receiver['load']
  conduct: Conduct
  /** PEM texts */
  tls: { key: string; cert: string }
  clock: Clock
  log: Log
}
/** `port` is the one that was bound, also when 0 was asked for. */
export type Listener = { listen(): Promise<{ host: string; port: number }>; close(): Promise<void> }

/** Messages being received or handled at one time, in multiples of the largest. */
const largestMessagesAtOnce = 4
/** Room for thousands of letters, however small the largest message may be. */
const leastMemoryBytes = 64 * 1024 * 1024
/** Then a message that is still on its way is left to its sender. Everything closes in parallel, within the time of platform/lifecycle.ts. */
const closingMs = 4_000
const proxyHeaderMs = 30_000
/** Connections that wait to be accepted; the system may hold fewer. A burst of senders must not find the door shut while we store a message. */
const backlog = 1_024

const trouble: Reply = { code: 451, status: '4.3.0', text: 'Local trouble, nothing was stored, try again later' }

export function createListener(deps: ListenerDeps): Listener {
  const { config, store, receive, load, conduct, clock } = deps
  const budget = createMemoryBudget(Math.max(config.smtp.maxMessageBytes * largestMessagesAtOnce, leastMemoryBytes))
  conduct.watch('memory', budget.share)
  const connections = new Map<string, Connection>()
  const receiving = new Map<Peer, Promise<unknown>>()
  let nextTimeCheck: Alarm | null = null

  const host: Host = {
    name: config.hostname,
    maxMessageBytes: config.smtp.maxMessageBytes,
    maxRecipients: config.smtp.maxRecipients,
    budget,
    now: clock.now,
    hasTime: () => load() < crowdedFrom,
    judgeSender,
    async judgeRecipient(path, talk) {
      const verdict = await judge(path, talk)
      if (!verdict.ok) logOf(talk).info({ reply: formatReply(verdict.reply) }, 'inbound.recipient-refused')
      return verdict
    },
    receive(message, talk) {
      const work = handle(message, logOf(talk)).finally(() => receiving.delete(talk.peer))
      receiving.set(talk.peer, work)
      return work
    },
    refused: (reply, talk) => logOf(talk).info({ reply: formatReply(reply) }, 'inbound.refused'),
  }

  const door: Door = {
    host,
    arrive(connection) {
      connections.set(connection.id, connection)
      nextTimeCheck ??= clock.at(clock.now() + timeCheckMs, checkTime)
      const arrival = conduct.arrive({ ip: connection.ip, sessionId: connection.id })
      if (arrival.kind === 'welcome' && arrival.inPlaceOf !== null) connections.get(arrival.inPlaceOf)?.hangUp(noPlace)
      return arrival
    },
    left: ({ id }) => connections.delete(id),
    after: (ms, work) => clock.at(clock.now() + ms, work),
    ended: ({ id, ip }, reply) => deps.log.info({ session: id, ip, reply: formatReply(reply) }, 'inbound.hung-up'),
    noProxyHeader: (ip) => deps.log.warn({ ip }, 'inbound.no-proxy-header'),
  }
  const server = new Server({ ...protocol(config), ...deps.tls }, door)
  server.server.maxConnections = socketsFor(config, deps.log)
  // Strangers' connections break all the time; what matters is logged where it happens.
  server.on('error', (error) => deps.log.debug({ reason: error.message }, 'inbound.connection-error'))

  const logOf = ({ peer, transactions }: Talk): Log => deps.log.child({ session: peer.id, transaction: transactions, ip: peer.ip })

  async function judge(path: string, talk: Talk): Promise<RecipientVerdict> {
    try {
      return judgeRecipient(await recipientFacts(store.db, config.hostname, path, deps))
    } catch (error) {
      return { ok: false, reply: failed(logOf(talk), error) }
    }
  }

  async function handle(message: Arrival, log: Log): Promise<Reply> {
    const reply = await receive({ ...message, log }).catch((error: unknown) => failed(log, error))
    log.debug({ reply: formatReply(reply) }, 'inbound.replied')
    return reply
  }

  /** Goes on while there is anybody to look at. */
  function checkTime(): void {
    const [limits, now] = [conduct.limits(), clock.now()]
    for (const connection of connections.values()) {
      const reply = judgeTime(connection.timeFacts, limits, now)
      if (reply !== null) connection.hangUp(reply)
    }
    nextTimeCheck = connections.size === 0 ? null : clock.at(now + timeCheckMs, checkTime)
  }

  return {
    async listen() {
      server.listen(config.smtp.port, config.smtp.host, backlog)
      await Promise.race([once(server.server, 'listening'), once(server.server, 'error').then(([error]) => Promise.reject(error as Error))])
      const bound = server.server.address() as AddressInfo
      return { host: bound.address, port: bound.port }
    },
    async close() {
      const closed = new Promise<void>((resolve) => server.close(resolve))
      for (const connection of connections.values()) if (!receiving.has(connection)) connection.hangUp(shuttingDown)
      // What has been received completely is stored and answered.
      await Promise.all(receiving.values())
      for (const connection of connections.values()) connection.hangUp(shuttingDown)
      await closed
      nextTimeCheck?.cancel()
    },
  }
}

/** Beyond that, connections are closed as they come: the system has no room for them. */
function socketsFor({ smtp: { maxConnections } }: ListenerConfig, log: Log): number {
  const descriptors = maxDescriptors()
  const sockets = maxSockets(maxConnections, descriptors)
  if (sockets < maxConnections) log.warn({ maxConnections, sockets, descriptors }, 'inbound.few-descriptors')
  return sockets
}

function failed(log: Log, error: unknown): Reply {
  log.error({ err: error }, 'inbound.failed')
  return trouble
}

/** What is left to the library: sockets, TLS, the PROXY header, and the end of it all. */
const protocol = ({ hostname, smtp }: ListenerConfig): SMTPServerOptions => ({
  name: hostname,
  useProxy: [...smtp.proxies],
  // Time for the PROXY header; our own connections are looked after by deadlines.ts.
  socketTimeout: proxyHeaderMs,
  closeTimeout: closingMs,
  disableReverseLookup: true,
  minVersion: 'TLSv1.2',
  logger: false,
})
