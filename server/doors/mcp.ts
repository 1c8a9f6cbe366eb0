/**
 * MCP over streamable HTTP at /mcp (protocol 2025-11-25): one POST, one JSON answer, no session, so nothing has to be remembered between
 * calls. A key sees the tools its scopes allow; without one, /onboard shows the tools that are for everybody, as the hosted service does. No tool ever answers with a link by which something could be approved (design promise 3).
 */
import type { FastifyInstance } from 'fastify'
import { OperationError } from '../operations/errors.ts'
import type { McpDeps } from './mcp-server.ts'
import { onboardPath } from './open.ts'

const mcpPath = '/mcp'

export function serveMcp(app: FastifyInstance, deps: McpDeps & { publicUrl: string }): void {
  for (const url of [mcpPath, onboardPath]) {
    app.post(url, async (request, reply) => {
      if (!isAllowedOrigin(request.headers.origin, deps.publicUrl)) throw new OperationError('ORIGIN_NOT_ALLOWED')
      // The protocol has no batches since 2025-06-18; in one, a call that is cancelled beside itself would never be answered.
      if (Array.isArray(request.body)) throw new OperationError('BAD_INPUT', 'Send one JSON-RPC message per request, not a batch')
      // With the first call: the SDK takes a while to load and some 20 MB, and many an appliance is never asked by MCP.
      const { answerMcp } = await import('./mcp-server.ts')
      return await answerMcp(deps, request, reply)
    })
    // No stream to open and no session to end (Streamable HTTP, "Listening for Messages", "Session Management").
    app.route({ method: ['GET', 'DELETE'], url, handler: notAllowed })
  }
}

const notAllowed = (): never => {
  throw new OperationError('METHOD_NOT_ALLOWED')
}

/** Against pages that reach a server on the reader's own network (DNS rebinding): programs send no Origin, browsers always do. */
const isAllowedOrigin = (origin: string | undefined, publicUrl: string): boolean =>
  origin === undefined || origin === new URL(publicUrl).origin
