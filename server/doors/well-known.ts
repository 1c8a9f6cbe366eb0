import type { FastifyInstance } from 'fastify'
import { OperationError } from '../operations/errors.ts'
import type { Clock } from '../platform/clock.ts'
import { createLookups } from './lookups.ts'

export const signingKeyRoute = '/.well-known/multimail-signing-key'

/** The public key with which a recipient, or a page in its browser, checks the identity of a message. It is for everybody, from anywhere. */
export function serveSigningKey(app: FastifyInstance, document: () => Promise<object>): void {
  app.get(signingKeyRoute, async (_request, reply) =>
    reply
      .header('access-control-allow-origin', '*')
      .header('cache-control', 'public, max-age=3600')
      .send(await document()),
  )
}

export const reputationRoute = '/.well-known/reputation/:hash'

/** What is known of the mailbox that a message's X-MultiMail-Reputation names (contract §11.5). @param reputation null: no such mailbox */
export function serveReputation(app: FastifyInstance, reputation: (hash: string) => Promise<object | null>, clock: Clock): void {
  const lookups = createLookups(clock)
  app.get(reputationRoute, async (request, reply) => {
    reply.header('access-control-allow-origin', '*')
    if (!lookups.take(request.ip)) throw new OperationError('TOO_MANY_LOOKUPS', undefined, [], lookups.nextAt() - clock.now())
    const { hash } = request.params as { hash: string }
    const document = /^[0-9a-f]{64}$/.test(hash) ? await reputation(hash) : null
    if (document === null) throw new OperationError('REPUTATION_NOT_FOUND')
    return reply.header('cache-control', 'public, max-age=3600').send(document)
  })
}
