import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { type ErrorCode, OperationError } from '../operations/errors.ts'
import { type Problem, isFault, problemOf } from '../operations/problem.ts'
import { requestId } from './request-id.ts'

/** What Fastify refuses by itself, in the words of our catalogue. */
const frameworkCodes: Readonly<Record<string, ErrorCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'BODY_TOO_LARGE',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'UNSUPPORTED_MEDIA_TYPE',
  FST_ERR_CTP_INVALID_JSON_BODY: 'BAD_JSON',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'BAD_JSON',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'BAD_JSON',
  FST_ERR_BAD_URL: 'UNKNOWN_ROUTE',
  FST_ERR_NOT_FOUND: 'UNKNOWN_ROUTE',
  FST_ERR_MAX_PARAM_LENGTH: 'UNKNOWN_ROUTE',
}

/** Any failure as this catalogue has it: of an operation, of the framework, or of ours. */
function translated(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof OperationError) return error
  const code = 'code' in error && typeof error.code === 'string' ? frameworkCodes[error.code] : undefined
  if (code !== undefined) return new OperationError(code)
  const status = 'statusCode' in error ? error.statusCode : undefined
  // The JSON parser marks what it refuses with 400 and has no code for it.
  return status === 400 ? new OperationError('BAD_JSON') : error
}

/** What the log keeps of a fault: not the error object, in which a database driver may have put the values of a row. */
export function faultFacts(error: unknown): Record<string, unknown> {
  const root = rootOf(error)
  if (!(root instanceof Error)) return { fault: typeof root }
  return { fault: root.name, code: 'code' in root ? root.code : undefined, stack: root.stack?.slice(0, longestStack) }
}
const longestStack = 4000
const rootOf = (error: unknown): unknown => (error instanceof Error && error.cause instanceof Error ? rootOf(error.cause) : error)

export const isOurFault = (error: unknown): boolean => isFault(translated(error))

export const problemFor = (error: unknown, id: string): Problem => problemOf(translated(error), id)

export function answerFailure(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const problem = problemFor(error, request.id)
  return challenge(reply, problem).code(problem.status).send(problem.body)
}

/** What the header says of how to do it right: RFC 6750 §3 of a 401, RFC 9110 §10.2.3 of when to ask again (a number of seconds: old clients
 *  read nothing else, contract §1.3). */
export function challenge(reply: FastifyReply, problem: Problem): FastifyReply {
  if (problem.body.retry_after_seconds !== undefined) reply.header('retry-after', String(problem.body.retry_after_seconds))
  if (problem.status !== 401) return reply
  const error = problem.body.code === 'KEY_NOT_ACCEPTED' ? ', error="invalid_token"' : ''
  return reply.header('www-authenticate', `Bearer realm="multimail"${error}`)
}

/** For what was not even HTTP: the request never reaches Fastify. */
export function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const status = error.code === 'HPE_HEADER_OVERFLOW' ? 431 : error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400
  const body = JSON.stringify({ ...problemOf(new OperationError('BAD_HTTP'), requestId()).body })
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  )
}
