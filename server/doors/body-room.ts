/** Memory for large request bodies, shared by all callers: each is held as text, as JSON, as bytes and as a composed message at one time. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { OperationError } from '../operations/errors.ts'

export type BodyRoom = {
  /** Takes what the announced body needs until its answer is out. Throws UNAVAILABLE when there is no room now. @param owner the key that calls */
  enter(owner: string, request: FastifyRequest, reply: FastifyReply): void
  /** Throws BODY_TOO_LARGE for a body that counts: who shows no key sends a few fields, and says how long they are. */
  refuseLarge(request: FastifyRequest, reply: FastifyReply): void
}

/** A smaller one is not worth counting. */
const smallBody = 1024 * 1024
/** In multiples of the largest. */
const atOnce = 4
const ofOneOwner = 2

export function createBodyRoom(largestBody: number): BodyRoom {
  const takenBy = new Map<string, number>()
  const taken = (): number => [...takenBy.values()].reduce((sum, bytes) => sum + bytes, 0)
  const add = (owner: string, bytes: number): void => {
    const now = (takenBy.get(owner) ?? 0) + bytes
    if (now === 0) takenBy.delete(owner)
    else takenBy.set(owner, now)
  }
  return {
    enter(owner, request, reply) {
      const bytes = announcedBytes(request)
      if (bytes <= smallBody) return
      // One caller leaves room for the others.
      if ((takenBy.get(owner) ?? 0) + bytes > ofOneOwner * largestBody || taken() + bytes > atOnce * largestBody)
        throw new OperationError('UNAVAILABLE', 'Too many large requests are under way')
      add(owner, bytes)
      reply.raw.once('close', () => add(owner, -bytes))
    },
    refuseLarge(request, reply) {
      if (announcedBytes(request) <= smallBody) return
      // What is left of the body is not waited for.
      reply.header('connection', 'close')
      throw new OperationError('BODY_TOO_LARGE')
    },
  }
}

/** At most what the route takes: a longer body is refused anyway. One that does not say how long it is may be that long. */
function announcedBytes({ headers, routeOptions }: FastifyRequest): number {
  const limit = routeOptions.bodyLimit
  if (headers['transfer-encoding'] !== undefined) return limit
  return Math.min(Number(headers['content-length'] ?? 0) || 0, limit)
}
