import { z } from 'zod'
import { errors } from '../operations/errors.ts'
import { onEventMeta } from '../operations/live.ts'
import { type OperationInfo } from '../operations/router.ts'
import { agentAuthPaths } from './agent-auth-paths.ts'
import { hasBody } from './dialect-input.ts'
import { answerShape, rawRoutes, singles, successStatus } from './dialects.ts'
import { eventsRoute } from './live-events.ts'
import { product } from './product.ts'
import { type RestRoute, inputSchema, restRoutes } from './rest.ts'
import { type JsonObject, isObject, shapeSchema } from './shape.ts'

/** The OpenAPI 3.1 document of the REST routes, made from the operations and the tables of the dialects. */
export function openApiDocument(publicUrl: string): JsonObject {
  const paths: Record<string, JsonObject> = {
    '/health': {
      get: {
        operationId: 'health',
        summary: 'Is the server well?',
        security: [],
        responses: { 200: json('Well', healthSchema('ok')), 503: json('Not well', healthSchema('degraded')) },
      },
    },
    [eventsRoute]: { get: eventStream },
    '/.well-known/multimail-signing-key': {
      get: {
        operationId: 'signing_key',
        summary: 'The keys that the identity of messages is checked with',
        security: [],
        responses: { 200: json('The key that signs, and every other that may be met', signingKeySchema) },
      },
    },
    '/.well-known/reputation/{hash}': {
      get: {
        operationId: 'reputation',
        summary: 'What is known of the mailbox that X-MultiMail-Reputation names, in bands',
        security: [],
        parameters: [{ name: 'hash', in: 'path', required: true, schema: { type: 'string', pattern: '^[0-9a-f]{64}$' } }],
        responses: { 200: json('As of the days that are over', reputationSchema), default: { $ref: '#/components/responses/Error' } },
      },
    },
  }
  Object.assign(paths, agentAuthPaths)
  for (const route of restRoutes) paths[route.path] = { ...paths[route.path], [route.method.toLowerCase()]: pathItem(route) }
  return {
    openapi: '3.1.0',
    info: {
      title: 'MultiMail, self-hosted',
      version: product.version,
      description: 'Mailboxes for AI agents. Fields marked x-untrusted hold text from outside.',
    },
    servers: [{ url: publicUrl }],
    security: [{ bearer: [] }, { apiKey: [] }],
    paths,
    components: {
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer' }, apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key' } },
      schemas: { Error: errorSchema },
      responses: { Error: json('What was wrong, and what to do about it', { $ref: '#/components/schemas/Error' }) },
    },
  }
}

function pathItem(route: RestRoute): JsonObject {
  const { operation, method, path } = route
  const input = inputSchema(operation)
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => String(name))
  const rest = without(input, inPath)
  return {
    operationId: operationId(route),
    tags: [route.surface],
    summary: operation.meta.title,
    description: `${operation.meta.description}\n\n${scopeWords(operation)}`,
    ...(operation.meta.scope === 'none' && { security: [] }),
    parameters: [
      ...inPath.map((name) => parameter('path', name, input)),
      ...(!hasBody(method) ? Object.keys(rest.properties).map((name) => parameter('query', name, input)) : []),
    ],
    ...(hasBody(method) && {
      requestBody: {
        required: rest.required.length > 0,
        content: { 'application/json': { schema: rest, ...bodyExample(operation, inPath) } },
      },
    }),
    responses: { ...success(route), default: { $ref: '#/components/responses/Error' } },
  }
}

const text: JsonObject = { type: 'string' }
const described = (description: string): JsonObject => ({ schema: text, description })

/** No operation of the router: its answer does not end. */
const eventStream: JsonObject = {
  operationId: 'on_event',
  tags: ['v1'],
  summary: onEventMeta.title,
  description: `${onEventMeta.description} Server-sent events: ready, event, resync, error; the data of each is JSON, its id a place to go on from.\n\nScope: ${onEventMeta.scope}.`,
  parameters: [
    { name: 'mailbox_id', in: 'query', required: false, ...described('Only of this mailbox; id or address') },
    { name: 'types', in: 'query', required: false, ...described('Types of events, separated by commas; left out, all') },
    { name: 'lastEventId', in: 'query', required: false, ...described('The same as Last-Event-ID, for who cannot set headers') },
    { name: 'Last-Event-ID', in: 'header', required: false, ...described('Id of the last item a client had; what came since comes first') },
  ],
  responses: {
    200: { description: 'Until it is closed', content: { 'text/event-stream': { schema: { type: 'string' } } } },
    default: { $ref: '#/components/responses/Error' },
  },
}

const scopeWords = ({ meta: { scope, orScope } }: OperationInfo): string =>
  scope === 'none' ? 'For everybody; no key is needed.' : `Scope: ${[scope, orScope].filter((one) => one !== undefined).join(' or ')}.`

/** What is in the path is not in the body. */
function bodyExample({ meta: { examples } }: OperationInfo, inPath: readonly string[]): JsonObject {
  const [first] = examples ?? []
  return first === undefined ? {} : { example: Object.fromEntries(Object.entries(first.input).filter(([name]) => !inPath.includes(name))) }
}

/** The flat name where it is the flat route, else that and the path, so that each is there once. */
const operationId = ({ operation, surface, path }: RestRoute): string =>
  surface === 'flat' ? operation.name : `${operation.name}${path.replace(/\W+/g, '_').replace(/_$/, '')}`

function success(route: RestRoute): JsonObject {
  if (rawRoutes.includes(route.path))
    return { 200: { description: 'The bytes', content: { '*/*': { schema: { type: 'string', contentEncoding: 'binary' } } } } }
  const { operation, surface } = route
  const taken = successStatus(surface, operation.name, {})
  const repeated = successStatus(surface, operation.name, { idempotent: true })
  const answer = json(operation.meta.title, answerSchema(route))
  if (operation.meta.twoStep) return { [taken]: answer, 202: { ...answer, description: 'The operator has to agree first' } }
  return taken === repeated
    ? { [taken]: answer }
    : { [taken]: answer, [repeated]: { ...answer, description: 'An earlier call with this idempotency_key did it' } }
}

function answerSchema({ operation, surface, path }: RestRoute): JsonObject {
  const shaped = shapeSchema(answerShape(surface, operation.name), outputSchema(operation))
  const list = single(path, shaped)
  return list ?? shaped
}

function single(path: string, shaped: JsonObject): JsonObject | undefined {
  const key = singles[path]
  const list = key === undefined || !isObject(shaped['properties']) ? undefined : shaped['properties'][key]
  return isObject(list) && isObject(list['items']) ? list['items'] : undefined
}

const outputSchema = (operation: OperationInfo): JsonObject => bare(z.toJSONSchema(operation.output))

const bare = (schema: JsonObject): JsonObject => Object.fromEntries(Object.entries(schema).filter(([key]) => key !== '$schema'))

function without(input: JsonObject, names: readonly string[]): JsonObject & { properties: JsonObject; required: string[] } {
  const properties = isObject(input['properties']) ? input['properties'] : {}
  const required = Array.isArray(input['required']) ? input['required'].map(String) : []
  return {
    ...bare(input),
    properties: Object.fromEntries(Object.entries(properties).filter(([name]) => !names.includes(name))),
    required: required.filter((name) => !names.includes(name)),
  }
}

function parameter(place: 'path' | 'query', name: string, input: JsonObject): JsonObject {
  const { properties, required } = without(input, [])
  return { name, in: place, required: place === 'path' || required.includes(name), schema: properties[name] }
}

const json = (description: string, schema: JsonObject): JsonObject => ({ description, content: { 'application/json': { schema } } })
const healthSchema = (status: string): JsonObject => ({ type: 'object', properties: { status: { const: status } }, required: ['status'] })

const texts = (...names: readonly string[]): JsonObject => Object.fromEntries(names.map((name) => [name, text]))
const exactly = (properties: JsonObject): JsonObject => ({ type: 'object', required: Object.keys(properties), properties })

const jwk = texts('kty', 'crv', 'x', 'y')
const signingKeySchema = exactly({
  ...texts('algorithm', 'kid', 'public_key_pem', 'created_at'),
  public_key_jwk: exactly(jwk),
  keys: { type: 'array', items: exactly({ ...jwk, ...texts('kid', 'alg', 'use') }) },
})
const reputationSchema = exactly({
  ...texts('hash', 'bounce_rate_band', 'complaint_rate_band', 'rejection_rate_band', 'account_age_band', 'oversight_mode', 'updated_at'),
  verified_operator: { type: 'boolean' },
})

const errorSchema: JsonObject = {
  type: 'object',
  required: ['error', 'code', 'fix', 'request_id'],
  properties: {
    error: { type: 'string', description: 'What was wrong, in a sentence' },
    code: { type: 'string', description: `One of ${Object.keys(errors).join(', ')}; more may be added` },
    fix: { type: 'string', description: 'What to do next' },
    request_id: { type: 'string' },
    retry_after_seconds: { type: 'integer', description: 'With status 429: when to ask again; also in the Retry-After header' },
    errors: {
      type: 'array',
      items: { type: 'object', required: ['path', 'message'], properties: { path: { type: 'string' }, message: { type: 'string' } } },
    },
  },
}
