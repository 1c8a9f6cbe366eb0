import type { FastifyReply } from 'fastify'

/** Aborted when whoever asked has gone, or has the answer: nobody waits for it any more. */
export function goneSignal(reply: FastifyReply): AbortSignal {
  const gone = new AbortController()
  reply.raw.once('close', () => gone.abort())
  return gone.signal
}
