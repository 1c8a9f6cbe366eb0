import fc from 'fast-check'
import { expect, it } from 'vitest'
import { eventsRoute } from '../../server/doors/live-events.ts'
import { restRoutes } from '../../server/doors/rest.ts'
import { reputationHash, reputationSecret } from '../../server/outbound/identity/reputation.ts'
import type { OperationInfo } from '../../server/operations/router.ts'
import { listKeys } from '../../server/store/keys.ts'
import { type Desk, openDesk } from '../support/desk.ts'
import { fromSchema, isMadeByOthers, oddValue } from '../support/from-schema.ts'
import { challenge, forAgents, lastLetter, signUp, solved, wanted } from '../support/signup.ts'
import { knownServiceKey } from '../support/service-key.ts'
import { type Scene, filled, filledPath, furnishScene, keyFor } from '../support/scene.ts'
import { describeOnOneEngine } from '../support/stores.ts'
import { type Documented, type Schema, contentOf, createSchemaChecks, documented, wireDocument } from '../support/wire-document.ts'

/** `FUZZ_SEED=… FUZZ_RUNS=500 npm test -- test/doors/fuzz` tries others, and more of each. */
const seed = Number(process.env['FUZZ_SEED'] ?? 20_260_302)
const numRuns = Number(process.env['FUZZ_RUNS'] ?? 14)

const hour = 3_600_000

const document = wireDocument()
const matches = createSchemaChecks(document)
/** What takes away what others need is tried last, and the mailbox in which all of it is at the very end. */
function order({ method, path }: { method: string; path: string }): number {
  if (path === '/delete_mailbox' || (method === 'delete' && path === '/v1/mailboxes/{mailbox_id}')) return 2
  return method === 'delete' || /delete|revoke/.test(path) ? 1 : 0
}
const routes = documented(document).toSorted((one, other) => order(one) - order(other))

type Call = {
  path: string
  method: string
  key: string | null
  headers: Record<string, string>
  body: string | undefined
}

/** What is in the other account and in nothing that we send. */
const theirSecret = 'Theirs-7f3a9c'

/** `calm`: a desk to which nothing odd is sent. */
type Bench = { desk: Desk; calm: Desk; ours: Scene; theirs: Scene; secrets: string[] }

async function furnish(openStore: Parameters<typeof openDesk>[0]): Promise<Bench> {
  const open = () => openDesk(openStore, { signup: forAgents, signingKey: knownServiceKey('ab'.repeat(32)).document })
  const desk = await open()
  const ours = await furnishScene(desk, desk.ours)
  const [key] = await listKeys(desk.store.db, desk.theirs.gated.tenancy)
  const theirs = { ...(await furnishScene(desk, desk.theirs)), key_id: String(key?.id) }
  await desk.receive(desk.theirs.gated, { subject: theirSecret, text: theirSecret, from: `${theirSecret}@remote.test` })
  const agent = desk.theirs.keys.agent
  await desk.call(agent, 'POST', '/add_contact', { email: 'x@remote.test', name: theirSecret })
  await desk.call(agent, 'POST', '/send_email', {
    mailbox_id: desk.theirs.gated.id,
    to: ['bo@remote.test'],
    subject: theirSecret,
    markdown: 'x',
  })
  const secrets = await desk.store.db.selectFrom('api_keys').select('secret_hash').execute()
  return {
    desk,
    calm: await open(),
    ours,
    theirs,
    secrets: [theirSecret, ...Object.values(desk.theirs.keys), ...Object.values(desk.ours.keys), ...secrets.map((one) => one.secret_hash)],
  }
}

/** Calls of one route: mostly what it takes, with something wrong in most of them. */
function callsOf({ desk, ours, theirs }: Bench, path: string, method: string, operation: Documented): fc.Arbitrary<Call> {
  const { parameters = [], requestBody } = operation
  const ids = [...Object.values(ours), ...Object.values(theirs)]
  const { gated, free } = desk.ours
  const textsFor = (name: string): readonly string[] => {
    if (/mailbox|from$/.test(name)) return [gated.id, gated.address, free.address, desk.theirs.gated.address]
    const own = ours[name] ?? ours[name.replace(/^(?:id|entry_id)$/, 'email_id')]
    return /(?:^|_)id$/.test(name) ? [own ?? gated.id, own ?? gated.id, ...ids] : []
  }
  const fromParameters = (place: string): fc.Arbitrary<Record<string, unknown>> =>
    fc.record(
      Object.fromEntries(
        parameters
          .filter((one) => one.in === place)
          .filter(({ name }) => !isMadeByOthers(name) || place === 'header')
          .map(({ name, schema }) => [name, fc.oneof({ weight: 20, arbitrary: fromSchema(schema, textsFor, name) }, oddValue)]),
      ),
      { requiredKeys: [] },
    )
  const schema = requestBody?.content['application/json']?.schema ?? {}
  const scene = fc.constantFrom(ours, ours, ours, ours, ours, ours, theirs)
  const segment = fc.oneof(fc.constantFrom('order.txt', 'topic', 'left@example.org'), oddValue)
  return fc
    .record({
      scene,
      segment,
      isOdd: fc.integer({ min: 0, max: 9 }),
      query: fromParameters('query'),
      extra: fc.dictionary(
        fc.oneof(fc.constantFrom('cursor', 'since_id', 'limit', 'approval_code'), fc.string({ maxLength: 10 })),
        oddValue,
        { maxKeys: 2 },
      ),
      body: bodyOf(schema, textsFor),
      key: fc.oneof({ weight: 6, arbitrary: fc.constant(rightKey(desk, path, method)) }, fc.constantFrom(...someKeys(desk))),
      headers: headersLike,
    })
    .map((one) => {
      const text = encodeURIComponent(textOf(one.segment).toWellFormed().slice(0, 300)) || 'x'
      const odd = one.isOdd === 0 ? path.replace(/\{\w+\}/g, text) : filledPath(path, one.scene, text)
      const query = new URLSearchParams(
        Object.entries({ ...one.query, ...(one.isOdd === 1 && one.extra) }).map(([name, value]): [string, string] => [name, textOf(value)]),
      )
      const hasBody = method !== 'get'
      return {
        path: `${odd}${String(query) === '' ? '' : `?${String(query)}`}`,
        method,
        key: one.key,
        headers: { ...(hasBody && { 'content-type': 'application/json' }), ...one.headers },
        body: hasBody ? one.body : undefined,
      }
    })
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value.toWellFormed() : (JSON.stringify(value) ?? ''))

/** One that may; for what is none of the operations, the agent's. */
function rightKey(desk: Desk, path: string, method: string): string {
  if (path === eventsRoute) return desk.ours.keys.admin
  const operation = operationBehind(path, method)
  return operation === undefined ? desk.ours.keys.agent : keyFor(desk, operation)
}

const operationBehind = (path: string, method: string): OperationInfo | undefined =>
  restRoutes.find((one) => one.path === path && one.method.toLowerCase() === method)?.operation

/** The example of the operation behind a route, as it goes there; null when there is none. */
function exampleCall(desk: Desk, ours: Scene, path: string, method: string): Call | null {
  const [example] = operationBehind(path, method)?.meta.examples ?? []
  if (example === undefined) return null
  const input = filled(example.input, ours)
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name)
  if ('idempotency_key' in input) input['idempotency_key'] = `example-${(made += 1)}`
  // What waits for its time, or was sent, is in another mailbox than the rest of the scene.
  if (names.includes('mailbox_id') && [ours['scheduled_id'], ours['sent_id']].includes(String(input['email_id'])))
    input['mailbox_id'] ??= desk.ours.free.id
  const segment = (name: string): string => encodeURIComponent(textOf(input[name] ?? ours[name] ?? 'order.txt'))
  const rest = Object.entries(input).filter(([name]) => !names.includes(name))
  const query = new URLSearchParams(method === 'get' ? rest.map(([name, value]): [string, string] => [name, textOf(value)]) : [])
  return {
    path: `${path.replace(/\{(\w+)\}/g, (_, name: string) => segment(name))}${String(query) === '' ? '' : `?${String(query)}`}`,
    method,
    key: rightKey(desk, path, method),
    headers: method === 'get' ? {} : { 'content-type': 'application/json' },
    body: method === 'get' ? undefined : JSON.stringify(Object.fromEntries(rest)),
  }
}

let made = 0
const somebody = (): string => `p${(made += 1)}@elsewhere.example`

/** What no example can show: it has to be asked for first. By route: its body, or what stands in its path. */
const askedFor: Readonly<Record<string, (desk: Desk) => Promise<object | string>>> = {
  'post /create_account': proved,
  'post /v1/account': proved,
  'post /resend_confirmation': resent,
  'post /v1/account/resend-confirmation': resent,
  'post /activate_account': mailed,
  'post /v1/confirm': mailed,
  async 'post /agent/auth/claim/complete'(desk) {
    const assertion = { email: somebody() }
    const registration = { type: 'identity_assertion', assertion_type: 'verified_email', assertion }
    const { body } = await desk.call(null, 'POST', '/agent/auth', registration)
    return { claim_token: body['claim_token'], otp: (await lastLetter(desk)).agent }
  },
  'post /add_domain': newDomain,
  'post /v1/domains': newDomain,
  'get /.well-known/reputation/{hash}': async ({ store, ours: { free } }) => reputationHash(await reputationSecret(store, 0), free.id),
}

function newDomain(): Promise<object> {
  return Promise.resolve({ domain: somebody().replace('@', '.') })
}
async function proved(desk: Desk): Promise<object> {
  const oversight_email = somebody()
  return { ...wanted, oversight_email, pow_solution: solved(await challenge(desk, oversight_email)) }
}
async function mailed(desk: Desk): Promise<object> {
  await signUp(desk, { oversight_email: somebody() })
  return { code: (await lastLetter(desk)).agent }
}
async function resent(desk: Desk): Promise<object> {
  const oversight_email = somebody()
  await signUp(desk, { oversight_email })
  return { oversight_email }
}

/** A call that has to be answered well; null where nobody knows one. */
async function goodCall(desk: Desk, ours: Scene, path: string, method: string): Promise<Call | null> {
  const asked = await askedFor[`${method} ${path}`]?.(desk)
  if (path === eventsRoute) return { path, method, key: desk.ours.keys.admin, headers: {}, body: undefined }
  // In the moment in which it is held, it would wait no longer than it does.
  if (operationBehind(path, method)?.name === 'renew_hold') await desk.clock.advance(60_000)
  if (asked === undefined) return exampleCall(desk, ours, path, method)
  if (typeof asked === 'string') return { path: path.replace(/\{\w+\}/, asked), method, key: null, headers: {}, body: undefined }
  const operation = operationBehind(path, method)
  const key = operation === undefined || operation.meta.scope === 'none' ? null : keyFor(desk, operation)
  return { path, method, key, headers: { 'content-type': 'application/json' }, body: JSON.stringify(asked) }
}

/** Routes that nobody gets a good answer from here: a server of one’s own has no billing. Every other has to answer well once. */
const refusedOnPurpose = new Set([
  '/upgrade_plan',
  '/v1/billing/checkout',
  '/cancel_subscription',
  '/v1/billing/cancel',
  '/get_billing_portal',
  '/v1/billing/portal',
])

function someKeys({ ours: { keys } }: Desk): (string | null)[] {
  return [...Object.values(keys), null, 'mm_live_nobody', 'x'.repeat(300)]
}

/** Bodies as text: right ones, right but for one field, and what is none. */
function bodyOf(schema: Schema, textsFor: (name: string) => readonly string[]): fc.Arbitrary<string | undefined> {
  const right = fromSchema(schema, textsFor) as fc.Arbitrary<Record<string, unknown>>
  const names = Object.keys((schema['properties'] ?? {}) as object)
  const wrong = fc
    .tuple(right, fc.constantFrom('extra', '__proto__', 'idempotency_key', 'approval_code', ...names), oddValue)
    .map(([body, name, value]) => JSON.stringify({ ...body, [name]: value }))
  const broken = fc.constantFrom(
    '',
    ' ',
    '{',
    '[]',
    'null',
    '"text"',
    '{"a":1,"a":2}',
    '{"__proto__":{"x":1}}',
    '\ufeff{}',
    '['.repeat(5000),
    undefined,
  )
  return fc.oneof(
    { weight: 9, arbitrary: right.map((body) => JSON.stringify(body)) },
    { weight: 6, arbitrary: wrong },
    broken,
    oddValue.map((value) => JSON.stringify(value)),
  )
}

const junk = fc.constantFrom('', 'x', '%', 'a,b;c=d', '"', '='.repeat(300), '1e9', 'gzip', 'null', '\t')
const headersLike: fc.Arbitrary<Record<string, string>> = fc.oneof(
  { weight: 9, arbitrary: fc.constant({}) },
  fc.record(
    {
      'content-type': fc.constantFrom(
        'text/plain',
        'application/x-www-form-urlencoded',
        'multipart/form-data',
        'application/json; charset=utf-16',
        'text/xml',
        '',
      ),
      'content-encoding': fc.constantFrom('gzip', 'br', 'identity'),
      accept: fc.constantFrom('text/html', '*/*', 'nonsense'),
      'idempotency-key': junk,
      'x-approval-code': junk,
      'x-api-key': junk,
      'last-event-id': junk,
      'x-forwarded-for': junk,
      'x-http-method-override': fc.constant('DELETE'),
      cookie: junk,
      origin: fc.constantFrom('null', 'https://evil.example'),
      range: fc.constant('bytes=0-0'),
      'if-none-match': fc.constant('*'),
    },
    { requiredKeys: [] },
  ),
)

/** Of the inside: places in programs, statements, drivers, folders. */
const insides =
  /\bat [\w.<>]+ \(|node_modules|\/server\/|\.ts:\d|node:internal|SQLITE|Sqlite|better-sqlite|SqliteError|kysely|PostgreSQL|select "|insert into|update "|violates|constraint|undefined is not|Cannot read prop|is not a function|ZodError|TRPCError|\[object Object\]/

async function send(desk: Desk, call: Call): Promise<{ status: number; type: string; text: string }> {
  const hangUp = new AbortController()
  const headers = { ...call.headers, ...(call.key !== null && { authorization: `Bearer ${call.key}` }) }
  const answer = fetch(desk.url + call.path, {
    method: call.method.toUpperCase(),
    headers,
    signal: AbortSignal.any([hangUp.signal, AbortSignal.timeout(15_000)]),
    ...(call.body !== undefined && { body: call.body }),
  })
  let isOver = false
  const response = await Promise.race([answer.finally(() => (isOver = true)), timePasses(desk, () => isOver)])
  if (response === null) throw new Error('no answer')
  const type = response.headers.get('content-type') ?? ''
  // A stream does not end by itself.
  if (type.startsWith('text/event-stream')) {
    hangUp.abort()
    return { status: response.status, type, text: '' }
  }
  return { status: response.status, type, text: await response.text() }
}

/** For those who wait for mail: whenever somebody does, two minutes go by. */
async function timePasses(desk: Desk, isOver: () => boolean): Promise<null> {
  while (!isOver()) {
    if (desk.live.listening() > 0) await desk.clock.advance(121_000)
    await new Promise((resolve) => void setImmediate(resolve))
  }
  return new Promise(() => {})
}

describeOnOneEngine('whatever is sent to a route of the OpenAPI document', (openStore) => {
  it(
    'is answered with JSON that the document declares, is no fault of ours, and tells nothing of the inside or of others',
    { timeout: 300_000 },
    async () => {
      const bench = await furnish(openStore)
      const wrong: string[] = []
      const seen = new Map<string, Set<number>>()
      let fresh = bench.ours
      for (const [at, { path, method, operation }] of routes.entries()) {
        // By and by the calls take away what examples are about, and in the end what it takes to make such things.
        if (at % 8 === 7) fresh = await furnishScene(bench.desk, bench.desk.ours).catch(() => fresh)
        const holds = async (call: Call, desk = bench.desk): Promise<number> => {
          const { status, type, text } = await send(desk, call)
          seen.set(`${method} ${path}`, (seen.get(`${method} ${path}`) ?? new Set()).add(status))
          const where = [call.method, path, status, text.slice(0, 300)]
          expect([...where, status < 500]).toEqual([...where, true])
          expect(text).not.toMatch(insides)
          const sent = call.path + (call.body ?? '')
          for (const secret of bench.secrets)
            if (!sent.includes(secret)) expect([...where, text.includes(secret)]).toEqual([...where, false])
          const [declared] = Object.keys(contentOf(document, operation, status) ?? {})
          if (declared === '*/*') return status
          if (declared !== undefined && declared !== 'application/json') {
            expect([...where, type]).toEqual([...where, expect.stringContaining(declared)])
            return status
          }
          expect([...where, type]).toEqual([...where, expect.stringMatching(/^application\/json/)])
          const schema = contentOf(document, operation, status)?.['application/json']?.schema
          expect([...where, schema !== undefined && matches(schema, JSON.parse(text))]).toEqual([...where, []])
          return status
        }
        const isAnsweredWell = async (desk: Desk, scene: Scene): Promise<boolean> => {
          const call = await goodCall(desk, scene, path, method)
          return call === null || (await holds(call, desk)) < 400
        }
        // What strange calls have left behind may be in its way; in an hour, and where none came, nothing is.
        if (!(await isAnsweredWell(bench.desk, fresh)) && !refusedOnPurpose.has(path)) {
          await bench.calm.clock.advance(hour)
          await isAnsweredWell(bench.calm, await furnishScene(bench.calm, bench.calm.ours))
        }
        const property = fc.asyncProperty(callsOf(bench, path, method, operation), async (call) => void (await holds(call)))
        await fc
          .assert(property, { seed, numRuns, endOnFailure: true })
          .catch((error: Error) => wrong.push(`${method} ${path}: ${error.message}\n${String(error.cause)}`))
        await bench.desk.clock.advance(61_000)
      }
      expect(wrong).toEqual([])
      // A fuzzer that is always turned away at the door finds nothing.
      const never = [...seen].filter(([, statuses]) => [...statuses].every((status) => status >= 400))
      expect(new Set(never.map(([route]) => route.split(' ')[1]))).toEqual(refusedOnPurpose)
    },
  )
})
