/**
 * The cookie of an operator session (contract §4.6). By itself it opens nothing: each call shows an API key in a header besides, which no page of somebody
 * else can make a browser send. It is not read from such a page either, nor by scripts of any page, and leaves the browser only to this server.
 */
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { OperatorCookie } from '../operations/procedure.ts'
import type { Clock } from '../platform/clock.ts'

export type SessionCookies = {
  /** What came with the request; what an operation changes about it goes out with the answer. One and the same for one request. */
  of(request: FastifyRequest): OperatorCookie
  answer(request: FastifyRequest, reply: FastifyReply): void
}

const shape = /^[\w-]{43}$/
/** Of all cookies of a request. */
const longestHeader = 4096

export function createSessionCookies(publicUrl: string, clock: Clock): SessionCookies {
  const { origin, protocol } = new URL(publicUrl)
  const isSecure = protocol === 'https:'
  // RFC 6265bis §4.1.3.2: a cookie of this prefix cannot be planted by a subdomain, or without encryption.
  const name = isSecure ? '__Host-multimail-operator' : 'multimail-operator'
  const attributes = `Path=/; HttpOnly; SameSite=Strict${isSecure ? '; Secure' : ''}`
  const cookies = new WeakMap<FastifyRequest, OperatorCookie>()
  return {
    of(request) {
      const known = cookies.get(request)
      if (known !== undefined) return known
      const cookie: OperatorCookie = { presented: isFromElsewhere(request, origin) ? undefined : valueOf(request.headers.cookie, name) }
      cookies.set(request, cookie)
      return cookie
    },
    answer(request, reply) {
      const change = cookies.get(request)?.change
      if (change === undefined) return
      const [value, age] = change === 'clear' ? ['', 0] : [change.token, Math.max(0, Math.floor((change.expiresAt - clock.now()) / 1000))]
      reply.header('set-cookie', `${name}=${value}; Max-Age=${age}; ${attributes}`)
    },
  }
}

/** Browsers say where a request was begun; programs do not, and have no cookie but their own. */
const isFromElsewhere = ({ headers }: FastifyRequest, origin: string): boolean =>
  (headers.origin !== undefined && headers.origin !== origin) || ['cross-site', 'same-site'].includes(String(headers['sec-fetch-site']))

/** Of two of one name nobody knows whose is whose. */
function valueOf(header: string | undefined, name: string): string | undefined {
  if (header === undefined || header.length > longestHeader) return undefined
  const values = header.split(';').flatMap((pair) => {
    const [, key, value] = /^\s*([^=\s]+)\s*=\s*(.*?)\s*$/.exec(pair) ?? []
    return key === name && value !== undefined ? [value] : []
  })
  const [value, ...more] = values
  return value !== undefined && more.length === 0 && shape.test(value) ? value : undefined
}
