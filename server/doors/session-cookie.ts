/**
 * The cookie of an operator session (contract §4.6). By itself it opens nothing: each call shows an API key in a header besides, which no page of somebody
 * else can make a browser send.
 */
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { OperatorCookie } from '../operations/procedure.ts'
import type { Clock } from '../platform/clock.ts'
import { createCookie } from './cookie.ts'

export type SessionCookies = {
  /** What came with the request; what an operation changes about it goes out with the answer. One and the same for one request. */
  of(request: FastifyRequest): OperatorCookie
  answer(request: FastifyRequest, reply: FastifyReply): void
}

export function createSessionCookies(publicUrl: string, clock: Clock): SessionCookies {
  const operator = createCookie('multimail-operator', publicUrl, clock)
  const cookies = new WeakMap<FastifyRequest, OperatorCookie>()
  return {
    of(request) {
      const known = cookies.get(request)
      if (known !== undefined) return known
      const cookie: OperatorCookie = { presented: operator.of(request) }
      cookies.set(request, cookie)
      return cookie
    },
    answer(request, reply) {
      const change = cookies.get(request)?.change
      if (change === 'clear') operator.clear(reply)
      else if (change !== undefined) operator.set(reply, change.token, change.expiresAt)
    },
  }
}
