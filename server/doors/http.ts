/**
 * The front door for programs: one HTTP server for REST, tRPC and MCP.
 *
 * Promises: who calls is known before any body is read, and what nobody in particular may send is small; each answer an API client may see is JSON, whatever went wrong; a fault of ours shows
 * a request_id and nothing else, and the log has the rest under the same id; input has limits of size, count and time.
 */
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import type { KeyActor } from '../model/actor.ts'
import type { Context, Rooms } from '../operations/procedure.ts'
import { OperationError } from '../operations/errors.ts'
import type { Clock } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import type { Metrics } from '../platform/metrics.ts'
import { linkRoute, serveAttachmentLinks } from './attachment-links.ts'
import { createAttempts } from './attempts.ts'
import { agentAuthRoutes, protectedResourceRoute, serveAgentAuth } from './agent-auth.ts'
import { createBodyRoom } from './body-room.ts'
import { createDownloads } from './downloads.ts'
import { confirmRedirects, confirmRoute, serveConfirm } from './confirm.ts'
import { requestId } from './request-id.ts'
import { identifyCaller } from './caller.ts'
import { serveLiveEvents } from './live-events.ts'
import { serveMcp } from './mcp.ts'
import { networkOf } from './lookups.ts'
import { metricsPath, serveMetrics } from './metrics.ts'
import { openRoute, serveOpens } from './opens.ts'
import { openApiDocument } from './openapi.ts'
import { isOpen } from './open.ts'
import { answerClientError, answerFailure, faultFacts, isOurFault } from './failure.ts'
import { type Allowance, type Rates, createRequestRates, noRates, rateFacts, rateFields, windowSeconds } from './request-rates.ts'
import { referencePath, serveReference } from './reference.ts'
import { peoplePaths, servePeople } from './people/people.ts'
import { approveRoute, serveApprove } from './people/approve.ts'
import type { ApprovalMailRoom, PeopleRoom } from '../operations/people.ts'
import { serveRest } from './rest.ts'
import { createSessionCookies } from './session-cookie.ts'
import { serveTrpc } from './trpc.ts'
import { serveUnsubscribe, unsubscribeRoute } from './unsubscribe.ts'
import { serveVerify, verifyRoutes } from './verify/verify.ts'
import { reputationRoute, serveReputation, serveSigningKey, signingKeyRoute } from './well-known.ts'

export type HttpConfig = {
  http: {
    host: string
    port: number
    /** as clients reach it, e.g. that of a proxy in front */
    publicUrl: string
    /** what whoever reads the metrics presents; null: nobody does */
    metricsToken: string | null
    /** requests a minute; left out: as many as they like */
    rates?: Rates
  }
}

export type HttpServerDeps = {
  rooms: Rooms
  /** the actor behind a presented key; null when it is no good key */
  identify: (presentedKey: string) => Promise<KeyActor | null>
  config: HttpConfig
  metrics: Pick<Metrics, 'text'>
  /** does what the token of an unsubscribe link says; left out: there are no such links */
  unsubscribe?: ((token: string) => Promise<void>) | undefined
  /** the public key that the identity of messages is checked with, as it is served; left out: there is none */
  signingKey?: (() => Promise<object>) | undefined
  /** what is known of the mailbox of a hash, null when there is none; left out: nobody is told */
  reputation?: ((hash: string) => Promise<object | null>) | undefined
  /** takes down that an image in a message was asked for; left out: there are no such images */
  opened?: ((token: string, headers: Record<string, unknown>) => Promise<void>) | undefined
  /** who signs in to decide; left out: nobody does */
  people?: PeopleRoom | undefined
  /** the links with which they decide without that; left out: there are none */
  approvalMail?: ApprovalMailRoom | undefined
  /** told of calls that were let in; left out: nobody counts them */
  countCalls?: ((caller: KeyActor, calls: number) => void) | undefined
  log: Log
  clock: Clock
}

export type HttpServer = { listen(): Promise<{ host: string; port: number }>; close(): Promise<void> }

/** 25 MiB of attachments in base64, a long text, and room for JSON around them. */
const largeBodyLimit = 48 * 1024 * 1024
/** For one whole request to arrive; a large mail over a slow line takes a while, a slow-writer attack for ever. */
const requestTimeoutMs = 120_000
const headersTimeoutMs = 15_000
const keepAliveTimeoutMs = 60_000
/** A batch of tRPC calls names them all in the path; a file name may be long. */
const maxParamLength = 2000
/** After this long, a close no longer waits for requests that are still being answered. */
const closeGraceMs = 4_000

export function createHttpServer(deps: HttpServerDeps): HttpServer {
  const { config, clock } = deps
  const app = buildApp(deps)
  return {
    async listen() {
      await app.listen({ host: config.http.host, port: config.http.port })
      const address = app.server.address()
      if (address === null || typeof address === 'string') throw new Error('the HTTP server has no port')
      return { host: address.address, port: address.port }
    },
    async close() {
      const alarm = clock.at(clock.now() + closeGraceMs, () => app.server.closeAllConnections())
      await app.close().finally(() => alarm.cancel())
    },
  }
}

function buildApp(deps: HttpServerDeps): FastifyInstance {
  const app = Fastify({
    logger: false,
    genReqId: requestId,
    bodyLimit: largeBodyLimit,
    requestTimeout: requestTimeoutMs,
    keepAliveTimeout: keepAliveTimeoutMs,
    http: { headersTimeout: headersTimeoutMs },
    // HEAD would run the operation of the GET and put a read on the record that nobody saw.
    exposeHeadRoutes: false,
    forceCloseConnections: 'idle',
    return503OnClosing: true,
    routerOptions: { maxParamLength },
    frameworkErrors: (error, request, reply) => {
      secure(reply, request.id)
      void answerFailure(error, request, reply)
    },
    clientErrorHandler: (error, socket) => answerClientError(error, socket),
  })
  const actors = new WeakMap<FastifyRequest, KeyActor>()
  const allowances = new WeakMap<FastifyRequest, readonly Allowance[]>()
  const bodyRoom = createBodyRoom(largeBodyLimit)
  const attempts = createAttempts(deps.clock, deps.identify)
  const rates = createRequestRates(deps.clock, deps.config.http.rates ?? noRates)
  const sessions = createSessionCookies(deps.config.http.publicUrl, deps.clock)
  const contextOf = (request: FastifyRequest): Context => ({
    rooms: deps.rooms,
    actor: actors.get(request) ?? null,
    requestId: request.id,
    idempotency: { key: request.headers['idempotency-key']?.toString(), replayed: false },
    operatorSession: sessions.of(request),
    network: () => networkOf(request.ip),
  })
  const report = (error: unknown, id: string): void => deps.log.error({ requestId: id, ...faultFacts(error) }, 'http.failed')

  acceptJson(app)
  app.addHook('onRequest', async (request, reply) => {
    secure(reply, request.id)
    // At once: nobody gets a body read by asking for a route that is not there.
    if (request.is404) throw new OperationError('UNKNOWN_ROUTE')
    if (isPublic(request)) return
    const actor = await identifyCaller(request.headers, (key) => attempts.identify(request.ip, key), { mayBeNobody: isOpen(request) })
    if (actor === null) {
      attempts.nobody(request.ip)
      return bodyRoom.refuseLarge(request, reply)
    }
    actors.set(request, actor)
    const calls = callsOf(request)
    const { isAllowed, allowances: left } = rates.take(actor, calls)
    allowances.set(request, left)
    reply.headers(rateFields(left))
    if (!isAllowed) throw tooManyRequests(left)
    deps.countCalls?.(actor, calls)
    bodyRoom.enter(actor.keyId, request, reply)
  })
  const metadata = `, resource_metadata="${deps.config.http.publicUrl.replace(/\/+$/, '')}${protectedResourceRoute}"`
  app.addHook('onSend', async (request, reply) => {
    sessions.answer(request, reply)
    const asked = reply.getHeader('www-authenticate')
    // RFC 9728 §5.1
    if (typeof asked === 'string') reply.header('www-authenticate', asked + metadata)
  })
  app.addHook('onResponse', async (request, reply) => logAnswer(deps.log, actors.get(request), request, reply))
  app.setErrorHandler((error, request, reply) => {
    if (isOurFault(error)) report(error, request.id)
    return answerFailure(error, request, reply)
  })
  app.setNotFoundHandler(() => {
    throw new OperationError('UNKNOWN_ROUTE')
  })

  servePublic(app, deps)
  if (deps.config.http.metricsToken !== null) serveMetrics(app, { token: deps.config.http.metricsToken, metrics: deps.metrics })
  if (deps.unsubscribe !== undefined) serveUnsubscribe(app, deps.unsubscribe)
  if (deps.signingKey !== undefined) {
    serveSigningKey(app, deps.signingKey)
    serveVerify(app)
  }
  if (deps.reputation !== undefined) serveReputation(app, deps.reputation, deps.clock)
  if (deps.opened !== undefined) serveOpens(app, deps.opened)
  if (deps.people !== undefined) {
    const { people, approvalMail, rooms, config, clock } = deps
    servePeople(app, { people, rooms, publicUrl: config.http.publicUrl, clock })
    if (approvalMail !== undefined) serveApprove(app, { people, approvalMail, rooms, clock })
  }
  const downloads = createDownloads(deps.clock)
  serveAttachmentLinks(app, deps.rooms, downloads)
  serveConfirm(app, deps.rooms)
  serveAgentAuth(app, { rooms: deps.rooms, publicUrl: deps.config.http.publicUrl })
  serveRest(app, { contextOf, largeBodyLimit, downloads })
  serveLiveEvents(app, contextOf, report)
  serveTrpc(app, contextOf, report)
  serveMcp(app, { contextOf, report, publicUrl: deps.config.http.publicUrl, rateOf: (request) => rateFacts(allowances.get(request) ?? []) })
  return app
}

/** A batch of tRPC is as many calls as it names. */
const callsOf = ({ routeOptions, url }: FastifyRequest): number =>
  routeOptions.url?.startsWith('/trpc/') === true ? (url.split('?', 1)[0]?.split(/,|%2c/i).length ?? 1) : 1

/** Its words are not those of a monthly allowance: clients tell them apart (contract §1.3). */
function tooManyRequests(left: readonly Allowance[]): OperationError {
  const [scarcest] = left
  const words = scarcest && `This ${scarcest.policy} has made the ${scarcest.limit} requests that it may make in a minute`
  return new OperationError('TOO_MANY_REQUESTS', words, [], (scarcest?.resetSeconds ?? windowSeconds) * 1000, {
    remaining: 0,
    rate_limit: rateFacts(left) ?? null,
  })
}

/** Bodies are JSON. An empty one is `{}`, because clients send `Content-Type: application/json` with every request (contract §13.1). */
function acceptJson(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  // Fastify's own parser, for its refusal of `__proto__`.
  const parse = app.getDefaultJsonParser('error', 'error')
  app.addContentTypeParser(/^application\/json(?:;|$)/, { parseAs: 'string' }, (request, body, done) => {
    const text = String(body)
    if (text.trim() === '') done(null, {})
    else void parse(request, text, done)
  })
}

/** The answers are for programs: no browser is to guess a type, run or frame anything, or keep a copy. */
function secure(reply: FastifyReply, id: string): void {
  reply
    .header('x-request-id', id)
    .header('x-content-type-options', 'nosniff')
    .header('content-security-policy', "default-src 'none'; frame-ancestors 'none'; sandbox")
    .header('cross-origin-resource-policy', 'same-origin')
    .header('referrer-policy', 'no-referrer')
    .header('cache-control', 'no-store')
}

/** Served to whoever asks, or, the metrics, to whoever has another token than an API key. */
const publicPaths: readonly string[] = [
  '/',
  '/health',
  '/v1/proof-status',
  '/openapi.json',
  '/v1/openapi.json',
  referencePath,
  metricsPath,
  unsubscribeRoute,
  openRoute,
  linkRoute,
  signingKeyRoute,
  reputationRoute,
  ...verifyRoutes,
  ...agentAuthRoutes,
  confirmRoute,
  ...peoplePaths,
  approveRoute,
]
/** The same, where another method of the route is an operation. */
const publicGets: readonly string[] = confirmRedirects
const isPublic = ({ method, routeOptions: { url = '' } }: FastifyRequest): boolean =>
  publicPaths.includes(url) || (method === 'GET' && publicGets.includes(url))

function servePublic(app: FastifyInstance, { rooms, config, log }: HttpServerDeps): void {
  const document = openApiDocument(config.http.publicUrl)
  app.get('/openapi.json', async () => document)
  app.get('/v1/openapi.json', async () => document)
  serveReference(app, document)
  app.get('/', async () => ({
    name: 'multimail',
    status: 'ok',
    openapi: '/openapi.json',
    docs: referencePath,
    rest: '/v1',
    trpc: '/trpc',
    mcp: '/mcp',
    health: '/health',
  }))
  // The hosted service tells here of formal proofs (contract §5.8).
  app.get('/v1/proof-status', async () => ({ status: 'not_applicable' }))
  app.get('/health', async (_request, reply) => {
    try {
      await rooms.store.db.selectFrom('log_head').select('id').execute()
      return { status: 'ok' }
    } catch (error) {
      log.error(faultFacts(error), 'health.degraded')
      return reply.code(503).send({ status: 'degraded' })
    }
  })
}

function logAnswer(log: Log, actor: KeyActor | undefined, request: FastifyRequest, reply: FastifyReply): void {
  const { method, id: requestId, routeOptions } = request
  log.info(
    { requestId, keyId: actor?.keyId, method, route: routeOptions.url, status: reply.statusCode, ms: Math.round(reply.elapsedTime) },
    'http.answered',
  )
}
