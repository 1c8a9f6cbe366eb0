import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { openApiDocument } from '../../server/doors/openapi.ts'
import { restRoutes } from '../../server/doors/rest.ts'
import { type JsonObject, isObject } from '../../server/doors/shape.ts'
import { type OperationName, operations } from '../../server/operations/router.ts'
import { type Desk, openDesk } from '../support/desk.ts'
import { filled, furnishScene, keyFor } from '../support/scene.ts'
import { forPeople } from '../support/signup.ts'
import { describeOnEachEngine, describeOnOneEngine } from '../support/stores.ts'

const each = operations.map((operation) => [operation.name, operation] as const)

/** The places of a JSON Schema that allow anything. */
function loose(schema: unknown, path = ''): string[] {
  if (!isObject(schema)) return []
  const { properties, items, anyOf, additionalProperties } = schema
  const says = ['type', 'const', 'enum', 'anyOf', 'oneOf', 'allOf', '$ref'].some((word) => Object.hasOwn(schema, word))
  return [
    ...(says ? [] : [path]),
    ...(isObject(properties) ? Object.entries(properties).flatMap(([name, one]) => loose(one, `${path}.${name}`)) : []),
    ...(items === undefined ? [] : loose(items, `${path}[]`)),
    ...(Array.isArray(anyOf) ? anyOf.flatMap((one) => loose(one, path)) : []),
    ...(isObject(additionalProperties) ? loose(additionalProperties, `${path}.*`) : []),
  ]
}

/** Output fields that hold whatever a room wrote down, with the reason. */
const looseOnPurpose: readonly string[] = [
  // Each kind of entry has its own facts.
  'get_audit_log.entries[].metadata.*',
  'get_audit_log.entries[].details.*',
  'export_account.audit_log[].metadata.*',
  'export_account.audit_log[].details.*',
]

describe('every operation', () => {
  it.each(each)('%s is described, and takes and gives exactly what it says', (name, { meta, input, output, kind }) => {
    expect(meta.title).toMatch(/^[A-Z].{3,60}[^.]$/)
    expect(meta.description.length).toBeGreaterThanOrEqual(40)
    expect(meta.description).toMatch(/\.$/)
    expect(kind === 'mutation' && meta.readOnly).toBe(false)
    const refused = input.safeParse({ not_a_field_of_anything: 1 })
    expect(refused.error?.issues.some(({ code }) => code === 'unrecognized_keys')).toBe(true)
    const schema: JsonObject = z.toJSONSchema(output)
    expect([schema['type'], schema['additionalProperties']]).toEqual(['object', false])
    expect(loose(schema, name).filter((path) => !looseOnPurpose.includes(path))).toEqual([])
  })

  it.each(each)('%s has a flat route and one under /v1, and is in the OpenAPI document', (name, { kind }) => {
    const routes = restRoutes.filter(({ operation }) => operation.name === name)
    const flat = kind === 'query' ? 'GET' : 'POST'
    expect(routes.filter(({ surface }) => surface === 'flat').map(({ method, path }) => `${method} ${path}`)).toEqual([`${flat} /${name}`])
    // What tells a newcomer how to begin is no part of what is versioned.
    expect(routes.some(({ path }) => path.startsWith('/v1/'))).toBe(name !== 'setup_multimail')
    const { paths } = openApiDocument('https://mail.ours.test') as { paths: Record<string, Record<string, unknown>> }
    expect(paths[`/${name}`]?.[flat.toLowerCase()]).toMatchObject({ operationId: name })
  })

  it.each(each)('%s shows an example', (_name, { meta }) => {
    expect(meta.examples?.length ?? 0).toBeGreaterThan(0)
  })
})

/** There is nothing that these could do here, and that is what they answer. */
const refusedOnPurpose: Partial<Record<OperationName, string>> = {
  upgrade_plan: 'BILLING_NOT_ENABLED',
  cancel_subscription: 'BILLING_NOT_ENABLED',
  get_billing_portal: 'BILLING_NOT_ENABLED',
  // Off unless the operator says otherwise; signup.test.ts has them on.
  request_challenge: 'SIGNUP_NOT_ENABLED',
  check_slug: 'SIGNUP_NOT_ENABLED',
  create_account: 'SIGNUP_NOT_ENABLED',
  resend_confirmation: 'SIGNUP_NOT_ENABLED',
  activate_account: 'SIGNUP_NOT_ENABLED',
}

const recorded = async ({ store }: Desk): Promise<number> =>
  (await store.db.selectFrom('log_head').select('next_seq').executeTakeFirstOrThrow()).next_seq

/** Whose examples read nothing of the account and change nothing in it. */
const offTheRecord: readonly OperationName[] = [
  // Says the same to everybody.
  'setup_multimail',
  // Here there is nothing to lift, to change, or to end; each has a test of its own in which there is.
  'lift_enforcement',
  'set_sending_settings',
  'end_operator_session',
]

/** What MCP lists for a key; null: for whoever has none yet. */
async function toolsOf({ call }: Desk, key: string | null): Promise<string[]> {
  const headers = { accept: 'application/json, text/event-stream' }
  const { body } = await call(key, 'POST', key === null ? '/onboard' : '/mcp', { jsonrpc: '2.0', id: 1, method: 'tools/list' }, headers)
  return (body['result'] as { tools: { name: string }[] }).tools.map(({ name }) => name)
}

describeOnOneEngine('every operation, over MCP', (openStore) => {
  it('is a tool for the keys that may, or for who has none, but for the sessions of operators: a cookie is for people', async () => {
    const desk = await openDesk(openStore, { signup: forPeople })
    const { agent, reviewer, admin, test, testAdmin } = desk.ours.keys
    const lists = await Promise.all([null, agent, reviewer, admin, test, testAdmin].map((key) => toolsOf(desk, key)))
    const names = operations.map(({ name }) => name).filter((name) => !/_operator_sessions?$/.test(name))
    expect([...new Set(lists.flat())].toSorted()).toEqual(names.toSorted())
  })
})

describeOnEachEngine('the examples', (openStore) => {
  it('work as they are written, and each is on the record', { timeout: 240_000 }, async () => {
    // The furnishing comes from one desk: what an example needs is made anew before it.
    const desk = await openDesk(openStore)
    const shown: [OperationName, boolean][] = []
    for (const operation of operations) {
      const scene = await furnishScene(desk, desk.ours)
      // What was held at this very moment cannot be given longer yet.
      await desk.clock.advance(1)
      for (const { input } of operation.meta.examples ?? []) {
        const { name, kind } = operation
        const body = filled(input, scene)
        const query = kind === 'query' ? `?input=${encodeURIComponent(JSON.stringify(body))}` : ''
        const before = await recorded(desk)
        const answer = await desk.call(
          keyFor(desk, operation),
          kind === 'query' ? 'GET' : 'POST',
          `/trpc/${name}${query}`,
          kind === 'query' ? undefined : body,
        )
        const refusal = (answer.body['error'] as { data?: { code?: string } } | undefined)?.data?.code
        expect([name, refusal]).toEqual([name, refusedOnPurpose[name]])
        expect([name, answer.status]).toEqual([name, refusal === undefined ? 200 : 400])
        if (refusal === undefined) shown.push([name, (await recorded(desk)) > before])
      }
      // No mail is the same as that of the scene before.
      await desk.clock.advance(60_001)
    }
    expect(shown.filter(([, isRecorded]) => !isRecorded).map(([name]) => name)).toEqual(offTheRecord)
  })
})
