import { OperationError } from '../operations/errors.ts'
import { inboxStatuses } from '../operations/inbox.ts'
import type { Method } from '../operations/procedure.ts'
import type { OperationName } from '../operations/router.ts'
import { type Surface, defaultLimits, inputAliases, noWords, queryFields, statusAliases, winners, yesWords } from './dialects.ts'
import { type JsonObject, isObject } from './shape.ts'

/** `approvalCode`: what the header `X-Approval-Code` says. */
export type Received = { path: JsonObject; query: JsonObject; body: unknown; approvalCode?: string | undefined }
/** `properties` of the operation's input schema: what type each field has decides how text is read. */
export type InputRoute = { surface: Surface; operation: OperationName; method: Method; properties: JsonObject }

/** What was received, in the names and types of the operation, which then judges it. Throws OperationError for what cannot be told apart. */
export function readInput(route: InputRoute, received: Received): JsonObject {
  // What a DELETE is about is in its path; clients send it `{}`, or nothing.
  const given = hasBody(route.method) ? bodyObject(received.body) : received.query
  const aliases: Readonly<Record<string, string>> = inputAliases[route.operation] ?? {}
  const named = canonicalNames(aliases, {
    ...inQueryToo(route, received.query),
    ...withoutNulls((key) => route.properties[aliases[key] ?? key], given),
    ...received.path,
  })
  if (Object.hasOwn(route.properties, 'approval_code')) addApprovalCode(named, received)
  const input = turned[route.operation]?.(route.surface, named) ?? named
  if (route.surface === 'emails') refuseHtml(input['markdown'])
  return hasBody(route.method) ? fromBody(route.properties, input) : fromQuery(route.properties, input)
}

/** §4.5: not every client can send a code in a body. */
function addApprovalCode(input: JsonObject, { query, body, approvalCode }: Received): void {
  const places = [input['approval_code'], isObject(body) ? body['approval_code'] : undefined, query['approval_code'], approvalCode]
  const codes = new Set(places.filter((code) => code !== undefined && code !== null && code !== ''))
  if (codes.size > 1) throw new OperationError('BAD_INPUT', 'The request has two different approval codes')
  const [code] = codes
  if (code === undefined) delete input['approval_code']
  else input['approval_code'] = code
}

export const hasBody = (method: Method): boolean => method === 'POST' || method === 'PATCH' || method === 'PUT'

/** What clients put in the address of a request that has a body (§14 A2). */
function inQueryToo({ operation, method, properties }: InputRoute, query: JsonObject): JsonObject {
  const names = hasBody(method) ? (queryFields[operation] ?? []) : []
  return fromQuery(properties, Object.fromEntries(names.filter((name) => Object.hasOwn(query, name)).map((name) => [name, query[name]])))
}

function bodyObject(body: unknown): JsonObject {
  if (body === undefined || body === null) return {}
  if (isObject(body)) return body
  throw new OperationError('BAD_INPUT', 'The request body must be a JSON object')
}

// Old clients send null for what they were not given; where it means something, it does.
const withoutNulls = (schemaOf: (key: string) => unknown, given: JsonObject): JsonObject =>
  Object.fromEntries(Object.entries(given).filter(([key, value]) => value !== null || takesNull(schemaOf(key))))

const takesNull = (schema: unknown): boolean =>
  isObject(schema) && (schema['type'] === 'null' || (Array.isArray(schema['anyOf']) && schema['anyOf'].some(takesNull)))

function canonicalNames(aliases: Readonly<Record<string, string>>, given: JsonObject): JsonObject {
  const named: JsonObject = {}
  // Fields under their own name first: an alias then finds what it may not contradict.
  for (const [key, value] of Object.entries(given)) if (!Object.hasOwn(aliases, key)) named[key] = value
  for (const [key, value] of Object.entries(given)) {
    const name = Object.hasOwn(aliases, key) ? aliases[key] : undefined
    if (name === undefined) continue
    if (!Object.hasOwn(named, name)) named[name] = value
    else if (!winners.includes(name) && named[name] !== value) {
      throw new OperationError('BAD_INPUT', `${key} and ${name} mean the same here and say different things`, [
        { path: key, message: `differs from ${name}` },
      ])
    }
  }
  return named
}

/** §7, §8, §13: the ways in which clients ask for the inbox. */
function inboxInput(surface: Surface, given: JsonObject): JsonObject {
  const { unread_only, ...input } = given
  if (isYes(unread_only)) input['status'] ??= 'unread'
  // LlamaIndex passes a status under the name of the direction (§13.3).
  if (isStatusWord(input['direction']) && input['status'] === undefined) {
    input['status'] = input['direction']
    delete input['direction']
  }
  if (typeof input['status'] === 'string') input['status'] = statusAliases[input['status']] ?? input['status']
  // An inbox is what came in; /v1/mailboxes/…/emails lists both directions.
  if (surface !== 'v1' && input['direction'] === undefined && input['status'] === undefined) input['direction'] = 'inbound'
  const limit = defaultLimits[surface]
  if (limit !== undefined) input['limit'] ??= limit
  return input
}

/** §6: the Zapier app and crewai-tools send words, which become keys. */
function tagsInput(surface: Surface, given: JsonObject): JsonObject {
  const words = typeof given['tags'] === 'string' ? splitList(given['tags']) : given['tags']
  if (surface !== 'emails' || !Array.isArray(words)) return given
  // What a record cannot hold would be lost without a word.
  if (words.some((word) => typeof word !== 'string' || word === '__proto__'))
    throw new OperationError('BAD_INPUT', 'tags: must be a list of words', [{ path: 'tags', message: 'must be a list of words' }])
  return { ...given, tags: Object.fromEntries(words.map((word: string) => [word, 'true'])) }
}

/** §14 A15: whatever is sent is kept. */
function issueInput(_surface: Surface, given: JsonObject): JsonObject {
  const { title, subject, message, description, details, ...more } = given
  const said = { title: title ?? subject, message: message ?? description }
  const rest = isObject(details) ? { ...more, ...details } : { ...more, ...(details !== undefined && { details }) }
  return { ...Object.fromEntries(Object.entries(said).filter(([, value]) => value !== undefined)), details: rest }
}

/** §1.1: times of this operation are epoch ms. */
const usageInput = (_surface: Surface, given: JsonObject): JsonObject => ({
  ...given,
  ...Object.fromEntries(
    ['from', 'to'].flatMap((name) => (isEpochMs(given[name]) ? [[name, new Date(Number(given[name])).toISOString()]] : [])),
  ),
})
const isEpochMs = (value: unknown): boolean => (typeof value === 'string' || typeof value === 'number') && /^\d{1,14}$/.test(String(value))

/** What more than other names an operation's input needs. */
const turned: Partial<Record<OperationName, (surface: Surface, given: JsonObject) => JsonObject>> = {
  check_inbox: inboxInput,
  set_tags: tagsInput,
  report_issue: issueInput,
  get_usage: usageInput,
}

const isYes = (value: unknown): boolean => value === true || (typeof value === 'string' && yesWords.includes(value.toLowerCase()))
const isStatusWord = (value: unknown): boolean => typeof value === 'string' && (inboxStatuses as readonly string[]).includes(value)

// Tags as mail programs write them; `a < b` is none.
const htmlTag = /<\/?(?:html|body|div|p|br|span|table|t[rdh]|a|b|i|u|em|strong|ul|ol|li|h[1-6]|img|font|style|script)\b[^<>]*>/i
function refuseHtml(markdown: unknown): void {
  if (typeof markdown === 'string' && htmlTag.test(markdown)) throw new OperationError('HTML_NOT_ACCEPTED')
}

/** A query string holds text only; what an operation does not know is passed over, because clients send their paging to every route (§1.1), and
 *  so is what is left empty (`cursor=`, §13.6). */
const fromQuery = (properties: JsonObject, given: JsonObject): JsonObject =>
  Object.fromEntries(
    Object.entries(given)
      .filter(([key, value]) => Object.hasOwn(properties, key) && value !== '')
      .map(([key, value]) => [key, typeof value === 'string' ? fromText(properties[key], value) : value]),
  )

function fromText(schema: unknown, text: string): unknown {
  const type = isObject(schema) ? schema['type'] : undefined
  if (type === 'boolean') return yesWords.includes(text.toLowerCase()) ? true : noWords.includes(text.toLowerCase()) ? false : text
  if (type === 'integer' || type === 'number') return /^-?\d{1,15}$/.test(text) ? Number(text) : text
  return text
}

/** §8: one address, or several with commas, where the operation takes a list. */
const fromBody = (properties: JsonObject, given: JsonObject): JsonObject =>
  Object.fromEntries(Object.entries(given).map(([key, value]) => [key, fromClient(properties[key], value)]))

function fromClient(schema: unknown, value: unknown): unknown {
  if (typeof value === 'string' && isTextList(schema)) return splitList(value)
  // §1.1: truths may be numbers.
  if ((value === 0 || value === 1) && isObject(schema) && schema['type'] === 'boolean') return value === 1
  return value
}

const isTextList = (schema: unknown): boolean =>
  isObject(schema) && schema['type'] === 'array' && isObject(schema['items']) && schema['items']['type'] === 'string'
const splitList = (text: string): string[] =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
