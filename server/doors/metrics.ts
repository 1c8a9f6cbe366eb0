import { createHash, timingSafeEqual } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import { OperationError } from '../operations/errors.ts'
import { type Metrics, metricsType } from '../platform/metrics.ts'

export const metricsPath = '/metrics'

/** The numbers, for a Prometheus that presents `token` (RFC 6750 §2.1). They tell how much mail there is, so nobody else gets them. */
export function serveMetrics(app: FastifyInstance, { token, metrics }: { token: string; metrics: Pick<Metrics, 'text'> }): void {
  app.get(metricsPath, async (request, reply) => {
    const presented = /^Bearer +(\S{1,256}) *$/i.exec(request.headers.authorization ?? '')?.[1]
    if (presented === undefined) throw new OperationError('UNAUTHENTICATED')
    if (!isSame(presented, token)) throw new OperationError('KEY_NOT_ACCEPTED')
    return reply.type(metricsType).send(await metrics.text())
  })
}

/** In a time that tells nothing of how much of it is right, nor how long the right one is. */
const isSame = (one: string, other: string): boolean => timingSafeEqual(digest(one), digest(other))
const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
