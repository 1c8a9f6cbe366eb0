/**
 * How an agent registers itself (contract §5.2), and the documents that say so. They say what is true of this server: where nobody registers, no document
 * names or is about an authorization server, /auth.md says whom to ask for a key, and the routes answer that there is no such thing here.
 *
 * The hosted service mails a link under which the six digits are shown. Here the digits themselves are mailed: there is no page that shows a code to whoever
 * has its address, and nothing for a link scanner to open.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { scopes } from '../model/actor.ts'
import { OperationError, unwrap } from '../operations/errors.ts'
import { AddressText, PlainText } from '../operations/input.ts'
import type { Rooms } from '../operations/procedure.ts'
import { authMarkdown } from './auth-markdown.ts'
import { networkOf } from './lookups.ts'
import { product } from './product.ts'
import type { JsonObject } from './shape.ts'

export const registerRoute = '/agent/auth'
export const claimRoute = '/agent/auth/claim/complete'
export const authMarkdownRoute = '/auth.md'
export const protectedResourceRoute = '/.well-known/oauth-protected-resource'
export const authorizationServerRoute = '/.well-known/oauth-authorization-server'
export const agentAuthRoutes: readonly string[] = [
  registerRoute,
  claimRoute,
  authMarkdownRoute,
  protectedResourceRoute,
  authorizationServerRoute,
]

const largestBody = 8 * 1024

const registration = z.strictObject({
  type: z.literal('identity_assertion'),
  assertion_type: z.literal('verified_email'),
  assertion: z.strictObject({ email: AddressText }),
  requested_credential_type: z.literal('api_key').default('api_key'),
  requested_oversight_mode: z.enum(['gated_all', 'gated_send', 'monitored']).default('gated_send'),
  operator_name: PlainText(100)
    .transform((text) => text.trim())
    .refine((text) => !/\p{C}/u.test(text), 'must be one line without control characters')
    .default(''),
})
const completion = z.strictObject({ claim_token: z.string().min(1).max(512), otp: z.string().regex(/^\d{6}$/, 'must be six digits') })

export const registerInput: JsonObject = z.toJSONSchema(registration, { io: 'input' })
export const claimInput: JsonObject = z.toJSONSchema(completion)

type Deps = { rooms: Pick<Rooms, 'signups'>; publicUrl: string }

export function serveAgentAuth(app: FastifyInstance, { rooms: { signups }, publicUrl }: Deps): void {
  const documents = documentsOf(publicUrl, signups.kind)
  const register = async (request: FastifyRequest) => {
    const asked = parsed(registration, request)
    const { id, claimToken, expiresAt } = unwrap(
      await signups.register(networkOf(request.ip), {
        email: asked.assertion.email,
        name: asked.operator_name === '' ? 'Agent' : asked.operator_name,
        mode: asked.requested_oversight_mode === 'gated_all' ? 'gated_all' : 'gated_send',
      }),
    )
    return {
      registration_id: id,
      registration_type: 'verified_email',
      claim_url: documents.claimUrl,
      claim_token: claimToken,
      claim_token_expires: new Date(expiresAt).toISOString(),
      post_claim_scopes: signups.agentScopes,
    }
  }
  const claim = async (request: FastifyRequest) => {
    const { claim_token, otp } = parsed(completion, request)
    const { signup, keys } = unwrap(await signups.claim(networkOf(request.ip), claim_token, otp))
    if (!('agent' in keys)) throw new Error('six digits gave other keys')
    return {
      registration_id: signup,
      status: 'claimed',
      credential_type: 'api_key',
      credential: keys.agent.key,
      credential_expires: null,
      scopes: keys.agent.scopes,
    }
  }
  app.route({ method: 'POST', url: registerRoute, bodyLimit: largestBody, handler: register })
  app.route({ method: 'POST', url: claimRoute, bodyLimit: largestBody, handler: claim })

  app.get(authMarkdownRoute, async (_request, reply) =>
    reply.type('text/markdown; charset=utf-8').send(authMarkdown(publicUrl, signups.kind)),
  )
  app.get(protectedResourceRoute, async (_request, reply) => reply.header('access-control-allow-origin', '*').send(documents.resource))
  app.get(authorizationServerRoute, async (_request, reply) => {
    reply.header('access-control-allow-origin', '*')
    if (documents.server === null) throw new OperationError('UNKNOWN_ROUTE')
    return reply.send(documents.server)
  })
}

function parsed<T>(schema: z.ZodType<T>, { body }: FastifyRequest): T {
  const result = schema.safeParse(body ?? {})
  if (result.success) return result.data
  const fields = result.error.issues.map(({ path, message }) => ({ path: path.join('.'), message }))
  const [first] = fields
  throw new OperationError('BAD_INPUT', first && `${first.path === '' ? 'The input is not valid' : first.path}: ${first.message}`, fields)
}

/** @param kind who signs up */
function documentsOf(publicUrl: string, kind: Rooms['signups']['kind']) {
  const base = publicUrl.replace(/\/+$/, '')
  const registers = kind === 'agents'
  const claimUrl = base + claimRoute
  return {
    claimUrl,
    // RFC 9728 §3.2: a field of several values that has none is left out.
    resource: {
      resource: base,
      resource_name: product.title,
      resource_documentation: base + authMarkdownRoute,
      scopes_supported: scopes,
      bearer_methods_supported: ['header'],
      ...(registers && { authorization_servers: [base] }),
    },
    // No endpoints of OAuth: nobody gets a token here.
    server: registers
      ? {
          issuer: base,
          agent_auth: {
            skill: base + authMarkdownRoute,
            register_uri: base + registerRoute,
            claim_uri: claimUrl,
            identity_types_supported: ['identity_assertion'],
            identity_assertion: { assertion_types_supported: ['verified_email'], credential_types_supported: ['api_key'] },
          },
        }
      : null,
  }
}
