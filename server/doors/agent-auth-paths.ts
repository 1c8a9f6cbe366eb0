import {
  authMarkdownRoute,
  authorizationServerRoute,
  claimInput,
  claimRoute,
  protectedResourceRoute,
  registerInput,
  registerRoute,
} from './agent-auth.ts'
import type { JsonObject } from './shape.ts'

/** Contract §5.2 in the OpenAPI document. */

const text = { type: 'string' }
const texts = { type: 'array', items: text }
const answer = (description: string, properties: JsonObject, optional: readonly string[] = []): JsonObject => ({
  description,
  content: {
    'application/json': {
      schema: { type: 'object', required: Object.keys(properties).filter((name) => !optional.includes(name)), properties },
    },
  },
})
const failure = { $ref: '#/components/responses/Error' }
const body = (schema: JsonObject): JsonObject => ({
  required: true,
  content: { 'application/json': { schema: Object.fromEntries(Object.entries(schema).filter(([key]) => key !== '$schema')) } },
})
const only = 'Only where the operator lets agents register themselves; elsewhere SIGNUP_NOT_ENABLED. For everybody; no key is needed.'

const registered = {
  registration_id: text,
  registration_type: { const: 'verified_email' },
  claim_url: text,
  claim_token: { ...text, description: 'To be kept by the agent, and shown with the digits' },
  claim_token_expires: { ...text, description: 'ISO 8601, UTC' },
  post_claim_scopes: texts,
}
const claimed = {
  registration_id: text,
  status: { const: 'claimed' },
  credential_type: { const: 'api_key' },
  credential: { ...text, description: 'The API key. Shown this once.' },
  credential_expires: { type: 'null' },
  scopes: texts,
}

export const agentAuthPaths: Record<string, JsonObject> = {
  [registerRoute]: {
    post: {
      operationId: 'register_agent',
      summary: 'Register as an agent',
      description: `Has six digits mailed to the person who will have the last word. The answer is the same whether that address has an account or not. ${only}`,
      security: [],
      requestBody: body(registerInput),
      responses: { 200: answer('What to claim with', registered), default: failure },
    },
  },
  [claimRoute]: {
    post: {
      operationId: 'claim_registration',
      summary: 'Get the key of a registration by its six digits',
      description: `The person hands the digits over. ${only}`,
      security: [],
      requestBody: body(claimInput),
      responses: { 200: answer('The key', claimed), default: failure },
    },
  },
  [authMarkdownRoute]: {
    get: {
      operationId: 'auth_markdown',
      summary: 'How an agent gets a key here, in words',
      security: [],
      responses: { 200: { description: 'As it is on this server', content: { 'text/markdown': { schema: text } } } },
    },
  },
  [protectedResourceRoute]: {
    get: {
      operationId: 'oauth_protected_resource',
      summary: 'How a key is presented (RFC 9728)',
      security: [],
      responses: {
        200: answer(
          'There are API keys and no OAuth tokens',
          {
            resource: text,
            resource_name: text,
            resource_documentation: text,
            scopes_supported: texts,
            bearer_methods_supported: texts,
            authorization_servers: { ...texts, description: 'This server itself, where agents register themselves' },
          },
          ['authorization_servers'],
        ),
      },
    },
  },
  [authorizationServerRoute]: {
    get: {
      operationId: 'oauth_authorization_server',
      summary: 'Where agents register themselves',
      description: 'Not there where they do not. It names no endpoint of OAuth, because there is none. For everybody; no key is needed.',
      security: [],
      responses: {
        200: answer('Where, and by what', {
          issuer: text,
          agent_auth: {
            type: 'object',
            required: ['skill', 'register_uri', 'claim_uri', 'identity_types_supported', 'identity_assertion'],
            properties: {
              skill: text,
              register_uri: text,
              claim_uri: text,
              identity_types_supported: texts,
              identity_assertion: { type: 'object' },
            },
          },
        }),
        default: failure,
      },
    },
  },
}
