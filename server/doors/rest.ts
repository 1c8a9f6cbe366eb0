import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { type OperationInfo, type OperationName, callOperation, operations } from '../operations/router.ts'
import type { Context, Method, Route } from '../operations/procedure.ts'
import { oncePerView } from '../operations/remembered.ts'
import type { Downloads } from './downloads.ts'
import { headFile } from './file-answer.ts'
import { goneSignal } from './gone.ts'
import { readInput } from './dialect-input.ts'
import { type Surface, answerShape, oldRoutes, rawRoutes, singles, successStatus, surfaceOf, textBody, wantsTextBody } from './dialects.ts'
import { type JsonObject, isObject, shapeValue } from './shape.ts'

export type RestRoute = {
  operation: OperationInfo
  method: Method
  /** with the names of input fields in braces */
  path: string
  surface: Surface
  /** of the operation's input, as JSON Schema */
  properties: JsonObject
}

/** Of the input, with what every call that changes something takes as well. */
export function inputSchema({ input, kind, meta }: OperationInfo): JsonObject {
  const schema: JsonObject = z.toJSONSchema(input, { io: 'input' })
  // An idempotency key belongs to the API key that used it.
  return kind === 'mutation' && meta.scope !== 'none' && isObject(schema['properties'])
    ? { ...schema, properties: { ...schema['properties'], idempotency_key: schema['properties']['idempotency_key'] ?? idempotencyKey } }
    : schema
}

const idempotencyKey = {
  type: 'string',
  maxLength: 200,
  description: 'Any text of your own. Repeating the call with it within 24 hours does nothing again and returns the first answer.',
}

/** Every REST route: those of the operations, then those that only old clients use. */
export const restRoutes: readonly RestRoute[] = [
  ...operations.flatMap((operation) => operation.meta.rest.map((route) => restRoute(operation, route))),
  ...oldRoutes.map(({ operation, route }) => restRoute(operationOf(operation), route)),
]

function restRoute(operation: OperationInfo, route: Route): RestRoute {
  const [method, path] = route.split(' ') as [Method, string]
  const { properties } = inputSchema(operation)
  return { operation, method, path, surface: surfaceOf(path), properties: isObject(properties) ? properties : {} }
}

function operationOf(name: OperationName): OperationInfo {
  const found = operations.find((one) => one.name === name)
  if (found === undefined) throw new Error(`no operation ${name}`)
  return found
}

/** Large only where attachments can be sent: everything else is a few fields. */
const smallBodyLimit = 512 * 1024

/** As the web framework writes it, and names it in a request. */
export const fastifyPath = ({ path }: RestRoute): string => path.replace(/\{(\w+)\}/g, ':$1')

/** @property contextOf who is calling, known before any body is read */
export type RestDeps = { contextOf: (request: FastifyRequest) => Context; largeBodyLimit: number; downloads: Downloads }

export function serveRest(app: FastifyInstance, { contextOf, largeBodyLimit, downloads }: RestDeps): void {
  for (const route of restRoutes) {
    const isRaw = rawRoutes.includes(route.path)
    const bodies = bodiesOf(route)
    app.route({
      method: route.method,
      url: fastifyPath(route),
      bodyLimit: Object.hasOwn(route.properties, 'attachments') ? largeBodyLimit : smallBodyLimit,
      handler: (request, reply) =>
        isRaw ? answerRaw(route, contextOf(request), request, reply, downloads) : answer(route, bodies, contextOf(request), request, reply),
    })
  }
}

const inputOf = (route: RestRoute, request: FastifyRequest): JsonObject =>
  readInput(
    { ...route, operation: route.operation.name },
    {
      path: request.params as JsonObject,
      query: request.query as JsonObject,
      body: request.body,
      approvalCode: headerText(request.headers['x-approval-code']),
    },
  )

/** Each what the operation gave as the text of an answer. */
type Bodies = Record<'usual' | 'withTextBody', (output: JsonObject) => string>
const bodiesOf = (route: RestRoute): Bodies => ({
  usual: oncePerView((output) => JSON.stringify(answerOf(route, output, false))),
  withTextBody: oncePerView((output) => JSON.stringify(answerOf(route, output, true))),
})

async function answer(
  route: RestRoute,
  bodies: Bodies,
  context: Context,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const query = request.query as JsonObject
  const output = (await callOperation(context, route.operation.name, inputOf(route, request), goneSignal(reply))) as JsonObject
  if (context.idempotency?.replayed === true) reply.header(replayedHeader, 'true')
  const body = bodies[wantsTextBody(request.headers['user-agent'], query['compat']) ? 'withTextBody' : 'usual']
  return reply
    .code(successStatus(route.surface, route.operation.name, output))
    .type(json)
    .send(body(output))
}

/** The operation says which bytes they are and puts the reading on the record; the bytes themselves come from the store piece by piece. */
async function answerRaw(
  route: RestRoute,
  context: Context,
  request: FastifyRequest,
  reply: FastifyReply,
  downloads: Downloads,
): Promise<FastifyReply> {
  const { store } = context.rooms
  downloads.enter(context.actor?.keyId ?? '', reply)
  const found = (await callOperation(context, route.operation.name, { ...inputOf(route, request), max_inline_bytes: 0 })) as JsonObject
  const file = await store.blobs.open(store.db, String(found['sha256']))
  if (file === null) throw new Error(`no blob for an answer of ${route.operation.name}`)
  return downloads.send(headFile(reply, { name: String(found['filename']), contentType: String(found['content_type']) }), file)
}

const json = 'application/json; charset=utf-8'

/** Says that an earlier call did it (docs/compatibility.md). */
export const replayedHeader = 'idempotency-replayed'

const headerText = (value: string | string[] | undefined): string | undefined => (typeof value === 'string' ? value.trim() : undefined)

function answerOf(route: RestRoute, output: JsonObject, withTextBody: boolean): JsonObject {
  const { name } = route.operation
  // It is none of what the operation answers once it has done something.
  if (output['status'] === 'pending_approval') return output
  const shaped = shapeValue(answerShape(route.surface, name), withTextBody ? addTextBody(name, output) : output)
  const single = singles[route.path]
  const list = single === undefined ? undefined : shaped[single]
  return Array.isArray(list) && isObject(list[0]) ? list[0] : shaped
}

function addTextBody(name: OperationName, output: JsonObject): JsonObject {
  const source = textBody[name]
  if (source === undefined) return output
  const copy = { copy: { text_body: source } }
  return name === 'get_thread' ? shapeValue({ each: { emails: copy } }, output) : shapeValue(copy, output)
}
