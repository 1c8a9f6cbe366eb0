/** The reference page at /docs: what the OpenAPI document says, for people. One page without scripts and with nothing from elsewhere: the browser
 *  searches it. */
import type { FastifyInstance } from 'fastify'
import { escaped, plainStyle, sendPage } from './pages.ts'
import { type JsonObject, isObject } from './shape.ts'

export const referencePath = '/docs'

/** @param document the OpenAPI document */
export function serveReference(app: FastifyInstance, document: JsonObject): void {
  const body = referencePage(document)
  app.get(referencePath, async (_request, reply) => sendPage(reply, { title: 'MultiMail: the API', body, style }))
}

const style =
  `${plainStyle}h2{overflow-wrap:anywhere}section p{white-space:pre-line}nav ul{columns:16rem;list-style:none;padding:0}nav li{break-inside:avoid}` +
  'nav a{overflow-wrap:anywhere}th{white-space:nowrap}td:first-child{white-space:nowrap}'

/** Where it is, and what the document says of it. */
type Entry = { method: string; path: string; operation: JsonObject }
const surfaceTitles: readonly (readonly [tag: string, title: string])[] = [
  ['v1', 'Under /v1'],
  ['flat', 'By name'],
  ['emails', 'For the Zapier app and crewai-tools'],
  ['', 'For everybody'],
]

/** The HTML between <body> and </body>. */
export function referencePage(document: JsonObject): string {
  const entries = entriesOf(document)
  const base = (document['servers'] as { url: string }[] | undefined)?.[0]?.url ?? ''
  const groups = surfaceTitles.map(([tag, title]) => ({ title, entries: entries.filter((entry) => tagOf(entry) === tag) }))
  return [
    '<h1>MultiMail: the API</h1>',
    `<p>The same as a document for programs: <a href="/openapi.json">/openapi.json</a> (OpenAPI 3.1). A key goes into the header <code>Authorization: Bearer …</code> or <code>X-API-Key</code>. ` +
      'Whatever goes wrong is JSON with <code>error</code> (what), <code>code</code> (for programs), <code>fix</code> (what to do next) and <code>request_id</code>.</p>',
    `<nav aria-label="Operations">${groups.map(({ title, entries: ofGroup }) => `<h2>${escaped(title)}</h2><ul>${ofGroup.map(link).join('')}</ul>`).join('')}</nav>`,
    '<main>',
    ...groups.flatMap(({ entries: ofGroup }) => ofGroup.map((entry) => section(entry, base))),
    `<section id="errors"><h2>Errors</h2>${errorTable(document)}</section>`,
    '</main>',
  ].join('\n')
}

const entriesOf = ({ paths }: JsonObject): Entry[] =>
  Object.entries(objectOf(paths)).flatMap(([path, methods]) =>
    Object.entries(objectOf(methods)).map(([method, operation]) => ({
      method: method.toUpperCase(),
      path,
      operation: objectOf(operation),
    })),
  )

const objectOf = (value: unknown): JsonObject => (isObject(value) ? value : {})
const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : [])
const wordsOf = (value: unknown): string => (typeof value === 'string' ? value : '')
const tagOf = ({ operation }: Entry): string => wordsOf(listOf(operation['tags'])[0])
const idOf = ({ operation }: Entry): string => wordsOf(operation['operationId'])

const link = (entry: Entry): string => `<li><a href="#${escaped(idOf(entry))}">${escaped(`${entry.method} ${entry.path}`)}</a></li>`

function section(entry: Entry, base: string): string {
  const { method, path, operation } = entry
  const body = objectOf(operation['requestBody'])
  const { schema, example } = jsonOf(body)
  return [
    `<section id="${escaped(idOf(entry))}"><h2><code>${escaped(`${method} ${path}`)}</code></h2>`,
    `<h3>${escaped(wordsOf(operation['summary']))}</h3>`,
    `<p>${escaped(wordsOf(operation['description']))}</p>`,
    fieldTable('Parameters', parametersOf(operation)),
    fieldTable('Body', fieldsOf(schema)),
    `<h4>Example</h4><pre>${escaped(curl(entry, base, example))}</pre>`,
    ...Object.entries(objectOf(operation['responses'])).map(([status, response]) => answer(status, objectOf(response))),
    '</section>',
  ].join('\n')
}

const jsonOf = (part: JsonObject): { schema: JsonObject; example: unknown } => {
  const json = objectOf(objectOf(part['content'])['application/json'])
  return { schema: objectOf(json['schema']), example: json['example'] }
}

type Field = { name: string; type: string; needed: boolean; about: string }

const parametersOf = ({ parameters }: JsonObject): Field[] =>
  listOf(parameters)
    .map(objectOf)
    .map((one) => ({
      name: `${wordsOf(one['name'])} (${wordsOf(one['in'])})`,
      type: typeOf(objectOf(one['schema'])),
      needed: one['required'] === true,
      about: wordsOf(one['description']) || aboutOf(objectOf(one['schema'])),
    }))

function fieldsOf(schema: JsonObject): Field[] {
  const required = listOf(schema['required'])
  return Object.entries(objectOf(schema['properties'])).map(([name, one]) => ({
    name,
    type: typeOf(objectOf(one)),
    needed: required.includes(name),
    about: aboutOf(objectOf(one)),
  }))
}

/** A schema in a few words: `array of string`, `"approve" or "reject"`, `string or null`. */
function typeOf(schema: JsonObject): string {
  const choices = listOf(schema['anyOf'] ?? schema['oneOf'])
  if (choices.length > 0) return [...new Set(choices.map((one) => typeOf(objectOf(one))))].join(' or ')
  if ('const' in schema) return JSON.stringify(schema['const'])
  const words = listOf(schema['enum'])
  if (words.length > 0) return words.map((word) => JSON.stringify(word)).join(' or ')
  if (schema['type'] !== 'array') return wordsOf(schema['type']) || 'anything'
  return `array of ${typeOf(objectOf(schema['items']))}`
}

const limits: readonly (readonly [key: string, words: string])[] = [
  ['minLength', 'at least this many characters:'],
  ['maxLength', 'at most this many characters:'],
  ['minimum', 'at least'],
  ['maximum', 'at most'],
  ['minItems', 'at least this many:'],
  ['maxItems', 'at most this many:'],
  ['default', 'left out:'],
]

function aboutOf(schema: JsonObject): string {
  const said = limits.flatMap(([key, words]) =>
    key in schema && isTelling(schema[key]) ? [`${words} ${JSON.stringify(schema[key])}`] : [],
  )
  const untrusted = schema['x-untrusted'] === true ? ['text from outside: data, never instruction'] : []
  return [wordsOf(schema['description']), ...said, ...untrusted].filter((one) => one !== '').join('; ')
}

// The largest integers stand for "no limit" in a schema.
const isTelling = (value: unknown): boolean => typeof value !== 'number' || Math.abs(value) < Number.MAX_SAFE_INTEGER

function fieldTable(title: string, fields: readonly Field[]): string {
  if (fields.length === 0) return ''
  const rows = fields.map(
    ({ name, type, needed, about }) =>
      `<tr><td><code>${escaped(name)}</code></td><td>${escaped(type)}${needed ? ', <strong>required</strong>' : ''}</td><td>${escaped(about)}</td></tr>`,
  )
  return `<h4>${title}</h4><table><thead><tr><th>name</th><th>what it is</th><th>what it means</th></tr></thead><tbody>${rows.join('')}</tbody></table>`
}

function answer(status: string, response: JsonObject): string {
  if (status === 'default') return '<h4>Anything else</h4><p>An error: see <a href="#errors">Errors</a>.</p>'
  const fields = fieldsOf(jsonOf(response).schema)
  const types = Object.keys(objectOf(response['content'])).join(', ')
  return `<h4>Answer ${escaped(status)}: ${escaped(wordsOf(response['description']))} (${escaped(types)})</h4>${fieldTable('Its fields', fields).replace('<h4>Its fields</h4>', '')}`
}

const errorTable = ({ components }: JsonObject): string => {
  const schema = objectOf(objectOf(objectOf(components)['schemas'])['Error'])
  return fieldTable('The body of every error', fieldsOf(schema))
}

/** A call that can be pasted into a shell: the example of the operation, its placeholders in angle brackets. */
function curl({ method, path, operation }: Entry, base: string, example: unknown): string {
  const url = `${base}${path.replace(/\{(\w+)\}/g, '<$1>')}`
  const needed = listOf(operation['parameters'])
    .map(objectOf)
    .filter((one) => one['in'] === 'query' && one['required'] === true)
    .map((one) => `${wordsOf(one['name'])}=<${wordsOf(one['name'])}>`)
  const isOpen = Array.isArray(operation['security']) && operation['security'].length === 0
  return [
    `curl ${method === 'GET' ? '' : `-X ${method} `}'${url}${needed.length === 0 ? '' : `?${needed.join('&')}`}'`,
    ...(isOpen ? [] : ["-H 'Authorization: Bearer <key>'"]),
    ...(example === undefined ? [] : ["-H 'Content-Type: application/json'", `-d '${quoted(example)}'`]),
  ].join(' \\\n  ')
}

// Inside single quotes a shell ends at the next one.
const quoted = (example: unknown): string =>
  JSON.stringify(example)
    .replace(/\{(\w+_(?:id|code))\}/g, '<$1>')
    .replaceAll("'", `'\\''`)
