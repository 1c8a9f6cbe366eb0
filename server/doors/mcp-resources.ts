/**
 * Threads, emails and attachments as MCP resources: each read is a call of the operation of the same scope, so it sees, records and refuses what
 * that does (reading an email marks it read). What strangers wrote stands in a part of its own, inside a fence, and never in the name or the type of
 * a resource; content that is no text is handed on as it is.
 */
import {
  ErrorCode,
  type ListResourcesResult,
  McpError,
  type ReadResourceResult,
  type Resource,
  type ResourceTemplate,
} from '@modelcontextprotocol/sdk/types.js'
import { isFault, problemOf } from '../operations/problem.ts'
import { type Context, isPermitted } from '../operations/procedure.ts'
import { type OperationName, callOperation, operations } from '../operations/router.ts'
import type { JsonObject } from './shape.ts'
import { fenced, splitValue } from './untrusted.ts'

/** Who asks; `schemaOf` is the output schema of an operation, `report` takes what is a fault of ours. */
export type Asking = {
  context: Context
  schemaOf(operation: OperationName): JsonObject
  report(error: unknown, requestId: string): void
}

const listing: OperationName = 'check_inbox'
const perPage = 50
const longestUri = 4096

/** `parts`: what follows the kind in the address, decoded. */
type Kind = {
  operation: OperationName
  template: string
  title: string
  description: string
  input(parts: readonly [string, ...string[]]): JsonObject
  parts: number
}

const kinds: Readonly<Record<string, Kind>> = {
  thread: {
    operation: 'get_thread',
    template: 'multimail://thread/{thread_id}',
    title: 'A conversation',
    description: 'A conversation, oldest email first, as get_thread gives it.',
    input: ([thread_id]) => ({ thread_id }),
    parts: 1,
  },
  email: {
    operation: 'read_email',
    template: 'multimail://email/{email_id}',
    title: 'An email',
    description: 'One email with its text, as read_email gives it; it counts as read then.',
    input: ([email_id]) => ({ email_id }),
    parts: 1,
  },
  attachment: {
    operation: 'download_attachment',
    template: 'multimail://attachment/{email_id}/{filename}',
    title: 'An attachment',
    description:
      'What is attached to an email under this name: text inside a fence, anything else as bytes. Of a large one, where to fetch it.',
    input: ([email_id, filename]) => ({ email_id, filename }),
    parts: 2,
  },
}

const mayCall = ({ actor }: Context, name: OperationName): boolean => {
  const meta = operations.find((operation) => operation.name === name)?.meta
  return actor !== null && meta !== undefined && isPermitted(actor, meta)
}

export const hasResources = (context: Context): boolean => Object.values(kinds).some(({ operation }) => mayCall(context, operation))

export const listTemplates = (context: Context): ResourceTemplate[] =>
  Object.entries(kinds)
    .filter(([, { operation }]) => mayCall(context, operation))
    .map(([name, { template, title, description }]) => ({ name, title, description, uriTemplate: template }))

/** The newest emails with their conversations, a page at a time. Their names are ids: a subject is a stranger's words. */
export async function listResources(asking: Asking, cursor: string | undefined): Promise<ListResourcesResult> {
  const page = (await asked(asking, listing, { limit: perPage, ...(cursor !== undefined && { cursor }) })) as {
    emails: { id: string; thread_id: string; direction: string; status: string; received_at: string }[]
    cursor: string | null
  }
  const threads = new Set<string>()
  const resources = page.emails.flatMap(({ id, thread_id, direction, status, received_at }): Resource[] => {
    const annotations = { lastModified: received_at }
    const email = { uri: `multimail://email/${id}`, name: id, description: `${direction}, ${status}, ${received_at}`, annotations }
    if (threads.has(thread_id)) return [{ ...email, ...json }]
    threads.add(thread_id)
    const thread = { uri: `multimail://thread/${thread_id}`, name: thread_id, description: `the conversation of ${id}`, annotations }
    return [
      { ...thread, ...json },
      { ...email, ...json },
    ]
  })
  return { resources, ...(page.cursor !== null && { nextCursor: page.cursor }) }
}

const json = { mimeType: 'application/json' }

export async function readResource(asking: Asking, uri: string): Promise<ReadResourceResult> {
  const found = kindOf(uri)
  if (found === null)
    throw new McpError(ErrorCode.InvalidParams, 'There is no such resource; resources/templates/list has their forms', { uri })
  const { operation, input } = found
  const output = (await asked(asking, operation, input, uri)) as JsonObject
  const { trusted, untrusted } = splitValue(asking.schemaOf(operation), output)
  const contents: ReadResourceResult['contents'] = [{ uri, mimeType: 'application/json', text: JSON.stringify(trusted) }]
  if (untrusted === undefined) return { contents }
  const { content_base64, ...words } = untrusted
  if (typeof content_base64 !== 'string') return { contents: [...contents, fencedPart(uri, untrusted)] }
  const bytes = Buffer.from(content_base64, 'base64')
  const type = String(words['content_type'])
  const text = textOf(type, bytes)
  if (text !== null) return { contents: [...contents, fencedPart(uri, { ...words, text })] }
  return { contents: [...contents, fencedPart(uri, words), { uri, mimeType: safeType(type), blob: content_base64 }] }
}

const fencedPart = (uri: string, untrusted: JsonObject) => ({ uri, mimeType: 'text/plain', text: fenced(untrusted) })

function kindOf(uri: string): { operation: OperationName; input: JsonObject } | null {
  if (uri.length > longestUri) return null
  const [, name = '', rest = ''] = /^multimail:\/\/([a-z]+)\/([^?#]+)$/.exec(uri) ?? []
  const kind = Object.hasOwn(kinds, name) ? kinds[name] : undefined
  const parts = rest.split('/').map(decoded)
  const [first, ...others] = parts.filter((part) => part !== null && part !== '')
  if (kind === undefined || typeof first !== 'string' || parts.length !== kind.parts || others.length !== kind.parts - 1) return null
  return { operation: kind.operation, input: kind.input([first, ...(others as string[])]) }
}

function decoded(text: string): string | null {
  try {
    return decodeURIComponent(text)
  } catch {
    return null
  }
}

// Not in 2025-11-25's ErrorCode of the SDK, but in its specification ("Resources", "Error Handling").
const resourceNotFound = -32_002

/** Errors as the protocol has them for resources, with what to do about it beside the words. */
async function asked({ context, report }: Asking, operation: OperationName, input: JsonObject, uri?: string): Promise<unknown> {
  try {
    return await callOperation(context, operation, input)
  } catch (error) {
    if (isFault(error)) report(error, context.requestId)
    const { status, body } = problemOf(error, context.requestId)
    const code = status === 404 ? resourceNotFound : status >= 500 ? ErrorCode.InternalError : ErrorCode.InvalidParams
    throw Object.assign(new McpError(code, `${body.error}. ${body.fix}`, { ...body, ...(uri !== undefined && { uri }) }), { cause: error })
  }
}

/** Null: no text. Many say octet-stream of what is one. */
function textOf(type: string, bytes: Buffer): string | null {
  if (isBinaryType(type) || bytes.includes(0)) return null
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return /^text\//i.test(type) ? bytes.toString('latin1') : null
  }
}

/** Of the types that are handed on under their own name; a type is a stranger's word, too. */
const binaryTypes = [
  'application/pdf',
  'application/zip',
  'application/gzip',
  'application/msword',
  'application/vnd.ms-excel',
  'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
  'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
  'audio/mpeg',
  'audio/ogg',
  'audio/wav',
  'image/gif',
  'image/jpeg',
  'image/png',
  'image/webp',
  'video/mp4',
] as const
const isBinaryType = (type: string): boolean => (binaryTypes as readonly string[]).includes(type.toLowerCase())
const safeType = (type: string): string => (isBinaryType(type) ? type.toLowerCase() : 'application/octet-stream')
