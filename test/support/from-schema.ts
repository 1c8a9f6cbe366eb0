import fc from 'fast-check'
import type { Schema } from './wire-document.ts'

/** What people and programs put where they should not. */
const oddTexts: readonly string[] = [
  '',
  ' ',
  '\0',
  "' or 1=1 --",
  '%00',
  '../../etc/passwd',
  '${jndi:ldap://x}',
  '<script>alert(1)</script>',
  '\u202e\u0000\uffff',
  '\ud800',
  '👩‍👩‍👧‍👦',
  'ﷺ'.repeat(50),
  'a@b.test',
  '@',
  'a@[127.0.0.1]',
  'ü@münchen.example',
  '"a b"@example.org',
  'http://127.0.0.1/',
  'https://localhost/',
  '2026-02-30T25:61:00Z',
  '+275760-09-13T00:00:00.001Z',
  '9'.repeat(400),
  'x'.repeat(5000),
  '__proto__',
  'constructor',
]

const nested = (depth: number): unknown => (depth === 0 ? 'deep' : depth % 2 === 0 ? [nested(depth - 1)] : { a: nested(depth - 1) })

/** Anything at all that JSON can hold, and what is often forgotten. */
export const oddValue: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom(...oddTexts),
  fc.constantFrom<unknown>(null, true, false, 0, -0, -1, 1.5, 1e308, -1e308, Number.MAX_SAFE_INTEGER, 2 ** 63, 1e21, [], {}, [[]], [null]),
  fc.constant(nested(200)),
  fc.jsonValue({ maxDepth: 3 }),
  fc.string({ unit: 'binary', maxLength: 40 }),
)

/** Values that a schema of the document allows, or nearly. @param textsFor what a field of this name may hold, besides what its schema says */
export function fromSchema(schema: Schema, textsFor: (name: string) => readonly string[], name = ''): fc.Arbitrary<unknown> {
  const inner = (one: unknown): fc.Arbitrary<unknown> => fromSchema((one ?? {}) as Schema, textsFor, name)
  if ('const' in schema) return fc.constant(schema['const'])
  if (Array.isArray(schema['enum'])) return fc.constantFrom(...(schema['enum'] as unknown[]))
  const choices = schema['anyOf'] ?? schema['oneOf']
  if (Array.isArray(choices)) return fc.oneof(...choices.map(inner))
  const byType: Readonly<Record<string, () => fc.Arbitrary<unknown>>> = {
    string: () => textFrom(schema, textsFor(name), name),
    integer: () => numberFrom(schema),
    number: () => numberFrom(schema),
    boolean: () => fc.boolean(),
    null: () => fc.constant(null),
    array: () => fc.array(inner(schema['items']), { maxLength: 3 }),
    object: () => objectFrom(schema, textsFor),
  }
  return (byType[schema['type'] as string] ?? (() => oddValue))()
}

/** What fields of these names usually hold: texts that mean something. */
const usualTexts: readonly (readonly [RegExp, readonly string[]])[] = [
  [
    /^(?:to|cc|bcc|email|email_address|from|sender|pattern|auto_b?cc)$/,
    ['bo@remote.test', 'cy@remote.test', 'left@example.org', '*@remote.test'],
  ],
  [/^domain$/, ['new.example', 'ours.test']],
  [/^url$|_url$/, ['https://hook.remote.test/', 'http://127.0.0.1/']],
  [/^events$/, ['message.received', 'inbound', '*']],
  [/^(?:send_at|since|until|date_after|date_before|expires_at|since_id)$/, ['2026-03-05T10:00:00Z', '2026-03-01', '2031-01-01T00:00:00Z']],
  [/^scopes$/, ['read', 'send', 'oversight', 'admin']],
  [/^content_base64$/, ['MSBib3g=', '']],
  [/^content_type$/, ['text/plain', 'application/pdf']],
  [/^code$/, ['AAAA-AAAA']],
]

const numberFrom = (schema: Schema): fc.Arbitrary<number> =>
  fc.oneof(fc.integer({ min: 0, max: 200 }), fc.constantFrom(bound(schema, 'minimum', 0), bound(schema, 'maximum', 100)))
const bound = (schema: Schema, key: string, otherwise: number): number => (typeof schema[key] === 'number' ? schema[key] : otherwise)

function textFrom(schema: Schema, known: readonly string[], name: string): fc.Arbitrary<string> {
  const longest = Math.min(bound(schema, 'maxLength', 60), 60)
  const free = fc.string({ unit: 'grapheme', minLength: Math.min(bound(schema, 'minLength', 0), longest), maxLength: longest })
  if (known.length > 0) return fc.oneof({ weight: 6, arbitrary: fc.constantFrom(...known) }, { weight: 1, arbitrary: free })
  const times = fc.date({ noInvalidDate: true, min: new Date('2020-01-01'), max: new Date('2030-01-01') }).map((date) => date.toISOString())
  const usual = usualTexts.find(([names]) => names.test(name))?.[1]
  if (usual !== undefined) return fc.oneof({ weight: 6, arbitrary: fc.constantFrom(...usual) }, free)
  return fc.oneof({ weight: 3, arbitrary: free }, times, fc.constantFrom('bo@remote.test', 'example.org', 'Hello', 'a', '1', 'true'))
}

/** What only an earlier answer could say: whatever is made up for it is wrong. */
export const isMadeByOthers = (name: string): boolean => /^(?:cursor|idempotency_key|approval_code|content_hash)$/.test(name)

function objectFrom(schema: Schema, textsFor: (name: string) => readonly string[]): fc.Arbitrary<unknown> {
  const properties = Object.entries((schema['properties'] ?? {}) as Record<string, Schema>).filter(([name]) => !isMadeByOthers(name))
  const required = (schema['required'] ?? []) as string[]
  const more = schema['additionalProperties']
  if (properties.length === 0 && typeof more === 'object' && more !== null && !Array.isArray(more))
    return fc.dictionary(fc.string({ maxLength: 20 }), fromSchema(more, textsFor), { maxKeys: 3 })
  const fields = properties.map(([name, one]): [string, fc.Arbitrary<unknown>] => [name, fromSchema(one, textsFor, name)])
  return fc.record(Object.fromEntries(fields), { requiredKeys: required.filter((name) => properties.some(([known]) => known === name)) })
}
