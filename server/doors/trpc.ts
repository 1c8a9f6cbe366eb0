import { type FastifyTRPCPluginOptions, fastifyTRPCPlugin } from '@trpc/server/adapters/fastify'
import { TRPC_ERROR_CODES_BY_KEY } from '@trpc/server/rpc'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { OperationError, errors } from '../operations/errors.ts'
import { isFault, problemOf } from '../operations/problem.ts'
import type { Context } from '../operations/procedure.ts'
import { type AppRouter, appRouter } from '../operations/router.ts'
import { replayedHeader } from './rest.ts'
import { challenge, isOurFault, problemFor } from './failure.ts'

export type { AppRouter } from '../operations/router.ts'

/** A batch is one request to every limit in front of it, so it must stay small. */
const maxBatch = 10

/** tRPC's own adapter at /trpc. @param report for faults of ours, with the id of the request they happened in */
export function serveTrpc(
  app: FastifyInstance,
  contextOf: (request: FastifyRequest) => Context,
  report: (error: unknown, requestId: string) => void,
): void {
  const trpcOptions: FastifyTRPCPluginOptions<AppRouter>['trpcOptions'] = {
    router: appRouter,
    createContext: ({ req }) => contextOf(req),
    maxBatchSize: maxBatch,
    responseMeta: ({ errors: failed, ctx }) => ({
      headers: { ...retryAfter(failed), ...(ctx?.idempotency?.replayed === true && { [replayedHeader]: 'true' }) },
    }),
    onError: ({ error, ctx }) => {
      if (isFault(error)) report(error.cause ?? error, ctx?.requestId ?? '')
    },
  }
  app.register(async (scope) => {
    // What is refused before tRPC sees it, in the form its clients read.
    scope.setErrorHandler((error, request, reply) => {
      if (isOurFault(error)) report(error, request.id)
      const problem = problemFor(error, request.id)
      const code = TRPC_ERROR_CODES_BY_KEY[errors[problem.body.code].trpc]
      const data = { httpStatus: problem.status, ...problem.body }
      return challenge(reply, problem)
        .code(problem.status)
        .send({ error: { message: problem.body.error, code, data } })
    })
    scope.addHook('preValidation', async (request) => {
      const { path } = request.params as { path?: string }
      if ((path?.split(',').length ?? 0) > maxBatch) throw new OperationError('BATCH_TOO_LARGE')
      if (path?.includes(',') === true && request.headers['idempotency-key'] !== undefined)
        throw new OperationError('BAD_INPUT', 'One Idempotency-Key cannot name several calls: send them one by one')
    })
    await scope.register(fastifyTRPCPlugin<AppRouter>, { prefix: '/trpc', trpcOptions })
  })
}

/** Of a batch, the longest wait. */
function retryAfter(failed: readonly unknown[]): Record<string, string> {
  const waits = failed.flatMap((error) => problemOf(error, '').body.retry_after_seconds ?? [])
  return waits.length === 0 ? {} : { 'retry-after': String(Math.max(...waits)) }
}
