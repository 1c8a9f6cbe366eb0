import type { FastifyInstance } from 'fastify'

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
