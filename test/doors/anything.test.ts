import fc from 'fast-check'
import { expect, it, onTestFinished } from 'vitest'
import { hasBody } from '../../server/doors/dialect-input.ts'
import { rawRoutes } from '../../server/doors/dialects.ts'
import { restRoutes } from '../../server/doors/rest.ts'
import { operations } from '../../server/operations/router.ts'
import { type Desk, openDesk } from '../support/desk.ts'
import { describeOnEachEngine } from '../support/stores.ts'

const runs = { numRuns: 100 }
const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('', '\0', "'", '%', '\ud800', 'a@b.test', 'unread', 'approve', 'em_01JD0000000000000000000000', 'x'.repeat(3000)),
)
const names = [...new Set(restRoutes.flatMap(({ properties }) => Object.keys(properties)))]
const value = fc.oneof(text, fc.jsonValue(), fc.integer(), fc.array(text, { maxLength: 3 }))
const input = fc.dictionary(
  fc.oneof(
    fc.constantFrom(...names, 'from', 'body', 'message_id', 'decision', 'unread_only', '__proto__', 'constructor', 'toString'),
    fc.string(),
  ),
  value,
  { maxKeys: 6 },
)

const keyFor = ({ ours: { keys } }: Desk, scope: string): string => (scope === 'oversight' ? keys.reviewer : keys.admin)

const queryOf = (input: Record<string, unknown>): string =>
  new URLSearchParams(
    Object.entries(input).map(([key, one]): [string, string] => [key, typeof one === 'string' ? one : JSON.stringify(one)]),
  ).toString()

/** The others answer with the bytes of a message or a file. */
const jsonRoutes = restRoutes.filter(({ path }) => !rawRoutes.includes(path))

describeOnEachEngine('whatever is sent', (openStore) => {
  it('never makes a route fail: the answer is JSON and no 5xx', async () => {
    const desk = await openDesk(openStore)
    const mail = await desk.receive(desk.ours.gated)
    // For the calls that wait.
    const hurry = setInterval(() => void desk.clock.advance(130_000), 20)
    onTestFinished(() => clearInterval(hurry))
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...jsonRoutes), input, text, async ({ method, path, operation }, body, segment) => {
        const url = path
          .replace('{email_id}', mail.id)
          .replace('{mailbox_id}', desk.ours.gated.id)
          .replace(/\{\w+\}/, encodeURIComponent(segment.toWellFormed()) || 'x')
        const query = method === 'GET' ? `?${queryOf(body)}` : ''
        const answer = await desk.call(keyFor(desk, operation.meta.scope), method, url + query, hasBody(method) ? body : undefined)
        expect([path, answer.body['error'], answer.status < 500]).toEqual([path, answer.body['error'], true])
      }),
      runs,
    )
  })

  it('never makes a procedure fail', async () => {
    const desk = await openDesk(openStore)
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...operations), fc.oneof(input, value), async ({ name, kind, meta }, given) => {
        const query = kind === 'query' ? `?input=${encodeURIComponent((JSON.stringify(given) ?? '').toWellFormed())}` : ''
        const answer = await desk.call(
          keyFor(desk, meta.scope),
          kind === 'query' ? 'GET' : 'POST',
          `/trpc/${name}${query}`,
          kind === 'query' ? undefined : JSON.stringify(given),
        )
        expect([name, answer.body['error'], answer.status < 500]).toEqual([name, answer.body['error'], true])
      }),
      runs,
    )
  })
})
