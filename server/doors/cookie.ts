/**
 * A cookie that holds a secret of a browser: not read by scripts, not sent with what pages of somebody else begin, and not taken from such a request either.
 * Of https it is for encrypted connections, and no subdomain can plant one.
 */
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Clock } from '../platform/clock.ts'

export type Cookie = {
  /** What came with the request, when it can be one of ours and no page of somebody else sent it. */
  of(request: FastifyRequest): string | undefined
  /** @param expiresAt epoch ms */
  set(reply: FastifyReply, value: string, expiresAt: number): void
  clear(reply: FastifyReply): void
}

/** 32 bytes, base64url. */
const shape = /^[\w-]{43}$/
/** Of all cookies of a request. */
const longestHeader = 4096

export function createCookie(plainName: string, publicUrl: string, clock: Clock): Cookie {
  const { origin, protocol } = new URL(publicUrl)
  const isSecure = protocol === 'https:'
  // RFC 6265bis §4.1.3.2: a cookie of this prefix cannot be planted by a subdomain, or without encryption.
  const name = isSecure ? `__Host-${plainName}` : plainName
  const attributes = `Path=/; HttpOnly; SameSite=Strict${isSecure ? '; Secure' : ''}`
  const put = (reply: FastifyReply, value: string, age: number): void =>
    void reply.header('set-cookie', `${name}=${value}; Max-Age=${age}; ${attributes}`)
  return {
    of: (request) => (isFromElsewhere(request, origin) ? undefined : valueOf(request.headers.cookie, name)),
    set: (reply, value, expiresAt) => put(reply, value, Math.max(0, Math.floor((expiresAt - clock.now()) / 1000))),
    clear: (reply) => put(reply, '', 0),
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
