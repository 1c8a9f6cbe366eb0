import type { Method } from '../../server/operations/procedure.ts'
import type { Answer, Desk } from './desk.ts'

/** One call as a client of the hosted service makes it: its headers, and its way of leaving out a body. */
export type OldClient = (method: Method, path: string, body?: unknown) => Promise<Answer>

const json = { 'content-type': 'application/json' }

/** The MCP server: a content type with every call, a body or none. */
export const asMcpServer =
  ({ call }: Desk, key: string): OldClient =>
  (method, path, body) =>
    call(key, method, path, body, json)

/** The Python client, and what is built on it. */
export const asPython =
  ({ call }: Desk, key: string): OldClient =>
  (method, path, body) =>
    call(key, method, path, body, { 'user-agent': 'python-httpx/0.28.1', accept: '*/*' })

/** The Zapier app. */
export const asZapier =
  ({ call }: Desk, key: string): OldClient =>
  (method, path, body) =>
    call(null, method, path, body, { ...json, 'x-api-key': key })

/** The tool that comes with crewai: no content type but with a body. */
export const asCrewai =
  ({ call }: Desk, key: string): OldClient =>
  (method, path, body) =>
    call(null, method, path, body, { 'user-agent': 'python-requests/2.32.5', 'x-api-key': key })

/** The command line: its paging goes to every GET. */
export const asCommandLine =
  ({ call }: Desk, key: string): OldClient =>
  (method, path, body) =>
    call(key, method, method === 'GET' ? withPaging(path) : path, body, { 'x-api-key': key })

const withPaging = (path: string): string =>
  `${path}${path.includes('?') ? '&' : '?'}limit=100&cursor=&since_id=${encodeURIComponent('2026-01-01T00:00:00Z')}`
