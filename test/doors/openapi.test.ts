import { describe, expect, it } from 'vitest'
import { openApiDocument } from '../../server/doors/openapi.ts'
import { restRoutes } from '../../server/doors/rest.ts'
import { operations } from '../../server/operations/router.ts'

type Operation = {
  operationId: string
  parameters?: { name: string; in: string; required: boolean; schema: object }[]
  requestBody?: object
  security?: object[]
  responses: Record<string, unknown>
}
const document = openApiDocument('https://mail.ours.test') as {
  openapi: string
  paths: Record<string, Record<string, Operation>>
  servers: { url: string }[]
}
const all = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
)

const wellKnown = [
  '/.well-known/multimail-signing-key',
  '/.well-known/reputation/{hash}',
  '/.well-known/oauth-protected-resource',
  '/.well-known/oauth-authorization-server',
  '/auth.md',
]
const agentAuth = ['/agent/auth', '/agent/auth/claim/complete']

function* refs(value: unknown): Generator<string> {
  if (typeof value !== 'object' || value === null) return
  for (const [key, inner] of Object.entries(value)) {
    if (key === '$ref' && typeof inner === 'string') yield inner
    else yield* refs(inner)
  }
}

describe('the OpenAPI document', () => {
  it('has every route, each under a name of its own', () => {
    expect(all.map(({ path, method }) => `${method.toUpperCase()} ${path}`).toSorted()).toEqual(
      [
        ...restRoutes.map(({ path, method }) => `${method} ${path}`),
        'GET /health',
        'GET /v1/events',
        ...wellKnown.map((path) => `GET ${path}`),
        ...agentAuth.map((path) => `POST ${path}`),
      ].toSorted(),
    )
    expect(new Set(all.map(({ operation }) => operation.operationId)).size).toBe(all.length)
    for (const { name } of operations) expect(all.map(({ operation }) => operation.operationId)).toContain(name)
  })

  it('asks for a key everywhere but where none is needed', () => {
    const open = all.filter(({ operation }) => operation.security !== undefined)
    expect(open.map(({ path }) => path).toSorted()).toEqual(
      [
        '/health',
        ...wellKnown,
        ...agentAuth,
        ...restRoutes.filter(({ operation }) => operation.meta.scope === 'none').map(({ path }) => path),
      ].toSorted(),
    )
    for (const { operation } of open) expect(operation.security).toEqual([])
  })

  it('points only to what is in it', () => {
    for (const ref of refs(document)) {
      const target = ref
        .replace('#/', '')
        .split('/')
        .reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], document)
      expect([ref, target]).toEqual([ref, expect.any(Object)])
    }
  })

  it('declares each name of a path as a parameter, and each parameter once, with a schema', () => {
    for (const { path, operation } of all) {
      const parameters = operation.parameters ?? []
      expect(parameters.filter((one) => one.in === 'path').map((one) => one.name)).toEqual(
        [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name),
      )
      expect(new Set(parameters.map((one) => one.name)).size).toBe(parameters.length)
      for (const one of parameters) expect(one.schema).toBeTypeOf('object')
    }
  })

  it('is of the version it says, with what clients look for', () => {
    expect(document).toMatchObject({
      openapi: '3.1.0',
      info: { title: expect.any(String), version: expect.any(String) },
      servers: [{ url: 'https://mail.ours.test' }],
    })
    expect(JSON.stringify(document)).not.toMatch(/"\$schema"|"undefined"/)
  })

  it('describes what is on the wire: the flat listing has messages, the v1 listing emails', () => {
    const schemaOf = (path: string, method: string, status: string): object => {
      const response = document.paths[path]?.[method]?.responses[status] as
        | { content: Record<string, { schema: { properties: object } }> }
        | undefined
      return response?.content['application/json']?.schema.properties ?? {}
    }
    expect(Object.keys(schemaOf('/check_inbox', 'get', '200'))).toEqual(['messages', 'cursor'])
    expect(Object.keys(schemaOf('/v1/mailboxes/{mailbox_id}/emails', 'get', '200'))).toEqual(['emails', 'cursor'])
    expect(schemaOf('/v1/mailboxes/{mailbox_id}/send', 'post', '202')).toMatchObject({ message_id: {}, status: { type: 'string' } })
  })
})
