/** The page for agent developers, run as it is written. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { startSandboxAppliance } from '../support/sandbox-appliance.ts'
import { describeOnEachEngine } from '../support/stores.ts'

const page = await readFile(join(import.meta.dirname, '..', '..', 'docs', 'sandbox.md'), 'utf8')
type Step = { request: string; answer: unknown }

const steps: Step[] = [...page.matchAll(/```http\n(.*?)\n```\n\n```json\n(.*?)\n```/gs)].map(([, request = '', answer = '']) => ({
  request,
  answer: JSON.parse(answer),
}))

/** What an answer is to have, with ids that are named in it noted, or compared when they were named before. */
function expected(shown: unknown, given: unknown, named: Map<string, string>): unknown {
  const name = typeof shown === 'string' ? /^\{(\w+)\}$/.exec(shown)?.[1] : undefined
  if (name !== undefined) {
    if (!named.has(name)) named.set(name, String(given))
    return named.get(name)
  }
  if (Array.isArray(shown)) return shown.map((one, at) => expected(one, (given as unknown[] | undefined)?.[at], named))
  if (typeof shown !== 'object' || shown === null) return shown
  const of = (key: string): unknown => (given as Record<string, unknown> | undefined)?.[key]
  return Object.fromEntries(Object.entries(shown).map(([key, one]) => [key, expected(one, of(key), named)]))
}

describeOnEachEngine('the page about the sandbox', (_, { newPlace }) => {
  it('shows no request without its answer', () => {
    expect(steps.length).toBeGreaterThan(10)
    expect(steps.length).toBe(page.split('```http\n').length - 1)
  })

  it('says what is so', { timeout: 60_000 }, async () => {
    const { call, mailbox } = await startSandboxAppliance(newPlace, 'gated_send')
    const named = new Map([['in three days', new Date(Date.now() + 3 * 86_400_000).toISOString()]])
    for (const { request, answer } of steps) {
      const text = request
        .replaceAll('robot@example.com', mailbox)
        .replaceAll(/\{([a-z ]+)\}/g, (_all, name: string) => named.get(name) ?? name)
      const [first = '', ...body] = text.split('\n')
      const [method = '', path = ''] = first.split(' ')
      const given = await call(method, path, body.length === 0 ? undefined : JSON.parse(body.join('\n')))
      expect([request, given]).toMatchObject([request, expected(answer, given, named)])
    }
  })
})
